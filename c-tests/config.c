/*
 * Configurations: those that are accepted, and those that are refused, with their codes. A refused
 * configuration leaves no trace.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_B "//////////////////////////////////////////8="

typedef struct Bad {
    /* Members of the configuration beside the storage. */
    const char *members;
    /* The name in the detail. */
    const char *key;
} Bad;

static const Bad bad[] = {
    {"'environnement':'prod'", "environnement"},
    {"'environnement':'production'", "environnement"},
    {"'environment':'prod'", "environment"},
    {"'environnement':1", "environnement"},
    {"'mode':'b2c'", "mode"},
    {"'mode':['B2C']", "mode"},
    {"'monitoring':1", "monitoring"},
    {"'monitoring':{'logLevel':'all'}", "monitoring.logLevel"},
    {"'monitoring':{'newLogFile':'never'}", "monitoring.newLogFile"},
    {"'monitoring':{'newLogFile':'duration'}", "monitoring.newLogTimeDuration"},
    {"'monitoring':{'newLogTimeDuration':4}", "monitoring.newLogTimeDuration"},
    {"'monitoring':{'newLogTimeDuration':1441}", "monitoring.newLogTimeDuration"},
    {"'monitoring':{'newLogTimeDuration':'10'}", "monitoring.newLogTimeDuration"},
    {"'monitoring':{'newLogTimeDuration':10.5}", "monitoring.newLogTimeDuration"},
    {"'monitoring':{'maxLogFileBytes':65535}", "monitoring.maxLogFileBytes"},
    {"'monitoring':{'maxLogFileBytes':1073741825}", "monitoring.maxLogFileBytes"},
    {"'monitoring':{'maxLogFileBytes':'65536'}", "monitoring.maxLogFileBytes"},
    {"'credential':'x'", "credential"},
    {"'credential':{'clientId':7}", "credential.clientId"},
    {"'credential':{'clientSecret':{}}", "credential.clientSecret"},
    {"'credential':{'macID':'xyz'}", "credential.macID"},
    {"'credential':{'macID':'0123456789abcdef0123456789abcde'}", "credential.macID"},
    {"'credential':{'inWeboURL':'nonsense'}", "credential.inWeboURL"},
    {"'credential':{'inWeboURL':'ftp://example.com'}", "credential.inWeboURL"},
    {"'credential':{'inWeboURL':'http://example.com'}", "credential.inWeboURL"},
    {"'credential':{'inWeboURL':'https://'}", "credential.inWeboURL"},
    {"'credential':{'cvsURL':'http://192.0.2.1/'}", "credential.cvsURL"},
    {"'credential':{'factoryKey':'zz'}", "credential.factoryKey"},
    {"'credential':{'pinnedCertificates':'sha256/x'}", "credential.pinnedCertificates"},
    {"'credential':{'pinnedCertificates':['sha1/AAAA']}", "credential.pinnedCertificates"},
    {"'credential':{'caFile':1}", "credential.caFile"},
    {"'profile':{'brand':'Fiat'}", "profile.brand"},
    {"'account':{'username':''}", "account.username"},
    {"'account':{'username':'a\\nb'}", "account.username"},
    {"'account':{'accessToken':1}", "account.accessToken"},
    {"'network':{'connectTimeoutMs':0}", "network.connectTimeoutMs"},
    {"'network':{'requestTimeoutMs':-1}", "network.requestTimeoutMs"},
    {"'network':{'proxy':'?'}", "network.proxy"},
    {"'network':{'proxy':'proxy:3128'}", "network.proxy"},
    {"'network':{'proxy':'http://proxy:x'}", "network.proxy"},
    {"'network':{'proxy':'socks5://proxy:1080'}", "network.proxy"},
    {"'embedded':{'clockOffsetSeconds':-1}", "embedded.clockOffsetSeconds"},
    {"'embedded':{'database':1}", "embedded.database"},
    {"'embedded':{'policy':{'maxPinTrys':3}}", "embedded.policy"},
    {"'embedded':{'policy':{'activationProof':'none'}}", "embedded.policy"},
    {"'embedded':{'policy':{'activationProof':{'open':9}}}", "embedded.policy"},
    {"'embedded':{'policy':{'maxPinTries':'three'}}", "embedded.policy"},
};

