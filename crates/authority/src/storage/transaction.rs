//! An open transaction: it runs statements and authenticates rows, the same for every database.

use std::cell::Cell;

use super::audit_ids::AuditIds;
use super::table::{RowMacs, Table};
use super::value::{Param, Row, Sql};
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

/// An open transaction. A `put` method inserts a row or replaces the one with the same key.
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

    pub(super) fn find<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        self.sql.query(sql, params)?.into_iter().next().map(read).transpose()
    }

    pub(super) fn all<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnMut(Row) -> StorageResult<T>,
    ) -> StorageResult<Vec<T>> {
        self.sql.query(sql, params)?.into_iter().map(read).collect()
    }

    /// Finds a row of a table and authenticates it.
    pub(super) fn find_row<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        self.find(sql, params, |row| read(table.authenticate(row, self.macs)?))
    }

    /// Removes a row of a table with a statement that returns it. Authenticates the row.
    pub(super) fn take_row<T>(
        &self,
        table: &Table,
        sql: &'static str,
        params: &[Param<'_>],
        read: impl FnOnce(Row) -> StorageResult<T>,
    ) -> StorageResult<Option<T>> {
        let found = self.find_row(table, sql, params, read)?;
        self.wrote.set(self.wrote.get() || found.is_some());
        Ok(found)
    }

    /// Finds rows of a table and authenticates each.
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
    pub(super) fn put_row(&self, table: &'static Table, columns: &[Param<'_>]) -> StorageResult<()> {
        let mac = self.macs.mac(&table.encode(columns)?);
        let params: Vec<Param<'_>> = columns.iter().copied().chain([Param::Bytes(&mac)]).collect();
        self.put(table.upsert(), &params)
    }

    pub(super) fn macs(&self) -> &dyn RowMacs {
        self.macs
    }

    /// Authenticates a row that was found together with other columns.
    pub(super) fn authenticate(&self, table: &Table, row: Row) -> StorageResult<Row> {
        table.authenticate(row, self.macs)
    }

    /// Changes rows. Returns their number.
    pub(super) fn write(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        let changed = self.sql.execute(sql, params)?;
        self.wrote.set(self.wrote.get() || changed > 0);
        Ok(changed)
    }

    pub(super) fn put(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        let changed = self.sql.put(sql, params)?;
        self.wrote.set(self.wrote.get() || changed);
        Ok(())
    }
}
