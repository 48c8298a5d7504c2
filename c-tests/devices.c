/* Several devices of one account, each a process with a storage of its own, over one database. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "message.h"
#include "peer.h"

#define WITH_PIN(pin) "{'action':'withPIN','pinCode':'" pin "'}"
#define BLANK_ENROLL(pin) "{'action':'enroll','pinCode':'" pin "','smsCode':' '}"

/* Starts another device in a folder of the test, with additional members of `embedded`. */
static Peer *device(const char *name, const char *more)
{
    Answer told;
    Peer *peer = peer_start(&told, "{" LOUD ",'storage':{'path':'%s/%s'},'embedded':{'database':'%s/authority.db'%s}}", folder(), name,
                            folder(), more);

    assert_succeeded(told, "null");
    return peer;
}

/* Asks for a code on the other device. Returns the code. */
static const char *code_for(Peer *peer, const char *name)
{
    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), "{}");
    return code_of(in_folder(name), "enrollment");
}

/* Submits a code on the other device, which received it. */
static Answer take_code(Peer *peer, const char *name)
{
    return peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code_for(peer, name));
}

static Peer *enrolled_device(const char *name)
{
    Peer *peer = device(name, "");

    assert_succeeded(take_code(peer, name), "{'status':'AlreadyEnrolled'}");
    assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    return peer;
}

static bool otp_verifies(Answer answer)
{
    char otp[MAX_WORD];

    assert_succeeded(answer, NULL);
    snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
    return verifies(otp);
}

/* Copies the id of the first device of a list that is this device, or that is not. */
static void device_id(Answer list, bool is_this, char *id)
{
    assert_succeeded(list, NULL);
    for (const char *at = list.message; (at = strstr(at, "\"deviceId\":\"")) != NULL;) {
        at += strlen("\"deviceId\":\"");
        const char *this_device = strstr(at, "\"thisDevice\":");
        assert_non_null(this_device);
        if ((this_device[strlen("\"thisDevice\":")] == 't') == is_this) {
            snprintf(id, MAX_WORD, "%.*s", (int)strcspn(at, "\""), at);
            return;
        }
    }
    fail_msg("there is no such device: %s", list.message);
}

static void a_second_device_is_enrolled_with_the_accounts_pin(void **state)
{
    (void)state;
    Peer *peer = device("b", "");
    assert_succeeded(take_code(peer, "b"), "{'status':'AlreadyEnrolled'}");
    /* A wrong PIN is charged and leaves the enrollment started. */
    Answer answer = peer_set(peer, ENROLLMENT, BLANK_ENROLL("9999"));
    assert_failed(answer, 2308);
    assert_value(answer, "error.info.attemptsLeft", "4");
    assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(PIN))));
    /* The first one is as it was. */
    assert_true(verifies(new_otp(PIN)));
    peer_stop(peer);
}

static void a_code_enrolls_one_device(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code), "null");
    Peer *peer = device("b", "");
    assert_failed(peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code), 2305);
    assert_failed(peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code), 2305);
    /* A wrong code is not charged either: no code waits. */
    assert_failed(peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", wrong_code(code)), 2305);
    assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    assert_true(verifies(new_otp(PIN)));
    peer_stop(peer);
}

static void two_devices_may_wait_with_one_code_and_the_first_has_it(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code), "{'status':'NotEnrolled'}");
    Peer *peer = device("b", "");
    assert_succeeded(peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code), "{'status':'NotEnrolled'}");
    assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(OTHER_PIN)), "null");
    assert_failed(set(ENROLLMENT, BLANK_ENROLL(PIN)), 2305);
    /* The code was no use: nothing is started any more. */
    assert_failed(set(ENROLLMENT, BLANK_ENROLL(PIN)), 2311);
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(OTHER_PIN))));
    peer_stop(peer);
}

static void a_password_is_the_accounts_and_right_once_wherever_it_is_verified(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    Peer *peer = enrolled_device("b");
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    assert_succeeded(peer_set(peer, VERIFY, "{'action':'verify','otp':'%s'}", otp), "{'verified':true}");
    assert_succeeded(peer_set(peer, VERIFY, "{'action':'verify','otp':'%s'}", otp), "{'verified':false}");
    assert_false(verifies(otp));
    peer_stop(peer);
}

