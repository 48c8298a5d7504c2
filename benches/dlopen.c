/* Measures how long dlopen of the library takes, in microseconds. A process makes one measurement,
   because the library is never unloaded. */
#define _POSIX_C_SOURCE 199309L
#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char **argv)
{
    struct timespec begin, end;
    if (argc != 2) {
        return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    void *library = dlopen(argv[1], RTLD_NOW);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    printf("%ld\n", (end.tv_sec - begin.tv_sec) * 1000000L + (end.tv_nsec - begin.tv_nsec) / 1000L);
    return 0;
}
