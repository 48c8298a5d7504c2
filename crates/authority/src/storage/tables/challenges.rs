//! The table `challenges`.

use crate::domain::rows::ChallengeRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `put_challenge`.
pub(super) static CHALLENGES: Table = Table::new("challenges", 2, &["device", "mode", "challenge", "made_at"]);

impl Transaction<'_> {
    pub(crate) fn put_challenge(&self, device: &str, mode: &str, challenge: &ChallengeRow) -> StorageResult<()> {
        self.put_row(&CHALLENGES, params![device, mode, &challenge.challenge, challenge.made_at])
    }

    /// Finds a challenge.
    pub(crate) fn challenge(&self, device: &str, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let sql = sql!(CHALLENGES.select("WHERE device = $1 AND mode = $2"));
        self.find_row(&CHALLENGES, sql, params![device, mode], read)
    }

    /// Finds a challenge and removes it.
    pub(crate) fn take_challenge(&self, device: &str, mode: &str) -> StorageResult<Option<ChallengeRow>> {
        let sql = sql!(CHALLENGES.delete_returning("WHERE device = $1 AND mode = $2"));
        self.take_row(&CHALLENGES, sql, params![device, mode], read)
    }
}

fn read(mut row: Row) -> StorageResult<ChallengeRow> {
    let (_, _): (String, String) = (row.get()?, row.get()?);
    Ok(ChallengeRow { challenge: row.get()?, made_at: row.get()? })
}
