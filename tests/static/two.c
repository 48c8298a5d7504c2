/* A program with two static libraries made by Rust: see tools/test-static.sh. */
#include <pims.h>
#include <stdio.h>
#include <string.h>
int other_catches(void);
int main(int count, char **arguments)
{
    char params[4096];
    (void)count;
    snprintf(params, sizeof params, "{\"storage\":{\"path\":\"%s/state\"}}", arguments[1]);
    char *message = pims_execute("init", NULL, params);
    const int is_there = strstr(message, "\"status\":\"SUCCEEDED\"") != NULL;
    pims_string_free(message);
    pims_free();
    if (!is_there || other_catches() != 1) return 1;
    puts("both work");
    return 0;
}
