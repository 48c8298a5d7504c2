//! The operations of a step: one method for one or two statements, the same for every database.

use std::cell::Cell;

use inwebo::cvs::Purpose;

use super::audit_ids::AuditIds;
use super::table::{ACCOUNTS, CHALLENGES, CODES, DEVICES, PASSWORDS, REFRESH_TOKENS, RowMacs, SERVICE_KEYS, Table};
use super::value::{Param, Row, Sql};
use crate::domain::message::Notice;
use crate::domain::rows::{
    AccountRow, ChallengeRow, CodeRow, CodeUse, DeviceRow, MessageKind, MessageRow, PasswordRow, ServiceKeyRow,
    TokenRow,
};
use crate::failure::{StorageError, StorageResult};

/// Makes the parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(crate::storage::value::Param::from($value)),*] };
}
pub(super) use params;

/// Makes the statement that finds authenticated rows of a table. The text is the part after the
/// table's name.
macro_rules! select {
    ($table:expr, $rest:literal) => {{
        static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        SQL.get_or_init(|| $table.select($rest)).as_str()
    }};
}
pub(super) use select;

/// An open transaction. A `put` method inserts a row or replaces the one with the same key.
pub(crate) struct Transaction<'a> {
    sql: &'a dyn Sql,
    pub(super) ids: &'a AuditIds,
    macs: &'a dyn RowMacs,
    wrote: Cell<bool>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(sql: &'a dyn Sql, ids: &'a AuditIds, macs: &'a dyn RowMacs) -> Self {
        Self { sql, ids, macs, wrote: Cell::new(false) }
    }

    /// Returns whether any row was changed.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.get()
    }

    pub(super) fn find<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        self.sql.query(sql, params)?.into_iter().next().map(read).transpose()
    }

    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(Row) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        self.sql.query(sql, params)?.into_iter().map(read).collect()
    }

    /// Finds a row of a table and authenticates it.
    fn find_row<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        self.find(sql, params, |row| read(table.authenticate(row, self.macs)?))
    }

    /// Finds rows of a table and authenticates each.
    pub(super) fn all_rows<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(Row) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        self.all(sql, params, |row| read(table.authenticate(row, self.macs)?))
    }

    /// Inserts a row of a table with its MAC, or replaces the row with the same key.
    fn put_row(&self, table: &'static Table, columns: &[Param<'_>]) -> StorageResult<()> {
        let mac = self.macs.mac(&table.encode(columns)?);
        let params: Vec<Param<'_>> = columns.iter().copied().chain([Param::Bytes(&mac)]).collect();
        self.put(table.upsert(), &params)
    }

    pub(super) fn macs(&self) -> &dyn RowMacs {
        self.macs
    }

    /// Authenticates a row that was found together with other columns.
    pub(super) fn authenticate(&self, table: &Table, row: Row) -> StorageResult<Row> {
        table.authenticate(row, self.macs)
    }

    /// Changes rows. Returns their number.
    pub(super) fn write(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        let changed = self.sql.execute(sql, params)?;
        self.wrote.set(self.wrote.get() || changed > 0);
        Ok(changed)
    }

    pub(super) fn put(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        self.write(sql, params).map(drop)
    }

    pub(crate) fn meta(&self, name: &str) -> StorageResult<Option<Vec<u8>>> {
        self.find("SELECT value FROM meta WHERE name = $1", params![name], |mut row| row.get())
    }

    pub(crate) fn put_meta(&self, name: &str, value: &[u8]) -> StorageResult<()> {
        self.put(
            "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
    }

    pub(crate) fn account(&self, name: &str) -> StorageResult<Option<AccountRow>> {
        self.find_row(&ACCOUNTS, select!(ACCOUNTS, "WHERE name = $1"), params![name], account)
    }

    pub(crate) fn put_account(&self, account: &AccountRow) -> StorageResult<()> {
        self.put_row(
            &ACCOUNTS,
            params![
                &account.name,
                account.made_at,
                account.pin.as_deref(),
                account.pin_tries,
                account.pin_wrong,
                account.wrong_pins,
                account.pin_generation,
                account.pin_history.as_deref(),
                account.blocked,
                account.phone_number.as_deref(),
                account.phone_changed_at,
                account.language.as_deref(),
                account.version.saturating_add(1),
            ],
        )
    }

    /// Finds a device that is not removed.
    pub(crate) fn device(&self, id: &str) -> StorageResult<Option<DeviceRow>> {
        self.find_row(&DEVICES, select!(DEVICES, "WHERE id = $1 AND removed_at IS NULL"), params![id], device)
    }

    /// Returns the devices of an account that are not removed.
    pub(crate) fn devices_of(&self, account: &str) -> StorageResult<Vec<DeviceRow>> {
        let sql = select!(DEVICES, "WHERE account = $1 AND removed_at IS NULL");
        self.all_rows(&DEVICES, sql, params![account], device)
    }

    pub(crate) fn put_device(&self, device: &DeviceRow) -> StorageResult<()> {
        self.put_row(
            &DEVICES,
            params![
                &device.id,
                &device.account,
                device.made_at,
                device.used_at,
                &device.serial,
                &device.name,
                &device.k0,
                &device.k1,
                device.next_k1.as_deref(),
                device.secret.as_deref(),
                device.tsync,
                device.since_evolution,
                device.day,
                device.passwords_of_day,
                device.pin_tries,
                device.wrong_pins_told,
                device.proved_at,
                device.k1_proved,
                device.next_k0.as_deref(),
                device.sync_shown,
                device.suspected_at,
                device.suspended,
                device.version.saturating_add(1),
            ],
        )
    }

    /// Makes a device a tombstone: only its id stays. Its challenges, passwords and refresh tokens
    /// are removed.
    pub(crate) fn tombstone_device(&self, id: &str, now: i64) -> StorageResult<()> {
        self.put("DELETE FROM challenges WHERE device = $1", params![id])?;
        self.remove_grants(id)?;
        self.put(
            "UPDATE devices SET removed_at = $1, used_at = NULL, serial = NULL, name = NULL, k0 = NULL, k1 = NULL,
                 next_k1 = NULL, secret = NULL, proved_at = NULL, next_k0 = NULL, suspected_at = NULL, mac = NULL
             WHERE id = $2 AND removed_at IS NULL",
            params![now, id],
        )
    }

    /// Removes the passwords of a device, and the refresh tokens that came from them. Tokens of an
    /// earlier release, whose device is unknown, may belong to this device: they are removed, too.
    pub(crate) fn remove_grants(&self, device: &str) -> StorageResult<()> {
        self.put("DELETE FROM passwords WHERE device = $1", params![device])?;
        self.put(
            "DELETE FROM refresh_tokens WHERE account = (SELECT account FROM devices WHERE id = $1)
                 AND (device IS NULL OR device = $1)",
            params![device],
        )
    }

    pub(crate) fn put_challenge(&self, device: &str, mode: &str, challenge: &ChallengeRow) -> StorageResult<()> {
        self.put_row(&CHALLENGES, params![device, mode, &challenge.challenge, challenge.made_at])
    }

    /// Finds a challenge.
    pub(crate) fn challenge(&self, device: &str, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let sql = select!(CHALLENGES, "WHERE device = $1 AND mode = $2");
        self.find_row(&CHALLENGES, sql, params![device, mode], challenge)
    }

    /// Finds a challenge and removes it.
    pub(crate) fn take_challenge(&self, device: &str, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let sql = "DELETE FROM challenges WHERE device = $1 AND mode = $2
                   RETURNING device, mode, challenge, made_at, mac";
        let found = self.find_row(&CHALLENGES, sql, params![device, mode], challenge)?;
        self.wrote.set(self.wrote.get() || found.is_some());
        Ok(found)
    }

    /// Returns the code that an account holds for a purpose.
    pub(crate) fn code(&self, account: &str, purpose: Purpose) -> StorageResult<Option<CodeRow>> {
        let sql = select!(CODES, "WHERE account = $1 AND purpose = $2");
        self.find_row(&CODES, sql, params![account, purpose], code)
    }

    /// Returns the code of any account with this hash that is neither expired nor withdrawn.
    pub(crate) fn live_code(&self, purpose: Purpose, hash: &[u8; 32], now: i64) -> StorageResult<Option<CodeRow>> {
        let sql = select!(CODES, "WHERE purpose = $1 AND hash = $2 AND expires_at > $3 AND withdrawn = 0");
        self.find_row(&CODES, sql, params![purpose, hash, now], code)
    }

    /// Returns the code of any account that was issued with the ticket of this hash.
    pub(crate) fn code_of_ticket(&self, hash: &[u8; 32]) -> StorageResult<Option<CodeRow>> {
        self.find_row(&CODES, select!(CODES, "WHERE ticket = $1"), params![hash], code)
    }

    pub(crate) fn put_code(&self, code: &CodeRow) -> StorageResult<()> {
        let (serial, device) = match &code.used {
            Some(CodeUse::Activated { serial, device }) => (Some(serial.as_str()), Some(device.as_str())),
            Some(CodeUse::Done) | None => (None, None),
        };
        self.put_row(
            &CODES,
            params![
                &code.account,
                code.purpose,
                &code.phone_number,
                &code.hash,
                code.key_id,
                code.expires_at,
                code.tries,
                code.pin_tries,
                code.withdrawn,
                code.setup_at,
                code.used.is_some(),
                serial,
                device,
                code.version.saturating_add(1),
                code.ticket.as_ref(),
            ],
        )
    }

    /// Records that an account requested a code. `id` is random.
    pub(crate) fn add_code_request(&self, account: &str, at: i64, id: &str) -> StorageResult<()> {
        self.put("INSERT INTO code_requests (account, at, id) VALUES ($1, $2, $3)", params![account, at, id])
    }

    /// Returns the times at which an account requested codes since `since`, oldest first. Removes
    /// older ones.
    pub(crate) fn code_requests(&self, account: &str, since: i64) -> StorageResult<Vec<i64>> {
        self.put("DELETE FROM code_requests WHERE account = $1 AND at < $2", params![account, since])?;
        self.all("SELECT at FROM code_requests WHERE account = $1 ORDER BY at", params![account], |mut row| row.get())
    }

    pub(crate) fn password(&self, account: &str, hash: &[u8; 32]) -> StorageResult<Option<PasswordRow>> {
        let sql = select!(PASSWORDS, "WHERE account = $1 AND hash = $2");
        self.find_row(&PASSWORDS, sql, params![account, hash], |mut row| {
            Ok(PasswordRow {
                account: row.get()?,
                hash: row.get()?,
                key_id: row.get()?,
                device: row.get()?,
                expires_at: row.get()?,
                used: row.get()?,
            })
        })
    }

    pub(crate) fn put_password(&self, password: &PasswordRow) -> StorageResult<()> {
        self.put_row(
            &PASSWORDS,
            params![
                &password.account,
                &password.hash,
                password.key_id,
                &password.device,
                password.expires_at,
                password.used,
            ],
        )
    }

    pub(crate) fn remove_expired_passwords(&self, account: &str, expired_before: i64) -> StorageResult<()> {
        self.put("DELETE FROM passwords WHERE account = $1 AND expires_at <= $2", params![account, expired_before])
    }

    /// Removes all passwords of an account.
    pub(crate) fn remove_passwords(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM passwords WHERE account = $1", params![account])
    }

    pub(crate) fn token(&self, hash: &[u8; 32]) -> StorageResult<Option<TokenRow>> {
        self.find_row(&REFRESH_TOKENS, select!(REFRESH_TOKENS, "WHERE hash = $1"), params![hash], |mut row| {
            Ok(TokenRow {
                hash: row.get()?,
                key_id: row.get()?,
                account: row.get()?,
                family: row.get()?,
                family_made_at: row.get()?,
                device: row.get()?,
                pin_generation: row.get()?,
                expires_at: row.get()?,
                used: row.get()?,
                version: row.get()?,
            })
        })
    }

    pub(crate) fn put_token(&self, token: &TokenRow) -> StorageResult<()> {
        self.put_row(
            &REFRESH_TOKENS,
            params![
                &token.hash,
                token.key_id,
                &token.account,
                &token.family,
                token.family_made_at,
                token.device.as_deref(),
                token.pin_generation,
                token.expires_at,
                token.used,
                token.version.saturating_add(1),
            ],
        )
    }

    pub(crate) fn remove_token_family(&self, account: &str, family: &str) -> StorageResult<()> {
        self.put("DELETE FROM refresh_tokens WHERE account = $1 AND family = $2", params![account, family])
    }

    pub(crate) fn remove_tokens(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM refresh_tokens WHERE account = $1", params![account])
    }

    /// Returns up to `limit` messages that may be tried, the longest overdue first. These are
    /// messages whose time has come, and messages whose time is later than `latest`, which no right
    /// clock can have written.
    pub(crate) fn due_messages(&self, now: i64, latest: i64, limit: u32) -> StorageResult<Vec<MessageRow>> {
        self.all(
            "SELECT id, account, purpose, code_hash, message, attempts, due_at, expires_at FROM sms_queue
             WHERE due_at <= $1 OR due_at > $2 ORDER BY due_at LIMIT $3",
            params![now, latest, limit],
            message,
        )
    }

    pub(crate) fn message(&self, id: &str) -> StorageResult<Option<MessageRow>> {
        self.find(
            "SELECT id, account, purpose, code_hash, message, attempts, due_at, expires_at FROM sms_queue WHERE id = $1",
            params![id],
            message,
        )
    }

    pub(crate) fn put_message(&self, message: &MessageRow) -> StorageResult<()> {
        let (word, hash): (&str, &[u8]) = match &message.kind {
            MessageKind::Code { purpose, hash } => (purpose.as_str(), hash),
            MessageKind::Notice(notice) => (notice.as_str(), &[]),
        };
        self.put(
            "INSERT INTO sms_queue (id, account, purpose, code_hash, message, attempts, due_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET message = excluded.message, attempts = excluded.attempts,
                 due_at = excluded.due_at",
            params![
                &message.id,
                &message.account,
                word,
                hash,
                &message.message,
                message.attempts,
                message.due_at,
                message.expires_at,
            ],
        )
    }

    pub(crate) fn remove_message(&self, id: &str) -> StorageResult<()> {
        self.put("DELETE FROM sms_queue WHERE id = $1", params![id])
    }

    /// Returns the number of messages that wait, counted up to `limit`.
    pub(crate) fn waiting_messages(&self, limit: u32) -> StorageResult<u32> {
        let count = self.find(
            "SELECT count(*) FROM (SELECT id FROM sms_queue LIMIT $1) AS waiting",
            params![limit],
            |mut row| row.get(),
        )?;
        Ok(count.unwrap_or(0))
    }

    pub(crate) fn service_key(&self, name: &'static str) -> StorageResult<Option<ServiceKeyRow>> {
        self.find_row(&SERVICE_KEYS, select!(SERVICE_KEYS, "WHERE name = $1"), params![name], |mut row| {
            let _: String = row.get()?;
            Ok(ServiceKeyRow { name, primes: row.get()?, announced: row.get()? })
        })
    }

    pub(crate) fn put_service_key(&self, key: &ServiceKeyRow) -> StorageResult<()> {
        self.put_row(&SERVICE_KEYS, params![key.name, &key.primes, &key.announced])
    }

    /// Returns a sealed secret of the service.
    pub(crate) fn secret(&self, name: &str) -> StorageResult<Option<Vec<u8>>> {
        self.find("SELECT value FROM secrets WHERE name = $1", params![name], |mut row| row.get())
    }

    pub(crate) fn put_secret(&self, name: &str, value: &[u8]) -> StorageResult<()> {
        self.put(
            "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            params![name, value],
        )
    }
}

