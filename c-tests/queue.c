/*
 * The queue and the library's thread: the number of calls that wait, the order of callbacks, and
 * the calls that a callback may make.
 */
#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "files.h"
#include "message.h"

#define ACTIVATED "{\"actionType\":\"strong\",\"type\":\"isDeviceActivated\"}"

enum { MAX_WAITING = 1024 };

/* A thread that frees the facade and reports its return. */
typedef struct Freer {
    pthread_t thread;
    pthread_mutex_t mutex;
    bool is_back;
} Freer;

static void *run_free(void *ctx)
{
    Freer *freer = ctx;

    pims_free();
    pthread_mutex_lock(&freer->mutex);
    freer->is_back = true;
    pthread_mutex_unlock(&freer->mutex);
    return NULL;
}

static void freer_start(Freer *freer)
{
    pthread_mutex_init(&freer->mutex, NULL);
    freer->is_back = false;
    assert_int_equal(pthread_create(&freer->thread, NULL, run_free, freer), 0);
}

static bool is_back(Freer *freer)
{
    pthread_mutex_lock(&freer->mutex);
    bool back = freer->is_back;
    pthread_mutex_unlock(&freer->mutex);
    return back;
}

/* Keeps the library's thread in a callback until the gate is opened. */
static Gate *block(void)
{
    Gate *gate = gate_new();

    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, gate), PIMS_OK);
    gate_wait_entered(gate);
    return gate;
}

