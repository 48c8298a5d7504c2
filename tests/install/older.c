/* A program of the time of commit fb07e63: it is compiled with the header of that commit, uses
   every function of it, and runs with the library of today. See tools/test-install.sh.

       older FOLDER          FOLDER is empty, and becomes the storage */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../data/fb07e63/pims.h"

enum { MAX_TEXT = 4096 };

/* The messages that one call has had. */
typedef struct Received {
    int count;
    char last[MAX_TEXT];
} Received;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;

static void receive(const char *message, void *ctx)
{
    Received *received = ctx;

    pthread_mutex_lock(&mutex);
    snprintf(received->last, sizeof received->last, "%s", message);
    received->count++;
    pthread_cond_broadcast(&arrived);
    pthread_mutex_unlock(&mutex);
}

/* Waits until a call has had so many messages. Ends the program if the last one lacks a text. */
static void expect(Received *received, int count, const char *text)
{
    pthread_mutex_lock(&mutex);
    while (received->count < count) {
        pthread_cond_wait(&arrived, &mutex);
    }
    if (strstr(received->last, text) == NULL) {
        fprintf(stderr, "no %s in %s\n", text, received->last);
        exit(EXIT_FAILURE);
    }
    pthread_mutex_unlock(&mutex);
}

static void check(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "not as the header says: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void execute(const char *method, const char *api, const char *params, const char *text)
{
    char *message = pims_execute(method, api, params);

    check(message != NULL && strstr(message, text) != NULL, method);
    pims_string_free(message);
}

int main(int argc, char **argv)
{
    static Received init, get, set, events, end;
    static char big[PIMS_MAX_TEXT + 2];
    char config[MAX_TEXT];
    const char *topics = "{\"actionType\":\"strong\",\"type\":[\"isDeviceActivated\"]}";

    check(argc == 2, "the folder");
    check(pims_abi_version() == PIMS_ABI_VERSION, "PIMS_ABI_VERSION");
    check(strlen(pims_version()) >= strlen("0.1.0"), "pims_version");
    snprintf(config, sizeof config, "{\"storage\":{\"path\":\"%s\"}}", argv[1]);

    check(pims_init(config, NULL, NULL) == PIMS_ERROR_NULL_CALLBACK, "PIMS_ERROR_NULL_CALLBACK");
    check(pims_init("\xff", receive, &init) == PIMS_ERROR_NOT_UTF8, "PIMS_ERROR_NOT_UTF8");
    check(pims_get(NULL, NULL, receive, &get) == PIMS_ERROR_NULL_API, "PIMS_ERROR_NULL_API");
    memset(big, ' ', sizeof big - 1);
    check(pims_get("pims.sdk.version", big, receive, &get) == PIMS_ERROR_TOO_LONG, "PIMS_ERROR_TOO_LONG");
    check(init.count == 0 && get.count == 0, "a call that is not accepted has no message");

    check(pims_init(config, receive, &init) == PIMS_OK, "pims_init");
    expect(&init, 1, "\"SUCCEEDED\"");
    check(pims_get("pims.sdk.version", NULL, receive, &get) == PIMS_OK, "pims_get");
    expect(&get, 1, pims_version());
    check(pims_subscribe("pims.authentication.account", topics, receive, &events) == PIMS_OK, "pims_subscribe");
    check(pims_set("pims.authentication.pin", "{}", receive, &set) == PIMS_OK, "pims_set");
    expect(&set, 1, "\"FAILED\"");
    check(pims_unsubscribe("pims.authentication.account", NULL, receive, &end) == PIMS_OK, "pims_unsubscribe");
    expect(&end, 1, "\"SUCCEEDED\"");
    expect(&events, 1, "");

    execute("get", "pims.sdk.version", NULL, pims_version());
    check(pims_execute(NULL, "", NULL) == NULL, "a method that is NULL");
    check(pims_free() == PIMS_OK, "pims_free");
    execute("init", NULL, config, "\"SUCCEEDED\"");
    execute("free", NULL, NULL, "\"SUCCEEDED\"");
    execute("get", "pims.sdk.version", NULL, "2001");
    check(pims_free() == PIMS_OK, "pims_free without a facade");
    puts("a program of fb07e63 ran");
    return EXIT_SUCCESS;
}
