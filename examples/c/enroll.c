/*
 * The life of an enrollment, from an empty folder to an empty account:
 *
 *     enroll [--interactive] [--service URL --dev FOLDER] [FOLDER]
 *
 * A phone number is registered, this device is enrolled with a PIN, the PIN is changed, a one-time password is made and verified, and the
 * enrollment is removed. The service is the one that the library embeds; its SMS are lines of FOLDER/sms-outbox.jsonl. FOLDER must be empty
 * or missing; without one, a temporary folder is made and deleted again. With --interactive you type the SMS codes and the PINs.
 *
 * With --service the service is the one at that URL, which `pims-authority serve --dev` started; the other folder is where that one keeps its
 * certificate, the token of its account and its SMS. Whether the password is right is then for it to say: the demo tells how to ask.
 *
 * Every request and every message is printed, PINs included: this is a demonstration. It ends with 0 if each step went as it should.
 *
 *     cc -std=c99 enroll.c -lpims -lpthread
 */
#define _XOPEN_SOURCE 700

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pims.h"

#define PHONE_NUMBER "+33612345678"

enum { MAX_PATH = 1024, MAX_TEXT = 8192, MAX_WORD = 32 };

typedef struct Demo {
    bool interactive;
    bool owns_folder;
    char folder[MAX_PATH];
    /* NULL: the library's own. */
    const char *service;
    /* Where that service keeps what it has. */
    const char *dev;
} Demo;

typedef int32_t (*Method)(const char *api, const char *params, pims_callback callback, void *ctx);

static bool register_phone_number(const Demo *demo);
static bool enroll(const Demo *demo, const char *pin);
static bool change_pin(const char *old_pin, const char *new_pin);
static bool make_one_time_password(const Demo *demo, const char *pin, const char *old_pin);
static bool remove_enrollment(void);
static bool run(const Demo *demo);

static bool read_arguments(int argc, char **argv, Demo *demo);
static bool prepare_folder(Demo *demo);
static void delete_folder(const Demo *demo);
static bool initialize(const Demo *demo);
static char *ask(Method method, const char *api, const char *format, ...);
static bool ask_code(const Demo *demo, const char *purpose, char code[MAX_WORD]);
static bool ask_pin(const Demo *demo, const char *question, const char *proposal, char pin[MAX_WORD]);
static bool succeeded(char *message, const char *result);
static bool failed(char *message, const char *code);
static bool member(const char *json, const char *name, char *value, size_t size);

