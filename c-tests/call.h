/*
 * Calls of the library: requests that wait for their message, mailboxes that collect messages,
 * gates that hold a callback, and how long a test waits.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "pims.h"

/* ---- Time ------------------------------------------------------------------------------------ */

/* Returns PIMS_TEST_CALLS: how many calls a test of many calls makes. */
size_t many_calls(void);

/* Returns PIMS_TEST_DEADLINE: how long a message is awaited, so how long a failure takes. */
long deadline_seconds(void);

/* A deadline for a loop that polls. */
typedef struct Poll {
    long long until;
} Poll;
Poll poll_begin(void);
/* Waits a moment. The test fails if the deadline is over. */
void poll_wait(Poll poll);

/* ---- Mailboxes ------------------------------------------------------------------------------- */

/* Collects the messages of any number of calls. */
typedef struct Mailbox Mailbox;

Mailbox *mailbox_new(void);
void mailbox_free(Mailbox *mailbox);
/* Receives a message, as a callback. Its ctx is a mailbox. */
void mailbox_callback(const char *message, void *mailbox);
/* Waits for the next message. The test fails if none comes. */
Answer mailbox_take(Mailbox *mailbox);
/* Returns how many messages lie in the mailbox. */
size_t mailbox_count(Mailbox *mailbox);

/* ---- Requests -------------------------------------------------------------------------------- */

/* A request to the facade of this process, which waits for its message. */
Answer get(const char *api, const char *format, ...) PRINTF(2, 3);
Answer set(const char *api, const char *format, ...) PRINTF(2, 3);
Answer init(const char *format, ...) PRINTF(1, 2);
/* The method is "init", "get" or "set". The parameters are not a format and are not changed. */
Answer request(const char *method, const char *api, const char *params);
/* The same by pims_execute. */
Answer execute(const char *method, const char *api, const char *params);
/*
 * Makes a request and does not read the message. Returns the message, which the caller frees, or
 * NULL if there is none, and stores what the library's function returned.
 */
char *raw_request(const char *method, const char *api, const char *params, int32_t *returned);

/* ---- Gates ----------------------------------------------------------------------------------- */

/* A gate holds a callback until the test opens it. */
typedef struct Gate Gate;

/* Returns a closed gate. The end of the test opens and frees it. */
Gate *gate_new(void);
/* Waits until a gate is open, as a callback. Its ctx is the gate. */
void gate_callback(const char *message, void *gate);
void gate_wait_entered(Gate *gate);
void gate_open(Gate *gate);
bool gate_was_left(Gate *gate);

#endif
