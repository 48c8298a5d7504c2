/*
 * The life of an enrollment, from an empty folder to an empty account:
 *
 *     enroll [--interactive] [--service URL --dev FOLDER] [FOLDER]
 *
 * The program registers a phone number, enrolls this device with a PIN, changes the PIN, makes and
 * verifies a one-time password, and removes the enrollment. The service is the one that the library
 * embeds; its SMS are lines of FOLDER/sms-outbox.jsonl. FOLDER must be empty or missing. Without
 * FOLDER the program makes a temporary folder and deletes it again. With --interactive you type the
 * phone number, the SMS codes and the PINs. If you mistype, the program shows the number of
 * attempts left and asks again.
 *
 * With --service the program uses the service at that URL, which `pims-authority serve --dev`
 * started. The folder of --dev holds that service's certificate, the token of its account and its
 * SMS. The program then asks that service, like a relying party, if the password is right. This
 * needs curl.
 *
 * The program prints every request and every message, PINs included: this is a demonstration. It
 * ends with 0 if each step went as it should.
 *
 *     cc -std=c99 enroll.c -lpims -lpthread
 */
#define _XOPEN_SOURCE 700

#include <dirent.h>
#include <ftw.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pims.h"

/* The answers if no user types. */
#define PHONE_NUMBER "+33612345678"
#define FIRST_PIN "1234"
#define SECOND_PIN "4321"

enum { MAX_PATH = 1024, MAX_TEXT = 8192, MAX_WORD = 32 };

typedef struct Demo {
    bool interactive;
    bool owns_folder;
    char folder[MAX_PATH];
    /* The URL of the service; NULL for the library's own. */
    const char *service;
    /* The folder of that service. */
    const char *dev;
} Demo;

/* The outcome of a call: AGAIN if the user mistyped and may try once more. */
typedef enum Outcome { DONE, AGAIN, FAILED } Outcome;

typedef int32_t (*Method)(const char *api, const char *params, pims_callback callback, void *ctx);

static bool register_phone_number(const Demo *demo);
static bool enroll(const Demo *demo);
static bool change_pin(const Demo *demo, char old_pin[MAX_WORD]);
static bool make_one_time_password(const Demo *demo, const char *old_pin);
static bool remove_enrollment(void);
static bool run(const Demo *demo);

static bool read_arguments(int argc, char **argv, Demo *demo);
static bool prepare_folder(Demo *demo);
static void delete_folder(const Demo *demo);
static bool initialize(const Demo *demo);
static char *ask(Method method, const char *api, const char *format, ...);
static bool ask_code(const Demo *demo, const char *purpose, char code[MAX_WORD]);
static bool ask_user(const Demo *demo, const char *question, const char *proposal, char word[MAX_WORD]);
static bool verified(const Demo *demo, const char *otp, bool is_right);
static Outcome outcome_of(const Demo *demo, char *message, const char *result);
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
    /* Does no harm without a facade. When it returns, no callback runs any more. */
    pims_free();
    if (demo.owns_folder) {
        delete_folder(&demo);
    }
    puts(ok ? "\nEvery step went as it should." : "\nThe last step did NOT go as it should.");
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- The steps ------------------------------------------------------------------------------- */

static bool run(const Demo *demo)
{
    char old_pin[MAX_WORD];

    return register_phone_number(demo) && enroll(demo) && change_pin(demo, old_pin) && make_one_time_password(demo, old_pin) &&
           remove_enrollment();
}

/* Registers a first phone number for the account. The service sends a code to the number, and the
 * code certifies it. A service may have the number from an earlier run. */
