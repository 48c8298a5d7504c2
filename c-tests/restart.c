/* A process goes on where the one before it ended, or was killed at any moment. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"

#define WITH_PIN(pin) "{'action':'withPIN','pinCode':'" pin "'}"
#define BLANK_ENROLL(pin) "{'action':'enroll','pinCode':'" pin "','smsCode':' '}"

/* Starts a new process on the storage of the test, which no other process holds now. */
static Peer *another_process(void)
{
    Answer told;

    pims_free();
    Peer *peer = peer_start(&told, "{" LOUD ",'storage':{'path':'%s'}}", folder());
    assert_succeeded(told, "null");
    return peer;
}

static void a_new_process_goes_on_with_an_enrolled_device(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        Peer *peer = another_process();
        assert_succeeded(peer_get(peer, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
        assert_succeeded(peer_get(peer, OTP, WITH_PIN(PIN)), NULL);
        peer_stop(peer);
    }
    restart("");
    assert_true(verifies(new_otp(PIN)));
}

static void a_new_process_goes_on_after_the_death_of_the_one_before(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        Peer *peer = another_process();
        assert_succeeded(peer_get(peer, OTP, WITH_PIN(PIN)), NULL);
        peer_kill(peer);
    }
    restart("");
    assert_true(verifies(new_otp(PIN)));
}

