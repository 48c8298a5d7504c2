/* SMS codes, the trusted phone number, the enrollment of a device and its end. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"

#define ANOTHER_NUMBER "+33687654321"

static Answer take_code(const char *code)
{
    return set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code);
}

static Answer enroll_with(const char *pin, const char *code)
{
    return set(ENROLLMENT, "{'action':'enroll','pinCode':'%s','smsCode':'%s'}", pin, code);
}

static void assert_activated(const char *activated)
{
    char result[MAX_WORD];

    snprintf(result, sizeof result, "{'isDeviceActivated':%s}", activated);
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), result);
}

/* Returns the seconds after which a code may be asked for again. */
static long retry_after(Answer answer)
{
    assert_failed(answer, 2204);
    return strtol(value_of(answer, "error.info.retryAfterSeconds"), NULL, 10);
}

/* ---- The trusted phone number ---------------------------------------------------------------- */

static void a_phone_number_is_registered_with_a_code(void **state)
{
    (void)state;
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
    register_phone_number();
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
}

static void without_a_phone_number_no_code_for_an_enrollment_is_sent(void **state)
{
    (void)state;
    assert_failed(get(SMSCODE, "{'type':'enrollment'}"), 2307);
    assert_false(exists(in_folder("sms-outbox.jsonl")));
}

static void a_second_phone_number_cannot_be_added(void **state)
{
    (void)state;
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" ANOTHER_NUMBER "'}"), "{}");
    assert_failed(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'" ANOTHER_NUMBER "'}",
                      last_code("phoneNumberCertification")),
                  2390);
    assert_failed(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'0000','phoneNumber':'" PHONE_NUMBER "'}"), 2390);
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
}

static void a_phone_number_is_kept_without_what_is_ignored(void **state)
{
    /* The form of the request, the form with the code, and the plain form that is kept. */
    static const char *const forms[][3] = {
        {"'06 12 34 56 78'", "'0612345678'", "0612345678"},
        {"'+33 6.12-34(56)78'", "' +33612345678 '", "+33612345678"},
        {"33612345678", "'33 612 345 678'", "33612345678"},
        {"'123456'", "123456", "123456"},
        {"'+123456789012345'", "'+123456789012345'", "+123456789012345"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char result[MAX_WORD], more[MAX_WORD];
        /* Each form has an account of its own. */
        snprintf(more, sizeof more, ",'account':{'username':'account %zu'}", i);
        restart(more);
        assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':%s}", forms[i][0]), "{}");
        assert_succeeded(
            set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':%s}", last_code("phoneNumberCertification"), forms[i][1]),
            "null");
        snprintf(result, sizeof result, "{'phoneNumber':'%s'}", forms[i][2]);
        assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), result);
    }
}

static void a_code_certifies_the_number_that_it_was_sent_to_and_no_other(void **state)
{
    char code[MAX_WORD];

    (void)state;
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), "{}");
    snprintf(code, sizeof code, "%s", last_code("phoneNumberCertification"));
    Answer answer = set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'" ANOTHER_NUMBER "'}", code);
    assert_failed(answer, 2305);
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
    assert_succeeded(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'" PHONE_NUMBER "'}", code), "null");
}

static void a_wrong_certification_code_is_2305_with_the_tries_that_are_left(void **state)
{
    char code[MAX_WORD];

    (void)state;
    assert_failed(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'123456','phoneNumber':'%s'}", PHONE_NUMBER), 2305);
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    snprintf(code, sizeof code, "%s", last_code("phoneNumberCertification"));
    for (int left = 4; left >= 0; left--) {
        char number[MAX_WORD];
        snprintf(number, sizeof number, "%d", left);
        Answer answer = set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", wrong_code(code), PHONE_NUMBER);
        assert_failed(answer, 2305);
        assert_value(answer, "error.info.attemptsLeft", number);
    }
    assert_failed(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", code, PHONE_NUMBER), 2305);
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
}

static void an_sms_that_cannot_be_sent_is_2204(void **state)
{
    (void)state;
    make_folder(in_folder("sms-outbox.jsonl"));
    assert_failed(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), 2204);
    assert_int_equal(rmdir(in_folder("sms-outbox.jsonl")), 0);
    register_phone_number();
}

