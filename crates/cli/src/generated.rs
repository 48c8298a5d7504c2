//! Completions and man pages, which are generated from the command line.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::output;

/// Writes the completions of a shell on standard output.
pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "pims", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}

/// Writes the man pages of the program and of its commands into a folder.
pub(crate) fn manual(folder: &Path) -> Result<(), Failure> {
    clap_mangen::generate_to(Arguments::command(), folder)?;
    Ok(())
}