static void a_pin_that_was_changed_elsewhere_is_the_one_that_counts(void **state)
{
    (void)state;
    Peer *peer = enrolled_device("b");
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    Answer answer = peer_get(peer, OTP, WITH_PIN(PIN));
    assert_failed(answer, 2308);
    assert_value(answer, "error.info.attemptsLeft", "4");
    /* The new one works without any other step, here and again. */
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(OTHER_PIN))));
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(OTHER_PIN))));
    /* And back, from the other one, whose keys are stale again. */
    assert_succeeded(peer_set(peer, PINCODE, "{'action':'update','oldPIN':'" OTHER_PIN "','newPIN':'77777777'}"), "null");
    assert_failed(get(OTP, WITH_PIN(OTHER_PIN)), 2308);
    assert_true(verifies(new_otp("77777777")));
    /* A device with stale keys may change the PIN, too. */
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'77777777','newPIN':'88888888'}"), "null");
    assert_succeeded(peer_set(peer, PINCODE, "{'action':'update','oldPIN':'88888888','newPIN':'" PIN "'}"), "null");
    assert_true(verifies(new_otp(PIN)));
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(PIN))));
    peer_stop(peer);
}

static void a_device_that_was_removed_elsewhere_is_disabled(void **state)
{
    (void)state;
    Peer *peer = enrolled_device("b");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    Answer answer = peer_get(peer, OTP, WITH_PIN(PIN));
    assert_failed(answer, 2312);
    assert_value(answer, "error.info.word", "NOK:NODEVICE");
    /* From now on it knows. */
    answer = peer_get(peer, OTP, WITH_PIN(PIN));
    assert_failed(answer, 2317);
    assert_value(answer, "error.info.nextAction", "requestSmsCode");
    assert_failed(peer_set(peer, PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), 2317);
    assert_failed(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), 2311);
    assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    /* The same holds after a restart, and the device can be enrolled again. */
    peer_stop(peer);
    peer = device("b", "");
    assert_failed(peer_get(peer, OTP, WITH_PIN(PIN)), 2317);
    assert_succeeded(take_code(peer, "b"), "{'status':'NotEnrolled'}");
    assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(OTHER_PIN)), "null");
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(OTHER_PIN))));
    peer_stop(peer);
}

static void a_started_enrollment_of_a_disabled_device_falls_back_to_disabled(void **state)
{
    (void)state;
    Peer *peer = enrolled_device("b");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_failed(peer_get(peer, OTP, WITH_PIN(PIN)), 2312);
    assert_succeeded(take_code(peer, "b"), "{'status':'NotEnrolled'}");
    peer_stop(peer);
    peer = device("b", ",'clockOffsetSeconds':700");
    assert_failed(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), 2311);
    assert_failed(peer_get(peer, OTP, WITH_PIN(PIN)), 2317);
    peer_stop(peer);
}

