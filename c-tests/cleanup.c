#include "cleanup.h"

#include <stddef.h>
#include <stdlib.h>

enum { STAGES = AFTER_FREE + 1, MAX_FUNCTIONS = 8 };

static struct {
    void (*functions[MAX_FUNCTIONS])(void);
    size_t count;
} lists[STAGES];

void cleanup_register(Stage stage, void (*function)(void))
{
    for (size_t i = 0; i < lists[stage].count; i++) {
        if (lists[stage].functions[i] == function) {
            return;
        }
    }
    if (lists[stage].count == MAX_FUNCTIONS) {
        abort();
    }
    lists[stage].functions[lists[stage].count++] = function;
}

void cleanup_run(Stage stage)
{
    /* A function that fails the test does not return: it leaves the list first. */
    while (lists[stage].count > 0) {
        lists[stage].functions[--lists[stage].count]();
    }
}