static bool register_phone_number(const Demo *demo)
{
    /* A user may type another number, or the same one in another form. */
    const char *registered = demo->interactive ? NULL : "{\"phoneNumber\":\"" PHONE_NUMBER "\"}";
    char number[MAX_WORD];
    char code[MAX_WORD];
    Outcome outcome;

    puts("\n== The phone number ==");
    if (demo->service != NULL && succeeded(ask(pims_get, "pims.authentication.trustedphonenumber", "{}"), registered)) {
        puts("   It is registered already.");
        return true;
    }
    do {
        if (!ask_user(demo, "Your phone number, such as " PHONE_NUMBER, PHONE_NUMBER, number)) {
            return false;
        }
        outcome = outcome_of(
            demo, ask(pims_get, "pims.authentication.smscode", "{\"type\":\"phoneNumberCertification\",\"phoneNumber\":\"%s\"}", number),
            "{}");
    } while (outcome == AGAIN);
    if (outcome == FAILED) {
        return false;
    }
    do {
        if (!ask_code(demo, "phoneNumberCertification", code)) {
            return false;
        }
        outcome = outcome_of(demo,
                             ask(pims_set, "pims.authentication.smscode",
                                 "{\"action\":\"addPhoneNumber\",\"smsCode\":\"%s\",\"phoneNumber\":\"%s\"}", code, number),
                             "null");
    } while (outcome == AGAIN);
    return outcome == DONE && succeeded(ask(pims_get, "pims.authentication.trustedphonenumber", "{}"), registered);
}

/* Enrolls in two steps. The service accepts the code and names the PIN that it expects; then the
 * PIN finishes the enrollment. */
static bool enroll(const Demo *demo)
{
    char code[MAX_WORD];
    char pin[MAX_WORD];
    Outcome outcome;

    puts("\n== The enrollment ==");
    if (!succeeded(ask(pims_get, "pims.authentication.smscode", "{\"type\":\"enrollment\"}"), "{}")) {
        return false;
    }
    do {
        if (!ask_code(demo, "enrollment", code)) {
            return false;
        }
        /* NotEnrolled: the account has no PIN yet, and this PIN becomes its PIN. AlreadyEnrolled
         * would ask for the account's PIN. */
        outcome = outcome_of(demo, ask(pims_set, "pims.authentication.smscode", "{\"action\":\"enrollment\",\"smsCode\":\"%s\"}", code),
                             "{\"status\":\"NotEnrolled\"}");
    } while (outcome == AGAIN);
    if (outcome == FAILED) {
        return false;
    }
    do {
        if (!ask_user(demo, "Choose a PIN of 4 to 8 digits", FIRST_PIN, pin)) {
            return false;
        }
        /* The blank stands for the code that was just accepted. */
        outcome = outcome_of(
            demo, ask(pims_set, "pims.authentication.enrollment", "{\"action\":\"enroll\",\"pinCode\":\"%s\",\"smsCode\":\" \"}", pin),
            "null");
    } while (outcome == AGAIN);
    return outcome == DONE &&
           succeeded(ask(pims_get, "pims.authentication.account", "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}"),
                     "{\"isDeviceActivated\":true}");
}

/* Changes the PIN. Keeps the old one: the demo shows that it makes no password any more. */
static bool change_pin(const Demo *demo, char old_pin[MAX_WORD])
{
    char new_pin[MAX_WORD];
    Outcome outcome;

    puts("\n== A new PIN ==");
    do {
        if (!ask_user(demo, "Your PIN", FIRST_PIN, old_pin) || !ask_user(demo, "Choose another PIN", SECOND_PIN, new_pin)) {
            return false;
        }
        outcome = outcome_of(
            demo,
            ask(pims_set, "pims.authentication.pincode", "{\"action\":\"update\",\"oldPIN\":\"%s\",\"newPIN\":\"%s\"}", old_pin, new_pin),
            "null");
    } while (outcome == AGAIN);
    return outcome == DONE;
}

static bool make_one_time_password(const Demo *demo, const char *old_pin)
{
    const char *with_pin = "{\"action\":\"withPIN\",\"pinCode\":\"%s\"}";
    char pin[MAX_WORD];
    char otp[MAX_WORD] = "";
    Outcome outcome;

    puts("\n== A one-time password ==");
    do {
        if (!ask_user(demo, "Your new PIN", SECOND_PIN, pin)) {
            return false;
        }
        char *message = ask(pims_get, "pims.authentication.otp", with_pin, pin);
        (void)member(message, "otp", otp, sizeof otp);
        outcome = outcome_of(demo, message, NULL);
    } while (outcome == AGAIN);
    /* A password is right once. The old PIN makes no password. */
    return outcome == DONE && otp[0] != '\0' && verified(demo, otp, true) && verified(demo, otp, false) &&
           failed(ask(pims_get, "pims.authentication.otp", with_pin, old_pin), "2308");
}

