#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "secrets.h"

/* ---- Parameters ------------------------------------------------------------------------------ */

char *quoted(const char *text, char *copy, size_t size)
{
    if (strlen(text) >= size) {
        fail_msg("the text is too long for a test: %s", text);
    }
    for (size_t i = 0; i <= strlen(text); i++) {
        copy[i] = text[i] == '\'' ? '"' : text[i];
    }
    return copy;
}

void format_params(const char *format, va_list values, char *params, size_t size)
{
    int length = vsnprintf(params, size, format, values);

    if (length < 0 || (size_t)length >= size) {
        fail_msg("the parameters are too long for a test: %s", format);
    }
    quoted(params, params, size);
    secrets_in_params(params);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The catalogue of the reference: each label that a message may have. */
static const struct {
    int code;
    const char *label;
} catalogue[] = {
    {2000, "Unknown error"},
    {2001, "Facade not initialized"},
    {2002, "API not supported"},
    {2003, "[Component] not loaded"},
    {2004, "Configuration file invalid"},
    {2005, "Duplicate command"},
    {2006, "Core not well configured"},
    {2007, "Facade already initialized"},
    {2101, "Missing [PARAMETER] parameter"},
    {2102, "Invalid [PARAMETER] parameter"},
    {2201, "Timeout"},
    {2202, "Network problem : No internet"},
    {2203, "Invalid return"},
    {2204, "Server Error"},
    {2208, "Certificat pinning failed"},
    {2301, "Need Basic Authentication (to get CVS token)"},
    {2302, "Need Strong Authentication"},
    {2305, "The sms code is invalid"},
    {2306, "The sms code is expired"},
    {2307, "User dont have a phone number"},
    {2308, "inwebo: access refused"},
    {2309, "inwebo: version error"},
    {2310, "inwebo: account is blocked"},
    {2311, "inwebo: internal state not correct"},
    {2312, "inwebo: device is disabled or unknown"},
    {2313, "inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation"},
    {2314, "inwebo: No service is available"},
    {2315, "inwebo: the new password equals the previous one"},
    {2316, "inwebo: the operation succeeded but it required a post-synchronization which failed"},
    {2317, "inwebo: forbidden operation (due to activated state/blocked state/upgradable state)"},
    {2344, "[Component] not configured"},
    {2350, "[Method] is deprecated since [version]"},
    {2390, "Phone number allready registered"},
};

/* Returns whether a label is that of the catalogue, with its placeholder filled in. */
static bool is_label(int code, const char *label)
{
    const char *known = NULL;

    for (size_t i = 0; i < sizeof catalogue / sizeof *catalogue; i++) {
        known = catalogue[i].code == code ? catalogue[i].label : known;
    }
    if (known == NULL) {
        return false;
    }
    const char *open = strchr(known, '[');
    if (open == NULL) {
        return strcmp(known, label) == 0;
    }
    const char *after = strchr(known, ']') + 1;
    size_t before = (size_t)(open - known);
    size_t length = strlen(label);
    return length > before + strlen(after) && strncmp(known, label, before) == 0 && strchr(label, '[') == NULL
        && strcmp(label + length - strlen(after), after) == 0;
}

static bool is_transaction_id(const char *text)
{
    for (int i = 0; i < 13; i++) {
        if (i == 8 ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0') {
            return false;
        }
    }
    return true;
}

static bool is_next_action(const char *word)
{
    static const char *const known[] = {"retryPin", "requestSmsCode", "removeEnrollments", "resetPin", "authenticate", "update"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(word, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* The error that a FAILED message tells; 0 where it is not of the documented form. */
static int read_error(const char *message, const char *error)
{
    char number[MAX_WORD];
    char label[MAX_MESSAGE];
    char begin[MAX_MESSAGE + 64];
    char word[MAX_MESSAGE];

    if (!json_find(message, "error.code", number, sizeof number) || !json_find(message, "error.label", label, sizeof label)) {
        return 0;
    }
    int code = (int)strtol(number, NULL, 10);
    int length = snprintf(begin, sizeof begin, "{\"code\":%d,\"label\":\"%s\"", code, label);
    if (strncmp(error, begin, (size_t)length) != 0 || !is_label(code, label)) {
        return 0;
    }
    /* What may follow: detail, then info. An empty one is left out. */
    const char *rest = error + length;
    if (strncmp(rest, ",\"detail\":\"", 11) == 0) {
        if (!json_find(message, "error.detail", word, sizeof word) || word[0] == '\0') {
            return 0;
        }
        rest += 12 + strlen(word);
    }
    if (strncmp(rest, ",\"info\":{\"", 10) == 0) {
        if (!json_find(message, "error.info", word, sizeof word)) {
            return 0;
        }
        rest += 8 + strlen(word);
    }
    if (json_find(message, "error.info.nextAction", word, sizeof word) && !is_next_action(word)) {
        return 0;
    }
    return strcmp(rest, "}") == 0 ? code : 0;
}

/* Whether this is what may follow the result of a SUCCEEDED message: the note of wrong PINs, and nothing else. */
static bool is_note(const char *message, const char *rest)
{
    char count[MAX_WORD];
    char since[MAX_WORD];
    char expected[2 * MAX_WORD + 64];

    if (!json_find(message, "info.wrongPinsSince.count", count, sizeof count)
        || !json_find(message, "info.wrongPinsSince.since", since, sizeof since) || strtol(count, NULL, 10) < 1
        || strtoll(since, NULL, 10) < 1) {
        return false;
    }
    snprintf(expected, sizeof expected, ",\"info\":{\"wrongPinsSince\":{\"count\":%s,\"since\":%s}}}", count, since);
    return strcmp(rest, expected) == 0;
}

Answer read_answer(const char *message)
{
    static const char *const names[] = {"SUCCEEDED", "FAILED", "RESULT"};
    static const char *const members[] = {"result", "error", "result"};
    char begin[128];
    char value[MAX_MESSAGE];
    Answer answer;

    memset(&answer, 0, sizeof answer);
    if (strlen(message) >= sizeof answer.message || !json_is_compact_object(message)) {
        fail_msg("this is not one compact JSON object: %s", message);
    }
    secrets_in_message(message);
    strcpy(answer.message, message);
    if (!json_find(message, "transactionId", answer.transaction, sizeof answer.transaction) || !is_transaction_id(answer.transaction)) {
        fail_msg("this has no transactionId of two groups of a UUID: %s", message);
    }
    for (int i = 0; i < 3; i++) {
        int length = snprintf(begin, sizeof begin, "{\"transactionId\":\"%s\",\"status\":\"%s\",\"%s\":", answer.transaction, names[i],
                              members[i]);
        if (strncmp(message, begin, (size_t)length) != 0) {
            continue;
        }
        answer.status = (Status)i;
        /* The third member is the last, but for the note of wrong PINs. */
        if (!json_find(message, members[i], value, sizeof value) || (size_t)length + strlen(value) >= strlen(message)) {
            fail_msg("this has another form than documented: %s", message);
        }
        const char *rest = message + length + strlen(value);
        if (strcmp(rest, "}") != 0 && (answer.status != SUCCEEDED || !is_note(message, rest))) {
            fail_msg("this has another form than documented: %s", message);
        }
        if (answer.status == FAILED) {
            answer.code = read_error(message, value);
            if (answer.code == 0) {
                fail_msg("this error is not of the documented form: %s", message);
            }
        }
        return answer;
    }
    fail_msg("these members are not those of a message, in their order: %s", message);
    return answer;
}

/* ---- Assertions ------------------------------------------------------------------------------ */

static void fail_at(const char *file, int line, const char *format, ...)
{
    char text[2 * MAX_MESSAGE];
    va_list values;

    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    print_error("%s\n", text);
    _fail(file, line);
}

const char *value_at(const Answer *answer, const char *path, const char *file, int line)
{
    static char value[MAX_MESSAGE];

    if (!json_find(answer->message, path, value, sizeof value)) {
        fail_at(file, line, "there is no %s in %s", path, answer->message);
    }
    return value;
}

Answer check_succeeded(Answer answer, const char *result, const char *file, int line)
{
    char expected[MAX_MESSAGE];

    if (answer.status != SUCCEEDED) {
        fail_at(file, line, "expected SUCCEEDED, got %s", answer.message);
    }
    if (result != NULL) {
        quoted(result, expected, sizeof expected);
        if (strcmp(value_at(&answer, "result", file, line), expected) != 0) {
            fail_at(file, line, "expected the result %s, got %s", expected, answer.message);
        }
    }
    return answer;
}

Answer check_failed(Answer answer, int code, const char *file, int line)
{
    if (answer.status != FAILED || answer.code != code) {
        fail_at(file, line, "expected FAILED %d, got %s", code, answer.message);
    }
    return answer;
}

Answer check_labelled(Answer answer, int code, const char *label, const char *file, int line)
{
    check_failed(answer, code, file, line);
    check_value(answer, "error.label", label, file, line);
    return answer;
}

void check_value(Answer answer, const char *path, const char *expected, const char *file, int line)
{
    if (strcmp(value_at(&answer, path, file, line), expected) != 0) {
        fail_at(file, line, "expected %s to be %s in %s", path, expected, answer.message);
    }
}

void check_detail(Answer answer, const char *words, const char *file, int line)
{
    if (strstr(value_at(&answer, "error.detail", file, line), words) == NULL) {
        fail_at(file, line, "expected \"%s\" in the detail of %s", words, answer.message);
    }
}
