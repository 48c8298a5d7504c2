/*
 * fork: a child has no facade until it makes one. Its calls are answered at once, and it takes
 * nothing from its parent.
 */
#include "fixture.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "call.h"
#include "files.h"
#include "message.h"
#include "peer.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHES_THREADS 1
#endif
#endif
#ifndef WATCHES_THREADS
#define WATCHES_THREADS 0
#endif

enum { DEADLINE = 300, IDS = 200, ID = 13, FORKS = 60 };

/* Parameters of a facade in this folder that needs no SQLite. */
#define REMOTE \
    "{\"storage\":{\"path\":\"%s\"}," \
    "\"credential\":{\"inWeboURL\":\"https://127.0.0.1:1\",\"macID\":\"0123456789abcdef0123456789abcdef\"}}"

/* ---- Children -------------------------------------------------------------------------------- */

/* A child. Its output ends with the line that its program returned. */
typedef struct Forked {
    pid_t process;
    int says;
    int told;
} Forked;

/*
 * Runs `body` in a child, which ends by SIGKILL: it holds memory of threads that it does not have,
 * and a leak checker would report that.
 */
static Forked forked(void (*body)(FILE *says, int told))
{
    int up[2], down[2];
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    const pid_t process = fork();
    assert_true(process >= 0);
    if (process == 0) {
        alarm(DEADLINE);
        close(up[0]);
        close(down[1]);
        FILE *says = fdopen(up[1], "w");
        body(says, down[0]);
        fprintf(says, "done\n");
        fflush(says);
        kill(getpid(), SIGKILL);
    }
    close(up[1]);
    close(down[0]);
    return (Forked){process, up[0], down[1]};
}

/* Waits for the end of a child. Asserts that the child wrote this text and came to its end. */
static void assert_said(Forked child, const char *expected)
{
    static char said[IDS * (ID + 1) + 4096];
    char whole[4096];
    size_t length = 0;
    ssize_t got;
    int status;

    while ((got = read(child.says, said + length, sizeof said - 1 - length)) > 0) {
        length += (size_t)got;
    }
    said[length] = '\0';
    close(child.says);
    close(child.told);
    assert_int_equal(waitpid(child.process, &status, 0), child.process);
    if (expected) {
        snprintf(whole, sizeof whole, "%sdone\n", expected);
        assert_string_equal(said, whole);
    }
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* ---- A child's calls ------------------------------------------------------------------------- */

typedef struct Heard {
    int messages;
    int here;
    pthread_t caller;
    char last[MAX_MESSAGE];
} Heard;

static void on_message(const char *message, void *ctx)
{
    Heard *heard = ctx;
    heard->messages++;
    heard->here = pthread_equal(pthread_self(), heard->caller) != 0;
    snprintf(heard->last, sizeof heard->last, "%s", message);
}

/* Returns the code of a message, or 0 if the message is no error. */
static int code_in(const char *message)
{
    const char *code = strstr(message, "\"code\":");
    return code ? atoi(code + 7) : 0;
}

/*
 * Writes the answers to a call: how many messages came before the function returned, whether on
 * this thread, and with which code.
 */
static void print_result(FILE *says, const char *name, int32_t returned, const Heard *heard)
{
    fprintf(says, "%s %d: %d %s %d\n", name, (int)returned, heard->messages, heard->here ? "here" : "elsewhere", code_in(heard->last));
}

static void call_everything(FILE *says)
{
    typedef int32_t (*Method)(const char *, const char *, pims_callback, void *);
    static const Method methods[] = {pims_get, pims_set, pims_subscribe, pims_unsubscribe};
    static const char *const names[] = {"get", "set", "subscribe", "unsubscribe"};

    for (int i = 0; i < 4; i++) {
        Heard heard = {0, 0, pthread_self(), ""};
        const int32_t returned = methods[i](ACCOUNT, "{\"actionType\":\"strong\",\"type\":\"isAccountBlocked\"}", on_message, &heard);
        print_result(says, names[i], returned, &heard);
    }
    char *message = pims_execute("get", SDK_VERSION, "{}");
    fprintf(says, "execute: %d\n", code_in(message));
    pims_string_free(message);
    fprintf(says, "free %d\n", (int)pims_free());
}

/* The facade that the parent opened beside its default one, and the child's own one. */
static pims_facade of_the_parent;

static void uses_handles(FILE *says, int told)
{
    char config[MAX_MESSAGE];
    pims_facade own;

    (void)told;
    Heard heard = {0, 0, pthread_self(), ""};
    int32_t returned = pims_facade_get(of_the_parent, SDK_VERSION, "{}", on_message, &heard);
    fprintf(says, "get %d: %d\n", (int)returned, heard.messages);
    char *message = pims_facade_execute(of_the_parent, "get", SDK_VERSION, "{}");
    fprintf(says, "execute: %d\n", code_in(message));
    pims_string_free(message);
    fprintf(says, "close %d\n", (int)pims_close(of_the_parent));
    snprintf(config, sizeof config, REMOTE, in_folder("of-the-child"));
    message = pims_execute("open", NULL, config);
    own = strtoull(strstr(message, "\"facade\":") + 9, NULL, 10);
    pims_string_free(message);
    fprintf(says, "own: %d\n", own > of_the_parent);
    message = pims_facade_execute(own, "get", SDK_VERSION, "{}");
    fprintf(says, "its own: %d\n", code_in(message));
    pims_string_free(message);
    fprintf(says, "close %d\n", (int)pims_close(own));
}

#define REFUSED "get 0: 1 here 2001\nset 0: 1 here 2001\nsubscribe 0: 1 here 2001\nunsubscribe 0: 1 here 2001\nexecute: 2001\nfree 0\n"

static void calls_everything(FILE *says, int told)
{
    (void)told;
    call_everything(says);
}

/* Lives until the parent tells it to end. */
static void lives(FILE *says, int told)
{
    char word;

    (void)says;
    if (read(told, &word, 1) < 0) {
        abort();
    }
}

static void execute_into(FILE *says, const char *name, const char *method, const char *api, const char *params)
{
    char *message = pims_execute(method, api, params);
    fprintf(says, "%s: %d\n", name, code_in(message));
    pims_string_free(message);
}

static void makes_facades(FILE *says, int told)
{
    char config[MAX_MESSAGE];

    (void)told;
    snprintf(config, sizeof config, REMOTE, folder());
    execute_into(says, "its parent's folder", "init", NULL, config);
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s/embedded\"}}", folder());
    execute_into(says, "embedded", "init", NULL, config);
    snprintf(config, sizeof config, REMOTE, in_folder("of-the-child"));
    for (int i = 0; i < 2; i++) {
        execute_into(says, "its own folder", "init", NULL, config);
        execute_into(says, "again", "init", NULL, config);
        execute_into(says, "get", "get", SDK_VERSION, "{}");
        execute_into(says, "free", "free", NULL, NULL);
    }
    call_everything(says);
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void a_handle_of_the_parent_has_no_facade_in_a_child(void **state)
{
    char config[MAX_MESSAGE];
    Mailbox *mailbox = mailbox_new();

    (void)state;
    snprintf(config, sizeof config, REMOTE, in_folder("beside"));
    assert_int_equal(pims_open(config, mailbox_callback, mailbox, &of_the_parent), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), NULL);
    assert_said(forked(uses_handles), "get -6: 0\nexecute: 2001\nclose -6\nown: 1\nits own: 0\nclose 0\n");
    /* The child took nothing from its parent. */
    assert_int_equal(pims_facade_get(of_the_parent, SDK_VERSION, "{}", mailbox_callback, mailbox), PIMS_OK);
    assert_succeeded(mailbox_take(mailbox), NULL);
    assert_int_equal(pims_close(of_the_parent), PIMS_OK);
    mailbox_free(mailbox);
}