int main(int argc, char **argv)
{
    Demo demo = {0};

    if (pims_abi_version() != PIMS_ABI_VERSION) {
        fprintf(stderr, "this program was compiled for another version of libpims\n");
        return EXIT_FAILURE;
    }
    if (!read_arguments(argc, argv, &demo) || !prepare_folder(&demo)) {
        return EXIT_FAILURE;
    }
    printf("libpims %s, storage in %s\n", pims_version(), demo.folder);
    bool ok = initialize(&demo) && run(&demo);
    /* Also where there is no facade: it is harmless. When it returns, no callback runs any more. */
    pims_free();
    if (demo.owns_folder) {
        delete_folder(&demo);
    }
    puts(ok ? "\nEvery step went as it should." : "\nThe last step did NOT go as it should.");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- The story ----------------------------------------------------------------------------------------------------------------------- */

static bool run(const Demo *demo)
{
    char pin[MAX_WORD];
    char new_pin[MAX_WORD];

    return register_phone_number(demo)
        && ask_pin(demo, "Choose a PIN of 4 to 8 digits", "1234", pin)
        && enroll(demo, pin)
        && ask_pin(demo, "Choose another PIN", "4321", new_pin)
        && change_pin(pin, new_pin)
        && make_one_time_password(demo, new_pin, pin)
        && remove_enrollment();
}

/* The account has no phone number yet: a first one is certified by a code that is sent to it. A service may know it from an earlier run. */
static bool register_phone_number(const Demo *demo)
{
    const char *registered = "{\"phoneNumber\":\"" PHONE_NUMBER "\"}";
    char code[MAX_WORD];

    puts("\n== The phone number ==");
    if (demo->service != NULL && succeeded(ask(pims_get, "pims.authentication.trustedphonenumber", "{}"), registered)) {
        puts("   It is registered already.");
        return true;
    }
    return succeeded(ask(pims_get, "pims.authentication.smscode",
                         "{\"type\":\"phoneNumberCertification\",\"phoneNumber\":\"%s\"}", PHONE_NUMBER), "{}")
        && ask_code(demo, "phoneNumberCertification", code)
        && succeeded(ask(pims_set, "pims.authentication.smscode",
                         "{\"action\":\"addPhoneNumber\",\"smsCode\":\"%s\",\"phoneNumber\":\"%s\"}", code, PHONE_NUMBER), "null")
        && succeeded(ask(pims_get, "pims.authentication.trustedphonenumber", "{}"), registered);
}

/* Two steps: the service takes the code and says which PIN it waits for, then the PIN finishes the enrollment. */
static bool enroll(const Demo *demo, const char *pin)
{
    char code[MAX_WORD];

    puts("\n== The enrollment ==");
    return succeeded(ask(pims_get, "pims.authentication.smscode", "{\"type\":\"enrollment\"}"), "{}")
        && ask_code(demo, "enrollment", code)
        /* NotEnrolled: the account has no PIN yet, and this one becomes it. AlreadyEnrolled would ask for the one that it has. */
        && succeeded(ask(pims_set, "pims.authentication.smscode", "{\"action\":\"enrollment\",\"smsCode\":\"%s\"}", code),
                     "{\"status\":\"NotEnrolled\"}")
        /* The blank code stands for the one that was just taken. */
        && succeeded(ask(pims_set, "pims.authentication.enrollment", "{\"action\":\"enroll\",\"pinCode\":\"%s\",\"smsCode\":\" \"}", pin),
                     "null")
        && succeeded(ask(pims_get, "pims.authentication.account", "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}"),
                     "{\"isDeviceActivated\":true}");
}

static bool change_pin(const char *old_pin, const char *new_pin)
{
    puts("\n== A new PIN ==");
    return succeeded(ask(pims_set, "pims.authentication.pincode", "{\"action\":\"update\",\"oldPIN\":\"%s\",\"newPIN\":\"%s\"}", old_pin,
                         new_pin), "null");
}

static bool make_one_time_password(const Demo *demo, const char *pin, const char *old_pin)
{
    const char *with_pin = "{\"action\":\"withPIN\",\"pinCode\":\"%s\"}";
    const char *verify = "{\"action\":\"verify\",\"otp\":\"%s\"}";
    char otp[MAX_WORD];

    puts("\n== A one-time password ==");
    char *message = ask(pims_get, "pims.authentication.otp", with_pin, pin);
    if (!member(message, "otp", otp, sizeof otp)) {
        free(message);
        return false;
    }
    if (demo->service != NULL) {
        printf("   A relying party asks: curl --cacert %s/certificate.pem '%s/FS?action=authenticate&serviceId=demo&userId=demo&token=%s&format=json'\n",
               demo->dev, demo->service, otp);
    }
    /* The embedded authority plays the relying party, too: a password is right once. The old PIN makes none. */
    return succeeded(message, NULL)
        && (demo->service != NULL
            || (succeeded(ask(pims_set, "pims.authority.otp", verify, otp), "{\"verified\":true}")
                && succeeded(ask(pims_set, "pims.authority.otp", verify, otp), "{\"verified\":false}")))
        && failed(ask(pims_get, "pims.authentication.otp", with_pin, old_pin), "2308");
}

static bool remove_enrollment(void)
{
    puts("\n== The end ==");
    return succeeded(ask(pims_set, "pims.authentication.enrollment", "{\"action\":\"remove\"}"), "null");
}

/* ---- Calling the library ------------------------------------------------------------------------------------------------------------- */

/* Where the message of one call arrives. */
typedef struct Reply {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    char *message;
} Reply;

/* Runs on the library's thread. The text is the library's and lives until this function returns: what is kept is a copy. */
static void on_message(const char *message, void *ctx)
{
    Reply *reply = ctx;

    pthread_mutex_lock(&reply->mutex);
    reply->message = strdup(message);
    if (reply->message == NULL) {
        abort();
    }
    pthread_cond_signal(&reply->arrived);
    pthread_mutex_unlock(&reply->mutex);
}

/* Waits for the message of a call that was accepted; there is exactly one, always. NULL where the call was not accepted. */
static char *wait_for(Reply *reply, int32_t returned)
{
    if (returned != PIMS_OK) {
        printf("<- not accepted: %d\n", (int)returned);
        return NULL;
    }
    pthread_mutex_lock(&reply->mutex);
    while (reply->message == NULL) {
        pthread_cond_wait(&reply->arrived, &reply->mutex);
    }
    pthread_mutex_unlock(&reply->mutex);
    printf("<- %s\n", reply->message);
    return reply->message;
}

/* One request with its parameters as of printf. Returns the message, which the caller releases, or NULL. */
static char *ask(Method method, const char *api, const char *format, ...)
{
    Reply reply = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
    char params[MAX_TEXT];
    va_list values;

    va_start(values, format);
    int length = vsnprintf(params, sizeof params, format, values);
    va_end(values);
    if (length < 0 || (size_t)length >= sizeof params) {
        return NULL;
    }
    printf("-> %s %s %s\n", method == pims_get ? "get" : "set", api, params);
    return wait_for(&reply, method(api, params, on_message, &reply));
}

/* Appends text; what JSON does not allow in a string is escaped. */
static void append(char *out, size_t size, const char *text, bool escape)
{
    size_t length = strlen(out);

    for (const char *c = text; *c != '\0' && length < size; c++) {
        const char *form = !escape ? "%c" : (unsigned char)*c < 0x20 ? "\\u%04x" : (*c == '"' || *c == '\\') ? "\\%c" : "%c";
        length += (size_t)snprintf(out + length, size - length, form, *c);
    }
}

/* The first line of a file of the service. */
static bool read_line(const char *folder, const char *name, char *line, int size)
{
    char path[MAX_PATH + 32];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool ok = fgets(line, size, file) != NULL;
    fclose(file);
    line[ok ? strcspn(line, "\r\n") : 0] = '\0';
    return ok;
}

static bool initialize(const Demo *demo)
{
    Reply reply = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, NULL};
    char config[MAX_TEXT] = "{\"storage\":{\"path\":\"";

    append(config, sizeof config, demo->folder, true);
    if (demo->service != NULL) {
        char token[MAX_PATH];
        if (!read_line(demo->dev, "demo.token", token, sizeof token)) {
            return false;
        }
        append(config, sizeof config, "\"},\"account\":{\"username\":\"demo\",\"accessToken\":\"", false);
        append(config, sizeof config, token, true);
        append(config, sizeof config, "\"},\"credential\":{\"clientId\":\"demo\",\"clientSecret\":\"demo\",", false);
        append(config, sizeof config, "\"macID\":\"0123456789abcdef0123456789abcdef\",\"inWeboURL\":\"", false);
        append(config, sizeof config, demo->service, true);
        append(config, sizeof config, "\",\"caFile\":\"", false);
        append(config, sizeof config, demo->dev, true);
        append(config, sizeof config, "/certificate.pem", false);
    }
    append(config, sizeof config, "\"}}", false);
    if (demo->service == NULL) {
        printf("-> init %s\n", config);
    } else {
        /* Not the configuration: the account's token is in it. */
        printf("-> init with %s and the token of its account demo\n", demo->service);
    }
    return succeeded(wait_for(&reply, pims_init(config, on_message, &reply)), "null");
}

