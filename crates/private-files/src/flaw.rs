//! Reasons for which a folder or a file is refused.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Reason for which a folder or a file is refused. It travels inside an [`io::Error`] of the kind
/// `PermissionDenied`; [`flaw_of`] finds it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The folder, or one of its parents, belongs to another user.
    FolderOwner {
        /// The folder or the parent.
        folder: PathBuf,
        /// The owner's user id.
        owner: u32,
        /// The effective user of this process.
        user: u32,
    },
    /// Users other than its owner may write to the folder or to one of its parents.
    FolderOpen {
        /// The folder or the parent.
        folder: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The file is a symbolic link.
    Link,
    /// The file is a folder, a FIFO, a socket or a device.
    NotRegular,
    /// The file has more than one name.
    Names(u64),
    /// The file belongs to another user.
    Owner {
        /// The owner's user id.
        owner: u32,
        /// The effective user of this process.
        user: u32,
    },
    /// Users other than its owner may read or write the file.
    Open {
        /// Its mode.
        mode: u32,
    },
    /// The file system does not keep modes: other users can open a file that was made for its owner
    /// alone.
    NoModes {
        /// The folder.
        folder: PathBuf,
        /// The mode of the file.
        mode: u32,
        /// The name of the file system, if the system reports it.
        file_system: Option<String>,
    },
    /// Another file took the name while this one was being opened.
    Exchanged,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FolderOwner { folder, owner, user } => write!(
                f,
                "the folder {} belongs to user {owner}, and this process runs as user {user}: run it as that user, or choose a folder of its own",
                folder.display()
            ),
            Self::FolderOpen { folder, mode } => write!(
                f,
                "others than its owner may write to the folder {} (mode {mode:04o}): take that from them (chmod go-w), or choose another folder",
                folder.display()
            ),
            Self::Link => f.write_str("it is a symbolic link, which is not followed"),
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::Names(count) => write!(f, "it has {count} names (hard links), and must have one"),
            Self::Owner { owner, user } => {
                write!(f, "it belongs to user {owner}, and this process runs as user {user}")
            }
            Self::Open { mode } => {
                write!(f, "it is open to others than its owner (mode {mode:04o}): its mode must be 0600")
            }
            Self::NoModes { folder, mode, file_system } => {
                f.write_str("the file system ")?;
                if let Some(name) = file_system {
                    write!(f, "({name}) ")?;
                }
                write!(
                    f,
                    "of the folder {} keeps no modes: a file that is made for its owner alone is open to others there (mode {mode:04o}); choose a folder on another file system",
                    folder.display()
                )
            }
            Self::Exchanged => f.write_str("another file took its name while it was being opened"),
        }
    }
}

impl std::error::Error for Flaw {}

impl From<Flaw> for io::Error {
    fn from(flaw: Flaw) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, flaw)
    }
}

/// Returns the flaw in `error`, if there is one.
pub fn flaw_of(error: &io::Error) -> Option<&Flaw> {
    error.get_ref()?.downcast_ref()
}

/// Returns whether `error` refuses a folder. [`Sharing::Allowed`](crate::Sharing) would accept the
/// folder.
pub fn is_of_folder(error: &io::Error) -> bool {
    matches!(flaw_of(error), Some(Flaw::FolderOwner { .. } | Flaw::FolderOpen { .. } | Flaw::NoModes { .. }))
}

/// Returns the meaning of an error of a full, read-only or mounted file, for a message to the user.
/// The system's own words are not clear: "Device or resource busy".
pub fn cause_of(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull => Some("the disk is full: make room on it"),
        io::ErrorKind::QuotaExceeded => Some("this user's quota of the disk is used up"),
        io::ErrorKind::ReadOnlyFilesystem => Some("the file system is mounted read-only: mount it for writing"),
        io::ErrorKind::ResourceBusy => Some(
            "the file is a mount point by itself (a bind mount of a single file), which no new version can replace: mount its folder instead",
        ),
        _ => None,
    }
}