static void a_parent_begins_again_while_a_child_lives(void **state)
{
    (void)state;
    const Forked child = forked(lives);
    restart("");
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    assert_int_equal(write(child.told, "x", 1), 1);
    assert_said(child, "");
    restart("");
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
}

static void a_child_is_answered_at_once_and_its_parent_goes_on(void **state)
{
    (void)state;
    assert_said(forked(calls_everything), REFUSED);
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    /* Also while a callback of the parent is under way, and calls wait behind it. */
    Gate *gate = gate_new();
    Mailbox *mailbox = mailbox_new();
    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, gate), PIMS_OK);
    gate_wait_entered(gate);
    assert_int_equal(pims_get(SDK_VERSION, NULL, mailbox_callback, mailbox), PIMS_OK);
    assert_said(forked(calls_everything), REFUSED);
    gate_open(gate);
    assert_succeeded(mailbox_take(mailbox), NULL);
    mailbox_free(mailbox);
}

static void a_child_makes_a_facade_of_its_own(void **state)
{
    (void)state;
    assert_said(forked(makes_facades), "its parent's folder: 2006\nembedded: 2006\n"
                                       "its own folder: 0\nagain: 2007\nget: 0\nfree: 0\n"
                                       "its own folder: 0\nagain: 2007\nget: 0\nfree: 0\n" REFUSED);
    /* The child opened, closed and freed nothing of its parent. */
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
    Answer told;
    peer_start(&told, "{'storage':{'path':'%s'}}", folder());
    assert_failed(told, 2006);
}

/* A second thread that is in the library all the time. */
static int ends; /* read and written atomically: two threads use it */

static void *works(void *config)
{
    while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE)) {
        pims_string_free(pims_execute("init", NULL, config));
        for (int i = 0; i < 50; i++) {
            pims_string_free(pims_execute("get", "pims.sdk.log", "{}"));
        }
        pims_free();
    }
    return NULL;
}

static void a_child_does_not_wait_for_locks_that_another_thread_held(void **state)
{
    pthread_t threads[2];
    char config[MAX_MESSAGE];

    (void)state;
    pims_free();
    snprintf(config, sizeof config, REMOTE, in_folder("busy"));
    __atomic_store_n(&ends, 0, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, works, config), 0);
    }
    for (int i = 0; i < FORKS; i++) {
        assert_said(forked(calls_everything), REFUSED);
    }
    __atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* Makes the transaction ids of this process's next calls on this thread. */
