//! Comparing what is committed with what the code makes.

use std::path::Path;

/// Fails where the file is not this text; with PIMS_BLESS=1 it is written first.
pub(crate) fn check(path: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("PIMS_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == made, "{} is not what the code makes now: run `make generate`", path.display());
}
