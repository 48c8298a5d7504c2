//! A comparison of committed files with the output of the code.

use std::path::Path;

/// Asserts that the file is this text. With PIMS_BLESS=1 writes the file first.
pub(crate) fn check(path: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("PIMS_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{} is not what the code makes now: run `make generate`", path.display());
}
