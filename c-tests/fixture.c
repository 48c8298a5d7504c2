#include "fixture.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "cleanup.h"
#include "files.h"
#include "message.h"
#include "peer.h"
#include "secrets.h"

/* ---- Standard streams ------------------------------------------------------------------------ */

long bytes_written_by(void (*work)(void))
{
    struct stat written;
    int output = dup(STDOUT_FILENO);
    int errors = dup(STDERR_FILENO);
    int file = open(in_folder("streams"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    assert_true(output >= 0 && errors >= 0 && file >= 0);
    fflush(NULL);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    work();
    fflush(NULL);
    dup2(output, STDOUT_FILENO);
    dup2(errors, STDERR_FILENO);
    close(output);
    close(errors);
    assert_int_equal(fstat(file, &written), 0);
    close(file);
    return (long)written.st_size;
}

/* ---- Fixtures -------------------------------------------------------------------------------- */

#define TEMPLATE_ARGUMENT "--template"

static char root[MAX_PATH - 64];
static char storage[MAX_PATH - 32];
static int storages;

const char *folder(void)
{
    return storage;
}

const char *in_folder(const char *name)
{
    static char paths[4][MAX_PATH];
    static int next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof paths[0], "%s/%s", storage, name);
    return path;
}

/*
 * Creates an authority with its keys, which every test copies: making keys is slow. The service
 * makes them before it checks a code. A program whose argument is TEMPLATE_ARGUMENT does this
 * alone. The others then find its folder in PIMS_TEST_TEMPLATE, or make one of their own.
 */
static void make_template(const char *path)
{
    char config[MAX_PATH + 64];
    char params[MAX_WORD];

    make_folder(path);
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", path);
    assert_succeeded(request("init", "", config), "null");
    assert_failed(request("set", SMSCODE, quoted("{'action':'enrollment','smsCode':'0000'}", params, sizeof params)), 2305);
    pims_free();
}

int with_folder(void **state)
{
    const char *made = getenv("PIMS_TEST_TEMPLATE");
    char template[MAX_PATH];
    char from[MAX_PATH + 32];

    (void)state;
    /* Nothing hangs for ever. */
    alarm((unsigned)(20 * deadline_seconds()));
    if (made != NULL) {
        snprintf(template, sizeof template, "%s", made);
    } else {
        snprintf(template, sizeof template, "%s/template", root);
        if (!exists(template)) {
            make_template(template);
        }
    }
    snprintf(storage, sizeof storage, "%s/%d", root, ++storages);
    make_folder(storage);
    snprintf(from, sizeof from, "%s/authority.db", template);
    copy_file(from, in_folder("authority.db"));
    snprintf(from, sizeof from, "%s/authority.key", template);
    copy_file(from, in_folder("authority.key"));
    return 0;
}

int with_facade(void **state)
{
    with_folder(state);
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'}}", storage), "null");
    return 0;
}

int with_phone_number(void **state)
{
    with_facade(state);
    register_phone_number();
    return 0;
}

int with_enrollment(void **state)
{
    with_phone_number(state);
    enroll(PIN);
    return 0;
}

int without_anything(void **state)
{
    (void)state;
    cleanup_run(BEFORE_FREE);
    pims_free();
    cleanup_run(AFTER_FREE);
    bool kept = secrets_were_kept(storage);
    secrets_forget();
    delete_tree(storage);
    alarm(0);
    return kept ? 0 : -1;
}

void restart(const char *more)
{
    assert_int_equal(pims_free(), PIMS_OK);
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'}%s}", storage, more), "null");
}

void register_phone_number(void)
{
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    assert_succeeded(
        set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", last_code("phoneNumberCertification"), PHONE_NUMBER),
        "null");
}

const char *new_enrollment_code(void)
{
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    return last_code("enrollment");
}

void enroll(const char *pin)
{
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), NULL);
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':' '}", pin), "null");
}

const char *new_otp(const char *pin)
{
    static char otp[MAX_WORD];
    Answer answer = assert_succeeded(get(OTP, "{'action':'withPIN','pinCode':'%s'}", pin), NULL);

    snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
    return otp;
}

bool verifies(const char *otp)
{
    Answer answer = assert_succeeded(set(VERIFY, "{'action':'verify','otp':'%s'}", otp), NULL);
    const char *verified = value_of(answer, "result.verified");

    assert_true(strcmp(verified, "true") == 0 || strcmp(verified, "false") == 0);
    return strcmp(verified, "true") == 0;
}

const char *code_of(const char *in, const char *purpose)
{
    static char code[MAX_WORD];
    char path[MAX_PATH];
    const char *found = NULL;
    const char *sent_for = NULL;
    size_t size;

    snprintf(path, sizeof path, "%s/sms-outbox.jsonl", in);
    char *lines = read_file(path, &size);
    assert_true(size > 0 && lines[size - 1] == '\n');
    lines[size - 1] = '\0';
    char *last = strrchr(lines, '\n');
    json_t *sms = json_loads(last != NULL ? last + 1 : lines, JSON_REJECT_DUPLICATES, NULL);
    free(lines);
    assert_int_equal(json_unpack(sms, "{s:s, s:s}", "code", &found, "purpose", &sent_for), 0);
    assert_string_equal(sent_for, purpose);
    assert_true(strlen(found) < sizeof code);
    strcpy(code, found);
    json_decref(sms);
    return code;
}

const char *last_code(const char *purpose)
{
    return code_of(storage, purpose);
}

const char *wrong_code(const char *right)
{
    static char wrong[MAX_WORD];

    snprintf(wrong, sizeof wrong, "%s", right);
    wrong[0] = right[0] == '9' ? '0' : (char)(right[0] + 1);
    return wrong;
}

int suite_main(int argc, char **argv, int (*run)(void))
{
    if (argc == 3 && strcmp(argv[1], PEER_ARGUMENT) == 0) {
        alarm((unsigned)(20 * deadline_seconds()));
        return peer_main(argv[2]);
    }
    if (argc == 3 && strcmp(argv[1], TEMPLATE_ARGUMENT) == 0) {
        make_template(argv[2]);
        return EXIT_SUCCESS;
    }
    /* A write to a peer that died is an error, not the end of this process. */
    signal(SIGPIPE, SIG_IGN);
    strcpy(root, "/tmp/pims-c-tests-XXXXXX");
    if (mkdtemp(root) == NULL) {
        perror(root);
        return EXIT_FAILURE;
    }
    int failures = run();
    delete_tree(root);
    return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