static void wrong_pins_of_all_devices_are_counted_together(void **state)
{
    (void)state;
    Peer *peer = enrolled_device("b");
    assert_value(get(OTP, WITH_PIN("9999")), "error.info.attemptsLeft", "4");
    assert_value(peer_get(peer, OTP, WITH_PIN("9999")), "error.info.attemptsLeft", "3");
    assert_value(get(OTP, WITH_PIN("9999")), "error.info.attemptsLeft", "2");
    assert_value(peer_get(peer, OTP, WITH_PIN("9999")), "error.info.attemptsLeft", "1");
    assert_failed(peer_get(peer, OTP, WITH_PIN("9999")), 2310);
    /* The other device learns of it from its next request. */
    assert_failed(get(OTP, WITH_PIN(PIN)), 2310);
    assert_failed(get(OTP, WITH_PIN(PIN)), 2317);
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    assert_succeeded(peer_get(peer, ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    peer_stop(peer);
}

static void asking_whether_the_account_is_blocked_is_enough_to_learn_of_it(void **state)
{
    (void)state;
    Peer *peer = enrolled_device("b");
    for (int i = 0; i < 5; i++) {
        peer_get(peer, OTP, WITH_PIN("9999"));
    }
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    assert_failed(get(OTP, WITH_PIN(PIN)), 2317);
    /* Removing the enrollments lifts the block, and this device learns of that as well. */
    assert_succeeded(peer_set(peer, ENROLLMENT, "{'action':'remove'}"), "null");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'Unknown'}");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    peer_stop(peer);
}

static void guessing_the_pin_in_an_enrollment_blocks_the_account(void **state)
{
    (void)state;
    Peer *peer = device("b", "");
    assert_succeeded(take_code(peer, "b"), "{'status':'AlreadyEnrolled'}");
    for (int left = 4; left > 0; left--) {
        char number[MAX_WORD];
        snprintf(number, sizeof number, "%d", left);
        Answer answer = peer_set(peer, ENROLLMENT, BLANK_ENROLL("9999"));
        assert_failed(answer, 2308);
        assert_value(answer, "error.info.attemptsLeft", number);
    }
    assert_failed(peer_set(peer, ENROLLMENT, BLANK_ENROLL("9999")), 2310);
    assert_failed(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), 2310);
    assert_succeeded(peer_get(peer, ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    assert_failed(get(OTP, WITH_PIN(PIN)), 2310);
    peer_stop(peer);
}

static void an_account_with_its_most_devices_gets_no_other(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'maxDevices':1}}");
    Peer *peer = device("b", ",'policy':{'maxDevices':1}");
    /* The service does not know yet whether this device is another one. */
    assert_succeeded(take_code(peer, "b"), "{'status':'AlreadyEnrolled'}");
    Answer answer = peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN));
    assert_failed(answer, 2310);
    assert_value(answer, "error.info.word", "NOK:MAXNBTOOLS");
    assert_value(answer, "error.info.nextAction", "removeDevice");
    const char *code = code_of(in_folder("b"), "enrollment");
    assert_failed(peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code), 2310);
    assert_succeeded(peer_get(peer, ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'AccountBlocked'}");
    /* The one that is enrolled works on, and says the same of the account. */
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'AccountBlocked'}");
    assert_true(verifies(new_otp(PIN)));
    /* The next action that the error names helps, and the code that was accepted stays good. */
    char id[MAX_WORD];
    device_id(peer_get(peer, DEVICE_LIST, "{}"), false, id);
    assert_succeeded(peer_set(peer, DEVICE_LIST, "{'action':'remove','deviceId':'%s'}", id), "null");
    assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(PIN))));
    assert_failed(get(OTP, WITH_PIN(PIN)), 2312);
    /* Removing all helps, too. */
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_failed(peer_get(peer, OTP, WITH_PIN(PIN)), 2312);
    peer_stop(peer);
}

/* ---- The devices of the account -------------------------------------------------------------- */

static int devices_in(Answer list)
{
    int count = 0;

    assert_succeeded(list, NULL);
    for (const char *at = list.message; (at = strstr(at, "\"deviceId\":")) != NULL; at++) {
        count++;
    }
    return count;
}

