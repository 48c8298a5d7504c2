/* Several facades: each has its account, storage, queue and thread, and a stale handle is
   refused. */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"

#define BOTH "{\"actionType\":\"strong\",\"type\":[\"isDeviceActivated\",\"isAccountBlocked\"]}"

typedef int32_t (*Method)(pims_facade facade, const char *api, const char *params, pims_callback callback, void *ctx);

static const Method methods[] = {pims_facade_get, pims_facade_set, pims_facade_subscribe, pims_facade_unsubscribe};
enum { METHODS = 4, THREADS = 4, CALLS = 50 };

/* ---- Facades --------------------------------------------------------------------------------- */

/* Writes the configuration of an account at the authority of this test, with a storage of its
   own. */
static void config_of(const char *name, char *config, size_t size)
{
    snprintf(config, size,
             "{\"storage\":{\"path\":\"%s\"},\"account\":{\"username\":\"%s\"},"
             "\"embedded\":{\"database\":\"%s\"},\"monitoring\":{\"logLevel\":\"high\"}}",
             in_folder(name), name, in_folder("authority.db"));
}

/* Opens a facade. Its one message must have its handle. */
static pims_facade open_facade(const char *name)
{
    Mailbox *mailbox = mailbox_new();
    char config[MAX_MESSAGE];
    char expected[64];
    pims_facade facade = 77;

    config_of(name, config, sizeof config);
    assert_int_equal(pims_open(config, mailbox_callback, mailbox, &facade), PIMS_OK);
    snprintf(expected, sizeof expected, "{\"facade\":%llu}", (unsigned long long)facade);
    Answer answer = mailbox_take(mailbox);
    assert_int_equal(answer.status, SUCCEEDED);
    assert_value(answer, "result", expected);
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
    return facade;
}

/* Makes a call with ' in place of " and waits for its message. */
static Answer ask(pims_facade facade, Method method, const char *api, const char *params)
{
    Mailbox *mailbox = mailbox_new();
    char text[MAX_MESSAGE];

    assert_int_equal(method(facade, api, quoted(params, text, sizeof text), mailbox_callback, mailbox), PIMS_OK);
    Answer answer = mailbox_take(mailbox);
    mailbox_free(mailbox);
    return answer;
}

static Answer execute_on(pims_facade facade, const char *method, const char *api, const char *params)
{
    char text[MAX_MESSAGE];
    char *message = pims_facade_execute(facade, method, api, quoted(params, text, sizeof text));

    assert_non_null(message);
    Answer answer = read_answer(message);
    pims_string_free(message);
    return answer;
}

