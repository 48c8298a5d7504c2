//! The databases that a service can open.

use std::path::{Path, PathBuf};
#[cfg(feature = "postgres")]
use std::time::Duration;

use pims_private_files::Sharing;
#[cfg(feature = "postgres")]
use zeroize::Zeroizing;

/// Where a service keeps what it has.
pub enum Database {
    /// An SQLite file; it is made where there is none. Several processes may share it.
    Sqlite(SqliteFile),
    /// A PostgreSQL database, or one that speaks its protocol and SQL. Any number of instances may share it.
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
    /// The file. Beside it lie those that SQLite makes.
    pub path: PathBuf,
    /// Says whether other users may be able to write to its folder. They could take the file away, or put another
    /// one in its place.
    pub sharing: Sharing,
}

/// How to reach a PostgreSQL database.
#[cfg(feature = "postgres")]
#[derive(Clone)]
pub struct Postgres {
    /// `postgresql://user:password@host:port/database?…`, or `key=value` pairs. It may hold a password.
    pub url: Zeroizing<String>,
    /// How many connections are kept at most (default 8): as many steps run at once, the others wait for them.
    pub connections: u32,
    /// How long a statement may take (default 10 seconds).
    pub statement_timeout: Duration,
}

#[cfg(feature = "postgres")]
impl Postgres {
    /// This database, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Zeroizing::new(url.into()), connections: 8, statement_timeout: Duration::from_secs(10) }
    }
}
