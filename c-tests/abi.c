/* The functions of the header do what the header says, and leave the process as it was. */
#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"

static void the_loaded_library_is_that_of_the_header(void **state)
{
    (void)state;
    assert_int_equal(pims_abi_version(), PIMS_ABI_VERSION);
    assert_int_equal(PIMS_MAX_TEXT, 1048576);
    assert_int_equal(PIMS_OK, 0);
    const int32_t errors[] = {PIMS_ERROR_NULL_CALLBACK, PIMS_ERROR_NULL_API,  PIMS_ERROR_NOT_UTF8,    PIMS_ERROR_TOO_LONG,
                              PIMS_ERROR_QUEUE_FULL,    PIMS_ERROR_NO_FACADE, PIMS_ERROR_NULL_FACADE, PIMS_ERROR_METHOD};
    for (int i = 0; i < 8; i++) {
        assert_int_equal(errors[i], -1 - i);
    }
}

static void the_version_is_a_static_text_of_three_numbers(void **state)
{
    int major, minor, patch, end = 0;
    const char *version = pims_version();

    (void)state;
    assert_int_equal(sscanf(version, "%d.%d.%d%n", &major, &minor, &patch, &end), 3);
    assert_true(version[end] == '\0' || version[end] == '-');
    assert_ptr_equal(version, pims_version());
}

static void the_version_is_also_an_api(void **state)
{
    (void)state;
    Answer answer = get(SDK_VERSION, "{}");
    assert_succeeded(answer, NULL);
    assert_value(answer, "result.versionFacade", pims_version());
    assert_true(strlen(value_of(answer, "result.versionCore")) > 0);
}

