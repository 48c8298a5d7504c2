//! The names of temporary files.

use std::ffi::{OsStr, OsString};
use std::io;

/// Length of the random end of a temporary file's name, in hex digits.
const TAG: usize = 16;

/// Returns a fresh name of a temporary file for `target`.
pub(crate) fn random_name(target: &OsStr) -> io::Result<OsString> {
    let mut tag = [0; TAG / 2];
    getrandom::fill(&mut tag).map_err(io::Error::other)?;
    let mut name = target.to_owned();
    name.push(".");
    for byte in tag {
        name.push(format!("{byte:02x}"));
    }
    Ok(name)
}

/// Returns whether `name` is the name of a temporary file for `target`.
pub(crate) fn is_temporary_of(name: &OsStr, target: &OsStr) -> bool {
    let rest = name.as_encoded_bytes().strip_prefix(target.as_encoded_bytes());
    let tag = rest.and_then(|rest| rest.strip_prefix(b"."));
    tag.is_some_and(|tag| tag.len() == TAG && tag.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}
