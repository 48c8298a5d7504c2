//! A database, whichever it is.

use super::transaction::Transaction;
use crate::failure::{Failure, StorageError};

/// A database.
pub(crate) trait Storage: Send + Sync {
    /// Runs one step in one transaction, serialised with all others. It is kept where the step succeeds and undone where it fails.
    /// `what` names the step for crash tests. The step may be run again where the database asks for it.
    fn transact(
        &self,
        what: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure>;

    /// How often a step was run again because the database asked for it.
    fn retries(&self) -> u64 {
        0
    }

    /// Connections that are used, and that are idle; `None` where there is no pool of them.
    fn connections(&self) -> Option<(u32, u32)> {
        None
    }
}

/// Runs a step that yields a value.
pub(crate) fn transact<T>(
    storage: &dyn Storage,
    what: &'static str,
    mut step: impl FnMut(&Transaction<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut value = None;
    storage.transact(what, &mut |transaction| {
        value = Some(step(transaction)?);
        Ok(())
    })?;
    value.ok_or_else(|| StorageError::new("a step was not run").into())
}