static void devices_are_listed_renamed_and_removed_one_by_one(void **state)
{
    char own[MAX_WORD], other[MAX_WORD];

    (void)state;
    Peer *peer = enrolled_device("b");
    Answer list = get(DEVICE_LIST, "{}");
    assert_int_equal(devices_in(list), 2);
    device_id(list, true, own);
    device_id(list, false, other);
    assert_string_not_equal(own, other);
    /* The other device sees the same, from its side. */
    char seen[MAX_WORD];
    list = peer_get(peer, DEVICE_LIST, "{}");
    device_id(list, false, seen);
    assert_string_equal(seen, own);

    assert_missing(set(DEVICE_LIST, "{'action':'rename','deviceId':'%s','name':'Car'}", other), "pinCode");
    assert_failed(set(DEVICE_LIST, "{'action':'rename','deviceId':'%s','name':'Car','pinCode':'9999'}", other), 2308);
    assert_succeeded(set(DEVICE_LIST, "{'action':'rename','deviceId':'%s','name':'Car','pinCode':'" PIN "'}", other), "null");
    assert_non_null(strstr(peer_get(peer, DEVICE_LIST, "{}").message, "\"name\":\"Car\""));

    /* One ends, at once, and nothing else does. */
    assert_succeeded(set(DEVICE_LIST, "{'action':'remove','deviceId':'%s','pinCode':'" PIN "'}", other), "null");
    assert_failed(peer_get(peer, OTP, WITH_PIN(PIN)), 2312);
    assert_true(verifies(new_otp(PIN)));
    assert_int_equal(devices_in(get(DEVICE_LIST, "{}")), 1);
    assert_invalid(set(DEVICE_LIST, "{'action':'remove','deviceId':'%s','pinCode':'" PIN "'}", other), "deviceId");
    /* Without an enrollment, the account permits it: the embedded service knows its account. */
    assert_succeeded(peer_set(peer, DEVICE_LIST, "{'action':'rename','deviceId':'%s','name':'Phone'}", own), "null");
    assert_non_null(strstr(get(DEVICE_LIST, "{}").message, "\"name\":\"Phone\""));

    /* This device ends itself, and enrolls again with the PIN of the account. */
    assert_succeeded(set(DEVICE_LIST, "{'action':'remove','deviceId':'%s','pinCode':'" PIN "'}", own), "null");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    assert_int_equal(devices_in(get(DEVICE_LIST, "{}")), 0);
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), "{'status':'AlreadyEnrolled'}");
    assert_succeeded(set(ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    assert_true(verifies(new_otp(PIN)));
    peer_stop(peer);
}

static void devices_of_another_account_cannot_be_told_from_none(void **state)
{
    char own[MAX_WORD];
    Answer told;

    (void)state;
    device_id(get(DEVICE_LIST, "{}"), true, own);
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s/b'},'account':{'username':'other'},'embedded':{'database':'%s/authority.db'}}",
                            folder(), folder());
    assert_succeeded(told, "null");
    assert_int_equal(devices_in(peer_get(peer, DEVICE_LIST, "{}")), 0);
    const char *const ids[] = {own, "00000000", "d0000000000000000"};
    char first[MAX_MESSAGE] = "";
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        Answer answer = peer_set(peer, DEVICE_LIST, "{'action':'remove','deviceId':'%s'}", ids[i]);
        assert_invalid(answer, "deviceId");
        const char *error = strstr(answer.message, "\"error\":");
        if (i == 0) {
            snprintf(first, sizeof first, "%s", error);
        }
        assert_string_equal(error, first);
    }
    assert_true(verifies(new_otp(PIN)));
    peer_stop(peer);
}

static void a_blocked_account_shows_its_devices_and_changes_none(void **state)
{
    char own[MAX_WORD];

    (void)state;
    for (int i = 0; i < 5; i++) {
        get(OTP, WITH_PIN("9999"));
    }
    Answer list = get(DEVICE_LIST, "{}");
    assert_int_equal(devices_in(list), 1);
    device_id(list, true, own);
    assert_failed(set(DEVICE_LIST, "{'action':'rename','deviceId':'%s','name':'Car','pinCode':'" PIN "'}", own), 2317);
    assert_failed(set(DEVICE_LIST, "{'action':'remove','deviceId':'%s','pinCode':'" PIN "'}", own), 2317);
    assert_int_equal(devices_in(get(DEVICE_LIST, "{}")), 1);
}

/* ---- The approval of a new device ------------------------------------------------------------ */

#define WITH_APPROVAL ",'policy':{'activationApproval':true,'deviceNotices':true,'codesPerHour':100}"

/* Enrolls another device, which waits for its approval. Copies the number that it shows. */
static Peer *pending_device(const char *name, char *number)
{
    Peer *peer = device(name, WITH_APPROVAL);

    assert_succeeded(take_code(peer, name), "{'status':'AlreadyEnrolled'}");
    Answer enrolled = assert_succeeded(peer_set(peer, ENROLLMENT, BLANK_ENROLL(PIN)), NULL);
    assert_value(enrolled, "result.confirmed", "false");
    assert_value(enrolled, "result.lifetimeSeconds", "300");
    snprintf(number, MAX_WORD, "%s", value_of(enrolled, "result.number"));
    assert_int_equal(strlen(number), 2);
    return peer;
}

