/*
 * The part of the library that the Swift sources use, as the C compiler sees it: each function with
 * the type that Swift expects, and each constant. tools/test-swift.sh compiles this file on a
 * machine without Swift. It fails if the sources use a name that is not here.
 *
 *     cc -DHEADER='"cpims.h"' …          HEADER is the one of the module map
 */
#include HEADER

#include <stddef.h>
#include <string.h>

typedef int32_t (*Call)(pims_facade facade, const char *api, const char *params, pims_callback callback, void *ctx);

static const Call calls[] = {pims_facade_get, pims_facade_set, pims_facade_subscribe, pims_facade_unsubscribe};
static int32_t (*const open_facade)(const char *config, pims_callback callback, void *ctx, pims_facade *facade) = pims_open;
static int32_t (*const close_facade)(pims_facade facade) = pims_close;
static char *(*const execute_on)(pims_facade facade, const char *method, const char *api, const char *params) = pims_facade_execute;
static int32_t (*const initialize)(const char *config, pims_callback callback, void *ctx) = pims_init;
static int32_t (*const release)(void) = pims_free;
static char *(*const execute)(const char *method, const char *api, const char *params) = pims_execute;
static void (*const release_string)(char *message) = pims_string_free;
static const char *(*const version)(void) = pims_version;
static uint32_t (*const abi_version)(void) = pims_abi_version;

/* Swift compares these values with an Int32. */
static const int32_t constants[] = {PIMS_OK, PIMS_ERROR_TOO_LONG, PIMS_ERROR_QUEUE_FULL, PIMS_ERROR_NO_FACADE};

static void on_message(const char *message, void *ctx)
{
    *(size_t *)ctx = strlen(message);
}

int main(void)
{
    size_t failures = 0;
    size_t length = 0;

    /* Without a facade each function answers at once. */
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        length = 0;
        failures += calls[i](PIMS_DEFAULT_FACADE, "pims.sdk.version", "{}", on_message, &length) != constants[0] || length == 0;
        failures += calls[i](PIMS_NO_FACADE, "pims.sdk.version", "{}", on_message, &length) != constants[3];
    }
    pims_facade facade = 77;
    length = 0;
    failures += open_facade("[]", on_message, &length, &facade) != PIMS_OK || length == 0 || facade != PIMS_NO_FACADE;
    failures += close_facade(facade) != constants[3];
    length = 0;
    failures += initialize("[]", on_message, &length) != PIMS_OK || length == 0;
    char *message = execute("get", "pims.sdk.version", "{}");
    failures += message == NULL;
    release_string(message);
    message = execute_on(PIMS_DEFAULT_FACADE, "get", "pims.sdk.version", "{}");
    failures += message == NULL;
    release_string(message);
    failures += release() != PIMS_OK || version()[0] == '\0' || abi_version() != PIMS_ABI_VERSION;
    return failures == 0 ? 0 : 1;
}
