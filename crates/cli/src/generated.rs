//! Completions and man pages, which are generated from the command line.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output::Style;

/// Writes the completions of a shell on standard output.
pub(crate) fn completions(shell: Shell, style: Style) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "pims", &mut script);
    let script = String::from_utf8_lossy(&script);
    style.write_result(script.trim_end(), &serde_json::json!({ "script": script.trim_end() }))
}

/// Writes the man pages of the program and of its commands into a folder.
pub(crate) fn manual(folder: &Path, style: Style) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), folder)?;
    style.write_done()
}