/* ---- Reading messages ---------------------------------------------------------------------------------------------------------------- */

/* Whether a message is SUCCEEDED and, unless `result` is NULL, has exactly that result. Releases it. */
static bool succeeded(char *message, const char *result)
{
    char status[MAX_WORD] = "";
    bool ok = member(message, "status", status, sizeof status) && strcmp(status, "SUCCEEDED") == 0;

    /* Messages are compact and their order is fixed: the result is the last member, or a note stands behind it. */
    if (ok && result != NULL) {
        char expected[MAX_TEXT];
        int length = snprintf(expected, sizeof expected, "\"status\":\"SUCCEEDED\",\"result\":%s", result);
        const char *found = strstr(message, expected);
        ok = found != NULL && (strcmp(found + length, "}") == 0 || strncmp(found + length, ",\"info\":", 8) == 0);
        if (!ok) {
            printf("   expected the result %s\n", result);
        }
    }
    free(message);
    return ok;
}

/* Whether a message is FAILED with this code. Releases it. */
static bool failed(char *message, const char *code)
{
    char status[MAX_WORD] = "";
    char number[MAX_WORD] = "";
    bool ok = member(message, "status", status, sizeof status) && strcmp(status, "FAILED") == 0
        && member(message, "code", number, sizeof number) && strcmp(number, code) == 0;

    if (!ok) {
        printf("   expected the error %s\n", code);
    }
    free(message);
    return ok;
}

/* The byte after a JSON string that begins at `json`, or NULL where it does not end. */
static const char *end_of_string(const char *json)
{
    for (json++; *json != '"'; json++) {
        if (*json == '\\') {
            json++;
        }
        if (*json == '\0') {
            return NULL;
        }
    }
    return json + 1;
}

/*
 * Copies the value of the first member with this name, at whatever depth: text without its quotes, or a number. Text with an escape in it
 * is refused: no status, code or one-time password has one. An application that reads more than these takes a JSON library.
 */
