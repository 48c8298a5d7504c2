//! Private files: their owner's alone, also in a folder that another user prepared.
//!
//! A [`Folder`] is judged when it is opened and held from then on: files are reached through its
//! descriptor, so nobody can exchange the folder in between. Nothing here follows a link. Each file
//! is judged by its own descriptor after it was opened: a regular file, with one name, of this
//! user, closed to others. New content is written under a random name and takes its name when it is
//! whole.
//!
//! | function | what another user may have put there |
//! | --- | --- |
//! | [`Folder::open`], [`Folder::create`] | the folder, a parent that others may write to |
//! | [`Folder::open_file`], [`Folder::open_or_create`] | a link, a hard link, a FIFO, a folder, an open file |
//! | [`Folder::inspect`] | the same, for a file that another library opens by its path |
//! | [`Folder::write_temporary`] | the temporary file |
//!
//! Systems other than Unix have no owners and modes that this crate knows: files are made and
//! opened there as the system does it.

#![forbid(unsafe_code)]

mod facts;
mod flaw;
mod folder;
mod groups;
mod names;
#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "other.rs")]
mod system;
mod temporary;

pub use facts::{Access, FileId};
pub use flaw::{Flaw, cause_of, flaw_of, is_of_folder};
pub use folder::{Folder, Readers, Sharing, check_given};
pub use temporary::Temporary;
