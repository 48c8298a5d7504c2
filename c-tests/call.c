#include "call.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"
#include "secrets.h"

/* ---- Time ------------------------------------------------------------------------------------ */

static long number_from(const char *variable, long otherwise)
{
    const char *text = getenv(variable);
    long number = text != NULL ? strtol(text, NULL, 10) : 0;

    return number > 0 ? number : otherwise;
}

long deadline_seconds(void)
{
    return number_from("PIMS_TEST_DEADLINE", 300);
}

size_t many_calls(void)
{
    return (size_t)number_from("PIMS_TEST_CALLS", 100000);
}

static long long now_in_milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000LL * now.tv_sec + now.tv_nsec / 1000000;
}

Poll poll_begin(void)
{
    Poll poll = {now_in_milliseconds() + 1000LL * deadline_seconds()};

    return poll;
}

void poll_wait(Poll poll)
{
    const struct timespec moment = {0, 1000000};

    if (now_in_milliseconds() > poll.until) {
        fail_msg("waited for %ld seconds", deadline_seconds());
    }
    nanosleep(&moment, NULL);
}

/* Waits on a condition. Returns false if the deadline is over. */
static bool timed_wait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until)
{
    return pthread_cond_timedwait(condition, mutex, until) != ETIMEDOUT;
}

/* Creates a condition that measures its waits by a clock that nobody sets. */
static void make_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

static struct timespec deadline(void)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += deadline_seconds();
    return until;
}

/* ---- Mailboxes ------------------------------------------------------------------------------- */

struct Mailbox {
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    char **messages;
    size_t count;
    size_t room;
    size_t taken;
};

Mailbox *mailbox_new(void)
{
    Mailbox *mailbox = calloc(1, sizeof *mailbox);

    if (mailbox == NULL) {
        abort();
    }
    pthread_mutex_init(&mailbox->mutex, NULL);
    make_condition(&mailbox->arrived);
    return mailbox;
}

void mailbox_free(Mailbox *mailbox)
{
    /* The callback that brought the last message may still hold the mutex. */
    pthread_mutex_lock(&mailbox->mutex);
    pthread_mutex_unlock(&mailbox->mutex);
    for (size_t i = mailbox->taken; i < mailbox->count; i++) {
        free(mailbox->messages[i]);
    }
    free(mailbox->messages);
    pthread_cond_destroy(&mailbox->arrived);
    pthread_mutex_destroy(&mailbox->mutex);
    free(mailbox);
}

void mailbox_callback(const char *message, void *ctx)
{
    Mailbox *mailbox = ctx;
    char *copy = strdup(message);

    pthread_mutex_lock(&mailbox->mutex);
    if (mailbox->count == mailbox->room) {
        mailbox->room = mailbox->room == 0 ? 4 : 2 * mailbox->room;
        mailbox->messages = realloc(mailbox->messages, mailbox->room * sizeof *mailbox->messages);
    }
    if (copy == NULL || mailbox->messages == NULL) {
        abort();
    }
    mailbox->messages[mailbox->count++] = copy;
    pthread_cond_signal(&mailbox->arrived);
    pthread_mutex_unlock(&mailbox->mutex);
}

/* Returns the next message, which the caller frees, or NULL if none comes. */
static char *take_raw(Mailbox *mailbox)
{
    struct timespec until = deadline();
    bool in_time = true;
    char *message = NULL;

    pthread_mutex_lock(&mailbox->mutex);
    while (in_time && mailbox->taken == mailbox->count) {
        in_time = timed_wait(&mailbox->arrived, &mailbox->mutex, &until);
    }
    if (mailbox->taken < mailbox->count) {
        message = mailbox->messages[mailbox->taken++];
    }
    pthread_mutex_unlock(&mailbox->mutex);
    return message;
}

Answer mailbox_take(Mailbox *mailbox)
{
    char *message = take_raw(mailbox);

    if (message == NULL) {
        fail_msg("no message came in %ld seconds", deadline_seconds());
    }
    Answer answer = read_answer(message);
    free(message);
    return answer;
}

