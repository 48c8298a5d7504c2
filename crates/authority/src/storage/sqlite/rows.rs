//! The rows of a transaction: one method, one cached statement or two.

use std::cell::Cell;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use crate::sms::Purpose;
use crate::storage::{
    AccountRow, AuditRow, ChallengeRow, CodeRow, CodeUse, DeviceRow, PasswordRow, ServiceKeyRow, Stored, Transaction,
};

/// The rows behind an open transaction, and whether it wrote any.
pub(super) struct Rows<'a> {
    connection: &'a Connection,
    wrote: Cell<bool>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(connection: &'a Connection) -> Self {
        Self { connection, wrote: Cell::new(false) }
    }

    pub(super) fn wrote(&self) -> bool {
        self.wrote.get()
    }

    fn find<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Stored<Option<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_row(params, read).optional()?)
    }

    fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Stored<Vec<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
    }

    fn write(&self, sql: &str, params: impl Params) -> Stored<()> {
        let changed = self.connection.prepare_cached(sql)?.execute(params)?;
        self.wrote.set(self.wrote.get() || changed > 0);
        Ok(())
    }
}

impl Transaction for Rows<'_> {
    fn meta(&self, name: &str) -> Stored<Option<Vec<u8>>> {
        self.find("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0))
    }

    fn put_meta(&self, name: &str, value: &[u8]) -> Stored<()> {
        self.write("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)", params![name, value])
    }

    fn account(&self, name: &str) -> Stored<Option<AccountRow>> {
        self.find("SELECT name, pin, pin_tries, blocked, phone_number FROM accounts WHERE name = ?1", [name], |row| {
            Ok(AccountRow {
                name: row.get(0)?,
                pin: row.get(1)?,
                pin_tries: row.get(2)?,
                blocked: row.get(3)?,
                phone_number: row.get(4)?,
            })
        })
    }

    fn put_account(&self, account: &AccountRow, now: i64) -> Stored<()> {
        self.write(
            "INSERT INTO accounts (name, created_at, pin, pin_tries, blocked, phone_number)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (name) DO UPDATE SET pin = excluded.pin, pin_tries = excluded.pin_tries,
                 blocked = excluded.blocked, phone_number = excluded.phone_number",
            params![account.name, now, account.pin, account.pin_tries, account.blocked, account.phone_number],
        )
    }

    fn device(&self, id: &str) -> Stored<Option<DeviceRow>> {
        self.find(
            "SELECT id, account, serial, name, k0, k1, next_k1, secret, tsync, since_evolution, day, passwords_of_day
             FROM devices WHERE id = ?1 AND removed_at IS NULL",
            [id],
            device,
        )
    }

    fn devices_of(&self, account: &str) -> Stored<Vec<DeviceRow>> {
        self.all(
            "SELECT id, account, serial, name, k0, k1, next_k1, secret, tsync, since_evolution, day, passwords_of_day
             FROM devices WHERE account = ?1 AND removed_at IS NULL",
            [account],
            device,
        )
    }

    fn put_device(&self, device: &DeviceRow, now: i64) -> Stored<()> {
        self.write(
            "INSERT INTO devices (id, account, created_at, serial, name, k0, k1, next_k1, secret, tsync,
                 since_evolution, day, passwords_of_day)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, k0 = excluded.k0, k1 = excluded.k1,
                 next_k1 = excluded.next_k1, secret = excluded.secret, tsync = excluded.tsync,
                 since_evolution = excluded.since_evolution, day = excluded.day,
                 passwords_of_day = excluded.passwords_of_day",
            params![
                device.id,
                device.account,
                now,
                device.serial,
                device.name,
                device.k0,
                device.k1,
                device.next_k1,
                device.secret,
                device.tsync,
                device.since_evolution,
                device.day,
                device.passwords_of_day,
            ],
        )
    }

    fn bury_device(&self, id: &str, now: i64) -> Stored<()> {
        self.write("DELETE FROM challenges WHERE device = ?1", [id])?;
        self.write("DELETE FROM passwords WHERE device = ?1", [id])?;
        self.write(
            "UPDATE devices SET removed_at = ?2, serial = NULL, name = NULL, k0 = NULL, k1 = NULL, next_k1 = NULL,
                 secret = NULL
             WHERE id = ?1 AND removed_at IS NULL",
            params![id, now],
        )
    }

    fn put_challenge(&self, device: &str, mode: &str, challenge: &ChallengeRow) -> Stored<()> {
        self.write(
            "INSERT OR REPLACE INTO challenges (device, mode, challenge, made_at) VALUES (?1, ?2, ?3, ?4)",
            params![device, mode, challenge.challenge, challenge.made_at],
        )
    }

    fn take_challenge(&self, device: &str, mode: &str) -> Stored<Option<ChallengeRow>> {
        let sql = "SELECT challenge, made_at FROM challenges WHERE device = ?1 AND mode = ?2";
        let read = |row: &Row<'_>| Ok(ChallengeRow { challenge: row.get(0)?, made_at: row.get(1)? });
        let found = self.find(sql, [device, mode], read)?;
        self.write("DELETE FROM challenges WHERE device = ?1 AND mode = ?2", [device, mode])?;
        Ok(found)
    }

    fn code(&self, account: &str, purpose: Purpose) -> Stored<Option<CodeRow>> {
        self.find(
            "SELECT account, purpose, phone_number, hash, expires_at, tries, withdrawn, setup_at, used, used_serial,
                 used_device
             FROM codes WHERE account = ?1 AND purpose = ?2",
            params![account, purpose],
            code,
        )
    }

    fn live_code(&self, purpose: Purpose, hash: &[u8; 32], now: i64) -> Stored<Option<CodeRow>> {
        self.find(
            "SELECT account, purpose, phone_number, hash, expires_at, tries, withdrawn, setup_at, used, used_serial,
                 used_device
             FROM codes WHERE purpose = ?1 AND hash = ?2 AND expires_at > ?3 AND withdrawn = 0",
            params![purpose, &hash[..], now],
            code,
        )
    }

    fn put_code(&self, code: &CodeRow) -> Stored<()> {
        let (serial, device) = match &code.used {
            Some(CodeUse::Activated { serial, device }) => (Some(serial), Some(device)),
            Some(CodeUse::Done) | None => (None, None),
        };
        self.write(
            "INSERT OR REPLACE INTO codes (account, purpose, phone_number, hash, expires_at, tries, withdrawn, setup_at,
                 used, used_serial, used_device)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                code.account,
                code.purpose,
                code.phone_number,
                &code.hash[..],
                code.expires_at,
                code.tries,
                code.withdrawn,
                code.setup_at,
                code.used.is_some(),
                serial,
                device,
            ],
        )
    }

    fn add_code_request(&self, account: &str, at: i64) -> Stored<()> {
        self.write("INSERT INTO code_requests (account, at) VALUES (?1, ?2)", params![account, at])
    }

    fn code_requests(&self, account: &str, since: i64) -> Stored<Vec<i64>> {
        self.write("DELETE FROM code_requests WHERE account = ?1 AND at < ?2", params![account, since])?;
        self.all("SELECT at FROM code_requests WHERE account = ?1 ORDER BY at", [account], |row| row.get(0))
    }

    fn password(&self, account: &str, hash: &[u8; 32]) -> Stored<Option<PasswordRow>> {
        self.find(
            "SELECT account, hash, device, expires_at, used FROM passwords WHERE account = ?1 AND hash = ?2",
            params![account, &hash[..]],
            |row| {
                Ok(PasswordRow {
                    account: row.get(0)?,
                    hash: row.get(1)?,
                    device: row.get(2)?,
                    expires_at: row.get(3)?,
                    used: row.get(4)?,
                })
            },
        )
    }

    fn put_password(&self, password: &PasswordRow) -> Stored<()> {
        self.write(
            "INSERT OR REPLACE INTO passwords (account, hash, device, expires_at, used) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![password.account, &password.hash[..], password.device, password.expires_at, password.used],
        )
    }

    fn forget_passwords(&self, account: &str, expired_before: i64) -> Stored<()> {
        self.write("DELETE FROM passwords WHERE account = ?1 AND expires_at <= ?2", params![account, expired_before])
    }

    fn service_key(&self, name: &'static str) -> Stored<Option<ServiceKeyRow>> {
        self.find("SELECT primes, announced FROM service_keys WHERE name = ?1", [name], |row| {
            Ok(ServiceKeyRow { name, primes: row.get(0)?, announced: row.get(1)? })
        })
    }

    fn put_service_key(&self, key: &ServiceKeyRow) -> Stored<()> {
        self.write(
            "INSERT OR REPLACE INTO service_keys (name, primes, announced) VALUES (?1, ?2, ?3)",
            params![key.name, key.primes, key.announced],
        )
    }

    fn audit(&self, row: &AuditRow<'_>) -> Stored<()> {
        self.write(
            "INSERT INTO audit (at, account, device, event) VALUES (?1, ?2, ?3, ?4)",
            params![row.at, row.account, row.device, row.event],
        )
    }
}

