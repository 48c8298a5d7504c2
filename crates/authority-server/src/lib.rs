//! The service as a program: its command line, its configuration, its listeners.
//!
//! The binary is `pims-authority`. What it serves is `pims_authority`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "what a program has to tell goes there")]

mod cli;
mod commands;
mod config;
mod gateway;
mod hardening;
mod http;
mod identity;
mod log;
mod metrics;
mod names;
mod outgoing;
mod process;
mod rates;
mod service;
mod signer;
mod views;

pub use cli::main;

/// Returns the faults of a configuration's form, for tests of its reader with any text. It opens no
/// file and runs no command. `variable` is the text of one environment variable.
pub fn faults_of_form(text: &str, variable: &str) -> Vec<String> {
    config::faults_of_form(text, variable)
}
