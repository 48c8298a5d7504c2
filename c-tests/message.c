#include "message.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
    return length > before + strlen(after) && strncmp(known, label, before) == 0 && strchr(label, '[') == NULL &&
           strcmp(label + length - strlen(after), after) == 0;
}

static bool is_transaction_id(const char *text)
{
    static const char digits[] = "0123456789abcdef";

    return text != NULL && strlen(text) == 13 && strspn(text, digits) == 8 && text[8] == '-' && strspn(text + 9, digits) == 4;
}

static bool is_next_action(const char *word)
{
    static const char *const known[] = {"retryPin",     "requestSmsCode", "removeEnrollments", "removeDevice", "resetPin",
                                        "authenticate", "update"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (word != NULL && strcmp(word, known[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Returns whether an object has these members, in this order, and no other: "code label info". */
static bool has_members(json_t *object, const char *names)
{
    char found[MAX_MESSAGE] = "";
    size_t length = 0;
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) {
        if (length + strlen(name) + 2 > sizeof found) {
            return false;
        }
        length += (size_t)sprintf(found + length, length > 0 ? " %s" : "%s", name);
    }
    return strcmp(found, names) == 0;
}

/* Returns the code of an error, or 0 if the error does not have the documented form. */
static int read_error(json_t *error)
{
    int code = (int)json_integer_value(json_object_get(error, "code"));
    const char *label = json_string_value(json_object_get(error, "label"));
    json_t *detail = json_object_get(error, "detail");
    json_t *info = json_object_get(error, "info");
    json_t *action = json_object_get(info, "nextAction");

    if (!has_members(error, "code label") && !has_members(error, "code label detail") && !has_members(error, "code label info") &&
        !has_members(error, "code label detail info")) {
        return 0;
    }
    /* An empty detail and an empty info are left out. */
    if ((detail != NULL && json_string_length(detail) == 0) || (info != NULL && json_object_size(info) == 0)) {
        return 0;
    }
    if (action != NULL && !is_next_action(json_string_value(action))) {
        return 0;
    }
    return label != NULL && is_label(code, label) ? code : 0;
}

/* Returns whether this is the note of wrong PINs, which may follow the result of a success. */
static bool is_note(json_t *info)
{
    json_t *wrong_pins = json_object_get(info, "wrongPinsSince");

    return has_members(info, "wrongPinsSince") && has_members(wrong_pins, "count since") &&
           json_integer_value(json_object_get(wrong_pins, "count")) >= 1 && json_integer_value(json_object_get(wrong_pins, "since")) >= 1;
}

static bool has_members_of(json_t *message, Status status)
{
    json_t *result = json_object_get(message, "result");

    if (status == FAILED) {
        return has_members(message, "transactionId status error");
    }
    if (!json_is_object(result) && !json_is_null(result)) {
        return false;
    }
    return has_members(message, "transactionId status result") ||
           (status == SUCCEEDED && has_members(message, "transactionId status result info") && is_note(json_object_get(message, "info")));
}

/* Returns whether a number in this value is no integer: messages have integers alone. */
static bool has_fraction(json_t *value)
{
    bool found = json_is_real(value);
    const char *name;
    size_t index;
    json_t *part;

    json_object_foreach(value, name, part) {
        found = found || has_fraction(part);
    }
    json_array_foreach(value, index, part) {
        found = found || has_fraction(part);
    }
    return found;
}

/* Parses one compact JSON object without a repeated name. Returns NULL if the text is not one. */
static json_t *parse(const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    char *compact = json_dumps(object, JSON_COMPACT);
    /* jansson writes \u001F, the library \u001f. */
    bool is_compact = json_is_object(object) && compact != NULL && strcasecmp(compact, text) == 0;

    free(compact);
    if (!is_compact) {
        json_decref(object);
        return NULL;
    }
    return object;
}

/* Reads the status of a message. Returns false if there is none. */
static bool read_status(json_t *message, Status *status)
{
    static const char *const words[] = {"SUCCEEDED", "FAILED", "RESULT"};
    const char *word = json_string_value(json_object_get(message, "status"));

    for (int i = 0; i < 3; i++) {
        if (word != NULL && strcmp(word, words[i]) == 0) {
            *status = (Status)i;
            return true;
        }
    }
    return false;
}

/* Reads a message. Returns a description of its fault, or NULL. */
static const char *read_message(json_t *message, Answer *answer)
{
    const char *transaction = json_string_value(json_object_get(message, "transactionId"));

    if (message == NULL) {
        return "this is not one compact JSON object";
    }
    if (!is_transaction_id(transaction)) {
        return "this has no transactionId of two groups of a UUID";
    }
    strcpy(answer->transaction, transaction);
    if (!read_status(message, &answer->status) || !has_members_of(message, answer->status)) {
        return "these members are not those of a message, in their order";
    }
    answer->code = answer->status == FAILED ? read_error(json_object_get(message, "error")) : 0;
    if (answer->status == FAILED && answer->code == 0) {
        return "this error is not of the documented form";
    }
    return has_fraction(message) ? "a number of this is no integer" : NULL;
}

Answer read_answer(const char *text)
{
    Answer answer;

    memset(&answer, 0, sizeof answer);
    if (strlen(text) >= sizeof answer.message) {
        fail_msg("this message is too long for a test: %s", text);
    }
    strcpy(answer.message, text);
    secrets_in_message(text);
    json_t *message = parse(text);
    const char *fault = read_message(message, &answer);
    json_decref(message);
    if (fault != NULL) {
        fail_msg("%s: %s", fault, text);
    }
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

/* Returns the value at a path of names with dots between them, or NULL. */
static json_t *find(json_t *value, const char *path)
{
    char name[MAX_WORD];

    for (;;) {
        size_t length = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        value = json_object_get(value, name);
        if (path[length] == '\0') {
            return value;
        }
        path += length + 1;
    }
}

const char *value_at(const Answer *answer, const char *path, const char *file, int line)
{
    static char value[MAX_MESSAGE];
    json_t *message = parse(answer->message);
    json_t *found = find(message, path);

    if (found == NULL) {
        fail_at(file, line, "there is no %s in %s", path, answer->message);
    }
    char *text = json_dumps(found, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text == NULL) {
        abort();
    }
    size_t quotes = json_is_string(found) ? 1 : 0;
    snprintf(value, sizeof value, "%.*s", (int)(strlen(text) - 2 * quotes), text + quotes);
    free(text);
    json_decref(message);
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