size_t mailbox_count(Mailbox *mailbox)
{
    pthread_mutex_lock(&mailbox->mutex);
    size_t count = mailbox->count - mailbox->taken;
    pthread_mutex_unlock(&mailbox->mutex);
    return count;
}

/* ---- Requests -------------------------------------------------------------------------------- */

char *raw_request(const char *method, const char *api, const char *params, int32_t *returned)
{
    Mailbox *mailbox = mailbox_new();
    char *message = NULL;

    if (params != NULL) {
        secrets_in_params(params);
    }
    if (strcmp(method, "init") == 0) {
        *returned = pims_init(params, mailbox_callback, mailbox);
    } else {
        *returned = (strcmp(method, "get") == 0 ? pims_get : pims_set)(api, params, mailbox_callback, mailbox);
    }
    if (*returned == PIMS_OK) {
        message = take_raw(mailbox);
        if (message == NULL) {
            /* The message may still come: the mailbox stays for it. */
            return NULL;
        }
    }
    mailbox_free(mailbox);
    return message;
}

Answer request(const char *method, const char *api, const char *params)
{
    int32_t returned;
    char *message = raw_request(method, api, params, &returned);

    if (message == NULL) {
        fail_msg("%s %s returned %d and brought no message", method, api, (int)returned);
    }
    Answer answer = read_answer(message);
    free(message);
    return answer;
}

Answer execute(const char *method, const char *api, const char *params)
{
    char *message = pims_execute(method, api, params);

    secrets_in_params(params != NULL ? params : "");
    assert_non_null(message);
    Answer answer = read_answer(message);
    pims_string_free(message);
    return answer;
}

static Answer request_with(const char *method, const char *api, const char *format, va_list values)
{
    char params[MAX_MESSAGE];

    format_params(format, values, params, sizeof params);
    return request(method, api, params);
}

Answer get(const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("get", api, format, values);
    va_end(values);
    return answer;
}

Answer set(const char *api, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("set", api, format, values);
    va_end(values);
    return answer;
}

Answer init(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    Answer answer = request_with("init", "", format, values);
    va_end(values);
    return answer;
}

/* ---- Gates ----------------------------------------------------------------------------------- */

struct Gate {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool entered;
    bool open;
    bool left;
    Gate *next;
};

static Gate *gates;

void gate_open(Gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

static void open_gates(void)
{
    for (Gate *gate = gates; gate != NULL; gate = gate->next) {
        gate_open(gate);
    }
}

/* Frees the gates of a test. After pims_free no callback waits at one. */
static void free_gates(void)
{
    while (gates != NULL) {
        Gate *gate = gates;
        gates = gate->next;
        pthread_cond_destroy(&gate->changed);
        pthread_mutex_destroy(&gate->mutex);
        free(gate);
    }
}

Gate *gate_new(void)
{
    Gate *gate = calloc(1, sizeof *gate);

    if (gate == NULL) {
        abort();
    }
    pthread_mutex_init(&gate->mutex, NULL);
    make_condition(&gate->changed);
    gate->next = gates;
    gates = gate;
    cleanup_register(BEFORE_FREE, open_gates);
    cleanup_register(AFTER_FREE, free_gates);
    return gate;
}

void gate_callback(const char *message, void *ctx)
{
    Gate *gate = ctx;

    (void)message;
    pthread_mutex_lock(&gate->mutex);
    gate->entered = true;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    gate->left = true;
    pthread_mutex_unlock(&gate->mutex);
}

void gate_wait_entered(Gate *gate)
{
    struct timespec until = deadline();
    bool in_time = true;

    pthread_mutex_lock(&gate->mutex);
    while (in_time && !gate->entered) {
        in_time = timed_wait(&gate->changed, &gate->mutex, &until);
    }
    bool entered = gate->entered;
    pthread_mutex_unlock(&gate->mutex);
    assert_true(entered);
}

bool gate_was_left(Gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    bool left = gate->left;
    pthread_mutex_unlock(&gate->mutex);
    return left;
}
