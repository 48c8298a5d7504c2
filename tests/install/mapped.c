/* Maps the library of argv[1], prints that, and calls the library again after a line on standard
   input: see tools/test-replace.sh. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef char *execute_function(const char *, const char *, const char *);
typedef void free_function(char *);

/* Returns whether the library answers: before `pims_init`, every call is answered with 2001. */
static int answers(execute_function *execute, free_function *string_free)
{
    char *message = execute("get", "pims.sdk.version", NULL);
    int right = message != NULL && strstr(message, "2001") != NULL;
    if (!right) fprintf(stderr, "unexpected: %s\n", message != NULL ? message : "(null)");
    string_free(message);
    return right;
}

int main(int argc, char **argv)
{
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: mapped LIBRARY");
        return 2;
    }
    execute_function *execute;
    free_function *string_free;
    *(void **)&execute = dlsym(library, "pims_execute");
    *(void **)&string_free = dlsym(library, "pims_string_free");
    if (execute == NULL || string_free == NULL || !answers(execute, string_free)) return 3;
    puts("mapped");
    fflush(stdout);
    char line[16];
    if (fgets(line, sizeof line, stdin) == NULL || !answers(execute, string_free)) return 4;
    puts("went on");
    return 0;
}
