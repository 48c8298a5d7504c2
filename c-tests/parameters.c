/*
 * The validation of a request before anything is sent: names, selectors, missing parameters, wrong
 * forms, and their order.
 */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"

static const char *const not_an_object[] = {
    "[]",    "null",     "1",        "'text'",   "{",         "}",          "{}x",         "{} {}",           "{'a':}", "{'a':1,}",
    "{a:1}", "{'a':01}", "{'a':+1}", "{'a':1.}", "{'a':tru}", "{'a':'\t'}", "{'a':'\\x'}", "{'a':'\\ud800'}", " ",      "\xef\xbb\xbf{}",
};

static void an_unknown_api_is_2002_with_the_nearest_known_name(void **state)
{
    (void)state;
    Answer answer = get("pims.sdk.versoin", "{}");
    assert_failed(answer, 2002);
    assert_detail(answer, SDK_VERSION);
    answer = set("pims.authentication.enrolment", "{}");
    assert_failed(answer, 2002);
    assert_detail(answer, ENROLLMENT);
    assert_failed(get("pims.nonsense", "{}"), 2002);
    assert_failed(set("pims.nonsense", "{}"), 2002);
    assert_failed(get(" pims.sdk.version", "{}"), 2002);
    assert_failed(get("PIMS.SDK.VERSION", "{}"), 2002);
    /* A name is any text. */
    assert_failed(get("\"\\\n\x01\xc3\xa9\xf0\x9f\x94\x91", "{}"), 2002);
}

static void a_known_api_with_the_other_method_is_2002(void **state)
{
    (void)state;
    assert_failed(set(SDK_VERSION, "{}"), 2002);
    assert_failed(set(OTP, "{}"), 2002);
    assert_failed(set(TRUSTED_PHONE_NUMBER, "{}"), 2002);
    assert_failed(get(ENROLLMENT, "{}"), 2002);
    assert_failed(get(VERIFY, "{}"), 2002);
    Answer answer = get(PINCODE, "{}");
    assert_failed(answer, 2002);
    assert_detail(answer, "set");
}

static void the_api_is_judged_before_its_parameters(void **state)
{
    (void)state;
    assert_failed(get("pims.nonsense", "no JSON"), 2002);
    assert_failed(set(SDK_VERSION, "["), 2002);
}

static void what_is_not_one_json_object_is_2102(void **state)
{
    static const char *const gets[] = {SDK_VERSION, ACCOUNT, OTP, SMSCODE, TRUSTED_PHONE_NUMBER};
    static const char *const sets[] = {ENROLLMENT, PINCODE, SMSCODE, VERIFY};
    char params[64];

    (void)state;
    for (size_t i = 0; i < sizeof not_an_object / sizeof *not_an_object; i++) {
        quoted(not_an_object[i], params, sizeof params);
        for (size_t j = 0; j < sizeof gets / sizeof *gets; j++) {
            assert_invalid(request("get", gets[j], params), "parameters");
        }
        for (size_t j = 0; j < sizeof sets / sizeof *sets; j++) {
            assert_invalid(request("set", sets[j], params), "parameters");
        }
    }
}

static void json_may_be_written_as_json_may_be(void **state)
{
    (void)state;
    assert_succeeded(get(ACCOUNT, " {\n\t'actionType' : 'strong' , 'type' : 'isDeviceActivated' }\r\n "), NULL);
    assert_succeeded(get(ACCOUNT, "{'action\\u0054ype':'str\\u006fng','type':'isDeviceActivated','x':[1,-2.5e-3,{'y':[null]}]}"), NULL);
    /* If a name is repeated, the last one counts. */
    assert_succeeded(get(ACCOUNT, "{'type':'nonsense','actionType':'strong','type':'isDeviceActivated'}"), NULL);
    assert_invalid(get(ACCOUNT, "{'type':'isDeviceActivated','actionType':'strong','type':'nonsense'}"), "type");
}

/* ---- Selectors ------------------------------------------------------------------------------- */