static void make_ids(char ids[IDS][ID + 1])
{
    for (int i = 0; i < IDS; i++) {
        char *message = pims_execute("get", SDK_VERSION, "{}");
        memcpy(ids[i], strstr(message, "\":\"") + 3, ID);
        ids[i][ID] = '\0';
        pims_string_free(message);
    }
}

static int pipe_of_ids[2];

static void sends_ids(FILE *says, int told)
{
    char ids[IDS][ID + 1];

    (void)told;
    make_ids(ids);
    fprintf(says, "%s", write(pipe_of_ids[1], ids, sizeof ids) == (ssize_t)sizeof ids ? "" : "short\n");
}

static void parent_and_child_never_share_a_transaction_id(void **state)
{
    char mine[IDS][ID + 1], theirs[IDS][ID + 1];

    (void)state;
    make_ids(mine);
    assert_int_equal(pipe(pipe_of_ids), 0);
    const Forked child = forked(sends_ids);
    make_ids(mine);
    assert_said(child, "");
    assert_int_equal(read(pipe_of_ids[0], theirs, sizeof theirs), (ssize_t)sizeof theirs);
    close(pipe_of_ids[0]);
    close(pipe_of_ids[1]);
    for (int i = 0; i < IDS; i++) {
        for (int j = 0; j < IDS; j++) {
            assert_string_not_equal(mine[i], theirs[j]);
        }
    }
}

/* The context of a callback that forks. */
typedef struct Forking {
    Forked child;
    Gate *gate;
} Forking;

static void fork_and_kill(const char *message, void *ctx)
{
    Forking *forking = ctx;
    forking->child = forked(calls_everything);
    gate_callback(message, forking->gate);
}

static void fork_and_return(const char *message, void *ctx)
{
    Forking *forking = ctx;
    const pid_t process = fork();
    if (process == 0) {
        alarm(DEADLINE);
        return;
    }
    forking->child.process = process;
    gate_callback(message, forking->gate);
}

static void a_callback_may_fork(void **state)
{
    Forking forking;

    (void)state;
    forking.gate = gate_new();
    assert_int_equal(pims_get(SDK_VERSION, NULL, fork_and_kill, &forking), PIMS_OK);
    gate_wait_entered(forking.gate);
    assert_said(forking.child, REFUSED);
    gate_open(forking.gate);
    assert_succeeded(get(SDK_VERSION, "{}"), NULL);
}

/* Its copy of the library's thread must not run the calls that wait: the parent runs them too. */
static void a_child_that_returns_from_a_callback_ends_and_runs_nothing(void **state)
{
    Forking forking;
    Gate *first = gate_new();
    Mailbox *mailbox = mailbox_new();
    size_t size;
    int status;

    (void)state;
    if (WATCHES_THREADS) {
        print_message("[  SKIPPED ] the thread checker reports the end of the last thread of a child\n");
        mailbox_free(mailbox);
        return;
    }
    forking.gate = gate_new();
    assert_int_equal(pims_get(SDK_VERSION, NULL, gate_callback, first), PIMS_OK);
    gate_wait_entered(first);
    assert_int_equal(pims_get(SDK_VERSION, NULL, fork_and_return, &forking), PIMS_OK);
    assert_int_equal(
        pims_get(SMSCODE, "{\"type\":\"phoneNumberCertification\",\"phoneNumber\":\"" PHONE_NUMBER "\"}", mailbox_callback, mailbox),
        PIMS_OK);
    gate_open(first);
    gate_wait_entered(forking.gate);
    assert_int_equal(waitpid(forking.child.process, &status, 0), forking.child.process);
    assert_true(WIFEXITED(status));
    assert_false(exists(in_folder("sms-outbox.jsonl")));
    gate_open(forking.gate);
    assert_succeeded(mailbox_take(mailbox), "{}");
    char *outbox = read_file(in_folder("sms-outbox.jsonl"), &size);
    assert_ptr_equal(strchr(outbox, '\n'), strrchr(outbox, '\n'));
    free(outbox);
    mailbox_free(mailbox);
}

static const struct CMUnitTest tests[] = {
    TEST(a_handle_of_the_parent_has_no_facade_in_a_child, with_folder),
    TEST(a_parent_begins_again_while_a_child_lives, with_facade),
    TEST(a_child_is_answered_at_once_and_its_parent_goes_on, with_facade),
    TEST(a_child_makes_a_facade_of_its_own, with_facade),
    TEST(a_child_does_not_wait_for_locks_that_another_thread_held, with_facade),
    TEST(parent_and_child_never_share_a_transaction_id, with_facade),
    TEST(a_callback_may_fork, with_facade),
    TEST(a_child_that_returns_from_a_callback_ends_and_runs_nothing, with_facade),
};

SUITE_MAIN(tests)