static void a_bad_value_is_2004_with_its_key_and_makes_nothing_on_disk(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Answer answer = init("{'storage':{'path':'%s/new'},%s}", folder(), bad[i].members);
        assert_failed(answer, 2004);
        assert_detail(answer, bad[i].key);
        assert_false(exists(in_folder("new")));
        assert_failed(get(SDK_VERSION, "{}"), 2001);
    }
}

static void a_bad_storage_is_2004_with_its_key(void **state)
{
    static const Bad bad_storage[] = {
        {"1", "storage"},
        {"{'path':''}", "storage.path"},
        {"{'path':7}", "storage.path"},
        {"{'path':'a\\u0000b'}", "storage.path"},
        {"{'path':'/tmp/pims-never','key':'AAAA'}", "storage.key"},
        {"{'path':'/tmp/pims-never','key':'not base64 at all, but of some length....'}", "storage.key"},
        {"{'path':'/tmp/pims-never','key':['" KEY_A "']}", "storage.key"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad_storage / sizeof *bad_storage; i++) {
        Answer answer = init("{'storage':%s}", bad_storage[i].members);
        assert_failed(answer, 2004);
        assert_detail(answer, bad_storage[i].key);
    }
    assert_false(exists("/tmp/pims-never"));
}

static void what_is_not_one_json_object_is_2004(void **state)
{
    static const char *const texts[] = {"[]",    "null",   "1",        "'text'", "{", "{}}",
                                        "{} {}", "{'a':}", "{'a':1,}", "{a:1}",  " ", "{'a':'\\ud800'}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char config[64];
        Answer answer = request("init", "", quoted(texts[i], config, sizeof config));
        assert_failed(answer, 2004);
        assert_detail(answer, "JSON object");
    }
}

static void a_secret_is_never_repeated_in_an_error(void **state)
{
    static const char *const members[] = {
        "'storage':{'path':'/tmp/pims-never','key':'c2VjcmV0LXNlY3JldA'}", "'account':{'accessToken':['c2VjcmV0LXNlY3JldA']}",
        "'credential':{'clientSecret':{'c2VjcmV0LXNlY3JldA':1}}",          "'credential':{'macID':'c2VjcmV0LXNlY3JldA'}",
        "'credential':{'clientSecret':'c2VjcmV0LXNlY3JldA'},'mode':1",     "'account':{'accessToken':'c2VjcmV0LXNlY3JldA'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        Answer answer = assert_failed(init("{%s}", members[i]), 2004);
        assert_null(strstr(answer.message, "c2VjcmV0"));
    }
}

static void what_the_reference_has_is_taken(void **state)
{
    (void)state;
    assert_succeeded(init("{'storage':{'path':'%s'},'environnement':'development','mode':'B2B',"
                          "'monitoring':{'logLevel':'none','newLogFile':'duration','newLogTimeDuration':5},"
                          "'credential':{'clientId':'id','clientSecret':'secret','macID':'0123456789abcdef0123456789ABCDEF',"
                          "'inWeboURL':'embedded:'},"
                          "'profile':{'brand':'PEUGEOT'},'network':{'connectTimeoutMs':1,'requestTimeoutMs':30000}}",
                          folder()),
                     "null");
    register_phone_number();
}

static void unknown_keys_are_ignored_and_null_is_missing(void **state)
{
    (void)state;
    assert_succeeded(init("{'storage':{'path':'%s','color':[1,{'a':null}]},'x':1.5e3,'mode':null,'credential':null,"
                          "'embedded':{'policy':null}}",
                          folder()),
                     "null");
}

/* ---- 2006 ------------------------------------------------------------------------------------ */

static void a_storage_that_cannot_be_made_is_2006(void **state)
{
    (void)state;
    write_file(in_folder("file"), "x", 1);
    Answer answer = init("{'storage':{'path':'%s/file'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, in_folder("file"));
    assert_failed(init("{'storage':{'path':'%s/file/below'}}", folder()), 2006);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    /* A folder several levels deep is made. */
    assert_succeeded(init("{'storage':{'path':'%s/a/b/c'}}", folder()), "null");
    assert_true(exists(in_folder("a/b/c/pims.lock")));
}

/*
 * Writes these bytes over the device record, and asserts that pims_init refuses the record and
 * leaves it as it is.
 */
static void assert_kept_as_it_is(const void *bytes, size_t size)
{
    size_t after;

    write_file(in_folder("device.pims"), bytes, size);
    Answer answer = init("{'storage':{'path':'%s'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, in_folder("device.pims"));
    char *found = read_file(in_folder("device.pims"), &after);
    bool same = after == size && memcmp(found, bytes, size) == 0;
    free(found);
    assert_true(same);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
}

static void an_unreadable_state_is_2006_and_left_as_it_is(void **state)
{
    size_t size;

    (void)state;
    pims_free();
    char *good = read_file(in_folder("device.pims"), &size);
    char *damaged = malloc(size + 1);
    assert_non_null(damaged);
    /* Otherwise the generation before it would take its place. */
    assert_int_equal(remove(in_folder("device.pims.previous")), 0);
    assert_kept_as_it_is("junk", 4);
    assert_kept_as_it_is("", 0);
    assert_kept_as_it_is(good, size - 1);
    memcpy(damaged, good, size);
    damaged[size] = 'x';
    assert_kept_as_it_is(damaged, size + 1);
    for (size_t i = 0; i < size; i += size / 8) {
        memcpy(damaged, good, size);
        damaged[i] ^= 1;
        assert_kept_as_it_is(damaged, size);
    }
    /* With the right bytes back, everything is there again. */
    write_file(in_folder("device.pims"), good, size);
    restart("");
    assert_true(verifies(new_otp(PIN)));
    free(good);
    free(damaged);
}

static void a_wrong_storage_key_is_2006_and_the_state_is_left_as_it_is(void **state)
{
    size_t size, after;

    (void)state;
    assert_succeeded(init("{'storage':{'path':'%s','key':'" KEY_A "'}}", folder()), "null");
    register_phone_number();
    enroll(PIN);
    pims_free();
    assert_false(exists(in_folder("storage.key")));
    char *before = read_file(in_folder("device.pims"), &size);
    Answer answer = init("{'storage':{'path':'%s','key':'" KEY_B "'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, "storage.key");
    /* Without a key it fails, too: a key file of its own does not fit either. */
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2006);
    char *found = read_file(in_folder("device.pims"), &after);
    bool same = after == size && memcmp(found, before, size) == 0;
    free(found);
    free(before);
    assert_true(same);
    assert_succeeded(init("{'storage':{'path':'%s','key':'" KEY_A "'}}", folder()), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void a_key_file_that_holds_no_key_is_2006(void **state)
{
    (void)state;
    pims_free();
    write_file(in_folder("storage.key"), "AAAA", 4);
    Answer answer = init("{'storage':{'path':'%s'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, in_folder("storage.key"));
}

static void another_accounts_state_is_2006(void **state)
{
    (void)state;
    pims_free();
    Answer answer = init("{'storage':{'path':'%s'},'account':{'username':'somebody else'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, "account");
    restart("");
    assert_true(verifies(new_otp(PIN)));
}

static void another_accounts_started_enrollment_is_forgotten(void **state)
{
    (void)state;
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), "{'status':'NotEnrolled'}");
    /*
     * There is no enrollment to protect: the storage passes on to the next account that opens it.
     */
    restart(",'account':{'username':'somebody else'}");
    assert_failed(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234','smsCode':' '}"), 2311);
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
    register_phone_number();
    enroll(PIN);
    assert_true(verifies(new_otp(PIN)));
}

static void an_authority_that_cannot_be_opened_is_2006(void **state)
{
    size_t size, after;

    (void)state;
    pims_free();
    /* Another master key than the one that sealed the database. */
    char *key = read_file(in_folder("authority.key"), &size);
    char *other = read_file(in_folder("authority.key"), &after);
    other[0] = other[0] == '0' ? '1' : '0';
    write_file(in_folder("authority.key"), other, size);
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2006);
    write_file(in_folder("authority.key"), key, size);
    free(key);
    free(other);
    restart("");
    pims_free();
    /* No database. */
    char *junk = repeat('x', 4096);
    write_file(in_folder("authority.db"), junk, 4096);
    free(junk);
    Answer answer = init("{'storage':{'path':'%s'}}", folder());
    assert_failed(answer, 2006);
    assert_detail(answer, in_folder("authority.db"));
    unlink(in_folder("authority.db"));
    make_folder(in_folder("authority.db"));
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2006);
    /* The storage is free again after each failure. */
    Answer told;
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s'},'embedded':{'database':'%s/other.db'}}", folder(), folder());
    assert_succeeded(told, "null");
    peer_stop(peer);
}

/*
 * Puts a folder that is not empty in the place of the old record, so that no new record can be
 * written.
 */
static void block_writing(void)
{
    if (exists(in_folder("device.pims.previous"))) {
        assert_int_equal(rename(in_folder("device.pims.previous"), in_folder("aside")), 0);
    }
    make_folder(in_folder("device.pims.previous"));
    make_folder(in_folder("device.pims.previous/full"));
    if (!exists(in_folder("device.pims"))) {
        make_folder(in_folder("device.pims"));
    }
}

static void allow_writing(void)
{
    struct stat record;

    assert_int_equal(stat(in_folder("device.pims"), &record), 0);
    if (S_ISDIR(record.st_mode)) {
        assert_int_equal(rmdir(in_folder("device.pims")), 0);
    }
    assert_int_equal(rmdir(in_folder("device.pims.previous/full")), 0);
    assert_int_equal(rmdir(in_folder("device.pims.previous")), 0);
    if (exists(in_folder("aside"))) {
        assert_int_equal(rename(in_folder("aside"), in_folder("device.pims.previous")), 0);
    }
}

static void a_state_that_cannot_be_written_is_2006_and_nothing_is_half_done(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    block_writing();
    Answer answer = set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code);
    assert_failed(answer, 2006);
    assert_detail(answer, in_folder("device.pims"));
    assert_failed(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code), 2006);
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    allow_writing();
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code), "null");
    block_writing();
    assert_failed(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), 2006);
    assert_failed(set(ENROLLMENT, "{'action':'remove'}"), 2006);
    allow_writing();
    /* Neither reached the service. */
    assert_true(verifies(new_otp(PIN)));
    restart("");
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    assert_true(verifies(new_otp(OTHER_PIN)));
}

