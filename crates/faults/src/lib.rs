//! Crash points for the crash tests.
//!
//! Code that makes something durable calls [`durable_step`] around it. In a library that ships, the call is empty.
//! Built with the feature `on`, it counts the steps of the process; where the environment variable `PIMS_CRASH_AT`
//! names the number of a step, the process aborts there, without unwinding and without flushing anything; where
//! `PIMS_CRASH_LOG` names a file, the name of each step is appended to it, so that a test can first learn the steps.

/// Marks a moment before or after something became durable. `name` says which, for the log of a crash test.
#[cfg(not(feature = "on"))]
#[inline(always)]
pub fn durable_step(_name: &str) {}

/// Marks a moment before or after something became durable. `name` says which, for the log of a crash test.
#[cfg(feature = "on")]
pub fn durable_step(name: &str) {
    use std::io::Write;
    use std::sync::atomic::{AtomicU64, Ordering};

    static STEP: AtomicU64 = AtomicU64::new(0);
    let step = STEP.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(path) = std::env::var_os("PIMS_CRASH_LOG")
        && let Ok(mut log) = std::fs::OpenOptions::new().create(true).append(true).open(path)
    {
        // A step that cannot be logged is missed by the test that reads the log, which then fails by its count.
        let _ = writeln!(log, "{step} {name}");
    }
    if std::env::var("PIMS_CRASH_AT").is_ok_and(|at| at == step.to_string()) {
        std::process::abort();
    }
}
