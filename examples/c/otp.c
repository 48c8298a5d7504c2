/*
 * Prints a one-time password of the device that is enrolled here (see enroll.c):
 *
 *     otp [CONFIGURATION]        the JSON of pims_init, such as
 *     '{"storage":{"path":"/home/me/.pims"}}'
 *
 * pims_execute is the short way: it needs no callback and no thread, and returns the message.
 *
 *     cc -std=c99 otp.c -lpims
 */
#include <stdio.h>
#include <string.h>

#include "pims.h"

/* Runs one request and prints its message. Returns 1 if it succeeded. */
static int run(const char *method, const char *api, const char *params)
{
    char *message = pims_execute(method, api, params);
    int succeeded = message != NULL && strstr(message, "\"status\":\"SUCCEEDED\"") != NULL;

    puts(message != NULL ? message : "an argument is no UTF-8 text");
    pims_string_free(message);
    return succeeded;
}

int main(int argc, char **argv)
{
    char pin[16] = "";
    char params[64];

    fputs("PIN: ", stdout);
    if (scanf("%8[0-9]", pin) != 1) {
        return 1;
    }
    snprintf(params, sizeof params, "{\"action\":\"withPIN\",\"pinCode\":\"%s\"}", pin);
    int succeeded = run("init", NULL, argc > 1 ? argv[1] : NULL) && run("get", "pims.authentication.otp", params);
    pims_free();
    return succeeded ? 0 : 1;
}
