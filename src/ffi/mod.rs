//! The C functions: pointers, strings, panics and callbacks. All of the library's `unsafe` is here.
//!
//! Each function reads its arguments (`text`), refuses misuse by its return value, and hands the
//! rest to [`crate::facade`] inside `guarded`, which lets no panic out.

#![allow(unsafe_code)]

pub mod codes;
pub mod forks;

use std::ffi::{CStr, CString, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use zeroize::Zeroize;

use crate::facade::{self, Callback, Handle, Method, Rejection};

/// The call was accepted: the callback is, or will be, called.
pub const PIMS_OK: i32 = 0;
/// Not accepted: the callback is `NULL`.
pub const PIMS_ERROR_NULL_CALLBACK: i32 = -1;
/// Not accepted: the name of the api is `NULL`.
pub const PIMS_ERROR_NULL_API: i32 = -2;
/// Not accepted: a text is not UTF-8.
pub const PIMS_ERROR_NOT_UTF8: i32 = -3;
/// Not accepted: a text is longer than `PIMS_MAX_TEXT` bytes.
pub const PIMS_ERROR_TOO_LONG: i32 = -4;
/// Not accepted: 1,024 calls wait already. Call again later. One call has a place reserved: the end
/// of a subscription by its transaction id.
pub const PIMS_ERROR_QUEUE_FULL: i32 = -5;
/// Not accepted: the handle has no facade. It is 0, its facade was closed, or it is a handle of the
/// process from which this one was forked.
pub const PIMS_ERROR_NO_FACADE: i32 = -6;
/// Not accepted: the place for the handle is `NULL`.
pub const PIMS_ERROR_NULL_FACADE: i32 = -7;
/// Not accepted: the method is `NULL` or not one of the function's.
pub const PIMS_ERROR_METHOD: i32 = -8;

/// A handle of a facade: a number, never an address. `pims_open` gives no number twice in a
/// process, so the handle of a facade that was closed is recognised, whatever was opened since. A
/// handle may be used on any thread.
#[allow(non_camel_case_types)]
pub type pims_facade = u64;

/// The handle of no facade.
pub const PIMS_NO_FACADE: u64 = 0;
/// The handle of the facade of `pims_init`, while there is one.
pub const PIMS_DEFAULT_FACADE: u64 = 1;

/// The longest text that is accepted, in bytes, without its NUL.
pub const PIMS_MAX_TEXT: usize = 1 << 20;

/// The version of this interface: it grows when a caller must be recompiled.
pub const PIMS_ABI_VERSION: u32 = 1;

/// A function that receives messages.
///
/// `message` is one JSON object, NUL-terminated UTF-8. It belongs to the library and lives until
/// the callback returns: copy the parts that you keep. `ctx` is the pointer that was passed to the
/// call. The callback runs on the thread of its facade, never two of one facade at once. Two
/// facades have two threads: a callback that serves both runs on two at once. `2001` and the
/// failures of `pims_init` and `pims_open` come on the thread that called. A callback may block,
/// which delays the next message of its facade, and it may call every function of this header. It
/// must return: a C++ exception out of it ends the process (abort), a longjmp out of it is
/// undefined.
#[allow(non_camel_case_types)]
pub type pims_callback = Option<unsafe extern "C" fn(message: *const c_char, ctx: *mut c_void)>;

/// A function that receives messages and owns them.
///
/// It is a [`pims_callback`], but `message` belongs to the callback: it lives until it is handed
/// back with `pims_string_free`, on any thread, at any time. This is for runtimes that take a
/// message over now and deliver it later.
#[allow(non_camel_case_types)]
pub type pims_owner_callback = Option<unsafe extern "C" fn(message: *mut c_char, ctx: *mut c_void)>;

/// Creates the default facade of this process from a JSON configuration (see
/// docs/configuration.md).
///
/// @param config   NUL-terminated UTF-8; `NULL` and `""` are `{}`. It is copied before the function
///                 returns.
/// @param callback Gets exactly one message: `SUCCEEDED` on the library's thread, or `FAILED`
///                 (2004, 2006, 2007) on the calling thread before the function returns. Must not
///                 be `NULL`.
/// @param ctx      Passed to the callback untouched; may be `NULL`.
/// @return `PIMS_OK`, `PIMS_ERROR_NULL_CALLBACK`, `PIMS_ERROR_NOT_UTF8` or `PIMS_ERROR_TOO_LONG`.
///
/// Any thread. It reads and makes files, so it may block for some milliseconds.
///
/// In a child process after `fork` there is no facade until this function makes one there. Its
/// parent's storage stays locked, and the embedded authority cannot be opened where the parent used
/// it (2006).
///
/// # Safety
/// `config` is `NULL` or points to NUL-terminated text; `callback` may be called with `ctx` from
/// another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_init(config: *const c_char, callback: pims_callback, ctx: *mut c_void) -> i32 {
    // SAFETY: the caller vouches for the text, as above.
    unsafe {
        accept(Target::borrower(callback, ctx), [config, ptr::null()], |[config, _], callback| {
            facade::init(config, callback);
            PIMS_OK
        })
    }
}