/* Copies the id of the device that waits, as this device sees it. */
static void asked_device(char *id)
{
    Answer state = assert_succeeded(get(APPROVAL, "{}"), NULL);

    assert_value(state, "result.state", "asked");
    assert_value(state, "result.number", "null");
    snprintf(id, MAX_WORD, "%s", value_of(state, "result.deviceId"));
}

static Answer approve(const char *id, const char *number, const char *pin)
{
    return set(APPROVAL, "{'action':'approve','deviceId':'%s','number':'%s','pinCode':'%s'}", id, number, pin);
}

static void a_new_device_works_once_it_is_approved(void **state)
{
    char number[MAX_WORD], id[MAX_WORD];

    (void)state;
    restart(",'embedded':{'policy':{'activationApproval':true,'deviceNotices':true,'codesPerHour':100}}");
    Peer *peer = pending_device("b", number);
    Answer refused = peer_get(peer, OTP, WITH_PIN(PIN));
    assert_failed(refused, 2311);
    assert_detail(refused, "this device waits for its approval");
    assert_failed(peer_get(peer, NOTICES, "{}"), 2311);
    Answer waiting = assert_succeeded(peer_get(peer, APPROVAL, "{}"), NULL);
    assert_value(waiting, "result.state", "waiting");
    assert_value(waiting, "result.number", number);
    asked_device(id);
    refused = approve(id, number, "9999");
    assert_failed(refused, 2308);
    assert_value(refused, "error.info.attemptsLeft", "4");
    assert_succeeded(approve(id, number, PIN), "null");
    assert_true(otp_verifies(peer_get(peer, OTP, WITH_PIN(PIN))));
    assert_true(verifies(new_otp(PIN)));
    assert_value(get(APPROVAL, "{}"), "result.state", "none");

    /* Another one with a wrong number ends, and nothing else does. */
    Peer *third = pending_device("c", number);
    asked_device(id);
    refused = approve(id, strcmp(number, "00") == 0 ? "01" : "00", PIN);
    assert_failed(refused, 2311);
    assert_detail(refused, "the service ended it");
    assert_failed(peer_get(third, OTP, WITH_PIN(PIN)), 2312);
    assert_true(verifies(new_otp(PIN)));
    peer_stop(third);
    peer_stop(peer);
}

static void a_rejected_device_ends_and_leaves_the_account_blocked(void **state)
{
    char number[MAX_WORD], id[MAX_WORD];

    (void)state;
    restart(",'embedded':{'policy':{'activationApproval':true,'deviceNotices':true,'codesPerHour':100}}");
    Peer *peer = pending_device("b", number);
    asked_device(id);
    assert_succeeded(set(APPROVAL, "{'action':'reject','deviceId':'%s'}", id), "null");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    assert_failed(get(OTP, WITH_PIN(PIN)), 2317);
    assert_failed(approve(id, number, PIN), 2317);
    assert_failed(set(APPROVAL, "{'action':'reject','deviceId':'%s'}", id), 2311);
    assert_value(get(APPROVAL, "{}"), "result.state", "none");
    assert_succeeded(get(NOTICES, "{}"), NULL);
    assert_int_equal(peer_get(peer, OTP, WITH_PIN(PIN)).status, FAILED);
    /* Only a new PIN lifts this block. */
    assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
    assert_succeeded(set(PINCODE, "{'action':'reset','pinCode':'" OTHER_PIN "','smsCode':'%s'}", last_code("resetPIN")), "null");
    assert_true(verifies(new_otp(OTHER_PIN)));
    peer_stop(peer);
}