static void a_log_that_cannot_be_written_stops_nobody(void **state)
{
    (void)state;
    write_file(in_folder("logs"), "no folder", 9);
    assert_succeeded(init("{'storage':{'path':'%s'},'monitoring':{'logLevel':'high'}}", folder()), "null");
    register_phone_number();
    enroll(PIN);
    assert_true(verifies(new_otp(PIN)));
}

static void a_second_process_on_the_same_storage_is_2006_with_the_lock(void **state)
{
    Answer told;

    (void)state;
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s'}}", folder());
    assert_failed(told, 2006);
    assert_detail(told, in_folder("pims.lock"));
    assert_failed(peer_get(peer, SDK_VERSION, "{}"), 2001);
    peer_stop(peer);
    /* The first one noticed nothing. */
    assert_true(verifies(new_otp(PIN)));
    pims_free();
    peer = peer_start(&told, "{'storage':{'path':'%s'}}", folder());
    assert_succeeded(told, "null");
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2006);
    peer_stop(peer);
    restart("");
}

static void a_second_process_on_another_storage_is_not_in_the_way(void **state)
{
    Answer told;

    (void)state;
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s/other'}}", folder());
    assert_succeeded(told, "null");
    assert_succeeded(peer_get(peer, SDK_VERSION, "{}"), NULL);
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    peer_stop(peer);
}

