/*
 * pims.sdk: the version, the device, the logs, the configuration of a facade that runs; and the
 * access token.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"
#include "secrets.h"
#include "service.h"

#define SDK_DEVICE "pims.sdk.device"
#define SDK_LOG "pims.sdk.log"
#define SDK_LOGS "pims.sdk.logs"
#define TOKEN "pims.authentication.token"

/* ---- The device ------------------------------------------------------------------------------ */

static void the_device_is_told_as_far_as_it_is_known(void **state)
{
    (void)state;
    Answer answer = assert_succeeded(get(SDK_DEVICE, "{}"), NULL);
    assert_value(answer, "result.OS", "Linux");
    assert_string_not_equal(value_of(answer, "result.OSVersion"), "");
    value_of(answer, "result.PhoneModel");
    value_of(answer, "result.PhoneBrand");
}

static void the_host_knows_the_device_better(void **state)
{
    (void)state;
    restart(",'device':{'OS':'Android','OSVersion':'16','PhoneModel':'Pixel 9','PhoneBrand':'Google'}");
    assert_succeeded(get(SDK_DEVICE, "{}"), "{'OS':'Android','OSVersion':'16','PhoneModel':'Pixel 9','PhoneBrand':'Google'}");
    assert_succeeded(set(SDK_CONFIGURATION, "{'device':{'OSVersion':'17'}}"), "null");
    assert_succeeded(get(SDK_DEVICE, "{}"), "{'OS':'Android','OSVersion':'17','PhoneModel':'Pixel 9','PhoneBrand':'Google'}");
    Answer answer = set(SDK_CONFIGURATION, "{'device':{'OS':12}}");
    assert_failed(answer, 2004);
    assert_detail(answer, "device.OS");
}

/* ---- The logs -------------------------------------------------------------------------------- */

/* Returns the path of the present log file. It is valid until the next call. */
static const char *log_path(void)
{
    static char path[MAX_PATH];
    Answer answer = assert_succeeded(get(SDK_LOG, "{}"), NULL);

    snprintf(path, sizeof path, "%s", value_of(answer, "result.logPath"));
    return path;
}

/* Returns whether the present log has these words. */
static bool is_logged(const char *words)
{
    size_t size;
    char *text = read_file(log_path(), &size);
    bool found = strstr(text, words) != NULL;

    free(text);
    return found;
}

static int lines_with(const char *words)
{
    size_t size;
    int count = 0;
    char *text = read_file(log_path(), &size);

    for (char *place = text; (place = strstr(place, words)) != NULL; place++) {
        count++;
    }
    free(text);
    return count;
}

static void the_log_is_named_and_holds_what_happened(void **state)
{
    struct stat status;

    (void)state;
    const char *path = log_path();
    assert_memory_equal(path, in_folder("logs/pims-"), strlen(in_folder("logs/pims-")));
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(stat(in_folder("logs"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    assert_true(is_logged("INFO the facade is there"));
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'73918264'}"), 2317);
    assert_true(is_logged("CALL get pims.authentication.otp: 2317 (this device is not enrolled: enroll it first)\n"));
}

static void a_log_that_the_host_deleted_begins_anew(void **state)
{
    (void)state;
    assert_int_equal(remove(log_path()), 0);
    assert_true(exists(log_path()));
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_true(is_logged("CALL get pims.sdk.version: succeeded\n"));
}

static void each_way_of_calling_is_logged_once(void **state)
{
    (void)state;
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), NULL);
    assert_int_equal(lines_with("CALL get pims.authentication.trustedphonenumber: succeeded\n"), 1);
    assert_succeeded(execute("get", TRUSTED_PHONE_NUMBER, "{}"), NULL);
    assert_int_equal(lines_with("CALL get pims.authentication.trustedphonenumber: succeeded\n"), 2);
    assert_failed(execute("set", ENROLLMENT, "{'action':'enroll'}"), 2102);
    assert_int_equal(lines_with("CALL set pims.authentication.enrollment: 2102 ("), 1);
    /* The name of an api is the caller's text: an unknown name is not repeated. */
    assert_failed(get("pims.4711\\n2026 ERROR forged", "{}"), 2002);
    assert_true(is_logged("CALL get an unknown api: 2002 ("));
    assert_false(is_logged("forged"));
}

