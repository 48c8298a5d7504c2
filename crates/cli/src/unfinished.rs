//! A file that is created before its content is known.
//!
//! Nothing is spent for a file that cannot be created. If the command ends without its content, the
//! empty file is removed, also if a signal ends the program at a prompt.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use private_files::{Folder, Sharing};

/// Path of the file that is not finished.
static UNFINISHED: Mutex<Option<PathBuf>> = Mutex::new(None);

fn replace(path: Option<PathBuf>) -> Option<PathBuf> {
    std::mem::replace(&mut *UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner), path)
}

/// Removes the file that is not finished, if there is one.
pub(crate) fn remove() {
    if let Some(path) = replace(None) {
        let _ = fs::remove_file(path);
    }
}

/// New file without its content. It is removed when dropped.
pub(crate) struct Unfinished(File);

impl Unfinished {
    /// Creates a file with the mode 0600. A file that exists is an error, as is
    /// a folder that is missing or that other users can change.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        Folder::open(folder, Sharing::Refused)?;
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        replace(Some(path));
        Ok(Self(file))
    }

    /// Writes the content. From then on the file stays.
    pub(crate) fn finish(mut self, content: &[u8]) -> io::Result<()> {
        self.0.write_all(content)?;
        self.0.sync_all()?;
        replace(None);
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        remove();
    }
}
