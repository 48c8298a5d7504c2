//! The table `audit`: the rows of the audit trail.

use crate::actor::Origin;
use crate::failure::{StorageError, StorageResult};
use crate::storage::audit_ids::AuditIds;
use crate::storage::table::Columns;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `add_audit`.
static AUDIT: Columns =
    Columns::new("audit", &["id", "at", "account", "device", "event", "actor", "address", "count", "reason", "mac"]);

/// A row of the audit trail. It never holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditRow {
    pub(crate) id: i64,
    pub(crate) at: i64,
    pub(crate) account: Option<String>,
    pub(crate) device: Option<String>,
    pub(crate) event: String,
    /// `None` in rows of releases that did not record it.
    pub(crate) actor: Option<String>,
    pub(crate) address: Option<String>,
    /// The number of equal events that the row stands for.
    pub(crate) count: i64,
    /// The reason that an operator gave.
    pub(crate) reason: Option<String>,
    /// `None` in rows of releases that made no MACs.
    pub(crate) mac: Option<Vec<u8>>,
}

impl AuditRow {
    /// Makes the row of an event at `at`. It is not written yet.
    pub(crate) fn new(at: i64, origin: &Origin, account: Option<&str>, device: Option<&str>, event: &str) -> Self {
        Self {
            id: 0,
            at,
            account: account.map(str::to_owned),
            device: device.map(str::to_owned),
            event: event.to_owned(),
            actor: Some(origin.actor.clone()),
            address: origin.address.clone(),
            count: 1,
            reason: origin.reason.clone(),
            mac: None,
        }
    }
}

impl Transaction<'_> {
    /// Writes a row under the next free id. Sets the id in the row, and the MAC that `mac` computes
    /// for it.
    pub(crate) fn add_audit(&self, row: &mut AuditRow, mac: impl Fn(&AuditRow) -> [u8; 32]) -> StorageResult<()> {
        const DRAWS: u32 = 100;
        for _ in 0..DRAWS {
            row.id = self.ids.next(row.at).map_err(|failure| StorageError::new(failure.to_string()))?;
            let made = mac(row);
            let written = self.write(
                sql!(AUDIT.insert("ON CONFLICT (id) DO NOTHING")),
                params![
                    row.id,
                    row.at,
                    row.account.as_deref(),
                    row.device.as_deref(),
                    &row.event,
                    row.actor.as_deref(),
                    row.address.as_deref(),
                    row.count,
                    row.reason.as_deref(),
                    &made,
                ],
            )?;
            if written > 0 {
                row.mac = Some(made.to_vec());
                return Ok(());
            }
        }
        Err(StorageError::new("no free id for an audit row was found"))
    }

    /// Changes the number of events that a row stands for.
    pub(crate) fn recount_audit(&self, id: i64, count: i64, mac: &[u8; 32]) -> StorageResult<()> {
        self.put("UPDATE audit SET count = $1, mac = $2 WHERE id = $3", params![count, mac, id])
    }

    /// Returns the greatest id of an audit row that this process made, or the id that its further
    /// ids must exceed.
    pub(crate) fn last_audit_id(&self) -> i64 {
        self.ids.last()
    }

    /// Makes every further id of an audit row greater than this one.
    pub(crate) fn raise_audit_ids(&self, id: i64) {
        self.ids.raise_above(id);
    }

    pub(crate) fn audit_row(&self, id: i64) -> StorageResult<Option<AuditRow>> {
        self.find(sql!(AUDIT.select("WHERE id = $1")), params![id], read)
    }

    /// Returns rows of the audit trail in descending order, from the newest row, or from the row
    /// before `before`.
    pub(crate) fn audit_log(&self, account: Option<&str>, before: i64, limit: u32) -> StorageResult<Vec<AuditRow>> {
        match account {
            Some(account) => self.all(
                sql!(AUDIT.select("WHERE account = $1 AND id < $2 ORDER BY id DESC LIMIT $3")),
                params![account, before, limit],
                read,
            ),
            None => {
                self.all(sql!(AUDIT.select("WHERE id < $1 ORDER BY id DESC LIMIT $2")), params![before, limit], read)
            }
        }
    }

    /// Returns up to `limit` rows from `first` to `last`, both included, in the order of their ids.
    pub(crate) fn audit_between(&self, first: i64, last: i64, limit: u32) -> StorageResult<Vec<AuditRow>> {
        self.all(
            sql!(AUDIT.select("WHERE id >= $1 AND id <= $2 ORDER BY id LIMIT $3")),
            params![first, last, limit],
            read,
        )
    }

    /// Returns the greatest id of an audit row.
    pub(crate) fn newest_audit_id(&self) -> StorageResult<Option<i64>> {
        self.find("SELECT id FROM audit ORDER BY id DESC LIMIT 1", &[], |mut row| row.get())
    }

    /// Removes up to `limit` audit rows that were written before `time`. It is for a trail without
    /// seals.
    pub(crate) fn prune_audit(&self, time: i64, limit: u32) -> StorageResult<u64> {
        // The id bounds the rows that are read. Rows of releases that counted their ids are all
        // below it, so their time decides.
        let newest = AuditIds::first_at(time).saturating_sub(1);
        let sql = "SELECT id FROM audit WHERE id <= $1 AND at < $2 ORDER BY id LIMIT 1 OFFSET $3";
        let last: Option<i64> = self.find(sql, params![newest, time, limit.saturating_sub(1)], |mut row| row.get())?;
        let sql = "DELETE FROM audit WHERE id <= $1 AND at < $2";
        self.write(sql, params![last.unwrap_or(newest), time])
    }

    /// Returns the id of the newest row beyond the newest `count` rows. Returns `None` if there are
    /// no more rows than that.
    pub(crate) fn audit_id_beyond(&self, count: u32) -> StorageResult<Option<i64>> {
        self.find("SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET $1", params![count], |mut row| row.get())
    }

    /// Removes the oldest rows with this id or a lower one, up to `limit` rows. It is for a trail
    /// without seals.
    pub(crate) fn prune_audit_up_to(&self, id: i64, limit: u32) -> StorageResult<u64> {
        let sql = "SELECT id FROM audit WHERE id <= $1 ORDER BY id LIMIT 1 OFFSET $2";
        let last: Option<i64> = self.find(sql, params![id, limit.saturating_sub(1)], |mut row| row.get())?;
        self.write("DELETE FROM audit WHERE id <= $1", params![last.unwrap_or(id)])
    }
}

fn read(mut row: Row) -> StorageResult<AuditRow> {
    Ok(AuditRow {
        id: row.get()?,
        at: row.get()?,
        account: row.get()?,
        device: row.get()?,
        event: row.get()?,
        actor: row.get()?,
        address: row.get()?,
        count: row.get()?,
        reason: row.get()?,
        mac: row.get()?,
    })
}