/// Requests data.
///
/// @param api      The name of an api, such as `"pims.authentication.otp"`. Must not be `NULL`.
/// @param params   A JSON object; `NULL` and `""` are `{}`. Both texts are copied before the
///                 function returns.
/// @param callback Gets exactly one message, `SUCCEEDED` or `FAILED`. Must not be `NULL`.
/// @param ctx      Passed to the callback untouched; may be `NULL`.
/// @return `PIMS_OK`, or one of the `PIMS_ERROR_…` constants: then the callback is not called.
///
/// Any thread, also from inside a callback. It never blocks on I/O: it checks its arguments, queues
/// and returns.
///
/// # Safety
/// `api` and `params` are `NULL` or point to NUL-terminated text; `callback` may be called with
/// `ctx` from another thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_get(
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as above.
    unsafe { call(PIMS_DEFAULT_FACADE, Method::Get, api, params, Target::borrower(callback, ctx)) }
}

/// Changes data or performs an action.
///
/// Arguments, message, return value and threads are those of `pims_get`.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_set(
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(PIMS_DEFAULT_FACADE, Method::Set, api, params, Target::borrower(callback, ctx)) }
}

/// Asks for events: one acknowledgment (`SUCCEEDED` or `FAILED`), then one `RESULT` message an
/// event, until `pims_unsubscribe` or `pims_free`.
///
/// `ctx` must stay valid that long. A second subscription to the same api fails with 2005. All else
/// as `pims_get`.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_subscribe(
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(PIMS_DEFAULT_FACADE, Method::Subscribe, api, params, Target::borrower(callback, ctx)) }
}

/// Ends a subscription: exactly one message, and after it no `RESULT` of that subscription. Without
/// a subscription it succeeds too.
///
/// @param params With `{"transactionId":"…"}` the call ends the subscription whose messages have
///               this id, and no other one; if that subscription has ended, it ends none. Without
///               `transactionId` the call ends the subscription to the api.
///
/// Each subscription has one place in the queue reserved for its end by its id. So the first such
/// call is accepted also when 1,024 calls wait; `PIMS_ERROR_QUEUE_FULL` then says that the
/// subscription has ended, or that its end waits already.
///
/// All else as `pims_get`.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_unsubscribe(
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(PIMS_DEFAULT_FACADE, Method::Unsubscribe, api, params, Target::borrower(callback, ctx)) }
}

/// Releases the facade. When it returns, every accepted call has had its message: the running call
/// its own, the waiting ones `FAILED 2001`. After it, `pims_init` works again.
///
/// @return `PIMS_OK`, always. Calling it twice, or without a facade, is harmless.
///
/// Any thread. On a facade's thread, so inside a callback, it returns at once, and the default
/// facade is released when its running call has had its message. From elsewhere it waits for the
/// running call. In a child process after `fork` it leaves its parent's facade alone.
#[unsafe(no_mangle)]
pub extern "C" fn pims_free() -> i32 {
    guarded(PIMS_OK, || {
        facade::free();
        PIMS_OK
    })
}

/// Runs one request to the default facade on the calling thread and returns its message.
///
/// @param method `"init"`, `"get"`, `"set"` or `"free"`. Inside a callback on the library's thread
///               also `"unsubscribe"`: it ends the subscription before the calls that wait, also in
///               the callback that gets its acknowledgment. Elsewhere that is 2002. Its `params`
///               are those of `pims_unsubscribe`. `"open"` is `pims_open`: the result has the
///               handle, as in `{"facade":2}`.
/// @param api    The name of an api; `NULL` and `""` with `init`, `open` and `free`.
/// @param params A JSON object, of `init` and `open` the configuration; `NULL` and `""` are `{}`.
/// @return The message, which the caller hands back with `pims_string_free`; `NULL` if an argument
///         is misused (`method` is `NULL`, a text is not UTF-8 or too long).
///
/// Any thread, also from inside a callback. It blocks for as long as the request takes, and waits
/// for a running one.
///
/// # Safety
/// Each text is `NULL` or points to NUL-terminated text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_execute(method: *const c_char, api: *const c_char, params: *const c_char) -> *mut c_char {
    // SAFETY: the caller vouches for the three texts, as above.
    unsafe { execute([method, api, params], facade::execute) }
}