fn device(row: &Row<'_>) -> rusqlite::Result<DeviceRow> {
    Ok(DeviceRow {
        id: row.get(0)?,
        account: row.get(1)?,
        serial: row.get(2)?,
        name: row.get(3)?,
        k0: row.get(4)?,
        k1: row.get(5)?,
        next_k1: row.get(6)?,
        secret: row.get(7)?,
        tsync: row.get(8)?,
        since_evolution: row.get(9)?,
        day: row.get(10)?,
        passwords_of_day: row.get(11)?,
    })
}

fn code(row: &Row<'_>) -> rusqlite::Result<CodeRow> {
    let used = match (row.get(8)?, row.get(9)?, row.get(10)?) {
        (false, ..) => None,
        (true, Some(serial), Some(device)) => Some(CodeUse::Activated { serial, device }),
        (true, ..) => Some(CodeUse::Done),
    };
    Ok(CodeRow {
        account: row.get(0)?,
        purpose: row.get(1)?,
        phone_number: row.get(2)?,
        hash: row.get(3)?,
        expires_at: row.get(4)?,
        tries: row.get(5)?,
        withdrawn: row.get(6)?,
        setup_at: row.get(7)?,
        used,
    })
}

impl ToSql for Purpose {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Purpose {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let word = value.as_str()?;
        [Self::Enrollment, Self::PhoneNumberCertification, Self::ResetPin]
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
            .ok_or(FromSqlError::InvalidType)
    }
}
