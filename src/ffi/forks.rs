//! The notice of each `fork`, by the C library.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::process;

/// Lets this process learn of each `fork` by the C library, so that a call needs no system call to
/// notice that it runs in a forked child. Without this, each call asks the system for the id of its
/// process. One call is enough, and a second call costs next to nothing.
///
/// The C functions call it. A binding that is built on [`crate::facade`] calls it, too.
///
/// The C library tells of its function `fork`. It does not tell of a raw system call, nor of
/// `_Fork`, after which POSIX allows no call of a library.
///
/// Any thread.
pub fn watch() {
    static IS_WATCHING: AtomicBool = AtomicBool::new(false);
    if !IS_WATCHING.load(Ordering::Acquire) && begin() {
        IS_WATCHING.store(true, Ordering::Release);
    }
}

/// Begins, and returns whether it did. Two threads may both come here. Then each fork counts twice,
/// which does no harm. A `Once` would not end in a child that is forked while another thread is
/// inside it.
#[cfg(unix)]
#[cold]
fn begin() -> bool {
    extern "C" fn count() {
        process::count_fork();
    }
    // SAFETY: the function only adds to an atomic number, which is allowed in a forked child. The
    // library is never unloaded, so the function stays where it is.
    let status = unsafe { libc::pthread_atfork(None, None, Some(count)) };
    // Without memory for it, the next call tries again.
    if status == 0 {
        process::begin_count();
    }
    status == 0
}

#[cfg(not(unix))]
fn begin() -> bool {
    // Such a system has no `fork`.
    process::begin_count();
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_process_keeps_its_number_and_a_forked_child_has_another() {
        let before = process::number();
        watch();
        let number = process::number();
        assert_eq!(number, before);
        // SAFETY: the child reads atomic numbers and ends.
        let child = unsafe { libc::fork() };
        assert!(child >= 0);
        if child == 0 {
            let status = i32::from(process::number() == number);
            // SAFETY: this ends the child, and runs nothing else of it.
            unsafe { libc::_exit(status) };
        }
        let mut status = -1;
        // SAFETY: the child is this process's own, and `status` lives until the call returns.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
        assert_eq!(process::number(), number);
    }
}