/* Enrolls the account of a facade, whose SMS lie in its own storage. */
static void enroll_on(pims_facade facade, const char *name, const char *pin)
{
    char params[256];

    assert_succeeded(ask(facade, pims_facade_get, SMSCODE, "{'type':'phoneNumberCertification','phoneNumber':'" PHONE_NUMBER "'}"), NULL);
    snprintf(params, sizeof params, "{'action':'addPhoneNumber','smsCode':'%s','phoneNumber':'" PHONE_NUMBER "'}",
             code_of(in_folder(name), "phoneNumberCertification"));
    assert_succeeded(ask(facade, pims_facade_set, SMSCODE, params), NULL);
    assert_succeeded(ask(facade, pims_facade_get, SMSCODE, "{'type':'enrollment'}"), NULL);
    snprintf(params, sizeof params, "{'action':'enroll','smsCode':'%s','pinCode':'%s'}", code_of(in_folder(name), "enrollment"), pin);
    assert_succeeded(ask(facade, pims_facade_set, ENROLLMENT, params), NULL);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void two_accounts_work_at_once_and_know_nothing_of_each_other(void **state)
{
    (void)state;
    const pims_facade one = open_facade("one");
    const pims_facade other = open_facade("other");

    assert_true(one > PIMS_DEFAULT_FACADE && other > PIMS_DEFAULT_FACADE && one != other);
    enroll_on(one, "one", PIN);
    assert_succeeded(ask(one, pims_facade_get, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':true}");
    assert_succeeded(ask(other, pims_facade_get, ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    enroll_on(other, "other", OTHER_PIN);
    /* The PIN of one is wrong for the other. */
    assert_succeeded(ask(one, pims_facade_get, OTP, "{'action':'withPIN','pinCode':'" PIN "'}"), NULL);
    assert_failed(ask(other, pims_facade_get, OTP, "{'action':'withPIN','pinCode':'" PIN "'}"), 2308);
    assert_succeeded(ask(other, pims_facade_get, OTP, "{'action':'withPIN','pinCode':'" OTHER_PIN "'}"), NULL);
    /* Each has a log of its own, and the default facade has none of theirs. */
    Answer log = ask(one, pims_facade_get, "pims.sdk.log", "{}");
    assert_non_null(strstr(value_of(log, "result.logPath"), "/one/logs/"));
    log = ask(other, pims_facade_get, "pims.sdk.log", "{}");
    assert_non_null(strstr(value_of(log, "result.logPath"), "/other/logs/"));
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    /* One ends, and the other works. */
    assert_int_equal(pims_close(one), PIMS_OK);
    assert_succeeded(ask(other, pims_facade_get, OTP, "{'action':'withPIN','pinCode':'" OTHER_PIN "'}"), NULL);
    assert_int_equal(pims_close(other), PIMS_OK);
}

static void the_default_facade_has_a_handle_too(void **state)
{
    (void)state;
    assert_failed(ask(PIMS_DEFAULT_FACADE, pims_facade_get, SDK_VERSION, "{}"), 2001);
    assert_int_equal(pims_close(PIMS_DEFAULT_FACADE), PIMS_ERROR_NO_FACADE);
    restart("");
    const pims_facade other = open_facade("other");
    assert_succeeded(ask(PIMS_DEFAULT_FACADE, pims_facade_get, SDK_VERSION, "{}"), NULL);
    assert_succeeded(execute_on(PIMS_DEFAULT_FACADE, "get", SDK_VERSION, "{}"), NULL);
    assert_failed(execute("init", NULL, "{}"), 2007);
    /* pims_free leaves the others alone. */
    assert_int_equal(pims_free(), PIMS_OK);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    assert_succeeded(ask(other, pims_facade_get, SDK_VERSION, "{}"), NULL);
    restart("");
    assert_int_equal(pims_close(PIMS_DEFAULT_FACADE), PIMS_OK);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    assert_int_equal(pims_close(other), PIMS_OK);
}

/* Checks that no function accepts a handle. */
static void assert_no_facade(pims_facade facade)
{
    Mailbox *mailbox = mailbox_new();

    for (int i = 0; i < METHODS; i++) {
        assert_int_equal(methods[i](facade, SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_ERROR_NO_FACADE);
    }
    assert_int_equal(pims_close(facade), PIMS_ERROR_NO_FACADE);
    assert_failed(execute_on(facade, "get", SDK_VERSION, "{}"), 2001);
    assert_failed(execute_on(facade, "close", "", "{}"), 2001);
    assert_failed(execute_on(facade, "unknown", "", "{}"), 2001);
    assert_int_equal(mailbox_count(mailbox), 0);
    mailbox_free(mailbox);
}

static void a_handle_without_a_facade_is_refused(void **state)
{
    (void)state;
    const pims_facade closed = open_facade("one");
    assert_int_equal(pims_close(closed), PIMS_OK);
    const pims_facade again = open_facade("one");
    assert_true(again != closed);
    const pims_facade stale[] = {closed, PIMS_NO_FACADE, again + 1, 1ULL << 53, UINT64_MAX};
    for (size_t i = 0; i < sizeof stale / sizeof *stale; i++) {
        assert_no_facade(stale[i]);
    }
    assert_succeeded(ask(again, pims_facade_get, SDK_VERSION, "{}"), NULL);
    assert_int_equal(pims_close(again), PIMS_OK);
}

static void misuse_of_pims_open_is_refused_and_leaves_no_handle(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char config[MAX_MESSAGE];
    pims_facade facade = 77;

    (void)state;
    assert_int_equal(pims_open("{}", mailbox_callback, mailbox, NULL), PIMS_ERROR_NULL_FACADE);
    assert_int_equal(pims_open("{}", NULL, NULL, &facade), PIMS_ERROR_NULL_CALLBACK);
    assert_int_equal(facade, PIMS_NO_FACADE);
    facade = 77;
    assert_int_equal(pims_open("\xff", mailbox_callback, mailbox, &facade), PIMS_ERROR_NOT_UTF8);
    assert_int_equal(facade, PIMS_NO_FACADE);
    assert_int_equal(mailbox_count(mailbox), 0);
    /* A configuration that cannot be used: one message, before the function returns. */
    facade = 77;
    assert_int_equal(pims_open("{\"storage\":1}", mailbox_callback, mailbox, &facade), PIMS_OK);
    assert_int_equal(facade, PIMS_NO_FACADE);
    assert_int_equal(mailbox_count(mailbox), 1);
    assert_failed(mailbox_take(mailbox), 2004);
    /* Each facade has a storage of its own. */
    const pims_facade one = open_facade("one");
    config_of("one", config, sizeof config);
    assert_int_equal(pims_open(config, mailbox_callback, mailbox, &facade), PIMS_OK);
    assert_detail(assert_failed(mailbox_take(mailbox), 2006), "this very process: another facade");
    assert_int_equal(facade, PIMS_NO_FACADE);
    assert_int_equal(pims_close(one), PIMS_OK);
    mailbox_free(mailbox);
}

static void execute_opens_and_closes(void **state)
{
    char config[MAX_MESSAGE];

    (void)state;
    config_of("one", config, sizeof config);
    Answer opened = assert_succeeded(execute("open", NULL, config), NULL);
    const pims_facade facade = strtoull(value_of(opened, "result.facade"), NULL, 10);
    assert_succeeded(execute_on(facade, "get", ACCOUNT, IS_DEVICE_ACTIVATED), "{'isDeviceActivated':false}");
    for (int i = 0; i < 2; i++) {
        /* These have another way. */
        assert_failed(execute_on(facade, i == 0 ? "init" : "free", "", "{}"), 2002);
    }
    assert_null(pims_facade_execute(facade, NULL, SDK_VERSION, "{}"));
    assert_succeeded(execute_on(facade, "close", "", "{}"), "null");
    assert_no_facade(facade);
}

/* ---- Messages that belong to their callback -------------------------------------------------- */

/* Messages that a callback took over, in their order. */
typedef struct Taken {
    pthread_mutex_t mutex;
    char *messages[16];
    int count;
} Taken;

static void take(char *message, void *ctx)
{
    Taken *taken = ctx;

    pthread_mutex_lock(&taken->mutex);
    taken->messages[taken->count++] = message;
    pthread_mutex_unlock(&taken->mutex);
}

static void wait_for(Taken *taken, int count)
{
    const Poll poll = poll_begin();

    for (int there = 0; there < count;) {
        pthread_mutex_lock(&taken->mutex);
        there = taken->count;
        pthread_mutex_unlock(&taken->mutex);
        if (there < count) {
            poll_wait(poll);
        }
    }
}

static void a_message_that_was_handed_over_lives_until_it_is_released(void **state)
{
    Taken taken = {PTHREAD_MUTEX_INITIALIZER, {NULL}, 0};
    const char *secret = "{\"action\":\"withPIN\",\"pinCode\":\"" PIN "\"}";

    (void)state;
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", SDK_VERSION, NULL, take, &taken), PIMS_OK);
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "subscribe", ACCOUNT, BOTH, take, &taken), PIMS_OK);
    wait_for(&taken, 2);
    enroll(PIN);
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", OTP, secret, take, &taken), PIMS_OK);
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "unsubscribe", ACCOUNT, "{}", take, &taken), PIMS_OK);
    wait_for(&taken, 5);
    /* They are read after the facade is gone. */
    assert_int_equal(pims_free(), PIMS_OK);
    assert_int_equal(taken.count, 5);
    static const Status expected[] = {SUCCEEDED, SUCCEEDED, RESULT, SUCCEEDED, SUCCEEDED};
    for (int i = 0; i < taken.count; i++) {
        assert_int_equal(read_answer(taken.messages[i]).status, expected[i]);
        pims_string_free(taken.messages[i]);
    }
}

static void misuse_of_pims_submit_is_refused(void **state)
{
    Taken taken = {PTHREAD_MUTEX_INITIALIZER, {NULL}, 0};
    static const char *const unknown[] = {NULL, "", "GET", "init", "free", "open", "close", "\xff"};

    (void)state;
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", SDK_VERSION, NULL, NULL, NULL), PIMS_ERROR_NULL_CALLBACK);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, unknown[i], SDK_VERSION, NULL, take, &taken), PIMS_ERROR_METHOD);
    }
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", NULL, NULL, take, &taken), PIMS_ERROR_NULL_API);
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", "\xff", NULL, take, &taken), PIMS_ERROR_NOT_UTF8);
    assert_int_equal(pims_submit(PIMS_NO_FACADE, "get", SDK_VERSION, NULL, take, &taken), PIMS_ERROR_NO_FACADE);
    assert_int_equal(taken.count, 0);
    /* Without the default facade: 2001, on this thread. */
    assert_int_equal(pims_submit(PIMS_DEFAULT_FACADE, "get", SDK_VERSION, NULL, take, &taken), PIMS_OK);
    assert_int_equal(taken.count, 1);
    assert_failed(read_answer(taken.messages[0]), 2001);
    pims_string_free(taken.messages[0]);
}

/* ---- Callbacks and threads ------------------------------------------------------------------- */

/*
 * A callback that closes another facade. It waits at the gate before, and at the barrier until the
 * other callback has closed this one's facade.
 */
typedef struct Closing {
    pims_facade facade;
    Gate *gate;
    pthread_barrier_t *barrier;
    int32_t returned;
} Closing;

static void close_the_other(const char *message, void *ctx)
{
    Closing *closing = ctx;

    gate_callback(message, closing->gate);
    closing->returned = pims_close(closing->facade);
    pthread_barrier_wait(closing->barrier);
}

static void two_callbacks_that_close_each_others_facade_do_not_wait(void **state)
{
    (void)state;
    const pims_facade one = open_facade("one");
    const pims_facade other = open_facade("other");
    pthread_barrier_t barrier;
    Closing by_one = {other, gate_new(), &barrier, -99}, by_other = {one, gate_new(), &barrier, -99};
    Mailbox *mailbox = mailbox_new();

    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pims_facade_get(one, SDK_VERSION, "{}", close_the_other, &by_one), PIMS_OK);
    assert_int_equal(pims_facade_get(other, SDK_VERSION, "{}", close_the_other, &by_other), PIMS_OK);
    gate_wait_entered(by_one.gate);
    gate_wait_entered(by_other.gate);
    /* Calls that wait get their message all the same. */
    assert_int_equal(pims_facade_get(one, SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_facade_get(other, SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    gate_open(by_one.gate);
    gate_open(by_other.gate);
    /* From here it waits, if the facade is still there. */
    pims_close(one);
    pims_close(other);
    assert_failed(mailbox_take(mailbox), 2001);
    assert_failed(mailbox_take(mailbox), 2001);
    assert_int_equal(by_one.returned, PIMS_OK);
    assert_int_equal(by_other.returned, PIMS_OK);
    pthread_barrier_destroy(&barrier);
    assert_no_facade(one);
    assert_no_facade(other);
    mailbox_free(mailbox);
}

static void each_facade_has_a_subscription_of_its_own(void **state)
{
    Mailbox *mailboxes[] = {mailbox_new(), mailbox_new()};
    char params[128];

    (void)state;
    const pims_facade facades[] = {open_facade("one"), open_facade("other")};
    Answer begun[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pims_facade_subscribe(facades[i], ACCOUNT, BOTH, mailbox_callback, mailboxes[i]), PIMS_OK);
        begun[i] = assert_succeeded(mailbox_take(mailboxes[i]), NULL);
    }
    enroll_on(facades[1], "other", PIN);
    Answer event = mailbox_take(mailboxes[1]);
    assert_int_equal(event.status, RESULT);
    assert_string_equal(event.transaction, begun[1].transaction);
    /* The id of one facade's subscription ends none of the other's. */
    snprintf(params, sizeof params, "{'transactionId':'%s'}", begun[1].transaction);
    assert_succeeded(ask(facades[0], pims_facade_unsubscribe, ACCOUNT, params), NULL);
    assert_failed(ask(facades[0], pims_facade_subscribe, ACCOUNT, "{'actionType':'strong','type':'isDeviceActivated'}"), 2005);
    assert_failed(ask(facades[1], pims_facade_subscribe, ACCOUNT, "{'actionType':'strong','type':'isDeviceActivated'}"), 2005);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pims_close(facades[i]), PIMS_OK);
        assert_int_equal(mailbox_count(mailboxes[i]), 0);
        mailbox_free(mailboxes[i]);
    }
}

