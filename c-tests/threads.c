/* Calls from many threads at once, also while the facade comes and goes. */
#include "fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"

enum { THREADS = 8 };

/* Runs a function on eight threads and waits for them. */
static void on_all_threads(void *(*run)(void *), void *contexts, size_t size)
{
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, run, (char *)contexts + i * size), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
}

/* ---- Calls against free and init ------------------------------------------------------------- */

/* A call. Its callback writes it, and the test reads it at the end. */
typedef struct Call {
    int messages;
    bool is_as_allowed;
} Call;

typedef struct Caller {
    Call *calls;
    size_t count;
    size_t not_accepted;
} Caller;

static bool is_succeeded(const char *message)
{
    return strstr(message, "\"status\":\"SUCCEEDED\"") != NULL;
}

static bool is_failed(const char *message, int code)
{
    char words[64];

    snprintf(words, sizeof words, "\"status\":\"FAILED\",\"error\":{\"code\":%d,", code);
    return strstr(message, words) != NULL;
}

static void counting_callback(const char *message, void *ctx)
{
    Call *call = ctx;

    call->messages++;
    call->is_as_allowed = is_succeeded(message) || is_failed(message, 2001);
}

/*
 * Makes a call without the component and one with it, in turn. If the queue is full, the call is
 * repeated.
 */
static void *make_calls(void *ctx)
{
    Caller *caller = ctx;

    for (size_t i = 0; i < caller->count; i++) {
        const char *type = i % 2 == 0 ? "isDeviceActivated" : "isAccountBlocked";
        char params[128];
        snprintf(params, sizeof params, "{\"actionType\":\"strong\",\"type\":\"%s\"}", type);
        int32_t returned;
        while ((returned = pims_get(ACCOUNT, params, counting_callback, &caller->calls[i])) == PIMS_ERROR_QUEUE_FULL) {
            sched_yield();
        }
        caller->not_accepted += returned != PIMS_OK;
    }
    return NULL;
}

typedef struct Lives {
    char config[MAX_PATH + 64];
    pthread_mutex_t mutex;
    bool over;
    int inits;
    int failures;
} Lives;

static bool are_over(Lives *lives)
{
    pthread_mutex_lock(&lives->mutex);
    bool over = lives->over;
    pthread_mutex_unlock(&lives->mutex);
    return over;
}

/* Frees and makes the facade while calls are made. */
static void *live_and_die(void *ctx)
{
    Lives *lives = ctx;

    while (!are_over(lives)) {
        pims_free();
        char *message = pims_execute("init", NULL, lives->config);
        lives->failures += message == NULL || !is_succeeded(message);
        lives->inits++;
        pims_string_free(message);
    }
    return NULL;
}

