//! The interface that SQLite and PostgreSQL implement.

use super::transaction::Transaction;
use crate::failure::{Failure, StorageError, StorageResult};

/// A database.
pub(crate) trait Storage: Send + Sync {
    /// Runs one step in one transaction, serialised with all others. The transaction is kept if the
    /// step succeeds and undone if it fails. `name` names the step for crash tests. The step may
    /// run again if the database asks for it.
    fn transact(
        &self,
        name: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure>;

    /// Returns the number of steps that ran again because the database asked for it.
    fn retries(&self) -> u64 {
        0
    }

    /// Returns the numbers of used and of idle connections. Returns `None` if the database has no
    /// pool.
    fn connections(&self) -> Option<(u32, u32)> {
        None
    }

    /// Describes the server of the database and the way to it in words. Returns `None` if there is
    /// no server.
    fn describe(&self) -> StorageResult<Option<String>> {
        Ok(None)
    }

    /// Returns the error of a recent step for which the database had no room, unless it accepted a
    /// write since. A database without this memory shows the error at the next write.
    fn refusal(&self) -> Option<StorageError> {
        None
    }
}

/// Runs a step that returns a value.
pub(crate) fn transact<T>(
    storage: &dyn Storage,
    name: &'static str,
    mut step: impl FnMut(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut value = None;
    storage.transact(name, &mut |transaction| {
        value = Some(step(transaction)?);
        Ok(())
    })?;
    value.ok_or_else(|| StorageError::new("a step was not run").into())
}
