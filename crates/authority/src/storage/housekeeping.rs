//! Statements for operators and housekeeping: lists, removal, pruning, and pages of all sealed
//! values.

use super::table::{ACCOUNTS, DEVICES};
use super::transaction::{Transaction, account, device, message, params, select};
use crate::domain::rows::{AccountRow, DeviceRow, MessageRow};
use crate::failure::StorageResult;

/// The data of an account that an operator may see.
pub(crate) struct AccountSummary {
    pub(crate) account: AccountRow,
    pub(crate) devices: u32,
}

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
    /// Returns up to `limit` accounts after `after`, in the order of their names. Every name is
    /// greater than the empty text.
    pub(crate) fn accounts(&self, after: &str, limit: u32) -> StorageResult<Vec<AccountSummary>> {
        static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let sql = SQL.get_or_init(|| {
            format!(
                "SELECT (SELECT count(*) FROM devices WHERE account = accounts.name AND removed_at IS NULL), {}
                 FROM accounts WHERE name > $1 ORDER BY name LIMIT $2",
                ACCOUNTS.list()
            )
        });
        self.all(sql, params![after, limit], |mut row| {
            let devices = row.get()?;
            Ok(AccountSummary { devices, account: account(self.authenticate(&ACCOUNTS, row)?)? })
        })
    }

    /// Returns the names of up to `limit` accounts after `after`, in their order.
    pub(crate) fn account_names(&self, after: &str, limit: u32) -> StorageResult<Vec<String>> {
        self.all(
            "SELECT name FROM accounts WHERE name > $1 ORDER BY name LIMIT $2",
            params![after, limit],
            |mut row| row.get(),
        )
    }

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

    /// Returns the values of `meta` whose names begin with `prefix`, which is ASCII.
    pub(crate) fn metas(&self, prefix: &str) -> StorageResult<Vec<(String, Vec<u8>)>> {
        let found =
            self.all("SELECT name, value FROM meta WHERE name >= $1 ORDER BY name", params![prefix], |mut row| {
                Ok((row.get::<String>()?, row.get()?))
            })?;
        Ok(found.into_iter().filter(|(name, _)| name.starts_with(prefix)).collect())
    }

    pub(crate) fn remove_meta(&self, name: &str) -> StorageResult<()> {
        self.put("DELETE FROM meta WHERE name = $1", params![name])
    }

    /// Returns a page of the accounts after `after`.
    pub(crate) fn accounts_after(&self, after: &str, limit: u32) -> StorageResult<Vec<AccountRow>> {
        let sql = select!(ACCOUNTS, "WHERE name > $1 ORDER BY name LIMIT $2");
        self.all_rows(&ACCOUNTS, sql, params![after, limit], account)
    }

    /// Returns a page of the devices after `after` that are not removed.
    pub(crate) fn devices_after(&self, after: &str, limit: u32) -> StorageResult<Vec<DeviceRow>> {
        let sql = select!(DEVICES, "WHERE id > $1 AND removed_at IS NULL ORDER BY id LIMIT $2");
        self.all_rows(&DEVICES, sql, params![after, limit], device)
    }

    /// Returns a page of the messages after `after`.
    pub(crate) fn messages_after(&self, after: &str, limit: u32) -> StorageResult<Vec<MessageRow>> {
        self.all(
            "SELECT id, account, purpose, code_hash, message, attempts, due_at, expires_at FROM sms_queue
             WHERE id > $1 ORDER BY id LIMIT $2",
            params![after, limit],
            message,
        )
    }

    /// Returns a page of the secrets after `after`.
    pub(crate) fn secrets_after(&self, after: &str, limit: u32) -> StorageResult<Vec<(String, Vec<u8>)>> {
        self.all(
            "SELECT name, value FROM secrets WHERE name > $1 ORDER BY name LIMIT $2",
            params![after, limit],
            |mut row| Ok((row.get()?, row.get()?)),
        )
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
