//! The table `timed_blocks`: the blocks that end by themselves.

use crate::domain::rows::TimedBlockRow;
use crate::failure::StorageResult;
use crate::storage::table::Table;
use crate::storage::transaction::{Transaction, params, sql};
use crate::storage::value::Row;

/// The columns, in the order of [`read`] and `put_timed_block`.
pub(super) static TIMED_BLOCKS: Table =
    Table::new("timed_blocks", 1, &["account", "wrong_pins", "began_at", "seconds"]);

impl Transaction<'_> {
    /// Returns the block of an account that ends by itself. It may be over.
    pub(crate) fn timed_block(&self, account: &str) -> StorageResult<Option<TimedBlockRow>> {
        self.find_row(&TIMED_BLOCKS, sql!(TIMED_BLOCKS.select("WHERE account = $1")), params![account], read)
    }

    /// Writes the block of an account. The step also writes the account.
    pub(crate) fn put_timed_block(&self, block: &TimedBlockRow) -> StorageResult<()> {
        let seconds = i64::try_from(block.seconds).unwrap_or(i64::MAX);
        let columns = params![&block.account, block.wrong_pins, block.began_at, seconds];
        if self.update_row(&TIMED_BLOCKS, columns)? { Ok(()) } else { self.add_row(&TIMED_BLOCKS, columns) }
    }

    pub(crate) fn remove_timed_block(&self, account: &str) -> StorageResult<()> {
        self.put("DELETE FROM timed_blocks WHERE account = $1", params![account])
    }
}

fn read(mut row: Row) -> StorageResult<TimedBlockRow> {
    let (account, wrong_pins, began_at) = (row.get()?, row.get()?, row.get()?);
    let seconds: i64 = row.get()?;
    Ok(TimedBlockRow { account, wrong_pins, began_at, seconds: u64::try_from(seconds).unwrap_or(0) })
}