/* ---- Codes ----------------------------------------------------------------------------------- */

static void five_codes_an_hour_may_be_asked_for(void **state)
{
    (void)state;
    /* The code for the number was the first of the five; its purpose makes no difference. */
    for (int i = 0; i < 2; i++) {
        assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
        assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" ANOTHER_NUMBER "'}"), "{}");
    }
    for (int i = 0; i < 3; i++) {
        assert_in_range(retry_after(get(SMSCODE, "{'type':'enrollment'}")), 1, 3600);
        assert_in_range(retry_after(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" ANOTHER_NUMBER "'}")), 1, 3600);
    }
    restart(",'embedded':{'clockOffsetSeconds':1800}");
    assert_in_range(retry_after(get(SMSCODE, "{'type':'enrollment'}")), 1, 1800);
    restart(",'embedded':{'clockOffsetSeconds':3601}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
}

static void codes_are_limited_by_the_day_too(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'codesPerHour':2,'codesPerDay':3}}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_in_range(retry_after(get(SMSCODE, "{'type':'enrollment'}")), 1, 3600);
    restart(",'embedded':{'clockOffsetSeconds':3601,'policy':{'codesPerHour':2,'codesPerDay':3}}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_in_range(retry_after(get(SMSCODE, "{'type':'enrollment'}")), 3600, 24 * 3600);
    restart(",'embedded':{'clockOffsetSeconds':86401,'policy':{'codesPerHour':2,'codesPerDay':3}}");
    assert_succeeded(get(SMSCODE, "{'type':'enrollment'}"), "{}");
}

static void a_code_has_as_many_digits_as_the_policy_says(void **state)
{
    (void)state;
    assert_int_equal(strlen(new_enrollment_code()), 6);
    restart(",'embedded':{'policy':{'codeDigits':12}}");
    char code[MAX_WORD];
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_int_equal(strlen(code), 12);
    assert_int_equal(strspn(code, "0123456789"), 12);
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
}

static void what_an_activation_shows_is_a_rule_of_the_policy(void **state)
{
    char code[MAX_WORD];

    (void)state;
    restart(",'embedded':{'policy':{'activationProof':'ticket'}}");
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    /*
     * A code that is compared with those of all accounts is long, whatever the value of
     * `codeDigits`.
     */
    restart(",'embedded':{'policy':{'activationProof':'open','codeDigits':4}}");
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_int_equal(strlen(code), 10);
    assert_int_equal(strspn(code, "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"), 10);
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
    restart(",'embedded':{'policy':{'activationProof':{'open':12}}}");
    assert_int_equal(strlen(new_enrollment_code()), 12);
    assert_succeeded(enroll_with(PIN, last_code("enrollment")), "null");
}

static void a_wrong_code_is_2305_and_a_code_dies_of_too_many_tries(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    for (int left = 4; left >= 0; left--) {
        char number[MAX_WORD];
        snprintf(number, sizeof number, "%d", left);
        Answer answer = left % 2 == 0 ? take_code(wrong_code(code)) : enroll_with(PIN, wrong_code(code));
        assert_failed(answer, 2305);
        assert_value(answer, "error.info.attemptsLeft", number);
        assert_value(answer, "error.info.word", "NOK:CODE");
    }
    Answer answer = take_code(code);
    assert_failed(answer, 2305);
    assert_value(answer, "error.info.nextAction", "requestSmsCode");
    assert_failed(enroll_with(PIN, code), 2305);
    assert_activated("false");
    /* A second code would be useless until the lifetime of this one is over. */
    assert_in_range(retry_after(get(SMSCODE, "{'type':'enrollment'}")), 1, 600);
    restart(",'embedded':{'clockOffsetSeconds':601}");
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
}

static void asking_for_another_code_gives_no_try_back(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_value(take_code(wrong_code(code)), "error.info.attemptsLeft", "4");
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_value(take_code(wrong_code(code)), "error.info.attemptsLeft", "3");
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
}

static void a_newer_code_replaces_the_one_before(void **state)
{
    char older[MAX_WORD], newer[MAX_WORD];

    (void)state;
    snprintf(older, sizeof older, "%s", new_enrollment_code());
    do {
        /* They may be equal, once in a million. */
        snprintf(newer, sizeof newer, "%s", new_enrollment_code());
    } while (strcmp(older, newer) == 0);
    assert_failed(take_code(older), 2305);
    assert_succeeded(take_code(newer), "{'status':'NotEnrolled'}");
}

static void a_code_of_one_purpose_is_worth_nothing_for_another(void **state)
{
    char certification[MAX_WORD], enrollment[MAX_WORD];

    (void)state;
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    snprintf(certification, sizeof certification, "%s", last_code("phoneNumberCertification"));
    do {
        snprintf(enrollment, sizeof enrollment, "%s", new_enrollment_code());
    } while (strcmp(certification, enrollment) == 0);
    assert_failed(take_code(certification), 2305);
    assert_succeeded(take_code(enrollment), NULL);
}

static void an_expired_code_is_2305_and_the_state_falls_back(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
    restart(",'embedded':{'clockOffsetSeconds':700}");
    /* Nothing is started any more. */
    assert_failed(enroll_with(PIN, " "), 2311);
    Answer answer = take_code(code);
    assert_failed(answer, 2305);
    assert_value(answer, "error.info.nextAction", "requestSmsCode");
    assert_failed(enroll_with(PIN, code), 2305);
    enroll(PIN);
    assert_true(verifies(new_otp(PIN)));
}

static void a_started_enrollment_lasts_as_long_as_the_code(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'codeLifetimeSeconds':3600}}");
    new_enrollment_code();
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockOffsetSeconds':3500}}"), "null");
    assert_succeeded(take_code(last_code("enrollment")), "{'status':'NotEnrolled'}");
    /* The time counts from the sending of the code, not from its use. */
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockOffsetSeconds':3590}}"), "null");
    assert_succeeded(take_code(last_code("enrollment")), "{'status':'NotEnrolled'}");
    assert_succeeded(set(SDK_CONFIGURATION, "{'embedded':{'clockOffsetSeconds':3601}}"), "null");
    assert_failed(enroll_with(PIN, " "), 2311);
    assert_failed(take_code(last_code("enrollment")), 2305);
}