/// Releases a message of `pims_execute`, `pims_facade_execute` or a `pims_owner_callback`; `NULL`
/// is allowed. The message is wiped first: it may hold a one-time password.
///
/// Any thread.
///
/// # Safety
/// `message` is `NULL`, or came from one of the three and was not released yet. Its length was not
/// changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_string_free(message: *mut c_char) {
    guarded((), || {
        if !message.is_null() {
            // SAFETY: it came from `into_raw`, and the caller gives it up.
            unsafe { CString::from_raw(message) }.into_bytes().zeroize();
        }
    });
}

/// Creates a facade beside the others, for another account: as `pims_init`, with a handle.
///
/// Each facade has a `storage.path` of its own, and its own log, queue and thread. Two facades may
/// share an `embedded.database`, and nothing else. `pims_facade_get` and its like take the handle,
/// and so does `pims_close`.
///
/// @param config   As for `pims_init`.
/// @param callback As for `pims_init`. The result of a success is `{"facade":2}`, with the handle.
/// @param ctx      As for `pims_init`.
/// @param facade   Gets the handle, before the callback runs on the library's thread. Gets
///                 `PIMS_NO_FACADE` if there is no facade. Must not be `NULL`.
/// @return As `pims_init`, or `PIMS_ERROR_NULL_FACADE`.
///
/// Any thread. It reads and makes files, so it may block for some milliseconds. In a child process
/// after `fork`, the handles of its parent have no facade.
///
/// # Safety
/// As `pims_init`; `facade` is `NULL` or points to a handle that may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_open(
    config: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
    facade: *mut pims_facade,
) -> i32 {
    if facade.is_null() {
        return PIMS_ERROR_NULL_FACADE;
    }
    // SAFETY: the caller vouches for the place.
    unsafe { facade.write(PIMS_NO_FACADE) };
    // SAFETY: the caller vouches for the text, and for the place until this function returns.
    unsafe {
        accept(Target::borrower(callback, ctx), [config, ptr::null()], |[config, _], callback| {
            facade::open_with(config, callback, |handle| facade.write(handle.number()));
            PIMS_OK
        })
    }
}

/// Requests data of a facade: `pims_get` with a handle.
///
/// @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_facade_get(
    facade: pims_facade,
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(facade, Method::Get, api, params, Target::borrower(callback, ctx)) }
}

/// Changes data of a facade, or performs an action: `pims_set` with a handle.
///
/// @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_facade_set(
    facade: pims_facade,
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(facade, Method::Set, api, params, Target::borrower(callback, ctx)) }
}

/// Asks for events of a facade: `pims_subscribe` with a handle. Each facade has a subscription of
/// its own.
///
/// @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_facade_subscribe(
    facade: pims_facade,
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(facade, Method::Subscribe, api, params, Target::borrower(callback, ctx)) }
}

/// Ends a subscription to a facade: `pims_unsubscribe` with a handle.
///
/// @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`: then the callback is not called.
///
/// # Safety
/// As `pims_get`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_facade_unsubscribe(
    facade: pims_facade,
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(facade, Method::Unsubscribe, api, params, Target::borrower(callback, ctx)) }
}

/// Runs one request to a facade on the calling thread and returns its message: `pims_execute` with
/// a handle.
///
/// @param method `"get"`, `"set"` or `"close"`. Inside a callback on the facade's thread also
///               `"unsubscribe"`.
/// @param api    The name of an api; `NULL` and `""` with `close`.
/// @param params A JSON object; `NULL` and `""` are `{}`.
/// @return As `pims_execute`. If the handle has no facade, the message is `FAILED` with 2001.
///
/// Any thread, also from inside a callback. It blocks for as long as the request takes, and waits
/// for a running one of this facade.
///
/// # Safety
/// As `pims_execute`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_facade_execute(
    facade: pims_facade,
    method: *const c_char,
    api: *const c_char,
    params: *const c_char,
) -> *mut c_char {
    let handle = Handle::from_number(facade);
    // SAFETY: the caller vouches for the three texts, as for `pims_execute`.
    unsafe { execute([method, api, params], |method, api, params| handle.execute(method, api, params)) }
}