static void each_error_of_an_approval_has_its_cause(void **state)
{
    static const char *const numbers[] = {"'7'", "'147'", "7", "'x7'", "true", "[]", "''"};

    (void)state;
    /* This service has both switched off. */
    assert_failed(get(NOTICES, "{}"), 2002);
    assert_failed(get(APPROVAL, "{}"), 2002);
    assert_failed(approve("a8f3c1d0", "47", PIN), 2002);
    assert_failed(set(APPROVAL, "{'action':'reject','deviceId':'a8f3c1d0'}"), 2002);
    assert_failed(set(NOTICES, "{}"), 2002);
    assert_missing(set(APPROVAL, "{}"), "action");
    assert_invalid(set(APPROVAL, "{'action':'forget'}"), "action");
    assert_missing(set(APPROVAL, "{'action':'approve','number':'47','pinCode':'" PIN "'}"), "deviceId");
    assert_missing(set(APPROVAL, "{'action':'approve','deviceId':'a8f3c1d0','pinCode':'" PIN "'}"), "number");
    assert_missing(set(APPROVAL, "{'action':'approve','deviceId':'a8f3c1d0','number':'47'}"), "pinCode");
    assert_missing(set(APPROVAL, "{'action':'reject'}"), "deviceId");
    assert_invalid(approve("a8f3", "47", PIN), "deviceId");
    assert_invalid(approve("a8f3c1d0", "47", "12"), "pinCode");
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_invalid(set(APPROVAL, "{'action':'approve','deviceId':'a8f3c1d0','number':%s,'pinCode':'" PIN "'}", numbers[i]), "number");
    }
    restart(",'embedded':{'policy':{'activationApproval':true,'deviceNotices':true}}");
    assert_succeeded(get(NOTICES, "{}"), "{'notices':[]}");
    Answer refused = approve("a8f3c1d0", "47", PIN);
    assert_failed(refused, 2311);
    assert_detail(refused, "no device waits for an approval");
    assert_failed(set(APPROVAL, "{'action':'reject','deviceId':'a8f3c1d0'}"), 2311);
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_failed(get(NOTICES, "{}"), 2317);
    assert_failed(get(APPROVAL, "{}"), 2317);
    assert_failed(approve("a8f3c1d0", "47", PIN), 2317);
    assert_failed(set(APPROVAL, "{'action':'reject','deviceId':'a8f3c1d0'}"), 2317);
}

/* ---- At the same time ------------------------------------------------------------------------ */

static void devices_may_work_at_once(void **state)
{
    enum { PEERS = 2, EACH = 10 };
    Peer *peers[PEERS];

    (void)state;
    peers[0] = enrolled_device("b");
    peers[1] = enrolled_device("c");
    for (int i = 0; i < EACH; i++) {
        for (int j = 0; j < PEERS; j++) {
            peer_send(peers[j], "get", OTP, WITH_PIN(PIN));
        }
    }
    for (int i = 0; i < EACH; i++) {
        assert_true(verifies(new_otp(PIN)));
        for (int j = 0; j < PEERS; j++) {
            assert_true(otp_verifies(peer_receive(peers[j])));
        }
    }
    peer_stop(peers[0]);
    peer_stop(peers[1]);
}

static void wrong_pins_at_once_cost_a_try_each(void **state)
{
    enum { PEERS = 2, EACH = 4 };
    Peer *peers[PEERS];
    int told[5] = {0};
    int blocked = 0;

    (void)state;
    peers[0] = enrolled_device("b");
    peers[1] = enrolled_device("c");
    for (int i = 0; i < EACH; i++) {
        for (int j = 0; j < PEERS; j++) {
            peer_send(peers[j], "get", OTP, WITH_PIN("9999"));
        }
    }
    for (int i = 0; i < PEERS * EACH; i++) {
        Answer answer = peer_receive(peers[i % PEERS]);
        if (answer.code == 2308) {
            told[value_of(answer, "error.info.attemptsLeft")[0] - '0']++;
        } else {
            /* A device that knows of the block does not ask any more. */
            blocked += answer.code == 2310;
            assert_true(answer.code == 2310 || answer.code == 2317);
        }
    }
    /*
     * Each number of tries left occurs exactly once: none was given away, none was charged twice.
     */
    for (int left = 1; left < 5; left++) {
        assert_int_equal(told[left], 1);
    }
    assert_in_range(blocked, 1, PEERS);
    assert_failed(get(OTP, WITH_PIN(PIN)), 2310);
    peer_stop(peers[0]);
    peer_stop(peers[1]);
}