static void a_code_that_the_service_ends_earlier_is_2305_and_the_state_falls_back(void **state)
{
    (void)state;
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    /* A code of the same purpose replaces it. */
    new_enrollment_code();
    assert_failed(enroll_with(PIN, " "), 2305);
    assert_failed(enroll_with(PIN, " "), 2311);
}

static void a_code_may_be_an_integer_with_no_zero_in_front(void **state)
{
    const char *code;

    (void)state;
    restart(",'embedded':{'policy':{'codesPerHour':1000,'codesPerDay':1000}}");
    do {
        code = new_enrollment_code();
    } while (code[0] == '0');
    assert_succeeded(set(ENROLLMENT, "{'action':'enroll','pinCode':1234,'smsCode':%s}", code), "null");
    assert_true(verifies(new_otp("1234")));
}

/* ---- The enrollment -------------------------------------------------------------------------- */

static void a_device_is_enrolled_in_two_steps(void **state)
{
    (void)state;
    assert_activated("false");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'Unknown'}");
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    assert_activated("false");
    assert_succeeded(enroll_with(PIN, " "), "null");
    assert_activated("true");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'NotBlocked'}");
    assert_true(verifies(new_otp(PIN)));
}

static void a_device_is_enrolled_with_the_code_in_one_step(void **state)
{
    (void)state;
    assert_succeeded(enroll_with(PIN, new_enrollment_code()), "null");
    assert_activated("true");
    assert_true(verifies(new_otp(PIN)));
}

