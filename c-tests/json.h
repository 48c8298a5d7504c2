/*
 * Just enough JSON to judge a message: is it well formed, and what stands at a path. Independent of the library under test.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the text is one well-formed JSON object and nothing else, compact, without a name that is repeated. */
bool json_is_compact_object(const char *text);

/*
 * The text of the value at a path such as "error.info.attemptsLeft", as it is written, without the quotes of a string. False where there is
 * none or where it does not fit.
 */
bool json_find(const char *text, const char *path, char *value, size_t size);

#endif
