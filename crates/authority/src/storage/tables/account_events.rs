//! The table `account_events`: the events that the devices of an account may ask for. The number of
//! the last one is in the account's row, with a MAC of its own, so that an account without events
//! costs nothing.

use crate::domain::message::AccountEvent;
use crate::domain::rows::{DeviceRow, EventRow};
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::{Param, Row};

/// The columns, in the order of [`read`] and `add_account_event`.
pub(super) static ACCOUNT_EVENTS: Table =
    Table::new("account_events", 2, &["account", "number", "event", "at", "device", "name", "by_device"]);

/// The columns, in the order in which the MAC covers them.
pub(super) static LAST_EVENTS: Table = Table::new("last_events", 1, &["name", "last_event"])
    .within("accounts", "last_event_mac")
    .with_account_column("name")
    .with_condition("last_event IS NOT NULL");

impl Transaction<'_> {
    /// Writes an event under the next number of the account. `by` is the id of the device that
    /// caused it.
    pub(crate) fn add_account_event(
        &self,
        account: &str,
        event: AccountEvent,
        at: i64,
        device: Option<&DeviceRow>,
        by: Option<&str>,
    ) -> StorageResult<()> {
        let number = self.last_event(account)?.saturating_add(1);
        self.put_last_event(account, number)?;
        let (id, name) = (device.map(|device| &device.id), device.map(|device| &device.name));
        self.add_row(&ACCOUNT_EVENTS, params![account, number, event.as_str(), at, id, name, by])
    }

    /// Returns the events of an account after the number `after`, the oldest `limit` of them.
    /// Leaves out those before `since`, and those that the device with the id `asking` caused or
    /// that are about it.
    pub(crate) fn account_events(
        &self,
        account: &str,
        after: i64,
        since: i64,
        asking: &str,
        limit: u32,
    ) -> StorageResult<Vec<EventRow>> {
        let sql = sql!(ACCOUNT_EVENTS.select(
            "WHERE account = $1 AND number > $2 AND at >= $3 AND (by_device IS NULL OR by_device <> $4)
                 AND (device IS NULL OR device <> $4)
             ORDER BY number LIMIT $5"
        ));
        self.all_rows(&ACCOUNT_EVENTS, sql, params![account, after, since, asking, limit], read)
    }

    /// Removes the events of an account. Their numbers are not used again.
    pub(crate) fn remove_account_events(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM account_events WHERE account = $1", params![account])
    }

    /// Returns the number of the account's last event, or 0 if it had none.
    fn last_event(&self, account: &str) -> StorageResult<i64> {
        let sql = sql!(LAST_EVENTS.select("WHERE name = $1 AND last_event IS NOT NULL"));
        let read = |mut row: Row| {
            let _name: String = row.get()?;
            row.get()
        };
        Ok(self.find_row(&LAST_EVENTS, sql, params![account], read)?.unwrap_or(0))
    }

    fn put_last_event(&self, account: &str, number: i64) -> StorageResult<()> {
        let columns = [Param::from(account), Param::from(number)];
        let mac = self.macs().mac(&LAST_EVENTS.encode(&columns)?);
        self.change(
            "UPDATE accounts SET last_event = $1, last_event_mac = $2 WHERE name = $3",
            params![number, &mac, account],
        )
    }
}

fn read(mut row: Row) -> StorageResult<EventRow> {
    let _account: String = row.get()?;
    Ok(EventRow { number: row.get()?, event: row.get()?, at: row.get()?, device: row.get()?, name: row.get()? })
}
