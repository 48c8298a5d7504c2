/*
 * A watch over what must never be written: every PIN, code, key, token and password that a test uses is remembered, and after the test
 * every log file of its folder and every error that it was told is searched for each of them.
 */
#ifndef SECRETS_H
#define SECRETS_H

#include <stdbool.h>

/* Remembers what is secret in parameters or in a configuration, as JSON. */
void secrets_in_params(const char *json);
/* Remembers what is secret in a message, and the error that it tells. */
void secrets_in_message(const char *message);
/* Searches the logs of a folder and the errors. What is found is printed without the secret. */
bool secrets_were_kept(const char *folder);
/* Forgets them all. */
void secrets_forget(void);

#endif
