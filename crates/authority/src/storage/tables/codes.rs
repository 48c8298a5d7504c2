//! The table `codes`.

use crate::domain::rows::{CodePurpose, CodeRow, CodeUse};
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order of [`read`] and [`columns`].
pub(super) static CODES: Table = Table::new(
    "codes",
    2,
    &[
        "account",
        "purpose",
        "phone_number",
        "hash",
        "key_id",
        "expires_at",
        "tries",
        "pin_tries",
        "withdrawn",
        "setup_at",
        "used",
        "used_serial",
        "used_device",
        "version",
        "ticket",
    ],
);

impl Transaction<'_> {
    /// Returns the code that an account holds for a purpose.
    pub(crate) fn code(&self, account: &str, purpose: impl Into<CodePurpose>) -> StorageResult<Option<CodeRow>> {
        let purpose = purpose.into();
        let sql = sql!(CODES.select("WHERE account = $1 AND purpose = $2"));
        self.find_row(&CODES, sql, params![account, purpose], read)
    }

    /// Returns the code of any account with this hash that is neither expired nor withdrawn.
    pub(crate) fn live_code(
        &self,
        purpose: impl Into<CodePurpose>,
        hash: &[u8; 32],
        now: i64,
    ) -> StorageResult<Option<CodeRow>> {
        let purpose = purpose.into();
        let sql = sql!(CODES.select("WHERE purpose = $1 AND hash = $2 AND expires_at > $3 AND withdrawn = 0"));
        self.find_row(&CODES, sql, params![purpose, hash, now], read)
    }

    /// Returns the code of any account that was issued with the ticket of this hash.
    pub(crate) fn code_of_ticket(&self, hash: &[u8; 32]) -> StorageResult<Option<CodeRow>> {
        self.find_row(&CODES, sql!(CODES.select("WHERE ticket = $1")), params![hash], read)
    }

    /// Returns the ids of the devices that were activated with codes of this purpose which expired
    /// until `now`: those of the oldest `limit` codes.
    pub(crate) fn devices_of_expired_codes(
        &self,
        purpose: CodePurpose,
        now: i64,
        limit: u32,
    ) -> StorageResult<Vec<String>> {
        self.all(
            "SELECT used_device FROM codes WHERE expires_at <= $1 AND purpose = $2 AND used_device IS NOT NULL
             ORDER BY expires_at LIMIT $3",
            params![now, purpose, limit],
            |mut row| row.get(),
        )
    }

    /// Writes a new code in place of the account's code for the same purpose.
    pub(crate) fn add_code(&self, code: &CodeRow) -> StorageResult<()> {
        self.add_row(&CODES, &columns(code))
    }

    pub(crate) fn put_code(&self, code: &CodeRow) -> StorageResult<()> {
        self.put_row(&CODES, &columns(code))
    }
}

fn columns(code: &CodeRow) -> [Param<'_>; 15] {
    let (serial, device) = match &code.used {
        Some(CodeUse::Activated { serial, device }) => (Some(serial.as_str()), Some(device.as_str())),
        Some(CodeUse::Done) | None => (None, None),
    };
    *params![
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
    ]
}

fn read(mut row: Row) -> StorageResult<CodeRow> {
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
