#include "secrets.h"

#include <ctype.h>
#include <ftw.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "testing.h"

enum { MAX_SECRETS = 4096, MAX_SECRET = 128, MIN_SECRET = 4, MAX_KEY = 64 };

static char secrets[MAX_SECRETS][MAX_SECRET];
static size_t secret_count;

/* The errors so far, one a line. */
static char *errors;
static size_t errors_size;

/* ---- The secrets ----------------------------------------------------------------------------- */

/*
 * Returns whether a text can be a secret. Short texts and words without a digit are bad values of
 * tests, such as 'x' or 'nonsense'.
 */
static bool is_worth_it(const char *text, size_t length)
{
    bool digit = false;

    for (size_t i = 0; i < length; i++) {
        digit = digit || isdigit((unsigned char)text[i]);
    }
    return digit && length >= MIN_SECRET && length < MAX_SECRET;
}

static void remember(const char *text, size_t length)
{
    while (length > 0 && isspace((unsigned char)text[length - 1])) {
        length--;
    }
    if (!is_worth_it(text, length)) {
        return;
    }
    for (size_t i = 0; i < secret_count; i++) {
        if (strncmp(secrets[i], text, length) == 0 && secrets[i][length] == '\0') {
            return;
        }
    }
    if (secret_count == MAX_SECRETS) {
        abort();
    }
    memcpy(secrets[secret_count], text, length);
    secrets[secret_count++][length] = '\0';
}

/*
 * Remembers each value of this name, text or number, wherever it stands. The text is searched, not
 * parsed: tests also submit text that is no JSON.
 */
static void remember_values(const char *json, const char *name)
{
    char key[MAX_KEY];

    snprintf(key, sizeof key, "\"%s\":", name);
    for (const char *place = strstr(json, key); place != NULL; place = strstr(place, key)) {
        place += strlen(key);
        place += *place == '"';
        remember(place, strcspn(place, "\",}]"));
    }
}

void secrets_in_params(const char *json)
{
    static const char *const names[] = {"pinCode", "oldPIN", "newPIN", "smsCode", "otp", "token", "accessToken", "clientSecret", "key"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        remember_values(json, names[i]);
    }
}

void secrets_in_message(const char *message)
{
    json_t *object = json_loads(message, JSON_ALLOW_NUL, NULL);
    char *error = json_dumps(json_object_get(object, "error"), JSON_COMPACT);

    remember_values(message, "otp");
    if (error != NULL) {
        size_t length = strlen(error);
        errors = realloc(errors, errors_size + length + 2);
        if (errors == NULL) {
            abort();
        }
        memcpy(errors + errors_size, error, length);
        errors_size += length;
        strcpy(errors + errors_size++, "\n");
    }
    free(error);
    json_decref(object);
}

/* ---- The search ------------------------------------------------------------------------------ */

/*
 * Returns whether a text holds a secret as a word of its own: the digits of a PIN may be part of a
 * longer number.
 */
static bool holds(const char *text, const char *secret)
{
    size_t length = strlen(secret);

    for (const char *place = strstr(text, secret); place != NULL; place = strstr(place + 1, secret)) {
        bool begins = place == text || !isalnum((unsigned char)place[-1]);
        if (begins && !isalnum((unsigned char)place[length])) {
            return true;
        }
    }
    return false;
}

static bool is_clean(const char *what, const char *text)
{
    bool clean = true;

    for (size_t i = 0; i < secret_count; i++) {
        if (holds(text, secrets[i])) {
            print_error("a secret of %zu characters stands in %s\n", strlen(secrets[i]), what);
            clean = false;
        }
    }
    return clean;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

/* Adds the secrets in a file of the folder: key files, and the codes that were sent. */
static int learn(const char *path, const struct stat *status, int type, struct FTW *place)
{
    size_t size;

    (void)status;
    (void)place;
    if (type == FTW_F && (ends_with(path, ".key") || ends_with(path, ".jsonl"))) {
        char *text = read_file(path, &size);
        if (ends_with(path, ".key")) {
            remember(text, strlen(text));
        } else {
            remember_values(text, "code");
        }
        free(text);
    }
    return 0;
}

static bool all_clean;

static int search(const char *path, const struct stat *status, int type, struct FTW *place)
{
    size_t size;

    (void)status;
    (void)place;
    if (type == FTW_F && ends_with(path, ".log")) {
        char *text = read_file(path, &size);
        all_clean = is_clean(path, text) && all_clean;
        free(text);
    }
    return 0;
}

bool secrets_were_kept(const char *folder)
{
    all_clean = errors == NULL || is_clean("an error that was told", errors);
    nftw(folder, learn, 16, FTW_PHYS);
    nftw(folder, search, 16, FTW_PHYS);
    return all_clean;
}

void secrets_forget(void)
{
    secret_count = 0;
    errors_size = 0;
    free(errors);
    errors = NULL;
}