static void the_level_says_what_is_logged(void **state)
{
    static const struct {
        const char *level;
        bool life, calls;
    } levels[] = {{"low", false, false}, {"medium", true, false}, {"high", true, true}};

    (void)state;
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        assert_succeeded(init("{'storage':{'path':'%s'},'monitoring':{'logLevel':'%s'}}", folder(), levels[i].level), "null");
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
        assert_int_equal(is_logged("INFO"), levels[i].life);
        assert_int_equal(is_logged("WARN"), levels[i].life);
        assert_int_equal(is_logged("CALL"), levels[i].calls);
        pims_free();
    }
}

static void where_nothing_is_logged_there_is_no_log(void **state)
{
    (void)state;
    assert_succeeded(init("{'storage':{'path':'%s'},'monitoring':{'logLevel':'none'}}", folder()), "null");
    assert_failed(get("pims.nonsense", "{}"), 2002);
    assert_succeeded(get(SDK_LOG, "{}"), "{'logPath':null}");
    assert_succeeded(get(SDK_LOGS, "{}"), "{'logPaths':[]}");
    assert_false(exists(in_folder("logs")));
    /* The folder is created when a log level is set. */
    assert_succeeded(set(SDK_CONFIGURATION, "{" LOUD "}"), "null");
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_true(is_logged("CALL get pims.sdk.version"));
}

static void each_launch_begins_a_new_file_and_the_old_ones_stay(void **state)
{
    char paths[3][MAX_PATH];
    char expected[4 * MAX_PATH];

    (void)state;
    for (int i = 0; i < 3; i++) {
        if (i > 0) {
            restart("");
        }
        snprintf(paths[i], sizeof paths[i], "%s", log_path());
    }
    snprintf(expected, sizeof expected, "{'logPaths':['%s','%s','%s']}", paths[0], paths[1], paths[2]);
    assert_succeeded(get(SDK_LOGS, "{}"), expected);
}

static void a_file_a_day_and_a_file_a_while_are_named_after_their_beginning(void **state)
{
    char today[MAX_PATH], day[16];
    time_t now = time(NULL);

    (void)state;
    strftime(day, sizeof day, "%Y%m%d", gmtime(&now));
    snprintf(today, sizeof today, "%s/pims-%s.log", in_folder("logs"), day);
    assert_succeeded(set(SDK_CONFIGURATION, "{'monitoring':{'newLogFile':'day'}}"), "null");
    const char *path = log_path();
    /* A day may end while a test runs. */
    if (time(NULL) / 86400 == now / 86400) {
        assert_string_equal(path, today);
    }
    assert_failed(set(SDK_CONFIGURATION, "{'monitoring':{'newLogFile':'duration'}}"), 2004);
    assert_succeeded(set(SDK_CONFIGURATION, "{'monitoring':{'newLogFile':'duration','newLogTimeDuration':5}}"), "null");
    assert_memory_equal(log_path(), today, strlen(today) - strlen(".log"));
    assert_string_not_equal(log_path(), today);
    /* Only the length changes: the rest is as it was. */
    assert_succeeded(set(SDK_CONFIGURATION, "{'monitoring':{'newLogTimeDuration':1440}}"), "null");
    assert_string_not_equal(log_path(), today);
}

static void the_watch_over_secrets_finds_what_is_planted(void **state)
{
    static const char line[] = "2026-11-23T03:12:00Z WARN pinCode=73918264 was wrong\n";

    (void)state;
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'73918264'}"), 2317);
    assert_true(secrets_were_kept(folder()));
    write_file(in_folder("logs/pims-planted.log"), line, sizeof line - 1);
    assert_false(secrets_were_kept(folder()));
    assert_int_equal(remove(in_folder("logs/pims-planted.log")), 0);
    /* An error, of a kind that no library should report, has a secret, too. */
    secrets_in_message("{\"transactionId\":\"0\",\"status\":\"FAILED\",\"error\":{\"code\":2308,\"detail\":\"not 73918264\"}}");
    assert_false(secrets_were_kept(folder()));
    secrets_forget();
}

/* ---- The configuration ----------------------------------------------------------------------- */

