#include "json.h"

#include <ctype.h>
#include <string.h>

enum { MAX_DEPTH = 16, MAX_MEMBERS = 32 };

static const char *skip_value(const char *text, int depth);

/* Behind the string that begins here, or NULL. Control characters, bad escapes and lone surrogates are no JSON. */
static const char *skip_string(const char *text)
{
    if (*text++ != '"') {
        return NULL;
    }
    for (; *text != '"'; text++) {
        if ((unsigned char)*text < 0x20) {
            return NULL;
        }
        if (*text != '\\') {
            continue;
        }
        text++;
        if (*text == 'u') {
            for (int i = 0; i < 4; i++) {
                if (!isxdigit((unsigned char)*++text)) {
                    return NULL;
                }
            }
        } else if (*text == '\0' || strchr("\"\\/bfnrt", *text) == NULL) {
            return NULL;
        }
    }
    return text + 1;
}

static const char *skip_number(const char *text)
{
    text += *text == '-';
    if (!isdigit((unsigned char)*text) || (text[0] == '0' && isdigit((unsigned char)text[1]))) {
        return NULL;
    }
    while (isdigit((unsigned char)*text)) {
        text++;
    }
    return text;
}

static const char *skip_word(const char *text)
{
    static const char *const words[] = {"null", "true", "false"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(text, words[i], strlen(words[i])) == 0) {
            return text + strlen(words[i]);
        }
    }
    return NULL;
}

static bool is_repeated(const char *const *names, const size_t *lengths, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++) {
        if (lengths[i] == lengths[count - 1] && memcmp(names[i], names[count - 1], lengths[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *skip_object(const char *text, int depth)
{
    const char *names[MAX_MEMBERS];
    size_t lengths[MAX_MEMBERS];
    size_t count = 0;

    if (*++text == '}') {
        return text + 1;
    }
    for (;; text++) {
        const char *end = skip_string(text);
        if (end == NULL || *end != ':' || count == MAX_MEMBERS) {
            return NULL;
        }
        names[count] = text;
        lengths[count++] = (size_t)(end - text);
        text = skip_value(end + 1, depth);
        if (text == NULL || is_repeated(names, lengths, count)) {
            return NULL;
        }
        if (*text == '}') {
            return text + 1;
        }
        if (*text != ',') {
            return NULL;
        }
    }
}

static const char *skip_list(const char *text, int depth)
{
    if (*++text == ']') {
        return text + 1;
    }
    for (;; text++) {
        text = skip_value(text, depth);
        if (text == NULL) {
            return NULL;
        }
        if (*text == ']') {
            return text + 1;
        }
        if (*text != ',') {
            return NULL;
        }
    }
}

/* Behind the value that begins here, or NULL where it is none. */
static const char *skip_value(const char *text, int depth)
{
    if (depth > MAX_DEPTH) {
        return NULL;
    }
    switch (*text) {
    case '{':
        return skip_object(text, depth + 1);
    case '[':
        return skip_list(text, depth + 1);
    case '"':
        return skip_string(text);
    case 'n':
    case 't':
    case 'f':
        return skip_word(text);
    default:
        return skip_number(text);
    }
}

bool json_is_compact_object(const char *text)
{
    const char *end = *text == '{' ? skip_object(text, 0) : NULL;

    return end != NULL && *end == '\0';
}

/* The value of a member of the object that begins here, or NULL. The object is well formed. */
static const char *member(const char *object, const char *name, size_t length)
{
    if (*object != '{' || *++object == '}') {
        return NULL;
    }
    for (;; object++) {
        const char *end = skip_string(object);
        if ((size_t)(end - object) == length + 2 && memcmp(object + 1, name, length) == 0) {
            return end + 1;
        }
        object = skip_value(end + 1, 0);
        if (*object == '}') {
            return NULL;
        }
    }
}

bool json_find(const char *text, const char *path, char *value, size_t size)
{
    if (!json_is_compact_object(text)) {
        return false;
    }
    for (;;) {
        size_t length = strcspn(path, ".");
        text = member(text, path, length);
        if (text == NULL) {
            return false;
        }
        if (path[length] == '\0') {
            break;
        }
        path += length + 1;
    }
    size_t quotes = *text == '"';
    size_t length = (size_t)(skip_value(text, 0) - text) - 2 * quotes;
    if (length >= size) {
        return false;
    }
    memcpy(value, text + quotes, length);
    value[length] = '\0';
    return true;
}
