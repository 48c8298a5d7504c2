//! The program of the service: its command line, its configuration, its listeners.
//!
//! The binary is `pims-authority`. It serves the library `authority`.

#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program prints its results and errors")]

mod cli;
mod commands;
mod config;
mod console;
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
pub use config::faults_of_form;