static void fill(Mailbox *mailbox)
{
    for (int i = 0; i < MAX_WAITING; i++) {
        assert_int_equal(pims_get(SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    }
}

static void exactly_1024_calls_may_wait(void **state)
{
    Gate *gate = block();
    Mailbox *mailbox = mailbox_new();
    Mailbox *refused = mailbox_new();

    (void)state;
    fill(mailbox);
    assert_int_equal(pims_get(SDK_VERSION, "{}", mailbox_callback, refused), PIMS_ERROR_QUEUE_FULL);
    assert_int_equal(pims_set(ENROLLMENT, "{}", mailbox_callback, refused), PIMS_ERROR_QUEUE_FULL);
    assert_int_equal(pims_subscribe(ACCOUNT, "{}", mailbox_callback, refused), PIMS_ERROR_QUEUE_FULL);
    assert_int_equal(pims_unsubscribe(ACCOUNT, "{}", mailbox_callback, refused), PIMS_ERROR_QUEUE_FULL);
    /* A call that does not wait is not refused. */
    assert_succeeded(execute("get", SDK_VERSION, "{}"), NULL);
    assert_int_equal(mailbox_count(mailbox), 0);
    gate_open(gate);
    for (int i = 0; i < MAX_WAITING; i++) {
        assert_succeeded(mailbox_take(mailbox), NULL);
    }
    /* There is room again. */
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_int_equal(mailbox_count(refused), 0);
    mailbox_free(mailbox);
    mailbox_free(refused);
}

static void what_waits_when_the_facade_is_freed_is_told_2001(void **state)
{
    Gate *gate = block();
    Mailbox *mailbox = mailbox_new();
    Mailbox *later = mailbox_new();
    Freer freer;

    (void)state;
    fill(mailbox);
    freer_start(&freer);
    /* The queue is closed once a call is answered with 2001 at once; until then it is full. */
    for (Poll poll = poll_begin(); pims_get(SDK_VERSION, "{}", mailbox_callback, later) != PIMS_OK;) {
        poll_wait(poll);
    }
    assert_failed(mailbox_take(later), 2001);
    assert_false(is_back(&freer));
    assert_int_equal(mailbox_count(mailbox), 0);
    gate_open(gate);
    pthread_join(freer.thread, NULL);
    /* Every message came before pims_free returned. */
    assert_int_equal(mailbox_count(mailbox), MAX_WAITING);
    for (int i = 0; i < MAX_WAITING; i++) {
        assert_failed(mailbox_take(mailbox), 2001);
    }
    mailbox_free(mailbox);
    mailbox_free(later);
}

static void free_waits_for_the_callback_under_way(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        Gate *gate = block();
        Freer freer;
        freer_start(&freer);
        assert_false(is_back(&freer));
        gate_open(gate);
        pthread_join(freer.thread, NULL);
        assert_true(gate_was_left(gate));
        restart("");
    }
}

static void a_callback_that_blocks_only_delays(void **state)
{
    Gate *gate = block();
    Mailbox *mailbox = mailbox_new();

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_set(ENROLLMENT, "{\"action\":\"remove\"}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(pims_get("pims.nonsense", "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_int_equal(mailbox_count(mailbox), 0);
    assert_false(gate_was_left(gate));
    gate_open(gate);
    assert_succeeded(mailbox_take(mailbox), NULL);
    assert_succeeded(mailbox_take(mailbox), "null");
    assert_failed(mailbox_take(mailbox), 2002);
    mailbox_free(mailbox);
}

/* ---- Order ----------------------------------------------------------------------------------- */

typedef struct Order {
    size_t calls;
    size_t next;
    bool is_first;
    pthread_t thread;
    int inside;
    size_t out_of_order;
    size_t on_another_thread;
    size_t at_once;
    size_t not_succeeded;
} Order;

typedef struct Ticket {
    Order *order;
    size_t number;
} Ticket;

static void order_callback(const char *message, void *ctx)
{
    Ticket *ticket = ctx;
    Order *order = ticket->order;

    /*
     * The counter has no lock: two callbacks at once would show in a memory checker and in the
     * numbers.
     */
    order->at_once += order->inside++ != 0;
    if (order->is_first) {
        order->is_first = false;
        order->thread = pthread_self();
    }
    order->out_of_order += ticket->number != order->next++;
    order->on_another_thread += !pthread_equal(order->thread, pthread_self());
    order->not_succeeded += strstr(message, "\"status\":\"SUCCEEDED\"") == NULL;
    order->inside--;
}

static void get_when_there_is_room(const char *api, const char *params, pims_callback callback, void *ctx)
{
    Poll poll = poll_begin();
    int32_t returned;

    while ((returned = pims_get(api, params, callback, ctx)) == PIMS_ERROR_QUEUE_FULL) {
        poll_wait(poll);
    }
    assert_int_equal(returned, PIMS_OK);
}

static void callbacks_come_in_order_once_each_on_one_thread_never_two_at_once(void **state)
{
    Order order = {many_calls(), 0, true, pthread_self(), 0, 0, 0, 0, 0};
    Ticket *tickets = calloc(order.calls, sizeof *tickets);
    Mailbox *last = mailbox_new();

    (void)state;
    assert_non_null(tickets);
    for (size_t i = 0; i < order.calls; i++) {
        tickets[i].order = &order;
        tickets[i].number = i;
        get_when_there_is_room(ACCOUNT, ACTIVATED, order_callback, &tickets[i]);
    }
    /* Its message is the last. */
    get_when_there_is_room(SDK_VERSION, "{}", mailbox_callback, last);
    assert_succeeded(mailbox_take(last), NULL);
    mailbox_free(last);
    assert_int_equal(order.next, order.calls);
    assert_int_equal(order.out_of_order, 0);
    assert_int_equal(order.on_another_thread, 0);
    assert_int_equal(order.at_once, 0);
    assert_int_equal(order.not_succeeded, 0);
    assert_false(pthread_equal(order.thread, pthread_self()));
    free(tickets);
}

/* ---- Calls from inside a callback ------------------------------------------------------------ */

typedef struct Inside {
    Mailbox *mailbox;
    int32_t returned[4];
    int32_t misused;
    char *executed;
    char *executed_otp;
    uint32_t abi;
    size_t before;
    size_t after;
} Inside;

static void calling_callback(const char *message, void *ctx)
{
    Inside *inside = ctx;

    (void)message;
    inside->before = mailbox_count(inside->mailbox);
    inside->returned[0] = pims_get(SDK_VERSION, "{}", mailbox_callback, inside->mailbox);
    inside->returned[1] = pims_set("pims.nonsense", "{}", mailbox_callback, inside->mailbox);
    inside->returned[2] = pims_subscribe(ACCOUNT, ACTIVATED, mailbox_callback, inside->mailbox);
    inside->returned[3] = pims_unsubscribe(ACCOUNT, "{}", mailbox_callback, inside->mailbox);
    inside->misused = pims_get(NULL, "{}", mailbox_callback, inside->mailbox);
    inside->executed = pims_execute("get", SDK_VERSION, "{}");
    inside->executed_otp = pims_execute("get", OTP, "{\"action\":\"withPIN\",\"pinCode\":\"" PIN "\"}");
    inside->abi = pims_abi_version();
    inside->after = mailbox_count(inside->mailbox);
}

static void a_callback_may_call_every_function(void **state)
{
    Inside inside = {mailbox_new(), {-9, -9, -9, -9}, 0, NULL, NULL, 0, 0, 0};

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, NULL, calling_callback, &inside), PIMS_OK);
    assert_succeeded(mailbox_take(inside.mailbox), NULL);
    assert_failed(mailbox_take(inside.mailbox), 2002);
    assert_succeeded(mailbox_take(inside.mailbox), "null");
    assert_succeeded(mailbox_take(inside.mailbox), "null");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(inside.returned[i], PIMS_OK);
    }
    assert_int_equal(inside.misused, PIMS_ERROR_NULL_API);
    assert_int_equal(inside.abi, PIMS_ABI_VERSION);
    /* Queued calls do not call back inside a callback. */
    assert_int_equal(inside.before, inside.after);
    assert_non_null(inside.executed);
    assert_succeeded(read_answer(inside.executed), NULL);
    assert_non_null(inside.executed_otp);
    assert_succeeded(read_answer(inside.executed_otp), NULL);
    pims_string_free(inside.executed);
    pims_string_free(inside.executed_otp);
    mailbox_free(inside.mailbox);
}

