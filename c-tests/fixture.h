/*
 * What the suites share: a folder a test, a facade in it, requests that wait for their message, the SMS outbox, and processes of their own.
 *
 * Parameters and results are written with ' in place of ": "{'type':'enrollment'}". Each message that arrives is checked as a whole
 * (its form, its transactionId, its label against the catalogue of the reference) before a test sees it.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pims.h"

#define SDK_CONFIGURATION "pims.sdk.configuration"
#define SDK_VERSION "pims.sdk.version"
#define ACCOUNT "pims.authentication.account"
#define ENROLLMENT "pims.authentication.enrollment"
#define OTP "pims.authentication.otp"
#define PINCODE "pims.authentication.pincode"
#define SMSCODE "pims.authentication.smscode"
#define TRUSTED_PHONE_NUMBER "pims.authentication.trustedphonenumber"
#define VERIFY "pims.authority.otp"

#define IS_DEVICE_ACTIVATED "{'actionType':'strong','type':'isDeviceActivated'}"
#define IS_ACCOUNT_BLOCKED "{'actionType':'strong','type':'isAccountBlocked'}"

/* Of a configuration: everything is logged. */
#define LOUD "'monitoring':{'logLevel':'high'}"

#define PHONE_NUMBER "+33612345678"
#define PIN "1234"
#define OTHER_PIN "4321"

enum { MAX_MESSAGE = 4096, MAX_PATH = 512, MAX_WORD = 64 };

#if defined(__GNUC__)
#define PRINTF(form, first) __attribute__((__format__(__printf__, form, first)))
#else
#define PRINTF(form, first)
#endif

/* ---- Messages ------------------------------------------------------------------------------------------------------------------------ */

typedef enum Status { SUCCEEDED, FAILED, RESULT } Status;

/* One message, read. */
typedef struct Answer {
    Status status;
    /* Of FAILED; else 0. */
    int code;
    char transaction[14];
    char message[MAX_MESSAGE];
} Answer;

/* Collects the messages of any number of calls. */
typedef struct Mailbox Mailbox;

Mailbox *mailbox_new(void);
void mailbox_free(Mailbox *mailbox);
/* The callback whose ctx is a mailbox. */
void mailbox_callback(const char *message, void *mailbox);
/* The next message; waits for it. The test fails where none comes. */
Answer mailbox_take(Mailbox *mailbox);
/* How many messages lie in it. */
size_t mailbox_count(Mailbox *mailbox);

/* Reads a message; the test fails where it is not of the documented form. */
Answer read_answer(const char *message);

/* A request of the facade of this process; they wait for the message. Parameters are a format of printf. */
Answer get(const char *api, const char *format, ...) PRINTF(2, 3);
Answer set(const char *api, const char *format, ...) PRINTF(2, 3);
Answer init(const char *format, ...) PRINTF(1, 2);
/* The method is "init", "get" or "set"; the text is taken as it is. */
Answer request(const char *method, const char *api, const char *params);
/* As `request`, by pims_execute. */
Answer execute(const char *method, const char *api, const char *params);

/* Copies a text and makes " of each '. */
char *quoted(const char *text, char *copy, size_t size);

/* The value at a path of the message; the test fails where there is none. Valid until the next call. */
#define value_of(answer, path) value_at(&(answer), path, __FILE__, __LINE__)
const char *value_at(const Answer *answer, const char *path, const char *file, int line);

/* The result, exactly; NULL is any. */
#define assert_succeeded(answer, result) check_succeeded(answer, result, __FILE__, __LINE__)
Answer check_succeeded(Answer answer, const char *result, const char *file, int line);

#define assert_failed(answer, code) check_failed(answer, code, __FILE__, __LINE__)
Answer check_failed(Answer answer, int code, const char *file, int line);

/* 2101 and 2102 with the name of the parameter in the label. */
#define assert_missing(answer, parameter) check_labelled(answer, 2101, "Missing " parameter " parameter", __FILE__, __LINE__)
#define assert_invalid(answer, parameter) check_labelled(answer, 2102, "Invalid " parameter " parameter", __FILE__, __LINE__)
Answer check_labelled(Answer answer, int code, const char *label, const char *file, int line);

/* The value at a path, as text. */
#define assert_value(answer, path, expected) check_value(answer, path, expected, __FILE__, __LINE__)
void check_value(Answer answer, const char *path, const char *expected, const char *file, int line);