/// Makes a call whose messages belong to its callback.
///
/// @param facade   The handle; `PIMS_DEFAULT_FACADE` is the facade of `pims_init`.
/// @param method   `"get"`, `"set"`, `"subscribe"` or `"unsubscribe"`: all else is as for
///                 `pims_get`, `pims_set`, `pims_subscribe` and `pims_unsubscribe`.
/// @param api      The name of an api, such as `"pims.authentication.otp"`. Must not be `NULL`.
/// @param params   A JSON object; `NULL` and `""` are `{}`.
/// @param callback Gets each message, to hand it back with `pims_string_free`. It may do that on
///                 another thread, and after it returned. Must not be `NULL`.
/// @param ctx      Passed to the callback untouched; may be `NULL`.
/// @return As `pims_get`, or `PIMS_ERROR_NO_FACADE`, or `PIMS_ERROR_METHOD`: then the callback is
///         not called.
///
/// Any thread, also from inside a callback. It never blocks on I/O.
///
/// # Safety
/// As `pims_get`; `method` is `NULL` or points to NUL-terminated text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pims_submit(
    facade: pims_facade,
    method: *const c_char,
    api: *const c_char,
    params: *const c_char,
    callback: pims_owner_callback,
    ctx: *mut c_void,
) -> i32 {
    let Some(target) = Target::owner(callback, ctx) else { return PIMS_ERROR_NULL_CALLBACK };
    // SAFETY: the caller vouches for the text, and it is used in this call only.
    let method = match unsafe { text(method) } {
        Ok("get") => Method::Get,
        Ok("set") => Method::Set,
        Ok("subscribe") => Method::Subscribe,
        Ok("unsubscribe") => Method::Unsubscribe,
        _ => return PIMS_ERROR_METHOD,
    };
    // SAFETY: the caller vouches for both texts, as for `pims_get`.
    unsafe { call(facade, method, api, params, Some(target)) }
}

/// Releases a facade: `pims_free` with a handle. When it returns, every call that the facade
/// accepted has had its message, and its storage is free.
///
/// @return `PIMS_OK`, or `PIMS_ERROR_NO_FACADE`.
///
/// Any thread. On the thread of any facade, so inside a callback, it returns at once, and this
/// facade is released when its running call has had its message. From elsewhere it waits for the
/// running call.
#[unsafe(no_mangle)]
pub extern "C" fn pims_close(facade: pims_facade) -> i32 {
    guarded(PIMS_OK, || match Handle::from_number(facade).close() {
        true => PIMS_OK,
        false => PIMS_ERROR_NO_FACADE,
    })
}

/// Returns the library's version, such as `"0.1.0"`: a static string, never released.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pims_version() -> *const c_char {
    const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"",
    };
    VERSION.as_ptr()
}

/// Returns `PIMS_ABI_VERSION` of the loaded library: compare it with that of the header.
///
/// Any thread.
#[unsafe(no_mangle)]
pub extern "C" fn pims_abi_version() -> u32 {
    PIMS_ABI_VERSION
}

/// Makes a call for the functions with an api.
///
/// # Safety
/// As `pims_get`.
unsafe fn call(
    facade: pims_facade,
    method: Method,
    api: *const c_char,
    params: *const c_char,
    target: Option<Target>,
) -> i32 {
    if target.is_some() && api.is_null() {
        return PIMS_ERROR_NULL_API;
    }
    // SAFETY: the caller vouches for both texts.
    unsafe {
        accept(target, [api, params], |[api, params], callback| {
            match Handle::from_number(facade).call(method, api, params, callback) {
                Ok(()) => PIMS_OK,
                Err(Rejection::QueueFull) => PIMS_ERROR_QUEUE_FULL,
                Err(Rejection::NoFacade) => PIMS_ERROR_NO_FACADE,
            }
        })
    }
}

/// Refuses misuse, or runs `body` with the texts and the callback. From then on the callback is
/// called in any case, so a panic leaves an accepted call behind.
///
/// # Safety
/// Each pointer is `NULL` or points to NUL-terminated text.
unsafe fn accept(
    target: Option<Target>,
    texts: [*const c_char; 2],
    body: impl FnOnce([&str; 2], Callback) -> i32,
) -> i32 {
    guarded(PIMS_OK, || {
        let Some(target) = target else { return PIMS_ERROR_NULL_CALLBACK };
        // SAFETY: the caller vouches for the texts, and they are used in this call only.
        match texts.map(|pointer| unsafe { text(pointer) }) {
            [Ok(first), Ok(second)] => {
                body([first, second], Box::new(move |message| target.deliver(message.as_c_str())))
            }
            [Err(status), _] | [_, Err(status)] => status,
        }
    })
}

