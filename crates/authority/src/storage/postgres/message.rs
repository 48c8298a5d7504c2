//! Errors of the server and of the connection, without the details that show values.

use std::error::Error as StdError;
use std::time::Duration;

use tls_faults::{Peer, TlsFault};
use tokio_postgres::Error;
use tokio_postgres::error::{Severity, SqlState};

use crate::failure::StorageError;

const DATABASE: Peer<'static> = Peer {
    name: "the database server",
    roots: "the trusted roots of this system, or into the file of sslrootcert in database.url",
    address: "host, port and sslmode in database.url",
};

/// An error of a request to the server.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server or the driver reported an error.
    Driver(Error),
    /// The server did not answer within this time.
    Silence(Duration),
    /// A row that the step has read was not there when the step changed it. The server does not
    /// isolate transactions as it must.
    Gone,
}

impl Fault {
    /// Returns the SQLSTATE, if the server answered with an error.
    pub(super) fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Driver(error) => error.code(),
            Self::Silence(_) | Self::Gone => None,
        }
    }

    /// Returns whether the connection ended, or must not be used again. Nothing says then how far
    /// the server came.
    pub(super) fn ends_connection(&self) -> bool {
        let Self::Driver(error) = self else { return true };
        let Some(error) = error.as_db_error() else { return true };
        let is_fatal = match error.parsed_severity() {
            Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
            None => matches!(error.severity(), "FATAL" | "PANIC"),
        };
        is_fatal || error.code().code().starts_with("08")
    }

    /// Returns the error in words.
    pub(super) fn storage_error(&self) -> StorageError {
        match self {
            Self::Driver(error) => message(error),
            Self::Silence(limit) => {
                StorageError::new(format!("the database did not answer within {} seconds", limit.as_secs_f32()))
            }
            Self::Gone => StorageError::gone(),
        }
    }
}

/// Returns the server's message and code, or the error of the connection with its causes. Leaves
/// out the details of the server, because they show values.
pub(super) fn message(error: &Error) -> StorageError {
    if let Some(error) = error.as_db_error() {
        return StorageError::new(format!("{} ({})", error.message(), error.code().code()));
    }
    if let Some(fault) = TlsFault::find(error) {
        return StorageError::new(fault.sentence(DATABASE));
    }
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    StorageError::new(text)
}