typedef struct InitInside {
    Mailbox *mailbox;
    char config[MAX_PATH + 64];
    size_t told_inside;
    bool frees_first;
} InitInside;

static void initializing_callback(const char *message, void *ctx)
{
    InitInside *inside = ctx;

    (void)message;
    if (inside->frees_first) {
        pims_free();
    }
    pims_init(inside->config, mailbox_callback, inside->mailbox);
    /* A failure of pims_init is delivered before it returns. */
    inside->told_inside = mailbox_count(inside->mailbox);
}

static void init_inside_a_callback_is_2007(void **state)
{
    InitInside inside = {mailbox_new(), "", 0, false};

    (void)state;
    snprintf(inside.config, sizeof inside.config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_int_equal(pims_get(SDK_VERSION, NULL, initializing_callback, &inside), PIMS_OK);
    /* The facade goes on. When its next message comes, that callback has returned. */
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_int_equal(inside.told_inside, 1);
    assert_failed(mailbox_take(inside.mailbox), 2007);
    mailbox_free(inside.mailbox);
}

/*
 * Calls pims_init until it succeeds. A facade that was freed inside a callback is gone soon after
 * the callback returns. Until then, init is 2007.
 */
static void init_until_it_succeeds(void)
{
    for (Poll poll = poll_begin();;) {
        Answer answer = init("{'storage':{'path':'%s'}}", folder());
        if (answer.status == SUCCEEDED) {
            return;
        }
        assert_failed(answer, 2007);
        poll_wait(poll);
    }
}

static void init_after_a_free_inside_the_same_callback_is_2007_still(void **state)
{
    InitInside inside = {mailbox_new(), "", 0, true};

    (void)state;
    snprintf(inside.config, sizeof inside.config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_int_equal(pims_get(SDK_VERSION, NULL, initializing_callback, &inside), PIMS_OK);
    assert_failed(mailbox_take(inside.mailbox), 2007);
    init_until_it_succeeds();
    mailbox_free(inside.mailbox);
}

typedef struct FreeInside {
    Mailbox *mailbox;
    Gate *gate;
    int32_t freed;
    int32_t freed_again;
    char *executed;
} FreeInside;

static void freeing_callback(const char *message, void *ctx)
{
    FreeInside *inside = ctx;

    inside->freed = pims_free();
    inside->freed_again = pims_free();
    /* From here on there is no facade. */
    pims_get(SDK_VERSION, "{}", mailbox_callback, inside->mailbox);
    gate_callback(message, inside->gate);
}

static void free_inside_a_callback_takes_effect_when_it_returns(void **state)
{
    FreeInside inside = {mailbox_new(), gate_new(), -9, -9, NULL};
    Mailbox *waiting = mailbox_new();
    Gate *gate = block();

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, NULL, freeing_callback, &inside), PIMS_OK);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pims_get(SDK_VERSION, NULL, mailbox_callback, waiting), PIMS_OK);
    }
    gate_open(gate);
    gate_wait_entered(inside.gate);
    /*
     * pims_free returned at once, in the callback. Calls are 2001 now; older ones wait for the
     * callback.
     */
    assert_int_equal(inside.freed, PIMS_OK);
    assert_int_equal(inside.freed_again, PIMS_OK);
    assert_failed(mailbox_take(inside.mailbox), 2001);
    assert_failed(get(SDK_VERSION, "{}"), 2001);
    assert_int_equal(mailbox_count(waiting), 0);
    assert_failed(init("{'storage':{'path':'%s'}}", folder()), 2007);
    gate_open(inside.gate);
    for (int i = 0; i < 10; i++) {
        assert_failed(mailbox_take(waiting), 2001);
    }
    init_until_it_succeeds();
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    mailbox_free(waiting);
    mailbox_free(inside.mailbox);
}