static void a_code_that_was_taken_may_be_given_again(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
    assert_succeeded(enroll_with(PIN, code), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void white_space_around_a_code_is_ignored(void **state)
{
    (void)state;
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':' %s\\n'}", new_enrollment_code()), "{'status':'NotEnrolled'}");
    assert_succeeded(enroll_with(PIN, "\\t "), "null");
}

static void a_blank_code_without_one_that_was_taken_is_2311(void **state)
{
    static const char *const blanks[] = {"", " ", "  ", "\\t\\n"};

    (void)state;
    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        Answer answer = enroll_with(PIN, blanks[i]);
        assert_failed(answer, 2311);
        assert_value(answer, "error.info.nextAction", "requestSmsCode");
    }
}

static void a_wrong_code_takes_nothing_from_a_started_enrollment(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(take_code(code), "{'status':'NotEnrolled'}");
    assert_failed(take_code(wrong_code(code)), 2305);
    assert_succeeded(enroll_with(PIN, " "), "null");
    assert_activated("true");
}

static void an_enrollment_that_rested_too_long_between_its_steps_is_finished_all_the_same(void **state)
{
    (void)state;
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    /* The service waits five minutes for the second step, and its code lives for ten. */
    restart(",'embedded':{'clockOffsetSeconds':400}");
    assert_succeeded(enroll_with(PIN, " "), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void a_used_code_enrolls_nothing(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    assert_succeeded(enroll_with(PIN, code), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_failed(take_code(code), 2305);
    assert_failed(enroll_with(PIN, code), 2305);
    assert_activated("false");
}

static void an_enrolled_device_is_not_enrolled_again(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    Answer answers[] = {take_code(code), enroll_with(PIN, code), enroll_with(PIN, " ")};
    for (int i = 0; i < 3; i++) {
        assert_failed(answers[i], 2317);
        /* A program that followed a next action would take the enrollment from every device. */
        assert_null(strstr(answers[i].message, "nextAction"));
    }
    assert_true(verifies(new_otp(PIN)));
}

static void what_needs_an_enrolled_device_is_2317_before(void **state)
{
    (void)state;
    for (int started = 0; started < 2; started++) {
        assert_failed(get(OTP, "{'action':'withPIN','pinCode':'1234'}"), 2317);
        assert_failed(set(PINCODE, "{'action':'update','oldPIN':'1234','newPIN':'4321'}"), 2317);
        assert_succeeded(take_code(new_enrollment_code()), NULL);
    }
    assert_succeeded(enroll_with(PIN, " "), "null");
}

static void a_pin_that_the_policy_refuses_is_2102_and_another_may_follow(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'pinMinLength':6}}");
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    assert_invalid(enroll_with("1234", " "), "pinCode");
    assert_activated("false");
    assert_succeeded(enroll_with("123456", " "), "null");
    assert_true(verifies(new_otp("123456")));
}

/* ---- Enrollment and phone number in one go --------------------------------------------------- */

/*
 * Asks for a code that certifies a number. Returns the code, which is valid until the next code is
 * read.
 */
static const char *certify(const char *number)
{
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", number), "{}");
    return last_code("phoneNumberCertification");
}

static Answer enroll_with_number(const char *pin, const char *code, const char *number)
{
    return set(ENROLLMENT, "{'action':'enrollWithPhoneNumber','pinCode':'%s','smsCode':'%s','phoneNumber':'%s'}", pin, code, number);
}

static void a_device_is_enrolled_and_its_phone_number_registered_in_one_go(void **state)
{
    (void)state;
    assert_succeeded(enroll_with_number(PIN, certify(PHONE_NUMBER), "+33 6.12-34(56)78"), "null");
    assert_activated("true");
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
    assert_true(verifies(new_otp(PIN)));
    /* The number gets codes like any other number. */
    assert_succeeded(get(SMSCODE, "{'type':'resetPIN'}"), "{}");
}

static void neither_happens_where_the_code_is_wrong_or_for_another_number_or_purpose(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", certify(PHONE_NUMBER));
    assert_failed(enroll_with_number(PIN, wrong_code(code), PHONE_NUMBER), 2305);
    assert_failed(enroll_with_number(PIN, code, "+33699999999"), 2305);
    /* Without the number it is no code of an enrollment. */
    assert_failed(enroll_with(PIN, code), 2305);
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
    assert_activated("false");
    assert_succeeded(enroll_with_number(PIN, code, PHONE_NUMBER), "null");
}

static void neither_happens_where_the_pin_is_refused_and_both_may_follow(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'pinMinLength':6}}");
    const char *code = certify(PHONE_NUMBER);
    assert_invalid(enroll_with_number(PIN, code, PHONE_NUMBER), "pinCode");
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
    assert_activated("false");
    /* The code was used: another process goes on with it, by the number or by a blank code. */
    restart(",'embedded':{'policy':{'pinMinLength':6}}");
    assert_succeeded(enroll_with("123456", " "), "null");
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
    assert_true(verifies(new_otp("123456")));
}