pub(super) fn account(mut row: Row) -> StorageResult<AccountRow> {
    Ok(AccountRow {
        name: row.get()?,
        made_at: row.get()?,
        pin: row.get()?,
        pin_tries: row.get()?,
        pin_wrong: row.get()?,
        wrong_pins: row.get()?,
        pin_generation: row.get()?,
        pin_history: row.get()?,
        blocked: row.get()?,
        phone_number: row.get()?,
        phone_changed_at: row.get()?,
        language: row.get()?,
        version: row.get()?,
    })
}

pub(super) fn device(mut row: Row) -> StorageResult<DeviceRow> {
    Ok(DeviceRow {
        id: row.get()?,
        account: row.get()?,
        made_at: row.get()?,
        used_at: row.get()?,
        serial: row.get()?,
        name: row.get()?,
        k0: row.get()?,
        k1: row.get()?,
        next_k1: row.get()?,
        secret: row.get()?,
        tsync: row.get()?,
        since_evolution: row.get()?,
        day: row.get()?,
        passwords_of_day: row.get()?,
        pin_tries: row.get()?,
        wrong_pins_told: row.get()?,
        proved_at: row.get()?,
        k1_proved: row.get()?,
        next_k0: row.get()?,
        sync_shown: row.get()?,
        suspected_at: row.get()?,
        suspended: row.get()?,
        version: row.get()?,
    })
}