static void every_function_with_a_callback_brings_exactly_one_message(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char config[MAX_PATH + 64];
    const char *topics = "{\"actionType\":\"strong\",\"type\":[\"isDeviceActivated\"]}";

    (void)state;
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_int_equal(pims_init(config, mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_get(SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_set(SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_subscribe(ACCOUNT, topics, mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_unsubscribe(ACCOUNT, "{}", mailbox_callback, mailbox), PIMS_OK);
    for (int i = 0; i < 5; i++) {
        Answer answer = mailbox_take(mailbox);
        /* There is no set with that name. All else succeeds, in the order of the calls. */
        if (i == 2) {
            assert_failed(answer, 2002);
        } else {
            assert_succeeded(answer, NULL);
        }
    }
    assert_int_equal(pims_free(), PIMS_OK);
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
}

static void every_message_has_a_transaction_of_its_own(void **state)
{
    enum { CALLS = 200 };
    static char ids[CALLS][14];

    (void)state;
    for (int i = 0; i < CALLS; i++) {
        strcpy(ids[i], get(SDK_VERSION, "{}").transaction);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(ids[i], ids[j]);
        }
    }
}

/* The number of callbacks, and the thread of the last one. */
typedef struct Witness {
    pthread_mutex_t mutex;
    int calls;
    pthread_t thread;
} Witness;

static void witness_callback(const char *message, void *ctx)
{
    Witness *witness = ctx;

    (void)message;
    pthread_mutex_lock(&witness->mutex);
    witness->calls++;
    witness->thread = pthread_self();
    pthread_mutex_unlock(&witness->mutex);
}

static bool was_called(Witness *witness, pthread_t *thread)
{
    pthread_mutex_lock(&witness->mutex);
    bool called = witness->calls == 1;
    *thread = witness->thread;
    pthread_mutex_unlock(&witness->mutex);
    return called;
}

static pthread_t wait_for(Witness *witness)
{
    pthread_t thread;

    for (Poll poll = poll_begin(); !was_called(witness, &thread);) {
        poll_wait(poll);
    }
    return thread;
}

static void success_is_told_by_one_other_thread(void **state)
{
    Witness init_witness = {PTHREAD_MUTEX_INITIALIZER, 0, pthread_self()};
    Witness get_witness = init_witness;
    Witness execute_witness = init_witness;
    char config[MAX_PATH + 64];

    (void)state;
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_int_equal(pims_init(config, witness_callback, &init_witness), PIMS_OK);
    pthread_t thread = wait_for(&init_witness);
    assert_false(pthread_equal(thread, pthread_self()));
    assert_int_equal(pims_get(SDK_VERSION, NULL, witness_callback, &get_witness), PIMS_OK);
    assert_true(pthread_equal(wait_for(&get_witness), thread));
    assert_int_equal(pims_set("pims.nonsense", NULL, witness_callback, &execute_witness), PIMS_OK);
    assert_true(pthread_equal(wait_for(&execute_witness), thread));
}

static void what_has_no_facade_is_told_by_the_caller_before_the_function_returns(void **state)
{
    pthread_t thread;

    (void)state;
    Witness witness = {PTHREAD_MUTEX_INITIALIZER, 0, pthread_self()};
    assert_int_equal(pims_init("{\"storage\":1}", witness_callback, &witness), PIMS_OK);
    assert_true(was_called(&witness, &thread) && pthread_equal(thread, pthread_self()));

    typedef int32_t (*Method)(const char *, const char *, pims_callback, void *);
    const Method methods[] = {pims_get, pims_set, pims_subscribe, pims_unsubscribe};
    for (int i = 0; i < 4; i++) {
        Witness another = {PTHREAD_MUTEX_INITIALIZER, 0, pthread_self()};
        assert_int_equal(methods[i](ACCOUNT, "{}", witness_callback, &another), PIMS_OK);
        assert_true(was_called(&another, &thread) && pthread_equal(thread, pthread_self()));
    }
}

static void without_a_facade_every_call_is_2001(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    for (int round = 0; round < 2; round++) {
        /*
         * An unknown api or a missing parameter gives the same: the missing facade is reported
         * first.
         */
        assert_failed(get(SDK_VERSION, "{}"), 2001);
        assert_failed(get("pims.nonsense", "{}"), 2001);
        assert_failed(set(ENROLLMENT, "not JSON"), 2001);
        assert_int_equal(pims_subscribe(ACCOUNT, "{}", mailbox_callback, mailbox), PIMS_OK);
        assert_failed(mailbox_take(mailbox), 2001);
        assert_int_equal(pims_unsubscribe(ACCOUNT, "{}", mailbox_callback, mailbox), PIMS_OK);
        assert_failed(mailbox_take(mailbox), 2001);
        assert_failed(execute("get", SDK_VERSION, "{}"), 2001);
        assert_failed(execute("set", ENROLLMENT, "{}"), 2001);
        /* And again after a facade was freed. */
        assert_succeeded(init("{'storage':{'path':'%s'}}", folder()), "null");
        pims_free();
    }
    mailbox_free(mailbox);
}

static void texts_are_copied_before_the_function_returns(void **state)
{
    Gate *gate = gate_new();
    Mailbox *mailbox = mailbox_new();
    char *api = strdup(ACCOUNT);
    char *params = strdup("{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}");

    (void)state;
    /* While the library's thread is kept busy, the texts are overwritten and released. */
    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, gate), PIMS_OK);
    gate_wait_entered(gate);
    assert_int_equal(pims_get(api, params, mailbox_callback, mailbox), PIMS_OK);
    memset(api, 'x', strlen(api));
    memset(params, 'x', strlen(params));
    free(api);
    free(params);
    gate_open(gate);
    assert_succeeded(mailbox_take(mailbox), "{'isDeviceActivated':false}");
    mailbox_free(mailbox);
}

static void null_and_empty_parameters_are_an_empty_object(void **state)
{
    (void)state;
    assert_succeeded(request("get", SDK_VERSION, NULL), NULL);
    assert_succeeded(request("get", SDK_VERSION, ""), NULL);
    assert_missing(request("get", ACCOUNT, NULL), "type");
    assert_missing(request("get", ACCOUNT, ""), "type");
    assert_missing(request("get", ACCOUNT, "{}"), "type");
    assert_failed(request("get", "", "{}"), 2002);
}

static void a_null_configuration_is_the_platforms_data_folder(void **state)
{
    (void)state;
    assert_int_equal(setenv("XDG_DATA_HOME", folder(), 1), 0);
    assert_succeeded(request("init", "", NULL), "null");
    assert_true(exists(in_folder("pims/pims.lock")));
    pims_free();
    assert_succeeded(request("init", "", ""), "null");
    unsetenv("XDG_DATA_HOME");
}

static void execute_runs_on_the_calling_thread_without_a_callback(void **state)
{
    char config[MAX_PATH + 64];

    (void)state;
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_succeeded(execute("init", NULL, config), "null");
    assert_failed(execute("init", NULL, config), 2007);
    assert_succeeded(execute("get", SDK_VERSION, NULL), NULL);
    assert_succeeded(execute("get", ACCOUNT, "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}"), "{'isDeviceActivated':false}");
    assert_missing(execute("set", ENROLLMENT, ""), "action");
    assert_failed(execute("get", NULL, NULL), 2002);
    /* The facade is the same one. */
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    const char *const unknown[] = {"", "GET", "subscribe", "unsubscribe", "getx"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_failed(execute(unknown[i], SDK_VERSION, "{}"), 2002);
    }
    assert_succeeded(execute("free", NULL, NULL), "null");
    assert_succeeded(execute("free", "", ""), "null");
    assert_failed(execute("get", SDK_VERSION, NULL), 2001);
    assert_failed(execute("init", NULL, "[]"), 2004);
}

/* ---- The process afterwards ------------------------------------------------------------------ */

static int entries_of(const char *path)
{
    DIR *listing = opendir(path);
    int entries = 0;

    assert_non_null(listing);
    while (readdir(listing) != NULL) {
        entries++;
    }
    closedir(listing);
    return entries;
}

static void a_life(void)
{
    assert_succeeded(init("{'storage':{'path':'%s'},'monitoring':{'logLevel':'high'}}", folder()), "null");
    if (get(TRUSTED_PHONE_NUMBER, "{}").status == FAILED) {
        register_phone_number();
    }
    enroll(PIN);
    assert_true(verifies(new_otp(PIN)));
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'9999'}"), 2308);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_int_equal(pims_free(), PIMS_OK);
}

