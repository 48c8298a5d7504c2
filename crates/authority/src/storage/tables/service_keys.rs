//! The table `service_keys`.

use crate::domain::rows::ServiceKeyRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `add_service_key`.
pub(super) static SERVICE_KEYS: Table = Table::new("service_keys", 1, &["name", "primes", "announced"]);

impl Transaction<'_> {
    pub(crate) fn service_key(&self, name: &'static str) -> StorageResult<Option<ServiceKeyRow>> {
        self.find_row(&SERVICE_KEYS, sql!(SERVICE_KEYS.select("WHERE name = $1")), params![name], |row| read(name, row))
    }

    /// Writes a key, or replaces the one with the same name.
    pub(crate) fn add_service_key(&self, key: &ServiceKeyRow) -> StorageResult<()> {
        self.add_row(&SERVICE_KEYS, params![key.name, &key.primes, &key.announced])
    }
}

fn read(name: &'static str, mut row: Row) -> StorageResult<ServiceKeyRow> {
    let _: String = row.get()?;
    Ok(ServiceKeyRow { name, primes: row.get()?, announced: row.get()? })
}
