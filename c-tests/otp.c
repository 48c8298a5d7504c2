/* One-time passwords: their form, and how often and how long they are accepted. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "message.h"
#include "peer.h"

static void a_password_is_a_few_letters_and_digits_and_alone_in_its_result(void **state)
{
    (void)state;
    Answer answer = assert_succeeded(get(OTP, "{'action':'withPIN','pinCode':'" PIN "'}"), NULL);
    char otp[MAX_WORD], result[2 * MAX_WORD];
    snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
    assert_in_range(strlen(otp), 1, 8);
    assert_int_equal(strspn(otp, "0123456789abcdefghijklmnopqrstuvwxyz"), strlen(otp));
    snprintf(result, sizeof result, "{'otp':'%s'}", otp);
    assert_succeeded(answer, result);
}

static void a_password_is_right_once(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    assert_true(verifies(otp));
    assert_false(verifies(otp));
    assert_false(verifies(otp));
}

static void passwords_are_right_in_any_order_and_independent_of_one_another(void **state)
{
    char otps[5][MAX_WORD];

    (void)state;
    for (int i = 0; i < 5; i++) {
        snprintf(otps[i], sizeof otps[i], "%s", new_otp(PIN));
    }
    for (int i = 4; i >= 0; i--) {
        assert_true(verifies(otps[i]));
        assert_false(verifies(otps[i]));
    }
}

static void what_was_never_made_is_refused(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    assert_false(verifies("47nckoxb"));
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    char changed[MAX_WORD];
    snprintf(changed, sizeof changed, "%s", otp);
    changed[0] = otp[0] == 'a' ? 'b' : 'a';
    assert_false(verifies(changed));
    /* A wrong guess takes nothing from the right one. */
    assert_true(verifies(otp));
}

static void a_password_is_right_for_two_minutes(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    restart(",'embedded':{'clockOffsetSeconds':121}");
    assert_false(verifies(otp));
    assert_true(verifies(new_otp(PIN)));
}

static void the_policy_says_how_long_a_password_is_right(void **state)
{
    char otps[2][MAX_WORD];

    (void)state;
    restart(",'embedded':{'policy':{'otpLifetimeSeconds':7200}}");
    snprintf(otps[0], sizeof otps[0], "%s", new_otp(PIN));
    snprintf(otps[1], sizeof otps[1], "%s", new_otp(PIN));
    restart(",'embedded':{'clockOffsetSeconds':3600,'policy':{'otpLifetimeSeconds':7200}}");
    assert_true(verifies(otps[0]));
    /* A shorter lifetime ends at once the passwords that have more time left. */
    restart(",'embedded':{'clockOffsetSeconds':3600,'policy':{'otpLifetimeSeconds':120}}");
    assert_false(verifies(otps[1]));
    restart(",'embedded':{'clockOffsetSeconds':7201,'policy':{'otpLifetimeSeconds':7200}}");
    assert_false(verifies(otps[1]));
}

static void a_password_survives_a_restart_of_the_service(void **state)
{
    char otp[MAX_WORD];

    (void)state;
    snprintf(otp, sizeof otp, "%s", new_otp(PIN));
    restart("");
    assert_true(verifies(otp));
    restart("");
    assert_false(verifies(otp));
}

/*
 * Asserts that each password is accepted, also across restarts. The device's key evolves every few
 * passwords.
 */
static void assert_all_are_right(const char *more, int count)
{
    restart(more);
    for (int i = 0; i < count; i++) {
        assert_true(verifies(new_otp(PIN)));
        if (i % 7 == 6) {
            restart(more);
        }
    }
}

static void passwords_stay_right_while_the_key_evolves(void **state)
{
    (void)state;
    assert_all_are_right("", 40);
    assert_all_are_right(",'embedded':{'policy':{'evolveK1Every':1}}", 8);
    assert_all_are_right(",'embedded':{'policy':{'evolveK1Every':2}}", 8);
    assert_all_are_right(",'embedded':{'policy':{'evolveK1Every':0}}", 8);
}

/*
 * Returns more members of a configuration, which set the clock to noon (UTC) some days from now: no
 * day ends during a test.
 */