static bool member(const char *json, const char *name, char *value, size_t size)
{
    while (json != NULL && (json = strchr(json, '"')) != NULL) {
        const char *text = json + 1;
        json = end_of_string(json);
        /* A string before a colon is the name of a member. */
        if (json == NULL || *json != ':' || strlen(name) != (size_t)(json - 1 - text) || strncmp(text, name, strlen(name)) != 0) {
            continue;
        }
        const char *begin = json + 1 + (json[1] == '"');
        size_t length = strcspn(begin, json[1] == '"' ? "\"\\" : ",}] \n");
        if (length >= size || begin[length] == '\\' || begin[length] == '\0') {
            return false;
        }
        memcpy(value, begin, length);
        value[length] = '\0';
        return true;
    }
    return false;
}

/* ---- The person, or what stands in for one ------------------------------------------------------------------------------------------- */

/* A line of letters and digits from standard input: what needs no escaping in JSON. */
static bool type_word(const char *question, char word[MAX_WORD])
{
    for (;;) {
        printf("?? %s: ", question);
        fflush(stdout);
        if (fgets(word, MAX_WORD, stdin) == NULL) {
            return false;
        }
        size_t length = strspn(word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
        if (length > 0 && word[length] == '\n') {
            word[length] = '\0';
            return true;
        }
    }
}

static bool ask_pin(const Demo *demo, const char *question, const char *proposal, char pin[MAX_WORD])
{
    if (demo->interactive) {
        return type_word(question, pin);
    }
    strcpy(pin, proposal);
    return true;
}

/* The code of the last SMS, which must be for this purpose. */
static bool read_code(const char *outbox, const char *purpose, char code[MAX_WORD])
{
    char line[MAX_TEXT];
    char last[MAX_TEXT] = "";
    char found[MAX_WORD];
    FILE *file = fopen(outbox, "r");

    if (file == NULL) {
        perror(outbox);
        return false;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        strcpy(last, line);
    }
    fclose(file);
    if (!member(last, "purpose", found, sizeof found) || strcmp(found, purpose) != 0 || !member(last, "code", code, MAX_WORD)) {
        printf("   expected an SMS for %s in %s\n", purpose, outbox);
        return false;
    }
    printf("   SMS: %s", last);
    return true;
}

static bool ask_code(const Demo *demo, const char *purpose, char code[MAX_WORD])
{
    char outbox[MAX_PATH + 32];

    snprintf(outbox, sizeof outbox, "%s/sms-outbox.jsonl", demo->service != NULL ? demo->dev : demo->folder);
    if (!demo->interactive) {
        return read_code(outbox, purpose, code);
    }
    printf("   An SMS was sent. Its code is in the last line of %s\n", outbox);
    return type_word("The code", code);
}

/* ---- The folder ---------------------------------------------------------------------------------------------------------------------- */

static bool read_arguments(int argc, char **argv, Demo *demo)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--interactive") == 0) {
            demo->interactive = true;
        } else if (strcmp(argv[i], "--service") == 0 && i + 1 < argc) {
            demo->service = argv[++i];
        } else if (strcmp(argv[i], "--dev") == 0 && i + 1 < argc && strlen(argv[i + 1]) < MAX_PATH) {
            demo->dev = argv[++i];
        } else if (argv[i][0] != '-' && demo->folder[0] == '\0' && strlen(argv[i]) < sizeof demo->folder) {
            strcpy(demo->folder, argv[i]);
        } else {
            fprintf(stderr, "usage: %s [--interactive] [--service URL --dev FOLDER] [FOLDER]\n", argv[0]);
            return false;
        }
    }
    if ((demo->service == NULL) != (demo->dev == NULL)) {
        fprintf(stderr, "--service and --dev go together\n");
        return false;
    }
    return true;
}

static bool is_empty(const char *folder)
{
    DIR *listing = opendir(folder);
    int entries = 0;

    if (listing == NULL) {
        /* The library makes it. */
        return true;
    }
    while (readdir(listing) != NULL) {
        entries++;
    }
    closedir(listing);
    /* Itself and its parent. */
    return entries <= 2;
}

static bool prepare_folder(Demo *demo)
{
    if (demo->folder[0] == '\0') {
        strcpy(demo->folder, "/tmp/pims-demo-XXXXXX");
        demo->owns_folder = mkdtemp(demo->folder) != NULL;
        if (!demo->owns_folder) {
            perror(demo->folder);
        }
        return demo->owns_folder;
    }
    if (!is_empty(demo->folder)) {
        fprintf(stderr, "%s is not empty: the demo begins with an account that has nothing\n", demo->folder);
        return false;
    }
    return true;
}

static int delete_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void delete_folder(const Demo *demo)
{
    if (nftw(demo->folder, delete_entry, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        perror(demo->folder);
    }
}
