//! The program `pims`: strong authentication for shells and scripts.
//!
//! It calls the library through [`pims::facade`], as each binding does, and adds the work of a
//! terminal program: a configuration file, prompts, output and exit statuses. `docs/cli.md` is its
//! page. No secret is an argument: secrets come from prompts, from standard input or from files.

#![forbid(unsafe_code)]

mod answer;
mod arguments;
mod commands;
mod configuration;
mod echo;
mod failure;
mod generated;
mod hint;
mod library;
mod output;
mod signals;
mod status;
mod table;
mod terminal;
mod unfinished;

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, setrlimit};

fn main() -> ExitCode {
    // A core file would have the secrets in it.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return output::not_parsed(&error).into(),
    };
    let style = if arguments.wants_json() { output::Style::Json } else { output::Style::Text };
    let hints = hint::Hints::of(&arguments);
    // The text of a panic may have a secret in it.
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| commands::run(arguments, style)));
    echo::restore();
    match outcome.unwrap_or_else(|_| Err(failure::Failure::internal())) {
        Ok(status) => status.into(),
        Err(failure) => output::report(&failure, style, &hints).into(),
    }
}
