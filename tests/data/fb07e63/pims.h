/* libpims: strong authentication. JSON goes in, one JSON message comes out through a callback. */
/* Made by cbindgen from src/ffi/mod.rs: do not edit. Documentation: docs/. SPDX-License-Identifier: MIT OR Apache-2.0 */

#ifndef PIMS_H
#define PIMS_H

#include <stddef.h>
#include <stdint.h>

/**
 * The call was accepted: the callback is, or will be, called.
 */
#define PIMS_OK 0

/**
 * Not accepted: the callback is `NULL`.
 */
#define PIMS_ERROR_NULL_CALLBACK -1

/**
 * Not accepted: the name of the api is `NULL`.
 */
#define PIMS_ERROR_NULL_API -2

/**
 * Not accepted: a text is not UTF-8.
 */
#define PIMS_ERROR_NOT_UTF8 -3

/**
 * Not accepted: a text is longer than `PIMS_MAX_TEXT` bytes.
 */
#define PIMS_ERROR_TOO_LONG -4

/**
 * Not accepted: 1,024 calls wait already. Call again later.
 */
#define PIMS_ERROR_QUEUE_FULL -5

/**
 * The longest text that is taken, in bytes, without its NUL.
 */
#define PIMS_MAX_TEXT (1 << 20)

/**
 * The version of this interface: it grows when a caller must be recompiled.
 */
#define PIMS_ABI_VERSION 1

/**
 * What a message is handed to.
 *
 * `message` is one JSON object, NUL-terminated UTF-8. It belongs to the library and lives until the callback returns: copy what is to be
 * kept. `ctx` is what was passed to the call. The callback runs on the library's one thread (`2001` and the failures of
 * `pims_init` on the thread that called), never two at once; it may block, which delays the next message, and it may call every
 * function of this header. It must return: an exception or a longjmp out of it is undefined.
 */
typedef void (*pims_callback)(const char *message, void *ctx);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates the facade of this process from a JSON configuration (see docs/configuration.md).
 *
 * @param config   NUL-terminated UTF-8; `NULL` and `""` are `{}`. It is copied before the function returns.
 * @param callback Gets exactly one message: `SUCCEEDED` on the library's thread, or `FAILED` (2004, 2006, 2007) on the calling
 *                 thread before the function returns. Must not be `NULL`.
 * @param ctx      Passed to the callback untouched; may be `NULL`.
 * @return `PIMS_OK`, `PIMS_ERROR_NULL_CALLBACK`, `PIMS_ERROR_NOT_UTF8` or `PIMS_ERROR_TOO_LONG`.
 *
 * Any thread. It reads and makes files, so it may block for some milliseconds.
 */
int32_t pims_init(const char *config,
                  pims_callback callback,
                  void *ctx);

/**
 * Requests data.
 *
 * @param api      The name of an api, such as `"pims.authentication.otp"`. Must not be `NULL`.
 * @param params   A JSON object; `NULL` and `""` are `{}`. Both texts are copied before the function returns.
 * @param callback Gets exactly one message, `SUCCEEDED` or `FAILED`. Must not be `NULL`.
 * @param ctx      Passed to the callback untouched; may be `NULL`.
 * @return `PIMS_OK`, or one of the `PIMS_ERROR_…` constants: then the callback is not called.
 *
 * Any thread, also from inside a callback. It never blocks on I/O: it checks its arguments, queues and returns.
 */
int32_t pims_get(const char *api,
                 const char *params,
                 pims_callback callback,
                 void *ctx);

/**
 * Changes data or performs an action.
 *
 * Arguments, message, return value and threads are those of `pims_get`.
 */
int32_t pims_set(const char *api, const char *params, pims_callback callback, void *ctx);

/**
 * Asks for events: one acknowledgment (`SUCCEEDED` or `FAILED`), then one `RESULT` message an event, until `pims_unsubscribe` or
 * `pims_free`.
 *
 * `ctx` must stay valid that long. A second subscription to the same api fails with 2005. All else as `pims_get`.
 */
int32_t pims_subscribe(const char *api,
                       const char *params,
                       pims_callback callback,
                       void *ctx);

/**
 * Ends a subscription: exactly one message, and after it no `RESULT` of that subscription. Without a subscription it succeeds too.
 *
 * All else as `pims_get`.
 */
int32_t pims_unsubscribe(const char *api,
                         const char *params,
                         pims_callback callback,
                         void *ctx);

/**
 * Releases the facade. When it returns, every accepted call has had its message: the one under way its own, those that had not begun
 * `FAILED 2001`. After it, `pims_init` works again.
 *
 * @return `PIMS_OK`, always. Calling it twice, or without a facade, is harmless.
 *
 * Any thread. From inside a callback it returns at once, and the facade is released when that callback returns; from elsewhere it waits
 * for the call under way.
 */
int32_t pims_free(void);

/**
 * Runs one request on the calling thread and returns its message.
 *
 * @param method `"init"`, `"get"`, `"set"` or `"free"`.
 * @param api    The name of an api; `NULL` and `""` with `init` and `free`.
 * @param params A JSON object, of `init` the configuration; `NULL` and `""` are `{}`.
 * @return The message, which the caller hands back with `pims_string_free`; `NULL` where an argument is misused (`method` is
 *         `NULL`, a text is not UTF-8 or too long).
 *
 * Any thread, also from inside a callback. It blocks for as long as the request takes, and waits for one that is under way.
 */
char *pims_execute(const char *method,
                   const char *api,
                   const char *params);

/**
 * Releases a string of `pims_execute`; `NULL` is allowed. The string is wiped first: it may hold a one-time password.
 *
 * Any thread.
 */
void pims_string_free(char *message);

/**
 * The library's version, such as `"0.1.0"`: a static string, never released.
 *
 * Any thread.
 */
const char *pims_version(void);

/**
 * `PIMS_ABI_VERSION` of the library that is loaded: compare it with that of the header.
 *
 * Any thread.
 */
uint32_t pims_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PIMS_H */
