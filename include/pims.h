/* libpims: strong authentication. JSON goes in, one JSON message comes out through a callback. */
/* Made by cbindgen from src/ffi: do not edit. Documentation: docs/. */
/* SPDX-License-Identifier: MIT OR Apache-2.0 */

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
 * Not accepted: 1,024 calls wait already. Call again later. One call has a place reserved: the end
 * of a subscription by its transaction id.
 */
#define PIMS_ERROR_QUEUE_FULL -5

/**
 * Not accepted: the handle has no facade. It is 0, its facade was closed, or it is a handle of the
 * process from which this one was forked.
 */
#define PIMS_ERROR_NO_FACADE -6

/**
 * Not accepted: the place for the handle is `NULL`.
 */
#define PIMS_ERROR_NULL_FACADE -7

/**
 * Not accepted: the method is `NULL` or not one of the function's.
 */
#define PIMS_ERROR_METHOD -8

/**
 * The handle of no facade.
 */
#define PIMS_NO_FACADE 0

/**
 * The handle of the facade of `pims_init`, while there is one.
 */
#define PIMS_DEFAULT_FACADE 1

/**
 * The longest text that is accepted, in bytes, without its NUL.
 */
#define PIMS_MAX_TEXT (1 << 20)

/**
 * The version of this interface: it grows when a caller must be recompiled.
 */
#define PIMS_ABI_VERSION 1

/**
 * `Unknown error`
 */
#define PIMS_CODE_UNKNOWN 2000

/**
 * `Facade not initialized`
 */
#define PIMS_CODE_NOT_INITIALIZED 2001

/**
 * `API not supported`
 */
#define PIMS_CODE_NOT_SUPPORTED 2002

/**
 * `[Component] not loaded`
 */
#define PIMS_CODE_NOT_LOADED 2003

/**
 * `Configuration file invalid`
 */
#define PIMS_CODE_CONFIGURATION_INVALID 2004

/**
 * `Duplicate command`
 */
#define PIMS_CODE_DUPLICATE 2005

/**
 * `Core not well configured`
 */
#define PIMS_CODE_CORE_NOT_CONFIGURED 2006

/**
 * `Facade already initialized`
 */
#define PIMS_CODE_ALREADY_INITIALIZED 2007

/**
 * `Missing [PARAMETER] parameter`
 */
#define PIMS_CODE_MISSING_PARAMETER 2101

/**
 * `Invalid [PARAMETER] parameter`
 */
#define PIMS_CODE_INVALID_PARAMETER 2102

/**
 * `Timeout`
 */
#define PIMS_CODE_TIMEOUT 2201

/**
 * `Network problem : No internet`
 */
#define PIMS_CODE_NO_INTERNET 2202

/**
 * `Invalid return`
 */
#define PIMS_CODE_INVALID_RETURN 2203

/**
 * `Server Error`
 */
#define PIMS_CODE_SERVER_ERROR 2204

/**
 * `Certificat pinning failed`
 */
#define PIMS_CODE_PINNING_FAILED 2208

/**
 * `Need Basic Authentication (to get CVS token)`
 */
#define PIMS_CODE_NEED_AUTHENTICATION 2301

/**
 * `Need Strong Authentication`
 */
#define PIMS_CODE_NEED_STRONG_AUTHENTICATION 2302

/**
 * `The sms code is invalid`
 */
#define PIMS_CODE_CODE_INVALID 2305

/**
 * `The sms code is expired`
 */
#define PIMS_CODE_CODE_EXPIRED 2306

/**
 * `User dont have a phone number`
 */
#define PIMS_CODE_NO_PHONE_NUMBER 2307

/**
 * `inwebo: access refused`
 */
#define PIMS_CODE_ACCESS_REFUSED 2308

/**
 * `inwebo: version error`
 */
#define PIMS_CODE_VERSION_ERROR 2309

/**
 * `inwebo: account is blocked`
 */
#define PIMS_CODE_ACCOUNT_BLOCKED 2310

/**
 * `inwebo: internal state not correct`
 */
