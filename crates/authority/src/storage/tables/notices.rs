//! The table `notices`: the notices that accounts got.

use crate::domain::message::Notice;
use crate::failure::StorageResult;
use crate::storage::transaction::{Transaction, params};

impl Transaction<'_> {
    /// Returns how often an account got notices of this kind after `since` and not after `until`.
    pub(crate) fn notices(&self, account: &str, notice: Notice, since: i64, until: i64) -> StorageResult<u32> {
        let count = self.find(
            "SELECT count(*) FROM notices WHERE account = $1 AND kind = $2 AND at > $3 AND at <= $4",
            params![account, notice.as_str(), since, until],
            |mut row| row.get(),
        )?;
        Ok(count.unwrap_or(0))
    }

    /// Records that an account gets a notice. `id` is random.
    pub(crate) fn add_notice(&self, account: &str, notice: Notice, at: i64, id: &str) -> StorageResult<()> {
        self.put(
            "INSERT INTO notices (account, kind, at, id) VALUES ($1, $2, $3, $4)",
            params![account, notice.as_str(), at, id],
        )
    }
}
