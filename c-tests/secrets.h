/*
 * A watch over secrets: it remembers every PIN, code, key, token and password that a test uses.
 * After the test it searches every log file of the test's folder, and every error, for each of
 * them.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>

/* Remembers the secrets of parameters or of a configuration, as JSON. */
void secrets_in_params(const char *json);
/* Remembers the secrets of a message, and its error. */
void secrets_in_message(const char *message);
/*
 * Searches the logs of a folder and the errors, and prints where a secret stands, but not the
 * secret.
 */
bool secrets_were_kept(const char *folder);
/* Forgets them all. */
void secrets_forget(void);

#endif