static void what_a_new_configuration_does_not_name_stays(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'maxPinTries':9}}");
    assert_succeeded(set(SDK_CONFIGURATION, "{'mode':'B2B','profile':{'brand':'Ds'}}"), "null");
    assert_succeeded(set(SDK_CONFIGURATION, "{}"), "null");
    assert_true(verifies(new_otp(PIN)));
    Answer answer = get(OTP, "{'action':'withPIN','pinCode':'9999'}");
    assert_failed(answer, 2308);
    assert_value(answer, "error.info.attemptsLeft", "8");
    assert_true(is_logged("CALL set pims.sdk.configuration: succeeded"));
}

static void a_bad_configuration_changes_nothing(void **state)
{
    (void)state;
    Answer answer = set(SDK_CONFIGURATION, "{'environnement':'Production','monitoring':{'logLevel':'loud'}}");
    assert_failed(answer, 2004);
    assert_detail(answer, "monitoring.logLevel");
    assert_failed(set(SDK_CONFIGURATION, "[]"), 2102);
    assert_true(verifies(new_otp(PIN)));
}

static void what_is_open_cannot_be_exchanged(void **state)
{
    static const char *const changes[] = {
        "'storage':{'path':'/tmp/elsewhere'}",
        "'storage':{'key':'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8='}",
        "'account':{'username':'other'}",
        "'embedded':{'database':'/tmp/elsewhere.db'}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        Answer answer = set(SDK_CONFIGURATION, "{%s}", changes[i]);
        assert_failed(answer, 2004);
        assert_detail(answer, "while the library runs");
    }
    assert_succeeded(set(SDK_CONFIGURATION, "{'storage':{'path':'%s'},'account':{'username':'local'}}", folder()), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void the_service_can_be_configured_later(void **state)
{
    (void)state;
    pims_free();
    assert_succeeded(init("{'storage':{'path':'%s'},'environnement':'Production'}", folder()), "null");
    assert_failed(get(ACCOUNT, IS_DEVICE_ACTIVATED), 2344);
    assert_succeeded(set(SDK_CONFIGURATION, "{'credential':{'inWeboURL':'embedded:'}}"), "null");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
    assert_true(verifies(new_otp(PIN)));
}

static void a_frozen_clock_stands_still_and_is_moved_by_hand(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockFrozen':true,'policy':{'otpLifetimeSeconds':1}}}"), "null");
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    sleep(2);
    assert_true(verifies(otp));
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockOffsetSeconds':2}}"), "null");
    assert_false(verifies(otp));
}

static void a_storage_is_locked_whatever_is_configured(void **state)
{
    Answer told;

    (void)state;
    assert_succeeded(init("{'storage':{'path':'%s'},'environnement':'Production'}", folder()), "null");
    peer_start(&told, "{'storage':{'path':'%s'},'environnement':'Production'}", folder());
    assert_failed(told, 2006);
    assert_detail(told, "pims.lock");
}

/* ---- The access token ------------------------------------------------------------------------ */

static void the_access_token_counts_from_the_next_request_on(void **state)
{
    (void)state;
    service_start();
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'},'credential':{'inWeboURL':'%s','clientId':'a b&c',"
                          "'macID':'0123456789abcdef0123456789abcdef'}}",
                          folder(), service_url()),
                     "null");
    Answer answer = get(TRUSTED_PHONE_NUMBER, "{}");
    assert_failed(answer, 2301);
    assert_value(answer, "error.info.nextAction", "authenticate");
    assert_int_equal(service_asked("/applications/cvs"), 0);
    for (int i = 0; i < 2; i++) {
        const char *token = i == 0 ? "first-token-1a" : "second-token-2b";
        char header[MAX_WORD];
        assert_succeeded(set(TOKEN, "{'type':'cvs','token':'%s'}", token), "null");
        assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
        snprintf(header, sizeof header, "Bearer %s\r\n", token);
        assert_int_equal(service_asked(header), 1);
    }
    assert_int_equal(service_asked("trustedPhoneNumber?client_id=a+b%26c "), 2);
    /*
     * In the device's own exchange, a request that shows a code and names no account carries the
     * token, if CVS is the same server.
     */
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'24240001'}"), "{'status':'NotEnrolled'}");
    assert_int_equal(service_asked("Bearer"), 3);
}

