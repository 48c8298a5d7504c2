//! The notice of each fork, by the kernel.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::process;

/// Lets this process notice that it is a forked child without a system call. Without this, each
/// call asks the system for the id of its process. One call is enough, and a second call costs next
/// to nothing.
///
/// The C functions call it. A binding that is built on [`crate::facade`] calls it, too.
///
/// The kernel clears a page in each child, however the child was made (`MADV_WIPEONFORK`, Linux
/// 4.14). So this also sees a child of `_Fork` or of a raw system call, and it comes before every
/// handler of `pthread_atfork`. On other systems this function does nothing.
///
/// Any thread.
pub fn watch() {
    // This is not a `Once`. In a child that is forked while another thread is inside it, a `Once`
    // would never end.
    static WAS_TRIED: AtomicBool = AtomicBool::new(false);
    if WAS_TRIED.load(Ordering::Acquire) {
        return;
    }
    // Two threads may both come here. Then the page of one of them is not used.
    if let Some(mark) = mark() {
        process::use_mark(mark);
    }
    WAS_TRIED.store(true, Ordering::Release);
}

/// Returns a number that is 0 in each new child. `None` if the system cannot do that.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn mark() -> Option<&'static AtomicU64> {
    use std::ptr;

    const LENGTH: usize = size_of::<AtomicU64>();
    // SAFETY: the kernel chooses the place of a new mapping.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            LENGTH,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: this page was just mapped, and nothing else knows it.
    let advise = |advice| unsafe { libc::madvise(page, LENGTH, advice) == 0 };
    // A system that accepts an advice that does not exist ignores the other one, too. The emulator
    // qemu-user does that.
    if advise(-1) || !advise(libc::MADV_WIPEONFORK) {
        // SAFETY: as above.
        unsafe { libc::munmap(page, LENGTH) };
        return None;
    }
    // SAFETY: a page is aligned, its bytes are 0, and it stays for the life of the process.
    Some(unsafe { &*page.cast::<AtomicU64>() })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn mark() -> Option<&'static AtomicU64> {
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// Runs a child, and asserts that it has another number than this process and keeps it.
    fn assert_noticed(fork: impl FnOnce() -> libc::pid_t) {
        let number = process::number();
        let child = fork();
        assert!(child >= 0);
        if child == 0 {
            let own = process::number();
            let status = i32::from(own == number || own != process::number());
            // SAFETY: this ends the child, and runs nothing else of it.
            unsafe { libc::_exit(status) };
        }
        let mut status = -1;
        // SAFETY: the child is this process's own, and `status` lives until the call returns.
        assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "{status}");
        assert_eq!(process::number(), number);
    }

    #[test]
    fn a_forked_child_has_another_number_however_it_was_forked() {
        let before = process::number();
        watch();
        assert_eq!(process::number(), before);
        assert!(process::has_mark(), "this Linux has no MADV_WIPEONFORK");
        // SAFETY: the child reads and writes atomic numbers and ends.
        assert_noticed(|| unsafe { libc::fork() });
        // The C library does not learn of this one.
        // SAFETY: the same. Without CLONE_VM the child has memory of its own.
        assert_noticed(|| unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD, 0, 0, 0, 0) as libc::pid_t });
    }
}