static void a_missing_selector_is_2101(void **state)
{
    (void)state;
    assert_missing(get(ACCOUNT, "{}"), "type");
    assert_missing(get(OTP, "{}"), "action");
    assert_missing(get(SMSCODE, "{}"), "type");
    assert_missing(set(SMSCODE, "{}"), "action");
    assert_missing(set(ENROLLMENT, "{}"), "action");
    assert_missing(set(PINCODE, "{}"), "action");
    assert_missing(set(VERIFY, "{}"), "action");
    /* null counts as missing. */
    assert_missing(get(OTP, "{'action':null,'pinCode':'1234'}"), "action");
    assert_missing(get(ACCOUNT, "{'type':null,'actionType':'strong'}"), "type");
}

static void an_unknown_selector_is_2102(void **state)
{
    static const char *const unknown[] = {"'nonsense'", "''", "'ENROLL'", "1", "true", "[]", "{}", "['enroll']"};

    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_invalid(get(ACCOUNT, "{'actionType':'strong','type':%s}", unknown[i]), "type");
        assert_invalid(get(OTP, "{'action':%s}", unknown[i]), "action");
        assert_invalid(get(SMSCODE, "{'type':%s}", unknown[i]), "type");
        assert_invalid(set(SMSCODE, "{'action':%s}", unknown[i]), "action");
        assert_invalid(set(ENROLLMENT, "{'action':%s}", unknown[i]), "action");
        assert_invalid(set(PINCODE, "{'action':%s}", unknown[i]), "action");
        assert_invalid(set(VERIFY, "{'action':%s}", unknown[i]), "action");
    }
    Answer answer = set(ENROLLMENT, "{'action':'enrol'}");
    assert_detail(answer, "enroll");
}

static void an_action_type_is_required_and_strong(void **state)
{
    static const char *const types[] = {"isDeviceActivated", "isAccountBlocked"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        assert_missing(get(ACCOUNT, "{'type':'%s'}", types[i]), "actionType");
        assert_missing(get(ACCOUNT, "{'type':'%s','actionType':null}", types[i]), "actionType");
        assert_invalid(get(ACCOUNT, "{'type':'%s','actionType':'weak'}", types[i]), "actionType");
        assert_invalid(get(ACCOUNT, "{'type':'%s','actionType':1}", types[i]), "actionType");
    }
}