/* The error's detail has these words in it. */
#define assert_detail(answer, words) check_detail(answer, words, __FILE__, __LINE__)
void check_detail(Answer answer, const char *words, const char *file, int line);

/* ---- Fixtures ------------------------------------------------------------------------------------------------------------------------ */

/* The folder of the test that runs, without a slash at its end. It may not exist yet. */
const char *folder(void);
/* A path in it. Valid for the next three calls. */
const char *in_folder(const char *name);

/* A folder with an authority that has made its keys already, which takes a while. */
int with_folder(void **state);
/* And a facade in it. */
int with_facade(void **state);
/* And the account has a trusted phone number. */
int with_phone_number(void **state);
/* And the device is enrolled with PIN. */
int with_enrollment(void **state);
/* Opens every gate, frees the facade, ends the other processes; the test fails where a secret was logged or told; deletes the folder. */
int without_anything(void **state);

#define TEST(name, fixture) cmocka_unit_test_setup_teardown(name, fixture, without_anything)

/* Frees the facade and makes it anew on the same folder, with more members of the configuration, such as ",'embedded':{…}". */
void restart(const char *more);

/* The steps of an enrollment, each of which must succeed. */
void register_phone_number(void);
/* Asks for a code for an enrollment and reads it. */
const char *new_enrollment_code(void);
void enroll(const char *pin);

/* A one-time password of this device. */
const char *new_otp(const char *pin);
bool verifies(const char *otp);

/* The code of the last SMS in this folder's outbox, which must have been sent for this purpose. Valid until the next call. */
const char *code_of(const char *in, const char *purpose);
const char *last_code(const char *purpose);
/* A code of as many digits that is not that one. Valid until the next call. */
const char *wrong_code(const char *right);

/* ---- Gates: a callback that waits ---------------------------------------------------------------------------------------------------- */

typedef struct Gate Gate;

/* A closed gate. It is the fixture's: it need not be freed. */
Gate *gate_new(void);
/* A callback whose ctx is a gate: it tells that it was entered, waits until the gate is open, and tells that it left. */
void gate_callback(const char *message, void *gate);
void gate_wait_entered(Gate *gate);
void gate_open(Gate *gate);
bool gate_was_left(Gate *gate);

/* ---- Other processes ----------------------------------------------------------------------------------------------------------------- */

/* This program in another process, with a facade of its own. */
typedef struct Peer Peer;

/* Starts it with a configuration. The answer to its pims_init. It is the fixture's: it need not be stopped. */
Peer *peer_start(Answer *answer, const char *format, ...) PRINTF(2, 3);
Answer peer_get(Peer *peer, const char *api, const char *format, ...) PRINTF(3, 4);
Answer peer_set(Peer *peer, const char *api, const char *format, ...) PRINTF(3, 4);
/* Hands in a request without waiting for its message; what follows is peer_receive, or peer_kill. */
void peer_send(Peer *peer, const char *method, const char *api, const char *format, ...) PRINTF(4, 5);
/* The message of the first request that is still unanswered. */
Answer peer_receive(Peer *peer);
/* It calls pims_free and exits; the test fails where its exit status is not 0 (a memory checker may make it so). */
void peer_stop(Peer *peer);
/* It dies in the middle of whatever it does. */
void peer_kill(Peer *peer);

/* ---- The rest ------------------------------------------------------------------------------------------------------------------------ */

/* PIMS_TEST_CALLS: how many calls a test of many calls makes. */
size_t many_calls(void);
/* Waits a moment, in a loop that polls. The test fails when the deadline is over. */
typedef struct Poll {
    long long until;
} Poll;
Poll poll_begin(void);
void poll_wait(Poll poll);

/* How many bytes reach the standard streams of this process meanwhile. */
long bytes_written_by(void (*work)(void));

bool exists(const char *path);
/* A whole file. The caller frees it. */
char *read_file(const char *path, size_t *size);
void write_file(const char *path, const void *bytes, size_t size);
void make_folder(const char *path);
void delete_tree(const char *path);
/* A text of so many times this character; the caller frees it. */
char *repeat(char character, size_t times);

/* What each program's main is: runs the group, or serves as another test's peer. */
int suite_main(int argc, char **argv, int (*run)(void));

#define SUITE_MAIN(tests) \
    static int run_group(void) \
    { \
        return cmocka_run_group_tests(tests, NULL, NULL); \
    } \
    int main(int argc, char **argv) \
    { \
        return suite_main(argc, argv, run_group); \
    }

#endif
