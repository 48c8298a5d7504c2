//! The table `code_requests`: when accounts requested codes.

use crate::failure::StorageResult;
use crate::storage::transaction::{Transaction, params};

impl Transaction<'_> {
    /// Records that an account requested a code. `id` is random.
    pub(crate) fn add_code_request(&self, account: &str, at: i64, id: &str) -> StorageResult<()> {
        self.put("INSERT INTO code_requests (account, at, id) VALUES ($1, $2, $3)", params![account, at, id])
    }

    /// Returns the times at which an account requested codes, oldest first. Those of more than a
    /// day ago may be missing.
    pub(crate) fn code_requests(&self, account: &str) -> StorageResult<Vec<i64>> {
        self.all("SELECT at FROM code_requests WHERE account = $1 ORDER BY at", params![account], |mut row| row.get())
    }

    /// Removes the requests of an account before `time`.
    pub(crate) fn remove_code_requests(&self, account: &str, time: i64) -> StorageResult<()> {
        self.put("DELETE FROM code_requests WHERE account = $1 AND at < $2", params![account, time])
    }
}