/* ---- 2344 ------------------------------------------------------------------------------------ */

static void assert_not_configured(Answer answer)
{
    check_labelled(answer, 2344, "StrongAuthentication not configured", __FILE__, __LINE__);
}

static void outside_development_nothing_is_assumed(void **state)
{
    static const char *const environments[] = {
        "'environnement':'Production'",
        "'environnement':'Preproduction'",
        "'environment':'Production'",
        "'environnement':'Production','credential':{'inWeboURL':'https://example.com'}",
        "'environnement':'Production','credential':{'macID':'0123456789abcdef0123456789abcdef'}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof environments / sizeof *environments; i++) {
        assert_succeeded(init("{'storage':{'path':'%s/new'},%s}", folder(), environments[i]), "null");
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
        assert_not_configured(get(ACCOUNT, IS_DEVICE_ACTIVATED));
        assert_not_configured(get(ACCOUNT, IS_ACCOUNT_BLOCKED));
        assert_not_configured(get(TRUSTED_PHONE_NUMBER, "{}"));
        assert_not_configured(get(SMSCODE, "{'type':'enrollment'}"));
        assert_not_configured(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER));
        assert_not_configured(set(SMSCODE, "{'action':'enrollment','smsCode':'123456'}"));
        assert_not_configured(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'123456','phoneNumber':'%s'}", PHONE_NUMBER));
        assert_not_configured(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234','smsCode':' '}"));
        assert_not_configured(set(ENROLLMENT, "{'action':'remove'}"));
        assert_not_configured(set(PINCODE, "{'action':'update','oldPIN':'1234','newPIN':'4321'}"));
        assert_not_configured(get(OTP, "{'action':'withPIN','pinCode':'1234'}"));
        /* The parameters are checked before that. */
        assert_missing(set(ENROLLMENT, "{'action':'enroll'}"), "pinCode");
        assert_invalid(get(OTP, "{'action':'withPIN','pinCode':'12'}"), "pinCode");
        /* There is no embedded authority either. */
        assert_failed(set(VERIFY, "{'action':'verify','otp':'abc'}"), 2003);
        assert_false(exists(in_folder("new/authority.db")));
        pims_free();
    }
}

