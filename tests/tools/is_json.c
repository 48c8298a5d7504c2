/* Checks by the library that each line of standard input is a JSON object: see
 * tools/check-snippets.sh. */
#include <stdio.h>
#include <string.h>

#include "pims.h"

static int run(const char *method, const char *api, const char *params)
{
    char *message = pims_execute(method, api, params);
    int succeeded = message != NULL && strstr(message, "\"status\":\"SUCCEEDED\"") != NULL;

    pims_string_free(message);
    return succeeded;
}

int main(int argc, char **argv)
{
    static char line[65536];
    int bad = 0;

    snprintf(line, sizeof line, "{\"environnement\":\"Production\",\"monitoring\":{\"logLevel\":\"none\"},\"storage\":{\"path\":\"%s\"}}",
             argc > 1 ? argv[1] : "");
    if (!run("init", NULL, line)) {
        fputs("the library did not begin\n", stderr);
        return 2;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (line[0] != '{' || !run("get", "pims.sdk.version", line)) {
            fprintf(stderr, "this is no JSON object: %s", line);
            bad = 1;
        }
    }
    pims_free();
    return bad;
}