static void the_selector_of_phone_numbers_may_be_type_or_action(void **state)
{
    (void)state;
    assert_succeeded(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    /* The reference has action in its table and type in its example. */
    assert_missing(set(SMSCODE, "{'type':'addPhoneNumber'}"), "smsCode");
    assert_missing(set(SMSCODE, "{'action':'addPhoneNumber'}"), "smsCode");
    assert_succeeded(
        set(SMSCODE, "{'type':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}", last_code("phoneNumberCertification"), PHONE_NUMBER),
        "null");
    /* The other operations accept one name only. */
    assert_missing(set(SMSCODE, "{'type':'enrollment','smsCode':'123456'}"), "action");
    assert_missing(get(SMSCODE, "{'action':'enrollment'}"), "type");
    assert_missing(get(OTP, "{'type':'withPIN','pinCode':'1234'}"), "action");
    assert_missing(set(ENROLLMENT, "{'type':'remove'}"), "action");
}

/* ---- Missing parameters ---------------------------------------------------------------------- */

static void each_missing_parameter_is_2101_in_the_order_of_the_reference(void **state)
{
    (void)state;
    assert_missing(get(OTP, "{'action':'withPIN'}"), "pinCode");
    assert_missing(get(OTP, "{'action':'withPIN','pinCode':null}"), "pinCode");
    assert_missing(get(SMSCODE, "{'type':'phoneNumberCertification'}"), "phoneNumber");
    assert_missing(set(SMSCODE, "{'action':'enrollment'}"), "smsCode");
    assert_missing(set(SMSCODE, "{'action':'addPhoneNumber'}"), "smsCode");
    assert_missing(set(SMSCODE, "{'action':'addPhoneNumber','phoneNumber':'%s'}", PHONE_NUMBER), "smsCode");
    assert_missing(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'123456'}"), "phoneNumber");
    assert_missing(set(ENROLLMENT, "{'action':'enroll'}"), "pinCode");
    assert_missing(set(ENROLLMENT, "{'action':'enroll','smsCode':' '}"), "pinCode");
    assert_missing(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234'}"), "smsCode");
    assert_missing(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234','smsCode':null}"), "smsCode");
    assert_missing(set(PINCODE, "{'action':'update'}"), "oldPIN");
    assert_missing(set(PINCODE, "{'action':'update','newPIN':'4321'}"), "oldPIN");
    assert_missing(set(PINCODE, "{'action':'update','oldPIN':'1234'}"), "newPIN");
    assert_missing(set(VERIFY, "{'action':'verify'}"), "otp");
    /* All parameters must be there before the form of any is checked. */
    assert_missing(set(ENROLLMENT, "{'action':'enroll','pinCode':'x'}"), "smsCode");
    assert_missing(set(PINCODE, "{'action':'update','oldPIN':'x'}"), "newPIN");
    assert_missing(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'x'}"), "phoneNumber");
}

/* ---- Forms ----------------------------------------------------------------------------------- */

static void a_pin_is_four_to_eight_digits(void **state)
{
    static const char *const bad[] = {
        "'123'",
        "'123456789'",
        "''",
        "' '",
        "'12a4'",
        "' 1234'",
        "'1234 '",
        "'12.4'",
        "'-1234'",
        "'+1234'",
        "'12\\n34'",
        "'12\\u000034'",
        "'\\u0661\\u0662\\u0663\\u0664'",
        "123",
        "123456789",
        "-1234",
        "1234.0",
        "1234.5",
        "1e4",
        "true",
        "['1234']",
        "{'pin':'1234'}",
        "18446744073709551616",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        Answer answer = get(OTP, "{'action':'withPIN','pinCode':%s}", bad[i]);
        assert_invalid(answer, "pinCode");
        /* The random transactionId, which precedes the status, may have these digits. */
        const char *outcome = strstr(answer.message, "\"status\"");
        assert_non_null(outcome);
        assert_null(strstr(outcome, "1234"));
        assert_invalid(set(ENROLLMENT, "{'action':'enroll','pinCode':%s,'smsCode':' '}", bad[i]), "pinCode");
        assert_invalid(set(PINCODE, "{'action':'update','oldPIN':%s,'newPIN':'4321'}", bad[i]), "oldPIN");
        assert_invalid(set(PINCODE, "{'action':'update','oldPIN':'4321','newPIN':%s}", bad[i]), "newPIN");
    }
    static const char *const good[] = {"'1234'", "'0000'", "'12345678'", "1234", "12345678", "'\\u0031234'"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        /* The form is right, so the error is that nothing is enrolled. */
        assert_failed(get(OTP, "{'action':'withPIN','pinCode':%s}", good[i]), 2317);
    }
}

static void an_sms_code_is_four_to_twelve_letters_or_digits(void **state)
{
    static const char *const bad[] = {
        "'123'", "'1234567890123'", "'24 24'", "'24-24'", "'2424.'", "'\\u00e9\\u00e9\\u00e9\\u00e9'",
        "123",   "-2424",           "2424.5",  "1e4",     "true",    "[]",
        "{}",    "'2\\u0000424'",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_invalid(set(SMSCODE, "{'action':'enrollment','smsCode':%s}", bad[i]), "smsCode");
        assert_invalid(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':%s,'phoneNumber':'%s'}", bad[i], PHONE_NUMBER), "smsCode");
        assert_invalid(set(ENROLLMENT, "{'action':'enroll','pinCode':'1234','smsCode':%s}", bad[i]), "smsCode");
    }
    /* A blank code has a meaning in enroll alone. */
    assert_invalid(set(SMSCODE, "{'action':'enrollment','smsCode':' '}"), "smsCode");
    assert_invalid(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'','phoneNumber':'%s'}", PHONE_NUMBER), "smsCode");
    static const char *const good[] = {"'2424'", "' 2424 '", "'\\t2424\\n'", "2424", "'AbC123'", "'123456789012'"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        /* The form is right, so the code is wrong. */
        assert_failed(set(SMSCODE, "{'action':'enrollment','smsCode':%s}", good[i]), 2305);
    }
}

static void a_text_that_is_no_phone_number_is_2102(void **state)
{
    /*
     * The library refuses anything but a text of at most 64 bytes. The service refuses a number
     * that it cannot read.
     */
    static const char *const bad[] = {
        "'12345'",
        "'1234567890123456'",
        "'06+12345678'",
        "'++33612345678'",
        "'06a12345678'",
        "''",
        "'+'",
        "' '",
        "'0612345678\\u0007'",
        "'+33612345678                                                     1'",
        "12345",
        "1.5",
        "-612345678",
        "true",
        "['0612345678']",
        "{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_invalid(get(SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':%s}", bad[i]), "phoneNumber");
        assert_invalid(set(SMSCODE, "{'action':'addPhoneNumber','smsCode':'123456','phoneNumber':%s}", bad[i]), "phoneNumber");
    }
    /* No SMS was sent for any of them. */
    assert_false(exists(in_folder("sms-outbox.jsonl")));
}

static void forms_are_judged_in_the_order_of_the_reference(void **state)
{
    (void)state;
    assert_invalid(set(ENROLLMENT, "{'action':'enroll','smsCode':'x','pinCode':'x'}"), "pinCode");
    assert_invalid(set(PINCODE, "{'action':'update','newPIN':'x','oldPIN':'x'}"), "oldPIN");
    assert_invalid(set(SMSCODE, "{'action':'addPhoneNumber','phoneNumber':'x','smsCode':'x'}"), "smsCode");
    assert_invalid(set(SMSCODE, "{'action':'addPhoneNumber','phoneNumber':'x','smsCode':'123456'}"), "phoneNumber");
}

static void a_one_time_password_to_verify_is_letters_and_digits(void **state)
{
    static const char *const bad[] = {"''", "' '", "'abc def'", "'0123456789abcdefg'", "'ab\\u0000c'", "1.5", "-1", "true", "[]", "{}"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_invalid(set(VERIFY, "{'action':'verify','otp':%s}", bad[i]), "otp");
    }
    assert_succeeded(set(VERIFY, "{'action':'verify','otp':'47nckoxb'}"), "{'verified':false}");
    assert_succeeded(set(VERIFY, "{'action':'verify','otp':12345678}"), "{'verified':false}");
}

static const struct CMUnitTest tests[] = {
    TEST(an_unknown_api_is_2002_with_the_nearest_known_name, with_facade),
    TEST(a_known_api_with_the_other_method_is_2002, with_facade),
    TEST(the_api_is_judged_before_its_parameters, with_facade),
    TEST(what_is_not_one_json_object_is_2102, with_facade),
    TEST(json_may_be_written_as_json_may_be, with_facade),
    TEST(a_missing_selector_is_2101, with_facade),
    TEST(an_unknown_selector_is_2102, with_facade),
    TEST(an_action_type_is_required_and_strong, with_facade),
    TEST(the_selector_of_phone_numbers_may_be_type_or_action, with_facade),
    TEST(each_missing_parameter_is_2101_in_the_order_of_the_reference, with_facade),
    TEST(a_pin_is_four_to_eight_digits, with_facade),
    TEST(an_sms_code_is_four_to_twelve_letters_or_digits, with_facade),
    TEST(a_text_that_is_no_phone_number_is_2102, with_facade),
    TEST(forms_are_judged_in_the_order_of_the_reference, with_facade),
    TEST(a_one_time_password_to_verify_is_letters_and_digits, with_facade),
};

SUITE_MAIN(tests)
