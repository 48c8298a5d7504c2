//! An open transaction: it runs statements and authenticates rows, the same for every database.

use std::cell::Cell;

use super::audit_ids::AuditIds;
use super::table::{RowMacs, Table};
use super::value::{Param, Query, Row, Sql};
use crate::failure::StorageResult;

/// Makes the parameters of a statement.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$(crate::storage::value::Param::from($value)),*] };
}
pub(super) use params;

/// Makes a statement of a table once: `sql!(TABLE.select("…"))`. The text follows the table's name
/// or the values.
macro_rules! sql {
    ($table:ident.$method:ident($rest:literal)) => {{
        static SQL: std::sync::OnceLock<String> = std::sync::OnceLock::new();
        SQL.get_or_init(|| $table.$method($rest)).as_str()
    }};
}
pub(super) use sql;

/// An open transaction. An `add` method inserts a row. A `put` method changes a row that the
/// transaction has read: it never makes a row again that another step has removed.
pub(crate) struct Transaction<'a> {
    sql: &'a dyn Sql,
    pub(super) ids: &'a AuditIds,
    macs: &'a dyn RowMacs,
    wrote: Cell<bool>,
}

impl<'a> Transaction<'a> {
    pub(super) fn new(sql: &'a dyn Sql, ids: &'a AuditIds, macs: &'a dyn RowMacs) -> Self {
        Self { sql, ids, macs, wrote: Cell::new(false) }
    }

    /// Returns whether any row was changed.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.get()
    }

    #[track_caller]
    pub(super) fn find<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        record(sql);
        self.sql.query(sql, params)?.into_iter().next().map(read).transpose()
    }

    /// Finds a row by each of two statements. Neither depends on the other's result.
    #[track_caller]
    pub(super) fn find_both(&self, queries: [Query<'_>; 2]) -> StorageResult<[Option<Row>; 2]> {
        for (sql, _) in queries {
            record(sql);
        }
        Ok(self.sql.query_both(queries)?.map(|rows| rows.into_iter().next()))
    }

    #[track_caller]
    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(Row) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        record(sql);
        self.sql.query(sql, params)?.into_iter().map(read).collect()
    }

    /// Finds a row of a table and authenticates it.
    #[track_caller]
    pub(super) fn find_row<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        self.find(sql, params, |row| read(table.authenticate(row, self.macs)?))
    }

    /// Finds rows of a table and authenticates each.
    #[track_caller]
    pub(super) fn all_rows<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        mut read: impl FnMut(Row) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        self.all(sql, params, |row| read(table.authenticate(row, self.macs)?))
    }

    /// Inserts a row of a table with its MAC, or replaces the row with the same key.
    #[track_caller]
    pub(super) fn add_row(&self, table: &'static Table, columns: &[Param<'_>]) -> StorageResult<()> {
        let mac = self.macs.mac(&table.encode(columns)?);
        let params: Vec<Param<'_>> = columns.iter().copied().chain([Param::Bytes(&mac)]).collect();
        self.put(table.upsert(), &params)
    }

    /// Changes the row of a table with this key, with its MAC. Returns `false` if there is none.
    #[track_caller]
    pub(super) fn update_row(&self, table: &'static Table, columns: &[Param<'_>]) -> StorageResult<bool> {
        let mac = self.macs.mac(&table.encode(columns)?);
        Ok(self.write(table.update(), &table.update_order(columns, &mac))? > 0)
    }

    /// Changes a row that this transaction has read.
    #[track_caller]
    pub(super) fn put_row(&self, table: &'static Table, columns: &[Param<'_>]) -> StorageResult<()> {
        let mac = self.macs.mac(&table.encode(columns)?);
        self.change(table.update(), &table.update_order(columns, &mac))
    }

    pub(super) fn macs(&self) -> &dyn RowMacs {
        self.macs
    }

    /// Authenticates a row that was found together with other columns.
    pub(super) fn authenticate(&self, table: &Table, row: Row) -> StorageResult<Row> {
        table.authenticate(row, self.macs)
    }

    /// Changes rows. Returns their number.
    #[track_caller]
    pub(super) fn write(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        record(sql);
        let changed = self.sql.execute(sql, params)?;
        self.wrote.set(self.wrote.get() || changed > 0);
        Ok(changed)
    }

    /// Changes or removes a row that this transaction has read.
    #[track_caller]
    pub(super) fn change(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        record(sql);
        self.sql.change(sql, params)?;
        self.wrote.set(true);
        Ok(())
    }

    #[track_caller]
    pub(super) fn put(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        record(sql);
        let changed = self.sql.put(sql, params)?;
        self.wrote.set(self.wrote.get() || changed);
        Ok(())
    }
}

/// Records that a statement runs, and the line of the source that runs it. Tests explain each
/// statement, and compare the lines with the source.
#[track_caller]
fn record(sql: &'static str) {
    #[cfg(debug_assertions)]
    {
        let place = std::panic::Location::caller();
        let mut recorded = RECORDED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        recorded.insert((place.file(), place.line(), sql));
    }
    #[cfg(not(debug_assertions))]
    let _ = sql;
}

#[cfg(debug_assertions)]
static RECORDED: std::sync::Mutex<std::collections::BTreeSet<(&str, u32, &str)>> =
    std::sync::Mutex::new(std::collections::BTreeSet::new());

/// Returns the statements that this process ran, with the file and the line that ran each.
#[cfg(debug_assertions)]
pub fn recorded_statements() -> Vec<(&'static str, u32, &'static str)> {
    RECORDED.lock().unwrap_or_else(std::sync::PoisonError::into_inner).iter().copied().collect()
}