static const struct CMUnitTest tests[] = {
    TEST(a_bad_value_is_2004_with_its_key_and_makes_nothing_on_disk, with_folder),
    TEST(a_bad_storage_is_2004_with_its_key, with_folder),
    TEST(what_is_not_one_json_object_is_2004, with_folder),
    TEST(a_secret_is_never_repeated_in_an_error, with_folder),
    TEST(what_the_reference_has_is_taken, with_folder),
    TEST(unknown_keys_are_ignored_and_null_is_missing, with_folder),
    TEST(a_storage_that_cannot_be_made_is_2006, with_folder),
    TEST(an_unreadable_state_is_2006_and_left_as_it_is, with_enrollment),
    TEST(a_wrong_storage_key_is_2006_and_the_state_is_left_as_it_is, with_folder),
    TEST(a_key_file_that_holds_no_key_is_2006, with_enrollment),
    TEST(another_accounts_state_is_2006, with_enrollment),
    TEST(another_accounts_started_enrollment_is_forgotten, with_phone_number),
    TEST(an_authority_that_cannot_be_opened_is_2006, with_enrollment),
    TEST(a_state_that_cannot_be_written_is_2006_and_nothing_is_half_done, with_phone_number),
    TEST(a_log_that_cannot_be_written_stops_nobody, with_folder),
    TEST(a_second_process_on_the_same_storage_is_2006_with_the_lock, with_enrollment),
    TEST(a_second_process_on_another_storage_is_not_in_the_way, with_facade),
    TEST(outside_development_nothing_is_assumed, with_folder),
};

SUITE_MAIN(tests)