/// Runs a request on this thread and hands its message over. Returns `NULL` if the method is
/// `NULL` or a text cannot be used.
///
/// # Safety
/// Each text is `NULL` or points to NUL-terminated text.
unsafe fn execute(texts: [*const c_char; 3], run: impl FnOnce(&str, &str, &str) -> facade::Message) -> *mut c_char {
    guarded(ptr::null_mut(), || {
        if texts[0].is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the caller vouches for the three texts, and they are used in this call only.
        match texts.map(|pointer| unsafe { text(pointer) }) {
            [Ok(method), Ok(api), Ok(params)] => handed_over(run(method, api, params).as_c_str()),
            _ => ptr::null_mut(),
        }
    })
}

/// Returns a copy of a message for `pims_string_free`.
fn handed_over(message: &CStr) -> *mut c_char {
    message.to_owned().into_raw()
}

/// A C callback and its context.
struct Target {
    callback: unsafe extern "C" fn(*const c_char, *mut c_void),
    /// If true, each message belongs to the callback.
    is_owner: bool,
    ctx: *mut c_void,
}

// SAFETY: the library only carries `ctx` to its thread and hands it back; the header says that this
// happens.
unsafe impl Send for Target {}

impl Target {
    fn borrower(callback: pims_callback, ctx: *mut c_void) -> Option<Self> {
        callback.map(|callback| Self { callback, is_owner: false, ctx })
    }

    fn owner(callback: pims_owner_callback, ctx: *mut c_void) -> Option<Self> {
        type Owner = unsafe extern "C" fn(*mut c_char, *mut c_void);
        type Borrower = unsafe extern "C" fn(*const c_char, *mut c_void);
        // SAFETY: pointers to constant and to other data have one ABI. The callback gets a message
        // that it may change, because `is_owner` is true.
        let callback = callback.map(|callback| unsafe { std::mem::transmute::<Owner, Borrower>(callback) });
        callback.map(|callback| Self { callback, is_owner: true, ctx })
    }

    fn deliver(&self, message: &CStr) {
        let message = if self.is_owner { handed_over(message).cast_const() } else { message.as_ptr() };
        let_nothing_out(self.callback, message, self.ctx);
    }
}

/// Calls a callback. An exception that it throws ends the process here: no exception leaves a Rust
/// function of this ABI, and none of the library's own frames is unwound by it.
extern "C" fn let_nothing_out(
    callback: unsafe extern "C" fn(*const c_char, *mut c_void),
    message: *const c_char,
    ctx: *mut c_void,
) {
    type Unwinding = unsafe extern "C-unwind" fn(*const c_char, *mut c_void);
    // SAFETY: the two ABIs differ only in that one lets an exception out.
    let callback =
        unsafe { std::mem::transmute::<unsafe extern "C" fn(*const c_char, *mut c_void), Unwinding>(callback) };
    // SAFETY: the caller of the library gave this function for this purpose; the message lives
    // until it returns, or until its owner hands it back.
    unsafe { callback(message, ctx) }
}

/// Returns the text behind a pointer; `NULL` is empty text. No byte beyond the limit is read.
///
/// # Safety
/// `pointer` is `NULL` or points to NUL-terminated text that lives for `'a`.
unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, i32> {
    if pointer.is_null() {
        return Ok("");
    }
    // SAFETY: the text ends with a NUL, at which `strnlen` stops.
    let length = unsafe { libc::strnlen(pointer, PIMS_MAX_TEXT + 1) };
    if length > PIMS_MAX_TEXT {
        return Err(PIMS_ERROR_TOO_LONG);
    }
    // SAFETY: this many bytes were just read, and the caller does not write to them during the
    // call.
    let bytes = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>(), length) };
    std::str::from_utf8(bytes).map_err(|_| PIMS_ERROR_NOT_UTF8)
}

/// Runs a body and stops each panic here. Every function goes through this one guard. A program in
/// C has this copy of Rust's runtime to itself, so the library may take its panics over.
fn guarded<R>(after_panic: R, body: impl FnOnce() -> R) -> R {
    facade::log_panics();
    forks::watch();
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(after_panic)
}
