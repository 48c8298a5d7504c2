//! A survey of what answers at the address of the database: the server's version, whether it is a
//! primary, whether a pooler stands between, and in which mode.

use super::announced::announced_pid;
use super::connection::{ConnectError, Server, Session};
use super::message::Fault;
use crate::failure::StorageResult;

/// The number of transactions that two connections run in turn.
const ROUNDS: usize = 3;

/// Describes the server in words.
pub(super) fn describe(server: &Server) -> StorageResult<String> {
    let open = || server.connect().map_err(|ConnectError { error, .. }| error);
    let storage_error = |fault: Fault| fault.storage_error();
    let first = open()?;
    let version = first.first_text("SELECT version()").map_err(storage_error)?.unwrap_or_default();
    // A compatible server may not have these functions.
    let role = match first.first_text("SELECT pg_is_in_recovery()::text").ok().flatten().as_deref() {
        Some("false") => ", a primary",
        Some("true") => ", a standby",
        _ => "",
    };
    // A second connection may be one too many.
    let path = open().map_or(Ok(Path::Unknown), |second| path(&first, &second));
    let path = path.unwrap_or(Path::Unknown).words();
    let tls = if server.is_encrypted() { "with TLS" } else { "without TLS" };
    Ok(format!("{}{role}, {path}, {tls}", short(&version)))
}

/// Returns the product and its version, without the platform.
fn short(version: &str) -> &str {
    version.split(" on ").next().unwrap_or_default()
}

/// The way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    Direct,
    /// A pooler that keeps a connection of the server for a session, or whose mode did not show.
    Pooler,
    /// A pooler that gives each transaction any connection of the server.
    TransactionPooler,
    Unknown,
}

impl Path {
    fn words(self) -> &'static str {
        match self {
            Self::Direct => "directly",
            Self::Pooler => "through a pooler (session mode, as far as it shows)",
            Self::TransactionPooler => "through a pooler in transaction mode",
            Self::Unknown => "directly or through a pooler (it could not be found out)",
        }
    }
}

/// Compares the processes of the server that serve two connections. Each connection of a server
/// without a pooler has one process, which it was told when it was opened.
fn path(first: &Session, second: &Session) -> Result<Path, Fault> {
    let pid =
        |session: &Session| Ok::<_, Fault>(session.first_text("SELECT pg_backend_pid()::text")?.unwrap_or_default());
    let pid_of_first = pid(first)?;
    for _ in 0..ROUNDS {
        // The transaction takes a connection of the server away from the first client.
        let in_transaction = "START TRANSACTION; SELECT pg_backend_pid()::text";
        let pid_of_second = second.first_text(in_transaction)?.unwrap_or_default();
        let pid_of_first_now = pid(first);
        second.wait(async |client| client.batch_execute("ROLLBACK").await)?;
        if pid_of_first_now? != pid_of_first || pid_of_second == pid_of_first {
            return Ok(Path::TransactionPooler);
        }
    }
    let announced = first.wait(async |client| Ok(announced_pid(client).await))?;
    Ok(match announced {
        Ok(announced) if announced.to_string() == pid_of_first => Path::Direct,
        Ok(_) => Path::Pooler,
        Err(_) => Path::Unknown,
    })
}