static void a_registered_number_is_kept_and_nothing_is_enrolled(void **state)
{
    (void)state;
    Answer answer = enroll_with_number(PIN, certify("+33699999999"), "+33699999999");
    assert_failed(answer, 2390);
    assert_activated("false");
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
    enroll(PIN);
}

static void a_code_is_required_to_enroll_with_a_number(void **state)
{
    (void)state;
    assert_invalid(enroll_with_number(PIN, " ", PHONE_NUMBER), "smsCode");
    assert_missing(set(ENROLLMENT, "{'action':'enrollWithPhoneNumber','pinCode':'1234','smsCode':'123456'}"), "phoneNumber");
    assert_invalid(enroll_with_number(PIN, "123456", "0612"), "phoneNumber");
}

/* ---- Another phone number -------------------------------------------------------------------- */

static Answer modify(const char *selector, const char *code, const char *number)
{
    return set(SMSCODE, "{'%s':'modifyPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", selector, code, number);
}

static void a_phone_number_is_exchanged_with_a_code_of_the_new_one(void **state)
{
    char old[MAX_WORD], code[MAX_WORD];

    (void)state;
    snprintf(old, sizeof old, "%s", new_enrollment_code());
    snprintf(code, sizeof code, "%s", certify("+33699999999"));
    assert_failed(modify("action", code, "+33688888888"), 2305);
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
    assert_succeeded(modify("action", code, "+33 699 99 99 99"), "null");
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'+33699999999'}");
    /* A code is used once. A code that went to the old number proves nothing any more. */
    assert_failed(modify("action", code, "+33699999999"), 2305);
    assert_failed(take_code(old), 2305);
    enroll(PIN);
    /* The reference has `action` in its table and `type` in its example. */
    assert_succeeded(modify("type", certify("0611111111"), "0611111111"), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void without_a_phone_number_none_is_exchanged(void **state)
{
    (void)state;
    assert_failed(modify("action", certify(PHONE_NUMBER), PHONE_NUMBER), 2307);
    assert_failed(get(TRUSTED_PHONE_NUMBER, "{}"), 2307);
}

/* ---- The end of it --------------------------------------------------------------------------- */

static void removing_ends_the_enrollment_and_keeps_the_phone_number(void **state)
{
    (void)state;
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_activated("false");
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'Unknown'}");
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'" PIN "'}"), 2317);
    assert_failed(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'4321'}"), 2317);
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
}

static void removing_is_allowed_in_every_state(void **state)
{
    (void)state;
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_succeeded(take_code(new_enrollment_code()), NULL);
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    /* The started enrollment is gone, and its code with it. */
    assert_failed(enroll_with(PIN, " "), 2311);
    assert_failed(take_code(last_code("enrollment")), 2305);
}

