/*
 * Runs suite.json through pims.h, by callbacks. README.md beside it describes a runner.
 *
 *     runner SUITE        in an empty folder
 */
#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "pims.h"

enum { MAX_EVENTS = 64, DEADLINE_SECONDS = 60, MAX_LINE = 4096 };

/* ---- Messages -------------------------------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static json_t *answer;
static json_t *events[MAX_EVENTS];
static size_t event_count;

static void die(const char *what)
{
    fprintf(stderr, "the runner cannot go on: %s\n", what);
    exit(2);
}

static void on_message(const char *text, void *ctx)
{
    (void)ctx;
    json_t *message = json_loads(text, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(message)) {
        die("a message is no JSON object");
    }
    pthread_mutex_lock(&lock);
    const char *status = json_string_value(json_object_get(message, "status"));
    if (status != NULL && strcmp(status, "RESULT") == 0) {
        if (event_count == MAX_EVENTS) {
            die("too many events");
        }
        events[event_count++] = message;
    } else if (answer == NULL) {
        answer = message;
    } else {
        die("a call had two messages");
    }
    pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
}

/* Returns the answer, or the oldest event; NULL if none comes in time. */
static json_t *take(bool is_event)
{
    struct timespec until;
    json_t *taken = NULL;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += DEADLINE_SECONDS;
    pthread_mutex_lock(&lock);
    while ((is_event ? event_count == 0 : answer == NULL) && pthread_cond_timedwait(&arrived, &lock, &until) == 0) {}
    if (!is_event) {
        taken = answer;
        answer = NULL;
    } else if (event_count > 0) {
        taken = events[0];
        memmove(events, events + 1, --event_count * sizeof *events);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

/* ---- Placeholders ---------------------------------------------------------------------------- */

static char folder[MAX_LINE];
static char storage[2 * MAX_LINE];
static char otp[16];
static char state[MAX_LINE];
static char device_id[130];
static char number[16];

/* Increases the last digit of a text by one; 9 becomes 0. */
static void increase(char *digits)
{
    char *last = digits + strlen(digits) - 1;
    *last = *last == '9' ? '0' : (char)(*last + 1);
}

static void sms_code(char *code, size_t size, bool is_wrong)
{
    char path[3 * MAX_LINE], line[MAX_LINE] = "";

    snprintf(path, sizeof path, "%s/sms-outbox.jsonl", storage);
    FILE *outbox = fopen(path, "r");
    while (outbox != NULL && fgets(line, sizeof line, outbox) != NULL) {}
    json_t *sms = json_loads(line, 0, NULL);
    const char *found = json_string_value(json_object_get(sms, "code"));
    if (outbox == NULL || found == NULL || *found == '\0' || strlen(found) >= size) {
        die("there is no SMS");
    }
    fclose(outbox);
    strcpy(code, found);
    json_decref(sms);
    if (is_wrong) {
        increase(code);
    }
}

static void value_of(const char *name, size_t length, char *value, size_t size)
{
    if (length == 6 && memcmp(name, "folder", length) == 0) {
        snprintf(value, size, "%s", folder);
    } else if (length == 3 && memcmp(name, "otp", length) == 0) {
        snprintf(value, size, "%s", otp);
    } else if (length == 5 && memcmp(name, "state", length) == 0) {
        snprintf(value, size, "%s", state);
    } else if (length == 8 && memcmp(name, "deviceId", length) == 0) {
        snprintf(value, size, "%s", device_id);
    } else if (length == 6 && memcmp(name, "number", length) == 0) {
        snprintf(value, size, "%s", number);
    } else if (length == 11 && memcmp(name, "wrongNumber", length) == 0) {
        if (*number == '\0') {
            die("there is no number");
        }
        snprintf(value, size, "%s", number);
        increase(value);
    } else if (length == 7 && memcmp(name, "smsCode", length) == 0) {
        sms_code(value, size, false);
    } else if (length == 12 && memcmp(name, "wrongSmsCode", length) == 0) {
        sms_code(value, size, true);
    } else {
        die("a placeholder is not known");
    }
}

/* Fills the placeholders of a string. Its length is a parameter, since it may hold U+0000. */
static json_t *fill_string(const char *text, size_t length)
{
    char filled[4 * MAX_LINE];
    size_t size = 0;

    for (size_t i = 0; i < length;) {
        char value[MAX_LINE];
        const char *end = length - i > 2 && text[i] == '$' && text[i + 1] == '{' ? memchr(text + i, '}', length - i) : NULL;
        size_t part = 1;
        if (end != NULL) {
            value_of(text + i + 2, (size_t)(end - text) - i - 2, value, sizeof value);
            part = strlen(value);
        }
        if (size + part > sizeof filled) {
            die("a string is too long");
        }
        memcpy(filled + size, end != NULL ? value : text + i, part);
        size += part;
        i = end != NULL ? (size_t)(end - text) + 1 : i + 1;
    }
    return json_stringn(filled, size);
}

static json_t *fill(json_t *value)
{
    const char *name;
    size_t index;
    json_t *member, *filled;

    switch (json_typeof(value)) {
    case JSON_STRING: return fill_string(json_string_value(value), json_string_length(value));
    case JSON_OBJECT:
        filled = json_object();
        json_object_foreach(value, name, member) {
            json_object_set_new(filled, name, fill(member));
        }
        return filled;
    case JSON_ARRAY:
        filled = json_array();
        json_array_foreach(value, index, member) {
            json_array_append_new(filled, fill(member));
        }
        return filled;
    default: return json_incref(value);
    }
}

/* ---- Comparing ------------------------------------------------------------------------------- */

static bool is_transaction_id(const char *text)
{
    return text != NULL && strlen(text) == 13 && strspn(text, "0123456789abcdef") == 8 && text[8] == '-' &&
           strspn(text + 9, "0123456789abcdef") == 4;
}

static bool is_version(const char *text)
{
    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(text, "0123456789");
        if (digits == 0 || (part < 2 && text[digits] != '.')) {
            return false;
        }
        text += digits + 1;
    }
    return true;
}

/* Returns whether this is a wildcard, and stores whether the text has its form. */
static bool is_wildcard(const char *wildcard, const char *text, bool *is_of_form)
{
    static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    size_t length = strlen(folder);

    if (strcmp(wildcard, "$otp") == 0) {
        *is_of_form = *text != '\0' && strlen(text) <= 8 && strspn(text, letters) == strlen(text);
    } else if (strcmp(wildcard, "$path") == 0) {
        *is_of_form = strncmp(text, folder, length) == 0 && text[length] == '/';
    } else if (strcmp(wildcard, "$version") == 0) {
        *is_of_form = is_version(text);
    } else if (strcmp(wildcard, "$text") == 0) {
        *is_of_form = *text != '\0';
    } else {
        return false;
    }
    return true;
}

static bool matches(json_t *expected, json_t *actual)
{
    const char *name;
    size_t index;
    json_t *member;
    bool is_of_form;

    if (json_is_string(expected) && strcmp(json_string_value(expected), "$time") == 0) {
        json_int_t time = json_is_integer(actual) ? json_integer_value(actual) : 0;
        return time >= 1000000000000 && time < 10000000000000;
    }
    if (json_is_string(expected) && strcmp(json_string_value(expected), "$seconds") == 0) {
        json_int_t seconds = json_is_integer(actual) ? json_integer_value(actual) : 0;
        return seconds >= 1 && seconds <= 86400;
    }
    if (json_is_string(expected) && json_is_string(actual) &&
        is_wildcard(json_string_value(expected), json_string_value(actual), &is_of_form)) {
        return is_of_form;
    }
    if (json_is_object(expected) && json_is_object(actual)) {
        json_object_foreach(expected, name, member) {
            json_t *other = json_object_get(actual, name);
            if (other == NULL || !matches(member, other)) {
                return false;
            }
        }
        return json_object_size(expected) == json_object_size(actual);
    }
    if (json_is_array(expected) && json_is_array(actual)) {
        json_array_foreach(expected, index, member) {
            json_t *other = json_array_get(actual, index);
            if (other == NULL || !matches(member, other)) {
                return false;
            }
        }
        return json_array_size(expected) == json_array_size(actual);
    }
    return json_equal(expected, actual);
}

/* ---- Running --------------------------------------------------------------------------------- */

static int32_t start(const char *call, const char *api, const char *parameters)
{
    if (strcmp(call, "init") == 0) {
        return pims_init(parameters, on_message, NULL);
    }
    if (strcmp(call, "get") == 0) {
        return pims_get(api, parameters, on_message, NULL);
    }
    if (strcmp(call, "set") == 0) {
        return pims_set(api, parameters, on_message, NULL);
    }
    if (strcmp(call, "subscribe") == 0) {
        return pims_subscribe(api, parameters, on_message, NULL);
    }
    if (strcmp(call, "unsubscribe") == 0) {
        return pims_unsubscribe(api, parameters, on_message, NULL);
    }
    die("a call is not known");
    return PIMS_OK;
}

static void remember(json_t *parameters, json_t *message)
{
    const char *path = json_string_value(json_object_get(json_object_get(parameters, "storage"), "path"));
    json_t *result = json_object_get(message, "result");
    const char *password = json_string_value(json_object_get(result, "otp"));
    const char *exported = json_string_value(json_object_get(result, "state"));
    const char *shown = json_string_value(json_object_get(result, "number"));
    json_t *device = json_array_get(json_object_get(result, "devices"), 0);
    const char *told = json_string_value(json_object_get(device != NULL ? device : result, "deviceId"));

    if (path != NULL) {
        snprintf(storage, sizeof storage, "%s", path);
    }
    if (password != NULL) {
        snprintf(otp, sizeof otp, "%s", password);
    }
    if (exported != NULL) {
        snprintf(state, sizeof state, "%s", exported);
    }
    if (shown != NULL) {
        snprintf(number, sizeof number, "%s", shown);
    }
    if (told != NULL) {
        snprintf(device_id, sizeof device_id, "%s", told);
    }
}

/* Runs a step. Returns its message, or NULL if there is none. */
static json_t *perform(const char *call, const char *api, json_t *parameters)
{
    if (strcmp(call, "event") == 0) {
        return take(true);
    }
    char *text = parameters != NULL ? json_dumps(parameters, JSON_COMPACT) : NULL;
    int32_t status = start(call, api, text);
    free(text);
    return status == PIMS_OK ? take(false) : NULL;
}

static bool passes(json_t *step)
{
    const char *call = json_string_value(json_object_get(step, "call"));
    json_t *given = json_object_get(step, "parameters");

    if (call == NULL) {
        die("a step has no call");
    }
    if (strcmp(call, "free") == 0) {
        pims_free();
        return event_count == 0;
    }
    json_t *parameters = given != NULL ? fill(given) : NULL;
    json_t *expected = fill(json_object_get(step, "expect"));
    json_t *message = perform(call, json_string_value(json_object_get(step, "api")), parameters);
    bool passed = false;
    if (message != NULL) {
        remember(strcmp(call, "init") == 0 ? parameters : NULL, message);
        passed = is_transaction_id(json_string_value(json_object_get(message, "transactionId")));
        json_object_del(message, "transactionId");
        /* The note of wrong PINs has a time in it. */
        json_object_del(message, "info");
        passed = passed && matches(expected, message);
    }
    if (!passed) {
        fputs("expected: ", stderr);
        json_dumpf(expected, stderr, JSON_COMPACT);
        fputs("\n     got: ", stderr);
        json_dumpf(message, stderr, JSON_COMPACT);
        fputs("\n", stderr);
    }
    json_decref(parameters);
    json_decref(expected);
    json_decref(message);
    return passed;
}

int main(int argc, char **argv)
{
    size_t case_index, step_index;
    json_t *one, *step;
    json_int_t passed = 0, failed = 0;
    json_t *suite = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (suite == NULL || json_integer_value(json_object_get(suite, "format")) != 1 || getcwd(folder, sizeof folder) == NULL) {
        die("usage: runner SUITE, which is of format 1");
    }
    json_array_foreach(json_object_get(suite, "cases"), case_index, one) {
        json_array_foreach(json_object_get(one, "steps"), step_index, step) {
            bool is_right = passes(step);
            passed += is_right;
            failed += !is_right;
            if (!is_right) {
                fprintf(stderr, "FAILED: %s, step %zu\n", json_string_value(json_object_get(one, "name")), step_index + 1);
            }
        }
    }
    printf("conformance in C: %d passed, %d failed\n", (int)passed, (int)failed);
    bool is_whole = passed + failed == json_integer_value(json_object_get(suite, "steps")) && passed > 0;
    json_decref(suite);
    return failed == 0 && is_whole ? EXIT_SUCCESS : EXIT_FAILURE;
}
