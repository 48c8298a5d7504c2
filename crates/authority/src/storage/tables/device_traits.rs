//! The table `device_traits`. A device without a row has the strict traits.

use crate::domain::rows::TraitsRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `put_traits`.
pub(super) static DEVICE_TRAITS: Table =
    Table::new("device_traits", 1, &["device", "proves_pin", "unproved_tries", "evolves", "evolutions_passed"]);

impl Transaction<'_> {
    /// Returns the traits of a device.
    pub(crate) fn traits(&self, device: &str) -> StorageResult<TraitsRow> {
        let sql = sql!(DEVICE_TRAITS.select("WHERE device = $1"));
        Ok(self.find_row(&DEVICE_TRAITS, sql, params![device], read)?.unwrap_or(TraitsRow::unknown()))
    }

    pub(crate) fn put_traits(&self, device: &str, traits: &TraitsRow) -> StorageResult<()> {
        let TraitsRow { proves_pin, unproved_tries, evolves, evolutions_passed } = *traits;
        let columns = params![device, proves_pin, unproved_tries, evolves, evolutions_passed];
        // A device of an earlier release has no row until its traits differ from the strict ones.
        if self.update_row(&DEVICE_TRAITS, columns)? { Ok(()) } else { self.add_row(&DEVICE_TRAITS, columns) }
    }
}

fn read(mut row: Row) -> StorageResult<TraitsRow> {
    let _: String = row.get()?;
    Ok(TraitsRow {
        proves_pin: row.get()?,
        unproved_tries: row.get()?,
        evolves: row.get()?,
        evolutions_passed: row.get()?,
    })
}