static void a_life_leaves_no_thread_and_no_open_file_behind(void **state)
{
    (void)state;
    a_life();
    int files = entries_of("/proc/self/fd");
    int threads = entries_of("/proc/self/task");
    a_life();
    assert_int_equal(entries_of("/proc/self/fd"), files);
    assert_int_equal(entries_of("/proc/self/task"), threads);
}

static void a_life_changes_nothing_of_the_process(void **state)
{
    static struct sigaction before[65];
    struct sigaction after;
    sigset_t mask_before, mask_after;
    char where_before[4096], where_after[4096];
    char locale_before[256];

    (void)state;
    for (int number = 1; number < 65; number++) {
        sigaction(number, NULL, &before[number]);
    }
    pthread_sigmask(SIG_SETMASK, NULL, &mask_before);
    snprintf(locale_before, sizeof locale_before, "%s", setlocale(LC_ALL, NULL));
    assert_non_null(getcwd(where_before, sizeof where_before));
    mode_t umask_before = umask(027);

    a_life();

    assert_int_equal(umask(umask_before), 027);
    assert_non_null(getcwd(where_after, sizeof where_after));
    assert_string_equal(where_before, where_after);
    assert_string_equal(locale_before, setlocale(LC_ALL, NULL));
    pthread_sigmask(SIG_SETMASK, NULL, &mask_after);
    for (int number = 1; number < 65; number++) {
        assert_int_equal(sigismember(&mask_before, number), sigismember(&mask_after, number));
        if (sigaction(number, NULL, &after) == 0) {
            assert_true(before[number].sa_handler == after.sa_handler);
            assert_int_equal(before[number].sa_flags, after.sa_flags);
        }
    }
}

