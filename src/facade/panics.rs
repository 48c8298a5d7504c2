//! What is told of a panic.

use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::log;

/// From now on a panic of this process is logged with its place, and nothing of it is written to standard error. Once is enough, twice is
/// harmless.
///
/// This is for a shared library that a program in another language loads, and whose copy of Rust's runtime is nobody else's: the C functions
/// and the classes of Java do it. A program in Rust keeps its own hook.
pub fn log_panics() {
    // Not a `Once`: in a child that is forked while another thread is in it, that would never end.
    static IS_SET: AtomicBool = AtomicBool::new(false);
    if !IS_SET.swap(true, Ordering::AcqRel) {
        std::panic::set_hook(Box::new(note));
    }
}

/// Where it was. What it says may hold anything and is not repeated.
fn note(panic: &PanicHookInfo<'_>) {
    match panic.location() {
        Some(place) => log::try_error(format_args!("an internal error at {}:{}", place.file(), place.line())),
        None => log::try_error(format_args!("an internal error")),
    }
}