#define PIMS_CODE_WRONG_STATE 2311

/**
 * `inwebo: device is disabled or unknown`
 */
#define PIMS_CODE_DEVICE_UNKNOWN 2312

/**
 * `inwebo: User must activate inWebo helium or inWebo Desktop Token before achieving this operation`
 */
#define PIMS_CODE_NEEDS_OTHER_TOOL 2313

/**
 * `inwebo: No service is available`
 */
#define PIMS_CODE_NO_SERVICE 2314

/**
 * `inwebo: the new password equals the previous one`
 */
#define PIMS_CODE_PIN_REUSED 2315

/**
 * `inwebo: the operation succeeded but it required a post-synchronization which failed`
 */
#define PIMS_CODE_POST_SYNCHRONIZATION 2316

/**
 * `inwebo: forbidden operation (due to activated state/blocked state/upgradable state)`
 */
#define PIMS_CODE_FORBIDDEN 2317

/**
 * `[Component] not configured`
 */
#define PIMS_CODE_NOT_CONFIGURED 2344

/**
 * `[Method] is deprecated since [version]`
 */
#define PIMS_CODE_DEPRECATED 2350

/**
 * `Phone number allready registered`
 */
#define PIMS_CODE_PHONE_NUMBER_REGISTERED 2390

/**
 * A function that receives messages.
 *
 * `message` is one JSON object, NUL-terminated UTF-8. It belongs to the library and lives until
 * the callback returns: copy the parts that you keep. `ctx` is the pointer that was passed to the
 * call. The callback runs on the thread of its facade, never two of one facade at once. Two
 * facades have two threads: a callback that serves both runs on two at once. `2001` and the
 * failures of `pims_init` and `pims_open` come on the thread that called. A callback may block,
 * which delays the next message of its facade, and it may call every function of this header. It
 * must return: a C++ exception out of it ends the process (abort), a longjmp out of it is
 * undefined.
 */
typedef void (*pims_callback)(const char *message, void *ctx);

/**
 * A handle of a facade: a number, never an address. `pims_open` gives no number twice in a
 * process, so the handle of a facade that was closed is recognised, whatever was opened since. A
 * handle may be used on any thread.
 */
typedef uint64_t pims_facade;

/**
 * A function that receives messages and owns them.
 *
 * It is a [`pims_callback`], but `message` belongs to the callback: it lives until it is handed
 * back with `pims_string_free`, on any thread, at any time. This is for runtimes that take a
 * message over now and deliver it later.
 */
typedef void (*pims_owner_callback)(char *message, void *ctx);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Creates the default facade of this process from a JSON configuration (see
 * docs/configuration.md).
 *
 * @param config   NUL-terminated UTF-8; `NULL` and `""` are `{}`. It is copied before the function
 *                 returns.
 * @param callback Gets exactly one message: `SUCCEEDED` on the library's thread, or `FAILED`
 *                 (2004, 2006, 2007) on the calling thread before the function returns. Must not
 *                 be `NULL`.
 * @param ctx      Passed to the callback untouched; may be `NULL`.
 * @return `PIMS_OK`, `PIMS_ERROR_NULL_CALLBACK`, `PIMS_ERROR_NOT_UTF8` or `PIMS_ERROR_TOO_LONG`.
 *
 * Any thread. It reads and makes files, so it may block for some milliseconds.
 *
 * In a child process after `fork` there is no facade until this function makes one there. Its
 * parent's storage stays locked, and the embedded authority cannot be opened where the parent used
 * it (2006).
 */
int32_t pims_init(const char *config, pims_callback callback, void *ctx);

/**
 * Requests data.
 *
 * @param api      The name of an api, such as `"pims.authentication.otp"`. Must not be `NULL`.
 * @param params   A JSON object; `NULL` and `""` are `{}`. Both texts are copied before the
 *                 function returns.
 * @param callback Gets exactly one message, `SUCCEEDED` or `FAILED`. Must not be `NULL`.
 * @param ctx      Passed to the callback untouched; may be `NULL`.
 * @return `PIMS_OK`, or one of the `PIMS_ERROR_…` constants: then the callback is not called.
 *
 * Any thread, also from inside a callback. It never blocks on I/O: it checks its arguments, queues
 * and returns.
 */
