//! Error messages of the server, without the details that show values.

use ::postgres::Error;
use tls_faults::{Peer, TlsFault};

use crate::failure::StorageError;

const DATABASE: Peer<'static> = Peer {
    name: "the database server",
    roots: "the trusted roots of this system",
    address: "host, port and sslmode in database.url",
};

/// Returns the server's message and code, or the error of the connection. Leaves out the details of
/// the server, because they show values.
pub(super) fn message(error: &Error) -> StorageError {
    if let Some(error) = error.as_db_error() {
        return StorageError::new(format!("{} ({})", error.message(), error.code().code()));
    }
    if let Some(fault) = TlsFault::find(error) {
        return StorageError::new(fault.sentence(DATABASE));
    }
    let socket = std::error::Error::source(error).and_then(|source| source.downcast_ref::<std::io::Error>());
    StorageError::new(socket.map_or_else(|| error.to_string(), |source| format!("{error}: {}", source.kind())))
}