static void after_a_removal_a_device_is_enrolled_with_a_new_pin(void **state)
{
    (void)state;
    char before[MAX_WORD];
    snprintf(before, sizeof before, "%s", new_otp(PIN));
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    /* The service accepts no password of the removed device. */
    assert_false(verifies(before));
    assert_succeeded(take_code(new_enrollment_code()), "{'status':'NotEnrolled'}");
    assert_succeeded(enroll_with("87654321", " "), "null");
    assert_failed(get(OTP, "{'action':'withPIN','pinCode':'" PIN "'}"), 2308);
    assert_true(verifies(new_otp("87654321")));
}

static const struct CMUnitTest tests[] = {
    TEST(a_phone_number_is_registered_with_a_code, with_facade),
    TEST(without_a_phone_number_no_code_for_an_enrollment_is_sent, with_facade),
    TEST(a_second_phone_number_cannot_be_added, with_phone_number),
    TEST(a_phone_number_is_kept_without_what_is_ignored, with_facade),
    TEST(a_code_certifies_the_number_that_it_was_sent_to_and_no_other, with_facade),
    TEST(a_wrong_certification_code_is_2305_with_the_tries_that_are_left, with_facade),
    TEST(an_sms_that_cannot_be_sent_is_2204, with_facade),
    TEST(five_codes_an_hour_may_be_asked_for, with_phone_number),
    TEST(codes_are_limited_by_the_day_too, with_phone_number),
    TEST(a_code_has_as_many_digits_as_the_policy_says, with_phone_number),
    TEST(what_an_activation_shows_is_a_rule_of_the_policy, with_phone_number),
    TEST(a_wrong_code_is_2305_and_a_code_dies_of_too_many_tries, with_phone_number),
    TEST(asking_for_another_code_gives_no_try_back, with_phone_number),
    TEST(a_newer_code_replaces_the_one_before, with_phone_number),
    TEST(a_code_of_one_purpose_is_worth_nothing_for_another, with_phone_number),
    TEST(an_expired_code_is_2305_and_the_state_falls_back, with_phone_number),
    TEST(a_started_enrollment_lasts_as_long_as_the_code, with_phone_number),
    TEST(a_code_that_the_service_ends_earlier_is_2305_and_the_state_falls_back, with_phone_number),
    TEST(a_device_is_enrolled_and_its_phone_number_registered_in_one_go, with_facade),
    TEST(neither_happens_where_the_code_is_wrong_or_for_another_number_or_purpose, with_facade),
    TEST(neither_happens_where_the_pin_is_refused_and_both_may_follow, with_facade),
    TEST(a_registered_number_is_kept_and_nothing_is_enrolled, with_phone_number),
    TEST(a_code_is_required_to_enroll_with_a_number, with_facade),
    TEST(a_phone_number_is_exchanged_with_a_code_of_the_new_one, with_phone_number),
    TEST(without_a_phone_number_none_is_exchanged, with_facade),
    TEST(a_code_may_be_an_integer_with_no_zero_in_front, with_phone_number),
    TEST(a_device_is_enrolled_in_two_steps, with_phone_number),
    TEST(a_device_is_enrolled_with_the_code_in_one_step, with_phone_number),
    TEST(a_code_that_was_taken_may_be_given_again, with_phone_number),
    TEST(white_space_around_a_code_is_ignored, with_phone_number),
    TEST(a_blank_code_without_one_that_was_taken_is_2311, with_phone_number),
    TEST(a_wrong_code_takes_nothing_from_a_started_enrollment, with_phone_number),
    TEST(an_enrollment_that_rested_too_long_between_its_steps_is_finished_all_the_same, with_phone_number),
    TEST(a_used_code_enrolls_nothing, with_phone_number),
    TEST(an_enrolled_device_is_not_enrolled_again, with_enrollment),
    TEST(what_needs_an_enrolled_device_is_2317_before, with_phone_number),
    TEST(a_pin_that_the_policy_refuses_is_2102_and_another_may_follow, with_phone_number),
    TEST(removing_ends_the_enrollment_and_keeps_the_phone_number, with_enrollment),
    TEST(removing_is_allowed_in_every_state, with_phone_number),
    TEST(after_a_removal_a_device_is_enrolled_with_a_new_pin, with_enrollment),
};

SUITE_MAIN(tests)