static void every_accepted_call_has_one_message_while_the_facade_comes_and_goes(void **state)
{
    Caller callers[THREADS];
    Lives lives = {"", PTHREAD_MUTEX_INITIALIZER, false, 0, 0};
    pthread_t life;

    (void)state;
    snprintf(lives.config, sizeof lives.config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    for (int i = 0; i < THREADS; i++) {
        callers[i].count = many_calls() / THREADS;
        callers[i].calls = calloc(callers[i].count, sizeof(Call));
        callers[i].not_accepted = 0;
        assert_non_null(callers[i].calls);
    }
    assert_int_equal(pthread_create(&life, NULL, live_and_die, &lives), 0);
    on_all_threads(make_calls, callers, sizeof callers[0]);
    pthread_mutex_lock(&lives.mutex);
    lives.over = true;
    pthread_mutex_unlock(&lives.mutex);
    pthread_join(life, NULL);
    pims_free();

    size_t lost = 0, doubled = 0, strange = 0, not_accepted = 0;
    for (int i = 0; i < THREADS; i++) {
        not_accepted += callers[i].not_accepted;
        for (size_t j = 0; j < callers[i].count; j++) {
            lost += callers[i].calls[j].messages == 0;
            doubled += callers[i].calls[j].messages > 1;
            strange += !callers[i].calls[j].is_as_allowed;
        }
        free(callers[i].calls);
    }
    assert_int_equal(lost, 0);
    assert_int_equal(doubled, 0);
    assert_int_equal(strange, 0);
    assert_int_equal(not_accepted, 0);
    assert_int_equal(lives.failures, 0);
    assert_true(lives.inits > 0);
}

/* ---- Many at once ---------------------------------------------------------------------------- */

/* A call of pims_execute on a thread. */
typedef struct Execution {
    const char *method;
    const char *api;
    const char *params;
    char *message;
} Execution;

static void *run_execution(void *ctx)
{
    Execution *execution = ctx;

    execution->message = pims_execute(execution->method, execution->api, execution->params);
    return NULL;
}

/* Makes the same request on eight threads. `release` frees the messages. */
static void execute_on_all_threads(Execution executions[THREADS], const char *method, const char *api, const char *params)
{
    for (int i = 0; i < THREADS; i++) {
        Execution execution = {method, api, params, NULL};
        executions[i] = execution;
    }
    on_all_threads(run_execution, executions, sizeof executions[0]);
    for (int i = 0; i < THREADS; i++) {
        assert_non_null(executions[i].message);
    }
}

static void release(Execution executions[THREADS])
{
    for (int i = 0; i < THREADS; i++) {
        pims_string_free(executions[i].message);
    }
}

static int count_failed(const Execution executions[THREADS], int code)
{
    int count = 0;

    for (int i = 0; i < THREADS; i++) {
        count += is_failed(executions[i].message, code);
    }
    return count;
}

static int count_succeeded(const Execution executions[THREADS])
{
    int count = 0;

    for (int i = 0; i < THREADS; i++) {
        count += is_succeeded(executions[i].message);
    }
    return count;
}

static void of_eight_inits_at_once_exactly_one_succeeds(void **state)
{
    Execution executions[THREADS];
    char config[MAX_PATH + 64];

    (void)state;
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    for (int round = 0; round < 10; round++) {
        execute_on_all_threads(executions, "init", NULL, config);
        assert_int_equal(count_succeeded(executions), 1);
        assert_int_equal(count_failed(executions, 2007), THREADS - 1);
        release(executions);
        assert_succeeded(get(SDK_VERSION, "{}"), NULL);
        execute_on_all_threads(executions, "free", NULL, NULL);
        assert_int_equal(count_succeeded(executions), THREADS);
        release(executions);
        assert_failed(get(SDK_VERSION, "{}"), 2001);
    }
}

static void each_of_eight_passwords_at_once_is_another_and_is_right(void **state)
{
    Execution executions[THREADS];

    (void)state;
    execute_on_all_threads(executions, "get", OTP, "{\"action\":\"withPIN\",\"pinCode\":\"" PIN "\"}");
    for (int i = 0; i < THREADS; i++) {
        Answer answer = assert_succeeded(read_answer(executions[i].message), NULL);
        char otp[MAX_WORD];
        snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
        assert_true(verifies(otp));
        assert_false(verifies(otp));
    }
    release(executions);
}

static void eight_wrong_pins_at_once_cost_no_less_than_one_after_the_other(void **state)
{
    Execution executions[THREADS];

    (void)state;
    execute_on_all_threads(executions, "get", OTP, "{\"action\":\"withPIN\",\"pinCode\":\"9999\"}");
    assert_int_equal(count_failed(executions, 2308), 4);
    assert_int_equal(count_failed(executions, 2310), 1);
    assert_int_equal(count_failed(executions, 2317), 3);
    release(executions);
    assert_succeeded(get(ACCOUNT, IS_ACCOUNT_BLOCKED), "{'isAccountBlocked':'PinBlocked'}");
}

static void of_eight_uses_of_a_code_at_once_one_enrolls(void **state)
{
    Execution executions[THREADS];
    char params[256];

    (void)state;
    snprintf(params, sizeof params, "{\"action\":\"enroll\",\"pinCode\":\"1234\",\"smsCode\":\"%s\"}", new_enrollment_code());
    execute_on_all_threads(executions, "set", ENROLLMENT, params);
    assert_int_equal(count_succeeded(executions), 1);
    assert_int_equal(count_failed(executions, 2317), THREADS - 1);
    release(executions);
    assert_true(verifies(new_otp(PIN)));
}

/* The queue and pims_execute work on one component and do not disturb each other. */
static void queued_and_executed_calls_mix(void **state)
{
    Execution executions[THREADS];
    Mailbox *mailbox = mailbox_new();
    const char *params = "{\"action\":\"withPIN\",\"pinCode\":\"" PIN "\"}";

    (void)state;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pims_get(OTP, params, mailbox_callback, mailbox), PIMS_OK);
    }
    execute_on_all_threads(executions, "get", OTP, params);
    assert_int_equal(count_succeeded(executions), THREADS);
    release(executions);
    for (int i = 0; i < THREADS; i++) {
        Answer answer = assert_succeeded(mailbox_take(mailbox), NULL);
        char otp[MAX_WORD];
        snprintf(otp, sizeof otp, "%s", value_of(answer, "result.otp"));
        assert_true(verifies(otp));
    }
    mailbox_free(mailbox);
}

static const struct CMUnitTest tests[] = {
    TEST(every_accepted_call_has_one_message_while_the_facade_comes_and_goes, with_folder),
    TEST(of_eight_inits_at_once_exactly_one_succeeds, with_folder),
    TEST(each_of_eight_passwords_at_once_is_another_and_is_right, with_enrollment),
    TEST(eight_wrong_pins_at_once_cost_no_less_than_one_after_the_other, with_enrollment),
    TEST(of_eight_uses_of_a_code_at_once_one_enrolls, with_phone_number),
    TEST(queued_and_executed_calls_mix, with_enrollment),
};

SUITE_MAIN(tests)
