//! The program of the service: its command line, its configuration, its listeners.
//!
//! The binary is `pims-authority`. It serves the library `pims_authority`.

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

/// Returns the faults in the form of a configuration, for tests of the parser with any text. It
/// opens no file and runs no command. `variable` is the text of one environment variable.
pub fn faults_of_form(text: &str, variable: &str) -> Vec<String> {
    config::faults_of_form(text, variable)
}
