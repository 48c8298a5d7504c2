//! Statements over several tables: removal of an account, pruning, and counts of hashes.

use super::transaction::{Transaction, params};
use crate::failure::StorageResult;

/// The numbers of rows that pruning removed, by kind.
#[derive(Default)]
pub(crate) struct PrunedRows {
    pub(crate) tombstones: u64,
    pub(crate) codes: u64,
    pub(crate) code_requests: u64,
    pub(crate) passwords: u64,
    pub(crate) tokens: u64,
}

impl Transaction<'_> {
    /// Removes an account with all its rows, tombstones included. The audit trail stays.
    pub(crate) fn remove_account(&self, name: &str) -> StorageResult<bool> {
        for sql in [
            "DELETE FROM challenges WHERE device IN (SELECT id FROM devices WHERE account = $1)",
            "DELETE FROM passwords WHERE account = $1",
            "DELETE FROM codes WHERE account = $1",
            "DELETE FROM code_requests WHERE account = $1",
            "DELETE FROM notices WHERE account = $1",
            "DELETE FROM refresh_tokens WHERE account = $1",
            "DELETE FROM sms_queue WHERE account = $1",
            "DELETE FROM devices WHERE account = $1",
        ] {
            self.put(sql, params![name])?;
        }
        Ok(self.write("DELETE FROM accounts WHERE name = $1", params![name])? > 0)
    }

    /// Removes expired rows of the accounts from `first` to `last`: rows that expired before `now`,
    /// tombstones from before `time`, and notices and code requests from before `day_ago`.
    pub(crate) fn prune_accounts(
        &self,
        first: &str,
        last: &str,
        now: i64,
        time: i64,
        day_ago: i64,
    ) -> StorageResult<PrunedRows> {
        let between = |sql, time: i64| self.write(sql, params![first, last, time]);
        between("DELETE FROM notices WHERE account >= $1 AND account <= $2 AND at < $3", day_ago)?;
        Ok(PrunedRows {
            tombstones: between(
                "DELETE FROM devices WHERE account >= $1 AND account <= $2 AND removed_at IS NOT NULL AND removed_at < $3",
                time,
            )?,
            codes: between("DELETE FROM codes WHERE account >= $1 AND account <= $2 AND expires_at <= $3", now)?,
            code_requests: between(
                "DELETE FROM code_requests WHERE account >= $1 AND account <= $2 AND at < $3",
                day_ago,
            )?,
            passwords: between(
                "DELETE FROM passwords WHERE account >= $1 AND account <= $2 AND expires_at <= $3",
                now,
            )?,
            tokens: between(
                "DELETE FROM refresh_tokens WHERE account >= $1 AND account <= $2 AND expires_at <= $3",
                now,
            )?,
        })
    }

    /// Returns the number of live codes, passwords and tokens that were hashed under another key
    /// than this. `latest` holds the latest possible end of each of the three. A row with a later
    /// end counts as expired.
    pub(crate) fn hashed_under_others(&self, key_id: u32, now: i64, latest: [i64; 3]) -> StorageResult<u64> {
        let mut sum = 0;
        let counts = [
            "SELECT count(*) FROM codes WHERE key_id <> $1 AND expires_at > $2 AND expires_at <= $3",
            "SELECT count(*) FROM passwords WHERE key_id <> $1 AND expires_at > $2 AND expires_at <= $3",
            "SELECT count(*) FROM refresh_tokens WHERE key_id <> $1 AND expires_at > $2 AND expires_at <= $3",
        ];
        for (sql, latest) in counts.into_iter().zip(latest) {
            let count: Option<i64> = self.find(sql, params![key_id, now, latest], |mut row| row.get())?;
            sum += count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
        }
        Ok(sum)
    }
}