static void a_life_writes_nothing_to_a_standard_stream(void **state)
{
    (void)state;
    assert_int_equal(bytes_written_by(a_life), 0);
}

/* ---- Files on the disk ----------------------------------------------------------------------- */

static int open_to_others;
static const char *secret;
static int places_of_the_secret;

static int inspect(const char *path, const struct stat *status, int type, struct FTW *place)
{
    size_t size;

    (void)place;
    if (type != FTW_F) {
        return 0;
    }
    if ((status->st_mode & 0077) != 0) {
        print_error("%s has mode %o\n", path, (unsigned)status->st_mode & 0777);
        open_to_others++;
    }
    char *bytes = read_file(path, &size);
    for (size_t i = 0; secret != NULL && i + strlen(secret) <= size; i++) {
        if (memcmp(bytes + i, secret, strlen(secret)) == 0) {
            print_error("%s has the PIN in it\n", path);
            places_of_the_secret++;
        }
    }
    free(bytes);
    return 0;
}

static void its_files_are_the_owners_alone_and_no_pin_lies_in_them(void **state)
{
    (void)state;
    mode_t before = umask(0);
    secret = "73918264";
    open_to_others = places_of_the_secret = 0;
    assert_succeeded(init("{'storage':{'path':'%s/new'},'monitoring':{'logLevel':'high'},'embedded':{'database':'%s/new/authority.db'}}",
                          folder(), folder()),
                     "null");
    const char *new_folder = in_folder("new");
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    assert_succeeded(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}",
                         code_of(new_folder, "phoneNumberCertification"), PHONE_NUMBER),
                     "null");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'11111111','smsCode':'%s'}", code_of(new_folder, "enrollment")), "null");
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'11111111','newPIN':'%s'}", secret), "null");
    new_otp(secret);
    /* While it is in use, its journals too. */
    nftw(in_folder("new"), inspect, 16, FTW_PHYS);
    pims_free();
    nftw(in_folder("new"), inspect, 16, FTW_PHYS);
    umask(before);
    assert_int_equal(open_to_others, 0);
    assert_int_equal(places_of_the_secret, 0);
    struct stat status;
    assert_int_equal(stat(in_folder("new"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
}

static const struct CMUnitTest tests[] = {
    TEST(the_loaded_library_is_that_of_the_header, NULL),
    TEST(the_version_is_a_static_text_of_three_numbers, NULL),
    TEST(the_version_is_also_an_api, with_facade),
    TEST(every_function_with_a_callback_brings_exactly_one_message, with_folder),
    TEST(every_message_has_a_transaction_of_its_own, with_facade),
    TEST(success_is_told_by_one_other_thread, with_folder),
    TEST(what_has_no_facade_is_told_by_the_caller_before_the_function_returns, with_folder),
    TEST(without_a_facade_every_call_is_2001, with_folder),
    TEST(texts_are_copied_before_the_function_returns, with_facade),
    TEST(null_and_empty_parameters_are_an_empty_object, with_facade),
    TEST(a_null_configuration_is_the_platforms_data_folder, with_folder),
    TEST(execute_runs_on_the_calling_thread_without_a_callback, with_folder),
    TEST(a_life_leaves_no_thread_and_no_open_file_behind, with_folder),
    TEST(a_life_changes_nothing_of_the_process, with_folder),
    TEST(a_life_writes_nothing_to_a_standard_stream, with_folder),
    TEST(its_files_are_the_owners_alone_and_no_pin_lies_in_them, with_folder),
};

SUITE_MAIN(tests)
