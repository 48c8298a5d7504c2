//! Crash points for the crash tests.
//!
//! Code that makes data durable calls [`durable_step`] before and after it. In a library that
//! ships, the call is empty. With the feature `on`, it counts the steps of the process. If the
//! environment variable `PIMS_CRASH_AT` gives the number of a step, the process aborts at this
//! step, without unwinding and without flushing. If `PIMS_CRASH_LOG` names a file, the name of each
//! step is appended to it. With this log, a test first learns the steps.

/// Marks a moment before or after data became durable. `name` identifies the moment in the log of a
/// crash test.
#[cfg(not(feature = "on"))]
#[inline(always)]
pub fn durable_step(_name: &str) {}

/// Marks a moment before or after data became durable. `name` identifies the moment in the log of a
/// crash test.
#[cfg(feature = "on")]
pub fn durable_step(name: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

    static STEP: AtomicU64 = AtomicU64::new(0);
    let step = STEP.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(path) = std::env::var_os("PIMS_CRASH_LOG")
        && let Ok(mut log) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        // If a step cannot be logged, the test that reads the log fails: it counts the steps.
        let _ = writeln!(log, "{step} {name}");
    }
    if std::env::var("PIMS_CRASH_AT").is_ok_and(|at| at == step.to_string()) {
        std::process::abort();
    }
}