static void just_free_callback(const char *message, void *ctx)
{
    pims_free();
    mailbox_callback(message, ctx);
}

static void free_inside_the_callback_of_init(void **state)
{
    Mailbox *mailbox = mailbox_new();
    char config[MAX_PATH + 64];

    (void)state;
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", folder());
    assert_int_equal(pims_init(config, just_free_callback, mailbox), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), "null");
    init_until_it_succeeds();
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    mailbox_free(mailbox);
}

static void free_inside_the_callback_of_a_2001(void **state)
{
    Mailbox *mailbox = mailbox_new();

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, "{}", just_free_callback, mailbox), PIMS_OK);
    assert_failed(mailbox_take(mailbox), 2001);
    restart("");
    mailbox_free(mailbox);
}

static void executing_free_callback(const char *message, void *ctx)
{
    FreeInside *inside = ctx;

    inside->executed = pims_execute("free", NULL, NULL);
    mailbox_callback(message, inside->mailbox);
}

static void free_by_execute_inside_a_callback(void **state)
{
    FreeInside inside = {mailbox_new(), NULL, 0, 0, NULL};

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, "{}", executing_free_callback, &inside), PIMS_OK);
    assert_succeeded(mailbox_take(inside.mailbox), NULL);
    assert_non_null(inside.executed);
    assert_succeeded(read_answer(inside.executed), "null");
    pims_string_free(inside.executed);
    init_until_it_succeeds();
    mailbox_free(inside.mailbox);
}

/* A chain: each callback makes the next call. */
typedef struct Chain {
    Mailbox *mailbox;
    size_t left;
} Chain;

static void chaining_callback(const char *message, void *ctx)
{
    Chain *chain = ctx;

    if (chain->left == 0) {
        mailbox_callback(message, chain->mailbox);
        return;
    }
    chain->left--;
    if (pims_get(SDK_VERSION, "{}", chaining_callback, chain) != PIMS_OK) {
        mailbox_callback("a call was not accepted", chain->mailbox);
    }
}

static void a_callback_may_make_the_next_call_for_ever(void **state)
{
    Chain chain = {mailbox_new(), many_calls() / 10};

    (void)state;
    assert_int_equal(pims_get(SDK_VERSION, "{}", chaining_callback, &chain), PIMS_OK);
    assert_succeeded(mailbox_take(chain.mailbox), NULL);
    assert_int_equal(chain.left, 0);
    mailbox_free(chain.mailbox);
}

static const struct CMUnitTest tests[] = {
    TEST(exactly_1024_calls_may_wait, with_facade),
    TEST(what_waits_when_the_facade_is_freed_is_told_2001, with_facade),
    TEST(free_waits_for_the_callback_under_way, with_facade),
    TEST(a_callback_that_blocks_only_delays, with_facade),
    TEST(callbacks_come_in_order_once_each_on_one_thread_never_two_at_once, with_facade),
    TEST(a_callback_may_call_every_function, with_enrollment),
    TEST(init_inside_a_callback_is_2007, with_facade),
    TEST(init_after_a_free_inside_the_same_callback_is_2007_still, with_facade),
    TEST(free_inside_a_callback_takes_effect_when_it_returns, with_facade),
    TEST(free_inside_the_callback_of_init, with_folder),
    TEST(free_inside_the_callback_of_a_2001, with_folder),
    TEST(free_by_execute_inside_a_callback, with_facade),
    TEST(a_callback_may_make_the_next_call_for_ever, with_facade),
};

SUITE_MAIN(tests)