fn challenge(mut row: Row) -> StorageResult<ChallengeRow> {
    let (_, _): (String, String) = (row.get()?, row.get()?);
    Ok(ChallengeRow { challenge: row.get()?, made_at: row.get()? })
}

fn code(mut row: Row) -> StorageResult<CodeRow> {
    let mut code = CodeRow {
        account: row.get()?,
        purpose: row.get()?,
        phone_number: row.get()?,
        hash: row.get()?,
        key_id: row.get()?,
        expires_at: row.get()?,
        tries: row.get()?,
        pin_tries: row.get()?,
        withdrawn: row.get()?,
        setup_at: row.get()?,
        used: None,
        version: 0,
        ticket: None,
    };
    code.used = match (row.get()?, row.get()?, row.get()?) {
        (false, ..) => None,
        (true, Some(serial), Some(device)) => Some(CodeUse::Activated { serial, device }),
        (true, ..) => Some(CodeUse::Done),
    };
    code.version = row.get()?;
    code.ticket = row.get()?;
    Ok(code)
}

fn message_kind(word: &str, hash: Vec<u8>) -> StorageResult<MessageKind> {
    if let Some(notice) = Notice::ALL.into_iter().find(|notice| notice.as_str() == word) {
        return Ok(MessageKind::Notice(notice));
    }
    let purpose = Purpose::parse(word);
    match (purpose, hash.try_into()) {
        (Some(purpose), Ok(hash)) => Ok(MessageKind::Code { purpose, hash }),
        _ => Err(StorageError::new("a message is neither a code nor a notice")),
    }
}

pub(super) fn message(mut row: Row) -> StorageResult<MessageRow> {
    Ok(MessageRow {
        id: row.get()?,
        account: row.get()?,
        kind: message_kind(&row.get::<String>()?, row.get()?)?,
        message: row.get()?,
        attempts: row.get()?,
        due_at: row.get()?,
        expires_at: row.get()?,
    })
}
