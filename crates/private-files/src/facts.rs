//! The access to a file, and the properties that the system reports for it.

/// The purpose for which a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
    /// Writing at its end.
    Append,
}

/// The identity of a file among others of the same name, if the system has such identities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(pub(crate) u64, pub(crate) u64);

/// The properties of a file, as the system reports them.
pub(crate) struct Facts {
    pub(crate) kind: Kind,
    pub(crate) names: u64,
    pub(crate) owner: u32,
    pub(crate) mode: u32,
    pub(crate) id: FileId,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Link,
    Other,
}
