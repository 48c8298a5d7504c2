//! What a file is opened for, and what the system says of it.

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
    /// Writing at its end.
    Append,
}

/// The identity of a file among others of the same name, where the system has such a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileId(pub(crate) u64, pub(crate) u64);

/// What the system says of a file.
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
