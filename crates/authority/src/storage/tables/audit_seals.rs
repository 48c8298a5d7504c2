//! The table `audit_seals`: the seals over the rows of the audit trail.

use crate::failure::StorageResult;
use crate::storage::table::Columns;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `add_seal`.
static AUDIT_SEALS: Columns =
    Columns::new("audit_seals", &["number", "first_id", "last_id", "count", "at", "digest", "previous", "mac"]);

/// A seal over the rows from `first_id` to `last_id`, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealRow {
    pub(crate) number: i64,
    pub(crate) first_id: i64,
    pub(crate) last_id: i64,
    /// The number of rows.
    pub(crate) count: i64,
    pub(crate) at: i64,
    /// The digest of the rows.
    pub(crate) digest: [u8; 32],
    /// The MAC of the previous seal. It is zero in the first seal.
    pub(crate) previous: [u8; 32],
    /// The MAC of the whole seal.
    pub(crate) mac: [u8; 32],
}

impl Transaction<'_> {
    /// Writes a seal. Returns `false` if a seal with its number exists.
    pub(crate) fn add_seal(&self, seal: &SealRow) -> StorageResult<bool> {
        let written = self.write(
            sql!(AUDIT_SEALS.insert("ON CONFLICT (number) DO NOTHING")),
            params![
                seal.number,
                seal.first_id,
                seal.last_id,
                seal.count,
                seal.at,
                &seal.digest,
                &seal.previous,
                &seal.mac,
            ],
        )?;
        Ok(written > 0)
    }

    pub(crate) fn newest_seal(&self) -> StorageResult<Option<SealRow>> {
        self.find(sql!(AUDIT_SEALS.select("ORDER BY number DESC LIMIT 1")), &[], read)
    }

    /// Returns up to `limit` seals with the number `first` or a greater one, in their order.
    pub(crate) fn seals_from(&self, first: i64, limit: u32) -> StorageResult<Vec<SealRow>> {
        self.all(sql!(AUDIT_SEALS.select("WHERE number >= $1 ORDER BY number LIMIT $2")), params![first, limit], read)
    }

    /// Removes a seal with its rows. Returns the number of rows.
    pub(crate) fn remove_sealed(&self, seal: &SealRow) -> StorageResult<u64> {
        self.put("DELETE FROM audit_seals WHERE number = $1", params![seal.number])?;
        self.write("DELETE FROM audit WHERE id >= $1 AND id <= $2", params![seal.first_id, seal.last_id])
    }
}

fn read(mut row: Row) -> StorageResult<SealRow> {
    Ok(SealRow {
        number: row.get()?,
        first_id: row.get()?,
        last_id: row.get()?,
        count: row.get()?,
        at: row.get()?,
        digest: row.get()?,
        previous: row.get()?,
        mac: row.get()?,
    })
}
