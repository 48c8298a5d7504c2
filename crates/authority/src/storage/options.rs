//! The databases that a service can open.

use std::path::{Path, PathBuf};
#[cfg(feature = "postgres")]
use std::time::Duration;

use private_files::Sharing;
#[cfg(feature = "postgres")]
use zeroize::Zeroizing;

/// The database of a service.
pub enum Database {
    /// An SQLite file. It is created if it does not exist. Several processes may share it.
    Sqlite(SqliteFile),
    /// A PostgreSQL database, or one that is compatible with its protocol and SQL. Any number of
    /// instances may share it.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

impl From<PathBuf> for Database {
    fn from(file: PathBuf) -> Self {
        Self::Sqlite(SqliteFile { path: file, sharing: Sharing::Refused })
    }
}

impl From<&Path> for Database {
    fn from(file: &Path) -> Self {
        file.to_owned().into()
    }
}

impl From<&str> for Database {
    fn from(file: &str) -> Self {
        PathBuf::from(file).into()
    }
}

/// The place of an SQLite database.
#[derive(Clone)]
pub struct SqliteFile {
    /// The path of the file. SQLite puts further files beside it.
    pub path: PathBuf,
    /// The rule for a folder to which other users can write. These users could remove the file, or
    /// replace it.
    pub sharing: Sharing,
}

/// The address of a PostgreSQL database and the limits of its connections.
#[cfg(feature = "postgres")]
#[derive(Clone)]
pub struct Postgres {
    /// The address: `postgresql://user:password@host:port/database?…`, or `key=value` pairs. It may
    /// hold a password.
    pub url: Zeroizing<String>,
    /// The maximum number of connections (default 8). This number of steps can run at once. Further
    /// steps wait for a connection.
    pub connections: u32,
    /// The maximum duration of a statement (default 10 seconds).
    pub statement_timeout: Duration,
    /// True if the server keeps statements by names, where a connection leads to it directly
    /// (default). Behind a pooler no statement has a name.
    pub named_statements: bool,
}

#[cfg(feature = "postgres")]
impl Postgres {
    /// Returns the options for this database, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Zeroizing::new(url.into()),
            connections: 8,
            statement_timeout: Duration::from_secs(10),
            named_statements: true,
        }
    }
}
