//! The signals that end the program, or let it go on after a stop.

use std::sync::Once;
use std::thread;

use nix::sys::signal::{SigSet, Signal};

use crate::{echo, unfinished};

/// Starts the watch over the signals that end a program or let it go on. This thread, and those
/// that it starts later, block them; another thread waits for them. It gives the terminal its echo
/// back, and ends the program with the status that a shell shows for the signal. A prompt must be
/// shown before the program has other threads.
pub(crate) fn watch() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let ignored = ignored_signals();
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGCONT] {
            if ignored >> (signal as i32 - 1) & 1 == 0 {
                signals.add(signal);
            }
        }
        // The thread has the mask of its creator.
        if signals.thread_block().is_err() {
            return;
        }
        let watch = move || {
            while let Ok(signal) = signals.wait() {
                if signal == Signal::SIGCONT {
                    echo::silence_again();
                    continue;
                }
                echo::restore();
                unfinished::remove();
                std::process::exit(128 + signal as i32);
            }
        };
        if thread::Builder::new().spawn(watch).is_err() {
            // Without a watch, a signal ends the program at once.
            let _ = signals.thread_unblock();
        }
    });
}

/// Returns the signals that are ignored, as by nohup, one bit each. A system that does not tell
/// them has none.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
