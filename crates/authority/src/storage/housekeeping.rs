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
    /// True if more expired rows may be left.
    pub(crate) more: bool,
}

/// The number of rows of each kind that one pruning transaction removes.
const PAGE: u32 = 200;

impl Transaction<'_> {
    /// Removes an account with all its rows, tombstones included. The audit trail stays.
    pub(crate) fn remove_account(&self, name: &str) -> StorageResult<bool> {
        for sql in [
            "DELETE FROM passwords WHERE account = $1",
            "DELETE FROM codes WHERE account = $1",
            "DELETE FROM code_requests WHERE account = $1",
            "DELETE FROM notices WHERE account = $1",
            "DELETE FROM refresh_tokens WHERE account = $1",
            "DELETE FROM sms_queue WHERE account = $1",
            "DELETE FROM devices WHERE account = $1",
            "DELETE FROM timed_blocks WHERE account = $1",
            "DELETE FROM account_events WHERE account = $1",
            "DELETE FROM operator_proposals WHERE account = $1",
        ] {
            self.put(sql, params![name])?;
        }
        Ok(self.write("DELETE FROM accounts WHERE name = $1", params![name])? > 0)
    }

    /// Removes a page of the rows of each kind that expired until `now`: tombstones until `time`,
    /// notices, code requests and proposals until `day_ago`, and events of accounts until
    /// `month_ago`.
    pub(crate) fn prune_expired(&self, now: i64, time: i64, day_ago: i64, month_ago: i64) -> StorageResult<PrunedRows> {
        let events = self.prune_page(
            "SELECT at FROM account_events WHERE at <= $1 ORDER BY at LIMIT 1 OFFSET $2",
            "DELETE FROM account_events WHERE at <= $1",
            month_ago,
        )?;
        let notices = self.prune_page(
            "SELECT at FROM notices WHERE at <= $1 ORDER BY at LIMIT 1 OFFSET $2",
            "DELETE FROM notices WHERE at <= $1",
            day_ago,
        )?;
        let proposals = self.prune_page(
            "SELECT made_at FROM operator_proposals WHERE made_at <= $1 ORDER BY made_at LIMIT 1 OFFSET $2",
            "DELETE FROM operator_proposals WHERE made_at <= $1",
            day_ago,
        )?;
        let pruned = PrunedRows {
            tombstones: self.prune_page(
                "SELECT removed_at FROM devices WHERE removed_at IS NOT NULL AND removed_at <= $1
                 ORDER BY removed_at LIMIT 1 OFFSET $2",
                "DELETE FROM devices WHERE removed_at IS NOT NULL AND removed_at <= $1",
                time,
            )?,
            codes: self.prune_page(
                "SELECT expires_at FROM codes WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1 OFFSET $2",
                "DELETE FROM codes WHERE expires_at <= $1",
                now,
            )?,
            code_requests: self.prune_page(
                "SELECT at FROM code_requests WHERE at <= $1 ORDER BY at LIMIT 1 OFFSET $2",
                "DELETE FROM code_requests WHERE at <= $1",
                day_ago,
            )?,
            passwords: self.prune_page(
                "SELECT expires_at FROM passwords WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1 OFFSET $2",
                "DELETE FROM passwords WHERE expires_at <= $1",
                now,
            )?,
            tokens: self.prune_page(
                "SELECT expires_at FROM refresh_tokens WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1 OFFSET $2",
                "DELETE FROM refresh_tokens WHERE expires_at <= $1",
                now,
            )?,
            more: false,
        };
        let PrunedRows { tombstones, codes, code_requests, passwords, tokens, .. } = pruned;
        let most = [events, notices, proposals, tombstones, codes, code_requests, passwords, tokens].into_iter().max();
        Ok(PrunedRows { more: most.is_some_and(|most| most >= u64::from(PAGE)), ..pruned })
    }

    /// Removes the oldest rows until `time`: a page of them, and all rows of the same millisecond
    /// as the last one. `last` finds the time of that row.
    fn prune_page(&self, last: &'static str, delete: &'static str, time: i64) -> StorageResult<u64> {
        let last: Option<i64> = self.find(last, params![time, PAGE - 1], |mut row| row.get())?;
        self.write(delete, params![last.unwrap_or(time)])
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