static void a_bad_token_is_refused(void **state)
{
    (void)state;
    assert_missing(set(TOKEN, "{'type':'cvs'}"), "token");
    assert_missing(set(TOKEN, "{'token':'abc1'}"), "type");
    assert_invalid(set(TOKEN, "{'type':'inwebo','token':'abc1'}"), "type");
    assert_invalid(set(TOKEN, "{'type':'cvs','token':''}"), "token");
    assert_invalid(set(TOKEN, "{'type':'cvs','token':'two words'}"), "token");
    assert_invalid(set(TOKEN, "{'type':'cvs','token':'line\\r\\nX-Header: 1'}"), "token");
    assert_succeeded(set(TOKEN, "{'type':'cvs','token':'abc1'}"), "null");
}

/* ---- One call waits for the service, the others do not --------------------------------------- */

static void *ask_for_the_number(void *message)
{
    *(char **)message = pims_execute("get", TRUSTED_PHONE_NUMBER, "{}");
    return NULL;
}

static void a_call_that_executes_on_its_own_thread_holds_no_answer_up(void **state)
{
    pthread_t thread;
    char *message = NULL;
    Poll poll = poll_begin();

    (void)state;
    service_start();
    service_fails(CVS("GET", "trustedPhoneNumber"), SILENCE);
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'},'credential':{'inWeboURL':'%s','macID':'0123456789abcdef0123456789abcdef'},"
                          "'account':{'accessToken':'token-1a'},'network':{'requestTimeoutMs':4000000}}",
                          folder(), service_url()),
                     "null");
    assert_int_equal(pthread_create(&thread, NULL, ask_for_the_number, &message), 0);
    while (service_asked("trustedPhoneNumber") == 0) {
        poll_wait(poll);
    }
    /*
     * The service answers nothing until it is stopped: if these calls waited, no message would
     * come.
     */
    for (int i = 0; i < 3; i++) {
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
        assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    }
    service_stop();
    pthread_join(thread, NULL);
    Answer answer = read_answer(message);
    pims_string_free(message);
    assert_failed(answer, 2202);
}

static void a_refused_configuration_replaces_no_token(void **state)
{
    (void)state;
    service_start();
    assert_succeeded(init("{" LOUD ",'storage':{'path':'%s'},'credential':{'inWeboURL':'%s','macID':'0123456789abcdef0123456789abcdef'},"
                          "'account':{'accessToken':'first-token-1a'}}",
                          folder(), service_url()),
                     "null");
    write_file(in_folder("authority.db"), "garbage, and no database", 24);
    assert_failed(set(SDK_CONFIGURATION, "{'credential':{'inWeboURL':'embedded:'},'account':{'accessToken':'second-token-2b'}}"), 2006);
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), NULL);
    assert_int_equal(service_asked("Bearer first-token-1a"), 1);
    assert_succeeded(set(SDK_CONFIGURATION, "{'account':{'accessToken':'second-token-2b'}}"), "null");
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), NULL);
    assert_int_equal(service_asked("Bearer second-token-2b"), 1);
}

static const struct CMUnitTest tests[] = {
    TEST(the_device_is_told_as_far_as_it_is_known, with_facade),
    TEST(the_host_knows_the_device_better, with_facade),
    TEST(the_log_is_named_and_holds_what_happened, with_facade),
    TEST(a_log_that_the_host_deleted_begins_anew, with_facade),
    TEST(each_way_of_calling_is_logged_once, with_enrollment),
    TEST(the_level_says_what_is_logged, with_folder),
    TEST(where_nothing_is_logged_there_is_no_log, with_folder),
    TEST(each_launch_begins_a_new_file_and_the_old_ones_stay, with_facade),
    TEST(a_file_a_day_and_a_file_a_while_are_named_after_their_beginning, with_facade),
    TEST(the_watch_over_secrets_finds_what_is_planted, with_facade),
    TEST(what_a_new_configuration_does_not_name_stays, with_enrollment),
    TEST(a_bad_configuration_changes_nothing, with_enrollment),
    TEST(what_is_open_cannot_be_exchanged, with_enrollment),
    TEST(the_service_can_be_configured_later, with_enrollment),
    TEST(a_frozen_clock_stands_still_and_is_moved_by_hand, with_enrollment),
    TEST(a_storage_is_locked_whatever_is_configured, with_folder),
    TEST(the_access_token_counts_from_the_next_request_on, with_folder),
    TEST(a_bad_token_is_refused, with_facade),
    TEST(a_call_that_executes_on_its_own_thread_holds_no_answer_up, with_folder),
    TEST(a_refused_configuration_replaces_no_token, with_folder),
};

SUITE_MAIN(tests)
