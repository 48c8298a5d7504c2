//! The places of devices' storage keys. They are columns of the devices' rows, with a MAC of their
//! own, so that a device that told none costs nothing.

use inwebo::cvs::Keystore;

use crate::failure::{StorageError, StorageResult};
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order in which the MAC covers them.
pub(super) static KEYSTORES: Table = Table::new("keystores", 1, &["id", "account", "keystore"])
    .within("devices", "keystore_mac")
    .with_condition("removed_at IS NULL AND keystore IS NOT NULL");

impl Transaction<'_> {
    /// Returns the ids of the devices of an account that told where their storage key is, each with
    /// that place.
    pub(crate) fn keystores_of(&self, account: &str) -> StorageResult<Vec<(String, Keystore)>> {
        let sql = sql!(KEYSTORES.select("WHERE account = $1 AND removed_at IS NULL AND keystore IS NOT NULL"));
        self.all_rows(&KEYSTORES, sql, params![account], read)
    }

    /// Writes the place of the storage key of a device that this transaction has added.
    pub(crate) fn put_keystore(&self, device: &str, account: &str, keystore: Keystore) -> StorageResult<()> {
        let columns = [device, account, keystore.as_str()].map(Param::from);
        let mac = self.macs().mac(&KEYSTORES.encode(&columns)?);
        self.change(
            "UPDATE devices SET keystore = $1, keystore_mac = $2 WHERE id = $3 AND removed_at IS NULL",
            params![keystore.as_str(), &mac, device],
        )
    }
}

fn read(mut row: Row) -> StorageResult<(String, Keystore)> {
    let (device, _account): (String, String) = (row.get()?, row.get()?);
    let keystore: String = row.get()?;
    let keystore = Keystore::parse(&keystore);
    Ok((device, keystore.ok_or_else(|| StorageError::new("the keystore of a device cannot be read"))?))
}
