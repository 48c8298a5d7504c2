//! Private files: only their owner can use them, even in a folder that another user prepared.
//!
//! A [`Folder`] is checked when it is opened, and held open from then on. Files are reached through
//! its descriptor, so no other user can exchange the folder in between. Nothing here follows a
//! link. Each file is checked by its own descriptor after it was opened: it must be a regular file
//! with one name, belong to this user, and be closed to other users. New content is written under a
//! random name. It gets its final name when it is complete.
//!
//! | function | object that another user may have prepared |
//! | --- | --- |
//! | [`Folder::open`], [`Folder::create`] | the folder, a parent that others may write to |
//! | [`Folder::open_file`] | a link, a hard link, a FIFO, a folder, an open file |
//! | [`Folder::open_or_create`] | the same |
//! | [`Folder::inspect`] | the same, for a file that another library opens by its path |
//! | [`Folder::write_temporary`] | the temporary file |
//!
//! On systems other than Unix, this crate knows no owners and modes. It makes and opens files there
//! as the system does by default.

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
