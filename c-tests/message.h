/*
 * Parameters and messages: the words of requests, a message that was read, and assertions on it.
 *
 * Parameters and expected results are written with ' in place of ": "{'type':'enrollment'}". Each
 * message is checked as a whole (its form, its transactionId, its label against the catalogue of
 * the reference) before a test sees it.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "testing.h"

#define SDK_CONFIGURATION "pims.sdk.configuration"
#define SDK_VERSION "pims.sdk.version"
#define ACCOUNT "pims.authentication.account"
#define APPROVAL "pims.authentication.approval"
#define DEVICE_LIST "pims.authentication.devices"
#define ENROLLMENT "pims.authentication.enrollment"
#define NOTICES "pims.authentication.notices"
#define OTP "pims.authentication.otp"
#define PINCODE "pims.authentication.pincode"
#define SMSCODE "pims.authentication.smscode"
#define TRUSTED_PHONE_NUMBER "pims.authentication.trustedphonenumber"
#define VERIFY "pims.authority.otp"

#define IS_DEVICE_ACTIVATED "{'actionType':'strong','type':'isDeviceActivated'}"
#define IS_ACCOUNT_BLOCKED "{'actionType':'strong','type':'isAccountBlocked'}"

/* A member of a configuration: everything is logged. */
#define LOUD "'monitoring':{'logLevel':'high'}"

#define PHONE_NUMBER "+33612345678"
#define PIN "1234"
#define OTHER_PIN "4321"

enum { MAX_MESSAGE = 4096, MAX_WORD = 64 };

/* ---- Parameters ------------------------------------------------------------------------------ */

/* Copies a text with " in place of each '. The copy may be the text itself. */
char *quoted(const char *text, char *copy, size_t size);

/* Writes parameters by a format of printf with ' in place of ", and registers their secrets. */
void format_params(const char *format, va_list values, char *params, size_t size);

/* ---- Messages -------------------------------------------------------------------------------- */

typedef enum Status { SUCCEEDED, FAILED, RESULT } Status;

/* A message, read. */
typedef struct Answer {
    Status status;
    /* The error code of a FAILED message, otherwise 0. */
    int code;
    char transaction[14];
    char message[MAX_MESSAGE];
} Answer;

/* Reads a message. The test fails if the message does not have the documented form. */
Answer read_answer(const char *message);

/*
 * Returns the value at a path such as "error.info.attemptsLeft", as JSON without the quotes of a
 * string. It is valid until the next call. The test fails if there is none.
 */
#define value_of(answer, path) value_at(&(answer), path, __FILE__, __LINE__)
const char *value_at(const Answer *answer, const char *path, const char *file, int line);

/* ---- Assertions ------------------------------------------------------------------------------ */

/* Compares the whole result; NULL accepts any. */
#define assert_succeeded(answer, result) check_succeeded(answer, result, __FILE__, __LINE__)
Answer check_succeeded(Answer answer, const char *result, const char *file, int line);

#define assert_failed(answer, code) check_failed(answer, code, __FILE__, __LINE__)
Answer check_failed(Answer answer, int code, const char *file, int line);

/* 2101 and 2102 with the name of the parameter in the label. */
#define assert_missing(answer, parameter) check_labelled(answer, 2101, "Missing " parameter " parameter", __FILE__, __LINE__)
#define assert_invalid(answer, parameter) check_labelled(answer, 2102, "Invalid " parameter " parameter", __FILE__, __LINE__)
Answer check_labelled(Answer answer, int code, const char *label, const char *file, int line);

/* Compares the value at a path, as `value_of` returns it. */
#define assert_value(answer, path, expected) check_value(answer, path, expected, __FILE__, __LINE__)
void check_value(Answer answer, const char *path, const char *expected, const char *file, int line);

/* Looks for these words in the error's detail. */
#define assert_detail(answer, words) check_detail(answer, words, __FILE__, __LINE__)
void check_detail(Answer answer, const char *words, const char *file, int line);

#endif
