//! The table `passwords`: one-time passwords that were granted.

use super::accounts::ACCOUNTS;
use crate::domain::rows::{AccountRow, PasswordRow};
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `add_password`.
pub(super) static PASSWORDS: Table =
    Table::new("passwords", 2, &["account", "hash", "key_id", "device", "expires_at", "used"]);

impl Transaction<'_> {
    /// Finds an account and a password of it.
    pub(crate) fn account_and_password(
        &self,
        account: &str,
        hash: &[u8; 32],
    ) -> StorageResult<(Option<AccountRow>, Option<PasswordRow>)> {
        let password = sql!(PASSWORDS.select("WHERE account = $1 AND hash = $2"));
        let named = sql!(ACCOUNTS.select("WHERE name = $1"));
        let [password, named] = self.find_both([(password, params![account, hash]), (named, params![account])])?;
        let password = password.map(|row| read(self.authenticate(&PASSWORDS, row)?)).transpose()?;
        Ok((named.map(|row| self.read_account(row)).transpose()?, password))
    }

    /// Writes a new password. It replaces one that is spelled the same.
    pub(crate) fn add_password(&self, password: &PasswordRow) -> StorageResult<()> {
        self.add_row(
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

    /// Removes a password that was read.
    pub(crate) fn remove_password(&self, password: &PasswordRow) -> StorageResult<()> {
        let sql = "DELETE FROM passwords WHERE account = $1 AND hash = $2";
        self.change(sql, params![&password.account, &password.hash])
    }

    /// Removes all passwords of an account.
    pub(crate) fn remove_passwords(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM passwords WHERE account = $1", params![account])
    }
}

fn read(mut row: Row) -> StorageResult<PasswordRow> {
    Ok(PasswordRow {
        account: row.get()?,
        hash: row.get()?,
        key_id: row.get()?,
        device: row.get()?,
        expires_at: row.get()?,
        used: row.get()?,
    })
}