static bool remove_enrollment(void)
{
    puts("\n== The end ==");
    return succeeded(ask(pims_set, "pims.authentication.enrollment", "{\"action\":\"remove\"}"), "null");
}

/* ---- Calling the library --------------------------------------------------------------------- */

/* A slot for the message of one call. */
typedef struct Reply {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    char *message;
} Reply;

/* Runs on the library's thread. The library owns the text, which lives until this function returns.
 * So this function keeps a copy. */
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

/* Waits for the message of a call that was accepted; there is always exactly one. Returns NULL if
 * the call was not accepted. */
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

/* Makes one request, with parameters in the form of printf. Returns the message, which the caller
 * releases, or NULL. */
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

/* Appends text. If `escape` is set, escapes the characters that JSON does not allow in a string. */
static void append(char *out, size_t size, const char *text, bool escape)
{
    size_t length = strlen(out);

    for (const char *c = text; *c != '\0' && length < size; c++) {
        const char *form = !escape ? "%c" : (unsigned char)*c < 0x20 ? "\\u%04x" : (*c == '"' || *c == '\\') ? "\\%c" : "%c";
        length += (size_t)snprintf(out + length, size - length, form, *c);
    }
}

/* Reads the first line of a file of the service. */
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
        /* The configuration is not printed, because it has the account's token. */
        printf("-> init with %s and the token of its account demo\n", demo->service);
    }
    return succeeded(wait_for(&reply, pims_init(config, on_message, &reply)), "null");
}

/* ---- Reading messages ------------------------------------------------------------------------ */

/* Returns true if a message is SUCCEEDED and has exactly this result. A `result` of NULL allows
 * any. Releases the message. */
