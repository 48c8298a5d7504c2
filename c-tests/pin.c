/* The PIN: its changes, guesses of it, and the block of the account. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "message.h"
#include "peer.h"

static Answer otp_with(const char *pin)
{
    return get(OTP, "{'action':'withPIN','pinCode':'%s'}", pin);
}

static Answer update(const char *old_pin, const char *new_pin)
{
    return set(PINCODE, "{'action':'update','oldPIN':'%s','newPIN':'%s'}", old_pin, new_pin);
}

static void assert_wrong(Answer answer, int left)
{
    char number[MAX_WORD];

    snprintf(number, sizeof number, "%d", left);
    assert_failed(answer, 2308);
    assert_value(answer, "error.info.attemptsLeft", number);
    assert_value(answer, "error.info.word", "NOK:ACCESS");
    assert_value(answer, "error.info.nextAction", "retryPin");
}

/* ---- The change ------------------------------------------------------------------------------ */

static void the_pin_is_changed(void **state)
{
    (void)state;
    assert_succeeded(update(PIN, OTHER_PIN), "null");
    assert_wrong(otp_with(PIN), 4);
    assert_true(verifies(new_otp(OTHER_PIN)));
    /* The PIN changes back, and then to one of eight digits. */
    assert_succeeded(update(OTHER_PIN, PIN), "null");
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(update(PIN, "00000000"), "null");
    assert_true(verifies(new_otp("00000000")));
}

static void a_changed_pin_survives_a_restart(void **state)
{
    (void)state;
    assert_succeeded(update(PIN, OTHER_PIN), "null");
    restart("");
    assert_wrong(otp_with(PIN), 4);
    assert_true(verifies(new_otp(OTHER_PIN)));
}

static void a_pin_may_be_an_integer(void **state)
{
    (void)state;
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':1234,'newPIN':87654321}"), "null");
    assert_succeeded(get(OTP, "{'action':'withPIN','pinCode':87654321}"), NULL);
    assert_true(verifies(new_otp("87654321")));
}

static void equal_pins_are_2315_and_cost_nothing(void **state)
{
    (void)state;
    assert_failed(update("9999", "9999"), 2315);
    assert_failed(set(PINCODE, "{'action':'update','oldPIN':9999,'newPIN':'9999'}"), 2315);
    assert_failed(update(PIN, PIN), 2315);
    assert_wrong(otp_with("9999"), 4);
    assert_true(verifies(new_otp(PIN)));
}

static void a_wrong_old_pin_is_2308_and_changes_nothing(void **state)
{
    (void)state;
    assert_wrong(update("9999", OTHER_PIN), 4);
    assert_wrong(update("9999", PIN), 3);
    assert_wrong(otp_with(OTHER_PIN), 2);
    assert_true(verifies(new_otp(PIN)));
}

static void a_new_pin_that_the_policy_refuses_is_2102_and_changes_nothing(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'pinMinLength':6}}");
    assert_invalid(update(PIN, "54321"), "newPIN");
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(update(PIN, "654321"), "null");
    assert_true(verifies(new_otp("654321")));
}

/* ---- Wrong PINs ------------------------------------------------------------------------------ */

static void assert_blocked(void)
{
    Answer answers[] = {
        otp_with(PIN),
        update(PIN, OTHER_PIN),
        set(SMSCODE, "{'action':'enrollment','smsCode':'123456'}"),
        set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'123456'}"),
        set(ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':' '}"),
    };

    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        assert_failed(answers[i], 2317);
        assert_value(answers[i], "error.info.nextAction", "resetPin");
    }
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
}

static void five_wrong_pins_block_the_account(void **state)
{
    (void)state;
    for (int left = 4; left > 0; left--) {
        assert_wrong(otp_with("9999"), left);
    }
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    Answer answer = otp_with("9999");
    assert_failed(answer, 2310);
    assert_value(answer, "error.info.nextAction", "resetPin");
    assert_blocked();
    restart("");
    assert_blocked();
}

static void wrong_old_pins_block_the_account_too(void **state)
{
    (void)state;
    assert_wrong(update("9999", OTHER_PIN), 4);
    assert_wrong(otp_with("9999"), 3);
    assert_wrong(update("9999", OTHER_PIN), 2);
    assert_wrong(otp_with("9999"), 1);
    assert_failed(update("9999", OTHER_PIN), 2310);
    assert_blocked();
}

static void a_right_pin_gives_the_tries_back(void **state)
{
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int left = 4; left > 0; left--) {
            assert_wrong(otp_with("9999"), left);
        }
        assert_true(verifies(new_otp(PIN)));
    }
}

static void tries_are_not_given_back_by_a_restart(void **state)
{
    (void)state;
    for (int left = 4; left > 0; left--) {
        assert_wrong(otp_with("9999"), left);
        restart("");
    }
    assert_failed(otp_with("9999"), 2310);
}

static void tries_are_not_given_back_by_the_death_of_the_process(void **state)
{
    Answer told;

    (void)state;
    pims_free();
    for (int left = 4; left > 0; left--) {
        Peer *peer = peer_start(&told, "{'storage':{'path':'%s'}}", folder());
        assert_succeeded(told, "null");
        assert_wrong(peer_get(peer, OTP, "{'action':'withPIN','pinCode':'9999'}"), left);
        peer_kill(peer);
    }
    restart("");
    assert_failed(otp_with("9999"), 2310);
    assert_blocked();
}

static void the_policy_says_how_many_tries_there_are(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'maxPinTries':2}}");
    assert_wrong(otp_with("9999"), 1);
    assert_failed(otp_with("9999"), 2310);
    assert_blocked();
}

static void a_blocked_account_is_freed_by_removing_its_enrollments(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'maxPinTries':1}}");
    assert_failed(otp_with("9999"), 2310);
    assert_blocked();
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'Unknown'}");
    enroll(OTHER_PIN);
    assert_true(verifies(new_otp(OTHER_PIN)));
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
}

static const struct CMUnitTest tests[] = {
    TEST(the_pin_is_changed, with_enrollment),
    TEST(a_changed_pin_survives_a_restart, with_enrollment),
    TEST(a_pin_may_be_an_integer, with_enrollment),
    TEST(equal_pins_are_2315_and_cost_nothing, with_enrollment),
    TEST(a_wrong_old_pin_is_2308_and_changes_nothing, with_enrollment),
    TEST(a_new_pin_that_the_policy_refuses_is_2102_and_changes_nothing, with_enrollment),
    TEST(five_wrong_pins_block_the_account, with_enrollment),
    TEST(wrong_old_pins_block_the_account_too, with_enrollment),
    TEST(a_right_pin_gives_the_tries_back, with_enrollment),
    TEST(tries_are_not_given_back_by_a_restart, with_enrollment),
    TEST(tries_are_not_given_back_by_the_death_of_the_process, with_enrollment),
    TEST(the_policy_says_how_many_tries_there_are, with_enrollment),
    TEST(a_blocked_account_is_freed_by_removing_its_enrollments, with_enrollment),
};

SUITE_MAIN(tests)