/* A thread that calls a facade until it is closed, and counts what was accepted. */
typedef struct Caller {
    pims_facade facade;
    Mailbox *mailbox;
    int accepted;
} Caller;

static void *call_until_it_is_closed(void *ctx)
{
    Caller *caller = ctx;

    for (int i = 0; i < CALLS; i++) {
        const int32_t returned = pims_facade_get(caller->facade, SDK_VERSION, "{}", mailbox_callback, caller->mailbox);
        if (returned == PIMS_OK) {
            caller->accepted++;
        } else if (returned != PIMS_ERROR_NO_FACADE && returned != PIMS_ERROR_QUEUE_FULL) {
            abort();
        }
    }
    return NULL;
}

static void every_accepted_call_has_its_message_when_another_thread_closes_the_facade(void **state)
{
    Caller callers[THREADS];
    pthread_t threads[THREADS];
    size_t accepted = 0;

    (void)state;
    const pims_facade facade = open_facade("one");
    Mailbox *mailbox = mailbox_new();
    for (int i = 0; i < THREADS; i++) {
        callers[i] = (Caller){facade, mailbox, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, call_until_it_is_closed, &callers[i]), 0);
    }
    assert_int_equal(pims_close(facade), PIMS_OK);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        accepted += (size_t)callers[i].accepted;
    }
    assert_int_equal(mailbox_count(mailbox), accepted);
    assert_no_facade(facade);
    mailbox_free(mailbox);
}

static const struct CMUnitTest tests[] = {
    TEST(two_accounts_work_at_once_and_know_nothing_of_each_other, with_folder),
    TEST(the_default_facade_has_a_handle_too, with_folder),
    TEST(a_handle_without_a_facade_is_refused, with_folder),
    TEST(misuse_of_pims_open_is_refused_and_leaves_no_handle, with_folder),
    TEST(execute_opens_and_closes, with_folder),
    TEST(a_message_that_was_handed_over_lives_until_it_is_released, with_phone_number),
    TEST(misuse_of_pims_submit_is_refused, with_folder),
    TEST(two_callbacks_that_close_each_others_facade_do_not_wait, with_folder),
    TEST(each_facade_has_a_subscription_of_its_own, with_folder),
    TEST(every_accepted_call_has_its_message_when_another_thread_closes_the_facade, with_folder),
};

SUITE_MAIN(tests)
