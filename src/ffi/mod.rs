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

use crate::facade::{self, Callback, Method};

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

/// The longest text that is accepted, in bytes, without its NUL.
pub const PIMS_MAX_TEXT: usize = 1 << 20;

/// The version of this interface: it grows when a caller must be recompiled.
pub const PIMS_ABI_VERSION: u32 = 1;

/// A function that receives messages.
///
/// `message` is one JSON object, NUL-terminated UTF-8. It belongs to the library and lives until
/// the callback returns: copy the parts that you keep. `ctx` is the pointer that was passed to the
/// call. The callback runs on the library's one thread (`2001` and the failures of `pims_init` on
/// the thread that called), never two at once. It may block, which delays the next message, and it
/// may call every function of this header. It must return: a C++ exception out of it ends the
/// process (abort), a longjmp out of it is undefined.
#[allow(non_camel_case_types)]
pub type pims_callback = Option<unsafe extern "C" fn(message: *const c_char, ctx: *mut c_void)>;

/// Creates the facade of this process from a JSON configuration (see docs/configuration.md).
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
    unsafe { accept(callback, ctx, [Some(config), None], |[config, _], callback| facade::init(config, callback)) }
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
    unsafe { call(Method::Get, api, params, callback, ctx) }
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
    unsafe { call(Method::Set, api, params, callback, ctx) }
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
    unsafe { call(Method::Subscribe, api, params, callback, ctx) }
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
    unsafe { call(Method::Unsubscribe, api, params, callback, ctx) }
}

/// Releases the facade. When it returns, every accepted call has had its message: the running call
/// its own, the waiting ones `FAILED 2001`. After it, `pims_init` works again.
///
/// @return `PIMS_OK`, always. Calling it twice, or without a facade, is harmless.
///
/// Any thread. From inside a callback it returns at once, and the facade is released when that
/// callback returns. From elsewhere it waits for the running call. In a child process after `fork`
/// it leaves its parent's facade alone.
#[unsafe(no_mangle)]
pub extern "C" fn pims_free() -> i32 {
    guarded(PIMS_OK, || {
        facade::free();
        PIMS_OK
    })
}

/// Runs one request on the calling thread and returns its message.
///
/// @param method `"init"`, `"get"`, `"set"` or `"free"`. Inside a callback on the library's thread
///               also `"unsubscribe"`: it ends the subscription before the calls that wait, also in
///               the callback that gets its acknowledgment. Elsewhere that is 2002. Its `params`
///               are those of `pims_unsubscribe`.
/// @param api    The name of an api; `NULL` and `""` with `init` and `free`.
/// @param params A JSON object, of `init` the configuration; `NULL` and `""` are `{}`.
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
    guarded(ptr::null_mut(), || {
        if method.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the caller vouches for the three texts, as above, and they are used in this call
        // only.
        match unsafe { (text(method), text(api), text(params)) } {
            (Ok(method), Ok(api), Ok(params)) => facade::execute(method, api, params).as_c_str().to_owned().into_raw(),
            _ => ptr::null_mut(),
        }
    })
}

/// Releases a string of `pims_execute`; `NULL` is allowed. The string is wiped first: it may hold a
/// one-time password.
///
/// Any thread.
///
/// # Safety
/// `message` is `NULL`, or came from `pims_execute` and was not released yet. Its length was not
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

/// Makes a call for the four functions with an api.
///
/// # Safety
/// As `pims_get`.
unsafe fn call(
    method: Method,
    api: *const c_char,
    params: *const c_char,
    callback: pims_callback,
    ctx: *mut c_void,
) -> i32 {
    if callback.is_some() && api.is_null() {
        return PIMS_ERROR_NULL_API;
    }
    // SAFETY: the caller vouches for both texts.
    unsafe {
        accept(callback, ctx, [Some(api), Some(params)], |[api, params], callback| {
            match facade::call(method, api, params, callback) {
                Ok(()) => PIMS_OK,
                Err(facade::QueueFull) => PIMS_ERROR_QUEUE_FULL,
            }
        })
    }
}

/// Refuses misuse, or runs `body` with the texts and the callback. From then on the callback is
/// called in any case, so a panic leaves an accepted call behind.
///
/// # Safety
/// Each pointer is `NULL` or points to NUL-terminated text.
unsafe fn accept<R: IntoStatus>(
    callback: pims_callback,
    ctx: *mut c_void,
    texts: [Option<*const c_char>; 2],
    body: impl FnOnce([&str; 2], Callback) -> R,
) -> i32 {
    guarded(PIMS_OK, || {
        let Some(callback) = callback else { return PIMS_ERROR_NULL_CALLBACK };
        let [first, second] = texts.map(|pointer| match pointer {
            // SAFETY: the caller vouches for the text, and it is used in this call only.
            Some(pointer) => unsafe { text(pointer) },
            None => Ok(""),
        });
        match (first, second) {
            (Ok(first), Ok(second)) => {
                let target = Target { callback, ctx };
                body([first, second], Box::new(move |message| target.deliver(message.as_c_str()))).into_status()
            }
            (Err(status), _) | (_, Err(status)) => status,
        }
    })
}

/// The result of a body, as a return value.
trait IntoStatus {
    fn into_status(self) -> i32;
}

impl IntoStatus for () {
    fn into_status(self) -> i32 {
        PIMS_OK
    }
}

impl IntoStatus for i32 {
    fn into_status(self) -> i32 {
        self
    }
}

/// A C callback and its context.
struct Target {
    callback: unsafe extern "C" fn(*const c_char, *mut c_void),
    ctx: *mut c_void,
}

// SAFETY: the library only carries `ctx` to its thread and hands it back; the header says that this
// happens.
unsafe impl Send for Target {}

impl Target {
    fn deliver(&self, message: &CStr) {
        let_nothing_out(self.callback, message.as_ptr(), self.ctx);
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
    // until it returns.
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
