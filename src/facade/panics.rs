//! The panic hook: logs where a panic happened, never its message.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::log;

/// Logs each panic of this process from now on, with its place. Writes nothing of a panic to
/// standard error. One call is enough, and a second call is harmless.
///
/// This is for a shared library that a program in another language loads, and whose copy of Rust's
/// runtime has no other user. The C functions and the Java classes call it. A Rust program keeps
/// its own hook.
pub fn log_panics() {
    // This is not a `Once`. In a child that is forked while another thread is inside it, a `Once`
    // would never end.
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if !IS_SET.swap(true, Ordering::AcqRel) {
        std::panic::set_hook(Box::new(log_panic));
    }
}

/// Logs the place of a panic. The message of a panic may contain anything and is not repeated.
fn log_panic(panic: &PanicHookInfo<'_>) {
    match panic.location() {
        Some(place) => log::try_error(format_args!("an internal error at {}:{}", place.file(), place.line())),
        None => log::try_error(format_args!("an internal error")),
    }
}