static const char *at_noon(int days, const char *policy)
{
    static char more[256];
    const long day = 24 * 3600;

    snprintf(more, sizeof more, ",'embedded':{'clockOffsetSeconds':%ld,'policy':%s}", days * day + day / 2 + day - (long)(time(NULL) % day),
             policy);
    return more;
}

static void a_limit_by_the_day_is_2204_until_the_next_day(void **state)
{
    (void)state;
    restart(at_noon(0, "{'otpsPerDeviceAndDay':2}"));
    assert_true(verifies(new_otp(PIN)));
    assert_true(verifies(new_otp(PIN)));
    Answer answer = get(OTP, "{'action':'withPIN','pinCode':'" PIN "'}");
    assert_failed(answer, 2204);
    assert_value(answer, "error.info.word", "NOK:FORBIDDEN");
    assert_detail(answer, "one-time passwords today");
    const long wait = strtol(value_of(answer, "error.info.retryAfterSeconds"), NULL, 10);
    assert_in_range(wait, 1, 12 * 3600);
    restart(at_noon(1, "{'otpsPerDeviceAndDay':2}"));
    assert_true(verifies(new_otp(PIN)));
}

/* ---- Without a PIN --------------------------------------------------------------------------- */

#define WITHOUT_PIN "{'action':'withoutPIN'}"
#define NO_PIN_NEEDED ",'embedded':{'policy':{'otpWithoutPin':true}}"

static const char *otp_without_pin(void)
{
    static char otp[MAX_WORD];
    Answer answer = assert_succeeded(get(OTP, WITHOUT_PIN), NULL);

    snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
    return otp;
}

static void a_password_without_a_pin_is_right_once_where_the_policy_allows_it(void **state)
{
    (void)state;
    Answer answer = get(OTP, WITHOUT_PIN);
    assert_failed(answer, 2308);
    assert_detail(answer, "without a PIN");
    assert_null(strstr(answer.message, "nextAction"));
    /* Nothing was charged, and no account was blocked. */
    assert_true(verifies(new_otp(PIN)));
    restart(NO_PIN_NEEDED);
    const char *otp = otp_without_pin();
    assert_true(verifies(otp));
    assert_false(verifies(otp));
    assert_true(verifies(new_otp(PIN)));
    assert_true(verifies(otp_without_pin()));
}

static void a_changed_pin_makes_passwords_without_one_again(void **state)
{
    (void)state;
    restart(NO_PIN_NEEDED);
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    assert_true(verifies(otp_without_pin()));
}

static void a_pin_changed_elsewhere_must_be_entered_once(void **state)
{
    (void)state;
    restart(NO_PIN_NEEDED);
    Answer told;
    Peer *peer = peer_start(&told, "{" LOUD ",'storage':{'path':'%s/b'},'embedded':{'database':'%s/authority.db'}}", folder(), folder());
    assert_succeeded(told, "null");
    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(
        peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code_of(in_folder("b"), "enrollment")),
        "null");
    assert_succeeded(peer_set(peer, PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    for (int i = 0; i < 2; i++) {
        Answer answer = get(OTP, WITHOUT_PIN);
        assert_failed(answer, 2316);
        assert_value(answer, "error.info.nextAction", "retryPin");
    }
    assert_true(verifies(new_otp(OTHER_PIN)));
    assert_true(verifies(otp_without_pin()));
}

static const struct CMUnitTest tests[] = {
    TEST(a_password_is_a_few_letters_and_digits_and_alone_in_its_result, with_enrollment),
    TEST(a_password_is_right_once, with_enrollment),
    TEST(passwords_are_right_in_any_order_and_independent_of_one_another, with_enrollment),
    TEST(what_was_never_made_is_refused, with_enrollment),
    TEST(a_password_is_right_for_two_minutes, with_enrollment),
    TEST(the_policy_says_how_long_a_password_is_right, with_enrollment),
    TEST(a_password_survives_a_restart_of_the_service, with_enrollment),
    TEST(passwords_stay_right_while_the_key_evolves, with_enrollment),
    TEST(a_limit_by_the_day_is_2204_until_the_next_day, with_enrollment),
    TEST(a_password_without_a_pin_is_right_once_where_the_policy_allows_it, with_enrollment),
    TEST(a_changed_pin_makes_passwords_without_one_again, with_enrollment),
    TEST(a_pin_changed_elsewhere_must_be_entered_once, with_enrollment),
};

SUITE_MAIN(tests)