static bool succeeded(char *message, const char *result)
{
    char status[MAX_WORD] = "";
    bool ok = member(message, "status", status, sizeof status) && strcmp(status, "SUCCEEDED") == 0;

    /* Messages are compact and their order is fixed: the result is the last member, or `info`
     * follows it. */
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

/* Prints the number of attempts left. */
static void tell_tries(const char *left)
{
    bool one = strcmp(left, "1") == 0;

    printf("   That is not right. %s %s left.\n", left, one ? "try is" : "tries are");
}

/*
 * Returns DONE for a message that succeeded() accepts, else FAILED. Returns AGAIN if the user
 * mistyped: a code or a PIN is wrong (2305, 2308) while attempts are left, or has a wrong form
 * (2102), or is the present PIN (2315). Releases the message.
 */
static Outcome outcome_of(const Demo *demo, char *message, const char *result)
{
    char code[MAX_WORD] = "";
    char left[MAX_WORD] = "0";

    if (demo->interactive && member(message, "code", code, sizeof code)) {
        bool wrong = strcmp(code, "2305") == 0 || strcmp(code, "2308") == 0;
        if (wrong && member(message, "attemptsLeft", left, sizeof left)) {
            tell_tries(left);
        }
        if ((wrong && strcmp(left, "0") != 0) || strcmp(code, "2102") == 0 || strcmp(code, "2315") == 0) {
            puts("   Please type it again.");
            free(message);
            return AGAIN;
        }
    }
    return succeeded(message, result) ? DONE : FAILED;
}

/* Returns true if a message is FAILED with this code. Releases the message. */
static bool failed(char *message, const char *code)
{
    char status[MAX_WORD] = "";
    char number[MAX_WORD] = "";
    bool ok = member(message, "status", status, sizeof status) && strcmp(status, "FAILED") == 0 &&
              member(message, "code", number, sizeof number) && strcmp(number, code) == 0;

    if (!ok) {
        printf("   expected the error %s\n", code);
    }
    free(message);
    return ok;
}

/* Returns the byte after a JSON string that begins at `json`, or NULL if the string does not
 * end. */
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
 * Copies the value of the first member with this name, at any depth: text without its quotes, or a
 * number. Refuses text with an escape in it: no status, code or one-time password has one. An
 * application that reads more than these should use a JSON library.
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

/* ---- The user, or scripted answers ----------------------------------------------------------- */

/* Reads a line from standard input, of characters that need no escape in JSON. */
static bool type_word(const char *question, char word[MAX_WORD])
{
    for (;;) {
        printf("?? %s: ", question);
        fflush(stdout);
        if (fgets(word, MAX_WORD, stdin) == NULL) {
            return false;
        }
        size_t length = strspn(word, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz +()-./");
        if (length > 0 && word[0] != ' ' && word[length] == '\n') {
            word[length] = '\0';
            return true;
        }
        /* Skips the rest of a line that is too long, so that it does not answer the next
         * question. */
        for (int c = strchr(word, '\n') != NULL ? '\n' : 0; c != '\n' && c != EOF;) {
            c = getchar();
        }
    }
}

static bool ask_user(const Demo *demo, const char *question, const char *proposal, char word[MAX_WORD])
{
    if (demo->interactive) {
        return type_word(question, word);
    }
    strcpy(word, proposal);
    return true;
}

/* Reads the code of the last SMS for this purpose. Notices may follow it in the file. */
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
        if (member(line, "purpose", found, sizeof found) && strcmp(found, purpose) == 0) {
            strcpy(last, line);
        }
    }
    fclose(file);
    if (!member(last, "code", code, MAX_WORD)) {
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

/* ---- The relying party ----------------------------------------------------------------------- */

extern char **environ;

/*
 * Asks the service like a relying party: by an HTTPS request, which curl makes. Other users of the
 * machine can see curl's arguments, but the request uses the password up.
 */
static bool service_says(const Demo *demo, const char *otp, const char *expected)
{
    char certificate[MAX_PATH + 32];
    char url[MAX_TEXT];
    char answer[MAX_TEXT];
    int ends[2];
    pid_t curl;
    int status = 0;

    snprintf(certificate, sizeof certificate, "%s/certificate.pem", demo->dev);
    snprintf(url, sizeof url, "%s/FS?action=authenticate&serviceId=demo&userId=demo&token=%s&format=json", demo->service, otp);
    char *arguments[] = {"curl", "--silent", "--show-error", "--noproxy", "*", "--cacert", certificate, url, NULL};
    printf("-> curl --cacert %s '%s'\n", certificate, url);
    if (pipe(ends) != 0) {
        perror("pipe");
        return false;
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    int error = posix_spawnp(&curl, "curl", &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (error != 0) {
        fprintf(stderr, "curl: %s\n", strerror(error));
        close(ends[0]);
        return false;
    }
    size_t length = 0;
    for (ssize_t got; length < sizeof answer - 1 && (got = read(ends[0], answer + length, sizeof answer - 1 - length)) > 0;) {
        length += (size_t)got;
    }
    answer[length] = '\0';
    close(ends[0]);
    bool ok = waitpid(curl, &status, 0) == curl && status == 0 && strcmp(answer, expected) == 0;
    printf("<- %s\n", answer);
    if (!ok) {
        printf("   expected %s\n", expected);
    }
    return ok;
}

/*
 * Returns true if the service gives the expected answer for a password. The authority that the
 * library embeds answers the relying party, too.
 */
static bool verified(const Demo *demo, const char *otp, bool is_right)
{
    if (demo->service != NULL) {
        return service_says(demo, otp, is_right ? "{\"err\":\"OK\"}" : "{\"err\":\"NOK:ACCESS\"}");
    }
    return succeeded(ask(pims_set, "pims.authority.otp", "{\"action\":\"verify\",\"otp\":\"%s\"}", otp),
                     is_right ? "{\"verified\":true}" : "{\"verified\":false}");
}

/* ---- The folder ------------------------------------------------------------------------------ */

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
        /* The library makes the folder. */
        return true;
    }
    while (readdir(listing) != NULL) {
        entries++;
    }
    closedir(listing);
    /* A folder always has two entries: itself and its parent. */
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