static void everything_begins_in_an_empty_folder_by_itself(void **state)
{
    Answer told;

    (void)state;
    Peer *peer = peer_start(&told, "{'storage':{'path':'%s/fresh'}}", folder());
    assert_succeeded(told, "null");
    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'%s'}", PHONE_NUMBER), "{}");
    assert_succeeded(peer_set(peer, SMSCODE, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'%s'}",
                              code_of(in_folder("fresh"), "phoneNumberCertification"), PHONE_NUMBER),
                     "null");
    assert_succeeded(peer_get(peer, SMSCODE, "{'type':'enrollment'}"), "{}");
    assert_succeeded(
        peer_set(peer, ENROLLMENT, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", code_of(in_folder("fresh"), "enrollment")),
        "null");
    peer_stop(peer);
    assert_succeeded(init("{'storage':{'path':'%s/fresh'}}", folder()), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void a_started_enrollment_survives_a_restart(void **state)
{
    (void)state;
    assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", new_enrollment_code()), "{'status':'NotEnrolled'}");
    restart("");
    assert_failed(get(OTP, WITH_PIN(PIN)), 2317);
    assert_succeeded(set(ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void a_started_enrollment_survives_the_death_of_its_process(void **state)
{
    char code[MAX_WORD];

    (void)state;
    snprintf(code, sizeof code, "%s", new_enrollment_code());
    Peer *peer = another_process();
    assert_succeeded(peer_set(peer, SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code), "{'status':'NotEnrolled'}");
    peer_kill(peer);
    restart("");
    assert_succeeded(set(ENROLLMENT, BLANK_ENROLL(PIN)), "null");
    assert_true(verifies(new_otp(PIN)));
}

static void a_removal_survives_a_restart(void **state)
{
    (void)state;
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    restart("");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    assert_failed(get(OTP, WITH_PIN(PIN)), 2317);
    assert_succeeded(get(TRUSTED_PHONE_NUMBER, "{}"), "{'phoneNumber':'" PHONE_NUMBER "'}");
}

/*
 * A process that dies between the two renames of a record leaves the generation before it, and
 * perhaps half a new one.
 */
static void the_generation_before_is_found_where_the_last_one_is_missing(void **state)
{
    (void)state;
    pims_free();
    assert_int_equal(rename(in_folder("device.pims"), in_folder("device.pims.previous")), 0);
    write_file(in_folder("device.pims.new"), "half a rec", 10);
    restart("");
    assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
    assert_true(verifies(new_otp(PIN)));
    assert_succeeded(set(PINCODE, "{'action':'update','oldPIN':'" PIN "','newPIN':'" OTHER_PIN "'}"), "null");
    restart("");
    assert_true(verifies(new_otp(OTHER_PIN)));
}

/* ---- Death at any moment --------------------------------------------------------------------- */

/* Returns the number of moments. A memory checker is slow, so there are fewer. */
static int moments(void)
{
    return many_calls() >= 100000 ? 30 : 4;
}

/*
 * Sends a request to another process and kills the process that many half milliseconds later. The
 * test then holds whatever the process had done.
 */
static void die_in(int moment, const char *method, const char *api, const char *params)
{
    const struct timespec delay = {0, 500000L * moment};
    Peer *peer = another_process();

    peer_send(peer, method, api, "%s", params);
    nanosleep(&delay, NULL);
    peer_kill(peer);
    restart(",'embedded':{'policy':{'codesPerHour':1000,'codesPerDay':1000,'pinBudget':100000}}");
}

static void a_death_in_a_pin_change_leaves_the_old_pin_or_the_new(void **state)
{
    const char *pins[] = {PIN, OTHER_PIN};
    int present = 0;

    (void)state;
    for (int moment = 0; moment < moments(); moment++) {
        char params[128];
        snprintf(params, sizeof params, "{'action':'update','oldPIN':'%s','newPIN':'%s'}", pins[present], pins[1 - present]);
        die_in(moment, "set", PINCODE, params);
        Answer answer = get(OTP, "{'action':'withPIN','pinCode':'%s'}", pins[1 - present]);
        if (answer.status == SUCCEEDED) {
            present = 1 - present;
        } else {
            assert_failed(answer, 2308);
            assert_value(answer, "error.info.attemptsLeft", "4");
        }
        assert_true(verifies(new_otp(pins[present])));
        assert_failed(get(OTP, "{'action':'withPIN','pinCode':'%s'}", pins[1 - present]), 2308);
        assert_true(verifies(new_otp(pins[present])));
    }
}

static void a_death_in_an_enrollment_leaves_one_that_can_be_finished(void **state)
{
    (void)state;
    restart(",'embedded':{'policy':{'codesPerHour':1000,'codesPerDay':1000,'pinBudget':100000}}");
    for (int moment = 0; moment < moments(); moment++) {
        char code[MAX_WORD], params[128];
        snprintf(code, sizeof code, "%s", new_enrollment_code());
        assert_succeeded(set(SMSCODE, "{'action':'enrollment','smsCode':'%s'}", code), "{'status':'NotEnrolled'}");
        /* The user may repeat a call without an answer: with the code, or without it. */
        snprintf(params, sizeof params, "{'action':'enroll','pinCode':'" PIN "','smsCode':'%s'}", moment % 2 == 0 ? " " : code);
        die_in(moment, "set", ENROLLMENT, params);
        Answer answer = set(ENROLLMENT, "%s", params);
        if (answer.status == FAILED) {
            /* The call had been finished. */
            assert_failed(answer, 2317);
        }
        assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
        assert_true(verifies(new_otp(PIN)));
        assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    }
}

static void a_death_in_a_removal_leaves_the_enrollment_or_nothing(void **state)
{
    (void)state;
    for (int moment = 0; moment < moments(); moment++) {
        die_in(moment, "set", ENROLLMENT, "{'action':'remove'}");
        Answer answer = get(OTP, WITH_PIN(PIN));
        if (answer.status == FAILED) {
            assert_failed(answer, 2317);
            assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
        }
        assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
        enroll(PIN);
        assert_true(verifies(new_otp(PIN)));
    }
}

static void a_death_while_a_password_is_made_harms_nothing(void **state)
{
    (void)state;
    for (int moment = 0; moment < moments(); moment++) {
        die_in(moment % 6, "get", OTP, WITH_PIN(PIN));
        assert_true(verifies(new_otp(PIN)));
    }
}

static const struct CMUnitTest tests[] = {
    TEST(a_new_process_goes_on_with_an_enrolled_device, with_enrollment),
    TEST(a_new_process_goes_on_after_the_death_of_the_one_before, with_enrollment),
    TEST(everything_begins_in_an_empty_folder_by_itself, with_folder),
    TEST(a_started_enrollment_survives_a_restart, with_phone_number),
    TEST(a_started_enrollment_survives_the_death_of_its_process, with_phone_number),
    TEST(a_removal_survives_a_restart, with_enrollment),
    TEST(the_generation_before_is_found_where_the_last_one_is_missing, with_enrollment),
    TEST(a_death_in_a_pin_change_leaves_the_old_pin_or_the_new, with_enrollment),
    TEST(a_death_in_an_enrollment_leaves_one_that_can_be_finished, with_phone_number),
    TEST(a_death_in_a_removal_leaves_the_enrollment_or_nothing, with_enrollment),
    TEST(a_death_while_a_password_is_made_harms_nothing, with_enrollment),
};

SUITE_MAIN(tests)
