/*
 * A panic inside the library never leaves it: it is FAILED 2000, and the next call works. The
 * library panics on purpose if it was built with the feature test-hooks; otherwise these tests are
 * skipped.
 */
#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "message.h"

#define ACTIVATED "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}"

#define PANIC "pims.test.panic"

/* The places of a panic: the check, a task without a lock, a task that holds everything. */
static const char *const kinds[] = {"validate", "view", "component"};
enum { KINDS = sizeof kinds / sizeof *kinds };

static void skip_without_hooks(void)
{
    Answer answer = get(PANIC, "{'type':'nonsense'}");

    if (answer.code == 2002) {
        print_message("this library was built without test-hooks\n");
        skip();
    }
    assert_failed(answer, 2102);
}

static Answer panic(const char *kind)
{
    return get(PANIC, "{'type':'%s'}", kind);
}

static void a_panic_is_2000_and_the_next_call_works(void **state)
{
    (void)state;
    skip_without_hooks();
    for (int i = 0; i < 3 * KINDS; i++) {
        assert_failed(panic(kinds[i % KINDS]), 2000);
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
        assert_succeeded(get(ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
        assert_true(verifies(new_otp(PIN)));
    }
}

static void a_panic_in_execute_is_2000_and_the_next_call_works(void **state)
{
    (void)state;
    skip_without_hooks();
    for (int i = 0; i < KINDS; i++) {
        char params[64];
        snprintf(params, sizeof params, "{\"type\":\"%s\"}", kinds[i]);
        assert_failed(execute("get", PANIC, params), 2000);
        assert_true(verifies(new_otp(PIN)));
    }
}

static void calls_behind_a_panic_are_answered_in_their_order(void **state)
{
    Mailbox *mailbox = mailbox_new();
    Gate *gate = gate_new();

    (void)state;
    skip_without_hooks();
    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, gate), PIMS_OK);
    for (int i = 0; i < 10 * KINDS; i++) {
        char params[64];
        snprintf(params, sizeof params, "{\"type\":\"%s\"}", kinds[i % KINDS]);
        assert_int_equal(pims_get(PANIC, params, mailbox_callback, mailbox), PIMS_OK);
        assert_int_equal(pims_get(SDK_VERSION, NULL, mailbox_callback, mailbox), PIMS_OK);
    }
    gate_open(gate);
    for (int i = 0; i < 10 * KINDS; i++) {
        assert_failed(mailbox_take(mailbox), 2000);
        assert_succeeded(mailbox_take(mailbox), NULL);
    }
    mailbox_free(mailbox);
}

static void after_a_panic_the_facade_is_freed_and_made_as_ever(void **state)
{
    (void)state;
    skip_without_hooks();
    for (int i = 0; i < KINDS; i++) {
        assert_failed(panic(kinds[i]), 2000);
        restart("");
        assert_true(verifies(new_otp(PIN)));
    }
}

static void a_panic_takes_no_subscription_away(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    skip_without_hooks();
    assert_int_equal(pims_subscribe(ACCOUNT, ACTIVATED, mailbox_callback, mailbox), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), "null");
    for (int i = 0; i < KINDS; i++) {
        assert_failed(panic(kinds[i]), 2000);
    }
    assert_succeeded(set(ENROLLMENT, "{'action':'remove'}"), "null");
    assert_int_equal(mailbox_take(mailbox).status, RESULT);
    pims_free();
    mailbox_free(mailbox);
}

static void every_panic(void)
{
    for (int i = 0; i < KINDS; i++) {
        panic(kinds[i]);
    }
}

static void a_panic_writes_nothing_to_a_standard_stream(void **state)
{
    (void)state;
    skip_without_hooks();
    assert_int_equal(bytes_written_by(every_panic), 0);
}

static const struct CMUnitTest tests[] = {
    TEST(a_panic_is_2000_and_the_next_call_works, with_enrollment),
    TEST(a_panic_in_execute_is_2000_and_the_next_call_works, with_enrollment),
    TEST(calls_behind_a_panic_are_answered_in_their_order, with_facade),
    TEST(after_a_panic_the_facade_is_freed_and_made_as_ever, with_enrollment),
    TEST(a_panic_takes_no_subscription_away, with_enrollment),
    TEST(a_panic_writes_nothing_to_a_standard_stream, with_facade),
};

SUITE_MAIN(tests)