int32_t pims_get(const char *api, const char *params, pims_callback callback, void *ctx);

/**
 * Changes data or performs an action.
 *
 * Arguments, message, return value and threads are those of `pims_get`.
 */
int32_t pims_set(const char *api, const char *params, pims_callback callback, void *ctx);

/**
 * Asks for events: one acknowledgment (`SUCCEEDED` or `FAILED`), then one `RESULT` message an
 * event, until `pims_unsubscribe` or `pims_free`.
 *
 * `ctx` must stay valid that long. A second subscription to the same api fails with 2005. All else
 * as `pims_get`.
 */
int32_t pims_subscribe(const char *api, const char *params, pims_callback callback, void *ctx);

/**
 * Ends a subscription: exactly one message, and after it no `RESULT` of that subscription. Without
 * a subscription it succeeds too.
 *
 * @param params With `{"transactionId":"…"}` the call ends the subscription whose messages have
 *               this id, and no other one; if that subscription has ended, it ends none. Without
 *               `transactionId` the call ends the subscription to the api.
 *
 * Each subscription has one place in the queue reserved for its end by its id. So the first such
 * call is accepted also when 1,024 calls wait; `PIMS_ERROR_QUEUE_FULL` then says that the
 * subscription has ended, or that its end waits already.
 *
 * All else as `pims_get`.
 */
int32_t pims_unsubscribe(const char *api, const char *params, pims_callback callback, void *ctx);

/**
 * Releases the facade. When it returns, every accepted call has had its message: the running call
 * its own, the waiting ones `FAILED 2001`. After it, `pims_init` works again.
 *
 * @return `PIMS_OK`, always. Calling it twice, or without a facade, is harmless.
 *
 * Any thread. On a facade's thread, so inside a callback, it returns at once, and the default
 * facade is released when its running call has had its message. From elsewhere it waits for the
 * running call. In a child process after `fork` it leaves its parent's facade alone.
 */
int32_t pims_free(void);

/**
 * Runs one request to the default facade on the calling thread and returns its message.
 *
 * @param method `"init"`, `"get"`, `"set"` or `"free"`. Inside a callback on the library's thread
 *               also `"unsubscribe"`: it ends the subscription before the calls that wait, also in
 *               the callback that gets its acknowledgment. Elsewhere that is 2002. Its `params`
 *               are those of `pims_unsubscribe`. `"open"` is `pims_open`: the result has the
 *               handle, as in `{"facade":2}`.
 * @param api    The name of an api; `NULL` and `""` with `init`, `open` and `free`.
 * @param params A JSON object, of `init` and `open` the configuration; `NULL` and `""` are `{}`.
 * @return The message, which the caller hands back with `pims_string_free`; `NULL` if an argument
 *         is misused (`method` is `NULL`, a text is not UTF-8 or too long).
 *
 * Any thread, also from inside a callback. It blocks for as long as the request takes, and waits
 * for a running one.
 */
char *pims_execute(const char *method, const char *api, const char *params);

/**
 * Releases a message of `pims_execute`, `pims_facade_execute` or a `pims_owner_callback`; `NULL`
 * is allowed. The message is wiped first: it may hold a one-time password.
 *
 * Any thread.
 */
void pims_string_free(char *message);

/**
 * Creates a facade beside the others, for another account: as `pims_init`, with a handle.
 *
 * Each facade has a `storage.path` of its own, and its own log, queue and thread. Two facades may
 * share an `embedded.database`, and nothing else. `pims_facade_get` and its like take the handle,
 * and so does `pims_close`.
 *
 * @param config   As for `pims_init`.
 * @param callback As for `pims_init`. The result of a success is `{"facade":2}`, with the handle.
 * @param ctx      As for `pims_init`.
 * @param facade   Gets the handle, before the callback runs on the library's thread. Gets
 *                 `PIMS_NO_FACADE` if there is no facade. Must not be `NULL`.
 * @return As `pims_init`, or `PIMS_ERROR_NULL_FACADE`.
 *
 * Any thread. It reads and makes files, so it may block for some milliseconds. In a child process
 * after `fork`, the handles of its parent have no facade.
 */
