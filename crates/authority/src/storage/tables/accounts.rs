//! The table `accounts`.

use crate::domain::rows::AccountRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order of [`read`] and [`columns`].
pub(super) static ACCOUNTS: Table = Table::new(
    "accounts",
    1,
    &[
        "name",
        "created_at",
        "pin",
        "pin_tries",
        "pin_wrong",
        "wrong_pins",
        "pin_generation",
        "pin_history",
        "blocked",
        "phone_number",
        "phone_changed_at",
        "language",
        "version",
    ],
)
.with_account_column("name");

/// The data of an account that an operator may see.
pub(crate) struct AccountSummary {
    pub(crate) account: AccountRow,
    pub(crate) devices: u32,
    /// The sum over the devices.
    pub(crate) unproved_tries: u32,
}

impl Transaction<'_> {
    pub(crate) fn account(&self, name: &str) -> StorageResult<Option<AccountRow>> {
        self.find_row(&ACCOUNTS, sql!(ACCOUNTS.select("WHERE name = $1")), params![name], read)
    }

    /// Reads the row of an account that was found together with other rows.
    pub(super) fn read_account(&self, row: Row) -> StorageResult<AccountRow> {
        read(self.authenticate(&ACCOUNTS, row)?)
    }

    pub(crate) fn add_account(&self, account: &AccountRow) -> StorageResult<()> {
        self.add_row(&ACCOUNTS, &columns(account))
    }

    pub(crate) fn put_account(&self, account: &AccountRow) -> StorageResult<()> {
        self.put_row(&ACCOUNTS, &columns(account))
    }

    /// Returns up to `limit` accounts after `after`, in the order of their names. Every name is
    /// greater than the empty text.
    pub(crate) fn accounts(&self, after: &str, limit: u32) -> StorageResult<Vec<AccountSummary>> {
        static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        let sql = SQL.get_or_init(|| {
            format!(
                "SELECT (SELECT count(*) FROM devices WHERE account = accounts.name AND removed_at IS NULL),
                        (SELECT CAST(coalesce(sum(CASE WHEN unproved_tries > 0 THEN unproved_tries END), 0) AS BIGINT)
                         FROM device_traits JOIN devices ON devices.id = device_traits.device
                         WHERE account = accounts.name AND removed_at IS NULL), {}
                 FROM accounts WHERE name > $1 ORDER BY name LIMIT $2",
                ACCOUNTS.list()
            )
        });
        self.all(sql, params![after, limit], |mut row| {
            let (devices, unproved_tries) = (row.get()?, row.get()?);
            Ok(AccountSummary { devices, unproved_tries, account: read(self.authenticate(&ACCOUNTS, row)?)? })
        })
    }

    /// Returns the names of up to `limit` accounts whose trusted phone number is stored in this
    /// spelling, in their order.
    pub(crate) fn accounts_with_number(&self, number: &str, limit: u32) -> StorageResult<Vec<String>> {
        self.all(
            "SELECT name FROM accounts WHERE phone_number = $1 ORDER BY name LIMIT $2",
            params![number, limit],
            |mut row| row.get(),
        )
    }

    /// Returns the names of accounts that begin with a text. Only the `limit` names from the text
    /// on are compared with it: the order of names is the database's, and in the order of a
    /// language other names may stand between those that begin with the text.
    pub(crate) fn names_from(&self, text: &str, limit: u32) -> StorageResult<Vec<String>> {
        let names: Vec<String> = self.all(
            "SELECT name FROM accounts WHERE name >= $1 ORDER BY name LIMIT $2",
            params![text, limit],
            |mut row| row.get(),
        )?;
        Ok(names.into_iter().filter(|name| name.starts_with(text)).collect())
    }

    /// Returns a page of the accounts after `after`.
    pub(crate) fn accounts_after(&self, after: &str, limit: u32) -> StorageResult<Vec<AccountRow>> {
        let sql = sql!(ACCOUNTS.select("WHERE name > $1 ORDER BY name LIMIT $2"));
        self.all_rows(&ACCOUNTS, sql, params![after, limit], read)
    }
}

fn columns(account: &AccountRow) -> [Param<'_>; 13] {
    *params![
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
    ]
}

fn read(mut row: Row) -> StorageResult<AccountRow> {
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
