//! Failures of the service itself. A fault of a request is an answer, not a failure.

use thiserror::Error;

/// An error of the database. Its message names the error of the statement, never a value.
#[derive(Clone, Debug, Error)]
#[error("{message}")]
pub struct StorageError {
    message: String,
    altered: Option<Altered>,
}

/// A row that is not as the service wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Altered {
    /// The table.
    pub(crate) table: &'static str,
    /// The account that the row names.
    pub(crate) account: Option<String>,
}

impl StorageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), altered: None }
    }

    pub(crate) fn altered(table: &'static str, account: Option<String>) -> Self {
        Self {
            message: format!("a row of the table {table} is not as the service wrote it"),
            altered: Some(Altered { table, account }),
        }
    }

    /// Makes the error for a row that the step has read and that is not there any more. A database
    /// that isolates steps as it must makes the step run again instead.
    pub(crate) fn gone() -> Self {
        Self::new("a row that this step has read is gone")
    }

    /// Returns the altered row that made the step fail, if there is one.
    pub(crate) fn altered_row(&self) -> Option<&Altered> {
        self.altered.as_ref()
    }
}

/// The result of a statement.
pub(crate) type StorageResult<T> = Result<T, StorageError>;

/// A failure of the service: the request was not processed, or its result could not be stored. No
/// message holds a secret.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Failure {
    /// The database failed. Nothing of the request was kept, unless the error says that this is not
    /// known: the connection to the database was lost while it committed.
    #[error("the database failed: {0}")]
    Storage(StorageError),
    /// A row of the database is not as the service wrote it: another program changed or made it.
    /// Nothing of the request was kept, and the audit trail has a row `row.altered`.
    #[error("a row of the table {table} is not as the service wrote it")]
    Altered {
        /// The table.
        table: &'static str,
        /// The account that the row names.
        account: Option<String>,
    },
    /// A sealed value does not open: it was changed, moved, or sealed under another master key.
    #[error("a sealed value of the database does not open under the master key")]
    Sealed,
    /// The system supplied no random bytes.
    #[error("the system gave no randomness")]
    Randomness,
    /// A result of the private RSA arithmetic was wrong. It was not used.
    #[error("the private RSA arithmetic failed its check")]
    Arithmetic,
    /// Every code that was drawn is in use by another account.
    #[error("no free SMS code was found")]
    CodesExhausted,
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        match error.altered_row() {
            Some(row) => Self::Altered { table: row.table, account: row.account.clone() },
            None => Self::Storage(error),
        }
    }
}

/// An error that kept the service from opening.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database file could not be made or opened.
    #[error("the database file could not be made or opened: {0}")]
    File(#[from] std::io::Error),
    /// The database failed.
    #[error("the database failed: {0}")]
    Storage(#[from] StorageError),
    /// A newer release wrote the database.
    #[error("the database has version {found}, this release knows {known}")]
    Newer {
        /// The version of the database.
        found: i64,
        /// The newest version that this release knows.
        known: i64,
    },
    /// A row of the database is not as the service wrote it.
    #[error("a row of the table {table} is not as the service wrote it")]
    Altered {
        /// The table.
        table: &'static str,
    },
    /// The database was sealed under another master key.
    #[error("the database was sealed under another master key")]
    MasterKey,
    /// The system supplied no random bytes.
    #[error("the system gave no randomness")]
    Randomness,
}