static void processes_that_make_the_authoritys_keys_at_once_have_the_same(void **state)
{
    Peer *peers[2];
    Answer told;

    (void)state;
    for (int i = 0; i < 2; i++) {
        peers[i] = peer_start(&told, "{'storage':{'path':'%s/%d'},'embedded':{'database':'%s/fresh.db'}}", folder(), i, folder());
        assert_succeeded(told, "null");
    }
    /* The first code, whatever its purpose, makes the service create the keys. */
    for (int i = 0; i < 2; i++) {
        peer_send(peers[i], "set", SMSCODE, "{'action':'enrollment','smsCode':'0000'}");
    }
    for (int i = 0; i < 2; i++) {
        assert_failed(peer_receive(peers[i]), 2305);
    }
    assert_succeeded(peer_get(peers[0], SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    assert_succeeded(peer_set(peers[0], SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}",
                              code_of(in_folder("0"), "phoneNumberCertification"), PHONE_NUMBER),
                     "null");
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "0" : "1";
        assert_succeeded(take_code(peers[i], name), i == 0 ? "{'status':'NotEnrolled'}" : "{'status':'AlreadyEnrolled'}");
        assert_succeeded(peer_set(peers[i], ENROLLMENT, BLANK_ENROLL(PIN)), "null");
        assert_succeeded(peer_get(peers[i], OTP, WITH_PIN(PIN)), NULL);
    }
    peer_stop(peers[0]);
    peer_stop(peers[1]);
}

/* ---- Another account ------------------------------------------------------------------------- */

static void two_accounts_of_one_database_are_strangers(void **state)
{
    Answer told;
    char otp[MAX_WORD];

    (void)state;
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s/b'},'account':{'username':'other'},'embedded':{'database':'%s/authority.db'}}",
                            folder(), folder());
    assert_succeeded(told, "null");
    assert_failed(peer_get(peer, TRUSTED_PHONE_NUMBER, "{}"), 2307);
    assert_failed(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), 2307);
    /* The other account accepts neither its password nor its code. */
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    assert_succeeded(peer_set(peer, VERIFY, "{'action':'verify','otp':'%s'}", otp), "{'verified':false}");
    assert_failed(peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), 2305);
    assert_succeeded(peer_set(peer, ENROLLMENT, "{'action':'remove'}"), "null");
    assert_true(verifies(otp));
    peer_stop(peer);
}

static const struct CMUnitTest tests[] = {
    TEST(a_second_device_is_enrolled_with_the_accounts_pin, with_enrollment),
    TEST(a_code_enrolls_one_device, with_phone_number),
    TEST(two_devices_may_wait_with_one_code_and_the_first_has_it, with_phone_number),
    TEST(a_password_is_the_accounts_and_right_once_wherever_it_is_verified, with_enrollment),
    TEST(a_pin_that_was_changed_elsewhere_is_the_one_that_counts, with_enrollment),
    TEST(a_device_that_was_removed_elsewhere_is_disabled, with_enrollment),
    TEST(a_started_enrollment_of_a_disabled_device_falls_back_to_disabled, with_enrollment),
    TEST(wrong_pins_of_all_devices_are_counted_together, with_enrollment),
    TEST(asking_whether_the_account_is_blocked_is_enough_to_learn_of_it, with_enrollment),
    TEST(guessing_the_pin_in_an_enrollment_blocks_the_account, with_enrollment),
    TEST(an_account_with_its_most_devices_gets_no_other, with_enrollment),
    TEST(devices_are_listed_renamed_and_removed_one_by_one, with_enrollment),
    TEST(devices_of_another_account_cannot_be_told_from_none, with_enrollment),
    TEST(a_blocked_account_shows_its_devices_and_changes_none, with_enrollment),
    TEST(a_new_device_works_once_it_is_approved, with_enrollment),
    TEST(a_rejected_device_ends_and_leaves_the_account_blocked, with_enrollment),
    TEST(each_error_of_an_approval_has_its_cause, with_enrollment),
    TEST(devices_may_work_at_once, with_enrollment),
    TEST(wrong_pins_at_once_cost_a_try_each, with_enrollment),
    TEST(processes_that_make_the_authoritys_keys_at_once_have_the_same, with_folder),
    TEST(two_accounts_of_one_database_are_strangers, with_enrollment),
};

SUITE_MAIN(tests)