int32_t pims_open(const char *config, pims_callback callback, void *ctx, pims_facade *facade);

/**
 * Requests data of a facade: `pims_get` with a handle.
 *
 * @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
 */
int32_t pims_facade_get(pims_facade facade,
                        const char *api,
                        const char *params,
                        pims_callback callback,
                        void *ctx);

/**
 * Changes data of a facade, or performs an action: `pims_set` with a handle.
 *
 * @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
 */
int32_t pims_facade_set(pims_facade facade,
                        const char *api,
                        const char *params,
                        pims_callback callback,
                        void *ctx);

/**
 * Asks for events of a facade: `pims_subscribe` with a handle. Each facade has a subscription of
 * its own.
 *
 * @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
 */
int32_t pims_facade_subscribe(pims_facade facade,
                              const char *api,
                              const char *params,
                              pims_callback callback,
                              void *ctx);

/**
 * Ends a subscription to a facade: `pims_unsubscribe` with a handle.
 *
 * @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
 */
int32_t pims_facade_unsubscribe(pims_facade facade,
                                const char *api,
                                const char *params,
                                pims_callback callback,
                                void *ctx);

/**
 * Runs one request to a facade on the calling thread and returns its message: `pims_execute` with
 * a handle.
 *
 * @param method `"get"`, `"set"` or `"close"`. Inside a callback on the facade's thread also
 *               `"unsubscribe"`.
 * @param api    The name of an api; `NULL` and `""` with `close`.
 * @param params A JSON object; `NULL` and `""` are `{}`.
 * @return As `pims_execute`. If the handle has no facade, the message is `FAILED` with 2001.
 *
 * Any thread, also from inside a callback. It blocks for as long as the request takes, and waits
 * for a running one of this facade.
 */
char *pims_facade_execute(pims_facade facade, const char *method, const char *api, const char *params);

/**
 * Makes a call whose messages belong to its callback.
 *
 * @param facade   The handle; `PIMS_DEFAULT_FACADE` is the facade of `pims_init`.
 * @param method   `"get"`, `"set"`, `"subscribe"` or `"unsubscribe"`: all else is as for
 *                 `pims_get`, `pims_set`, `pims_subscribe` and `pims_unsubscribe`.
 * @param api      The name of an api, such as `"pims.authentication.otp"`. Must not be `NULL`.
 * @param params   A JSON object; `NULL` and `""` are `{}`.
 * @param callback Gets each message, to hand it back with `pims_string_free`. It may do that on
 *                 another thread, and after it returned. Must not be `NULL`.
 * @param ctx      Passed to the callback untouched; may be `NULL`.
 * @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`, or `PIMS_ERROR_METHOD`: then the callback is
 *         not called.
 *
 * Any thread, also from inside a callback. It never blocks on I/O.
 */
int32_t pims_submit(pims_facade facade,
                    const char *method,
                    const char *api,
                    const char *params,
                    pims_owner_callback callback,
                    void *ctx);

/**
 * Releases a facade: `pims_free` with a handle. When it returns, every call that the facade
 * accepted has had its message, and its storage is free.
 *
 * @return `PIMS_OK`, or `PIMS_ERROR_NO_FACADE`.
 *
 * Any thread. On the thread of any facade, so inside a callback, it returns at once, and this
 * facade is released when its running call has had its message. From elsewhere it waits for the
 * running call.
 */
int32_t pims_close(pims_facade facade);

/**
 * Returns the library's version, such as `"0.1.0"`: a static string, never released.
 *
 * Any thread.
 */
const char *pims_version(void);

/**
 * Returns `PIMS_ABI_VERSION` of the loaded library: compare it with that of the header.
 *
 * Any thread.
 */
uint32_t pims_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* PIMS_H */
