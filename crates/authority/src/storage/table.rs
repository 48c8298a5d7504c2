//! Columns of tables, and tables whose rows carry a MAC.
//!
//! A program with write access to the database, but without the master key, cannot make a row that
//! reads as one of the service's own: the MAC covers the table's name and every column. It can
//! still remove a row, or restore an older row together with its MAC.

use std::sync::OnceLock;

use super::value::{Param, Row, Value};
use crate::failure::{StorageError, StorageResult};

/// The MACs of rows, under the keys that are derived from the master key.
pub(crate) trait RowMacs: Send + Sync {
    /// Returns the MAC of an encoded row under the current key. The number of the key precedes it.
    fn mac(&self, row: &[u8]) -> Vec<u8>;

    /// Returns whether this is the row's MAC, under any key of the ring.
    fn is_mac(&self, row: &[u8], mac: &[u8]) -> bool;

    /// Returns whether the MAC was made with the current key.
    fn is_current(&self, mac: &[u8]) -> bool;
}

/// The columns of a table in the order in which they are written and read.
pub(super) struct Columns {
    table: &'static str,
    names: &'static [&'static str],
}

impl Columns {
    pub(super) const fn new(table: &'static str, names: &'static [&'static str]) -> Self {
        Self { table, names }
    }

    /// Returns the statement that finds rows. `rest` is the text after the table's name.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", self.names.join(", "), self.table)
    }

    /// Returns the statement that inserts a row. `rest` is the text after the values.
    pub(super) fn insert(&self, rest: &str) -> String {
        let (names, values) = (self.names.join(", "), placeholders(self.names.len()));
        format!("INSERT INTO {} ({names}) VALUES ({values}) {rest}", self.table)
    }
}

/// A table whose rows carry a MAC, with its columns in the order in which they are written, read
/// and authenticated. The MAC follows them.
pub(crate) struct Table {
    pub(super) name: &'static str,
    /// The number of columns, from the first one on, that form the primary key.
    key: usize,
    columns: &'static [&'static str],
    /// The table of the database that holds the columns.
    stored_in: &'static str,
    /// The column that holds the MAC.
    mac_column: &'static str,
    /// The column that names the account of a row, if the table has it.
    account_column: &'static str,
    /// The condition that holds for all rows with a MAC.
    condition: &'static str,
    upsert: OnceLock<String>,
    update: OnceLock<String>,
}

impl Table {
    pub(super) const fn new(name: &'static str, key: usize, columns: &'static [&'static str]) -> Self {
        Self {
            name,
            key,
            columns,
            stored_in: name,
            mac_column: "mac",
            account_column: "account",
            condition: "",
            upsert: OnceLock::new(),
            update: OnceLock::new(),
        }
    }

    /// Makes it a part of the rows of another table, with a MAC of its own in `mac_column`.
    pub(super) const fn within(mut self, table: &'static str, mac_column: &'static str) -> Self {
        (self.stored_in, self.mac_column) = (table, mac_column);
        self
    }

    /// Sets the column that names the account of a row.
    pub(super) const fn with_account_column(mut self, column: &'static str) -> Self {
        self.account_column = column;
        self
    }

    /// Sets the condition that holds for all rows with a MAC.
    pub(super) const fn with_condition(mut self, condition: &'static str) -> Self {
        self.condition = condition;
        self
    }

    /// Returns the columns and the MAC as a list for a statement.
    pub(super) fn list(&self) -> String {
        format!("{}, {}", self.columns.join(", "), self.mac_column)
    }

    /// Returns the statement that finds rows. `rest` is the text after the table's name.
    pub(super) fn select(&self, rest: &str) -> String {
        format!("SELECT {} FROM {} {rest}", self.list(), self.stored_in)
    }

    /// Returns the statement that inserts a row or replaces the one with the same key.
    pub(super) fn upsert(&'static self) -> &'static str {
        self.upsert.get_or_init(|| {
            let changed = self.columns[self.key..].iter().chain([&self.mac_column]);
            let changes: Vec<String> = changed.map(|column| format!("{column} = excluded.{column}")).collect();
            format!(
                "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}",
                self.name,
                self.list(),
                placeholders(self.columns.len() + 1),
                self.columns[..self.key].join(", "),
                changes.join(", ")
            )
        })
    }

    /// Returns the statement that changes the row with a key. Its parameters are the columns after
    /// the key, the MAC, and the key.
    pub(super) fn update(&'static self) -> &'static str {
        self.update.get_or_init(|| {
            let changed = self.columns[self.key..].iter().chain([&self.mac_column]);
            let changes: Vec<String> =
                changed.zip(1..).map(|(column, position)| format!("{column} = ${position}")).collect();
            let key = self.key_equals(changes.len() + 1);
            let and = if self.condition.is_empty() { "" } else { " AND " };
            format!("UPDATE {} SET {} WHERE {key}{and}{}", self.stored_in, changes.join(", "), self.condition)
        })
    }

    /// Returns the condition that a row has a key, whose parameters begin with the number `first`.
    fn key_equals(&self, first: usize) -> String {
        let columns = self.columns[..self.key].iter().zip(first..);
        let equal: Vec<String> = columns.map(|(column, position)| format!("{column} = ${position}")).collect();
        equal.join(" AND ")
    }

    /// Returns the statement that finds a page of rows after a key, in the order of their keys. Its
    /// parameters are the key and the number of rows. Rows without a MAC are left out: removed
    /// devices, which have no secret.
    pub(super) fn page(&self, after: bool) -> String {
        let key = self.columns[..self.key].join(", ");
        let limit = if after { self.key + 1 } else { 1 };
        let after = if after { format!("({key}) > ({})", placeholders(self.key)) } else { String::new() };
        let conditions: Vec<&str> = [self.condition, &after].into_iter().filter(|text| !text.is_empty()).collect();
        let filter = if conditions.is_empty() { "" } else { "WHERE " };
        self.select(&format!("{filter}{} ORDER BY {key} LIMIT ${limit}", conditions.join(" AND ")))
    }

    /// Returns the statement that replaces the MAC of a row. Its parameters are the MAC and the
    /// key.
    pub(super) fn replace_mac(&self) -> String {
        format!("UPDATE {} SET {} = $1 WHERE {}", self.stored_in, self.mac_column, self.key_equals(2))
    }

    /// Returns the number of columns of the primary key.
    pub(super) fn key(&self) -> usize {
        self.key
    }

    /// Moves the key behind the other columns and the MAC, in the order of
    /// [`update`](Self::update).
    pub(super) fn update_order<'p>(&self, columns: &[Param<'p>], mac: &'p [u8]) -> Vec<Param<'p>> {
        let (key, others) = columns.split_at(self.key.min(columns.len()));
        others.iter().copied().chain([Param::Bytes(mac)]).chain(key.iter().copied()).collect()
    }

    /// Returns the encoding of a row, which its MAC covers.
    pub(super) fn encode(&self, columns: &[Param<'_>]) -> StorageResult<Vec<u8>> {
        if columns.len() != self.columns.len() {
            return Err(StorageError::new("a row has not the columns of its table"));
        }
        let mut encoded = Vec::with_capacity(64 * (columns.len() + 1));
        text(&mut encoded, self.name.as_bytes());
        columns.iter().for_each(|column| encode(&mut encoded, column));
        Ok(encoded)
    }

    /// Returns a row without its MAC, after a check of the MAC.
    pub(super) fn authenticate(&self, row: Row, macs: &dyn RowMacs) -> StorageResult<Row> {
        let (row, mac) = self.split(row)?;
        let encoded = self.encode(&row.params())?;
        if mac.is_some_and(|mac| macs.is_mac(&encoded, &mac)) {
            return Ok(row);
        }
        Err(self.altered(&row))
    }

    /// Returns the error for a row that is not as the service wrote it.
    pub(super) fn altered(&self, row: &Row) -> StorageError {
        StorageError::altered(self.stored_in, self.account_of(row))
    }

    /// Divides a row into its columns and its MAC. A row of an earlier release has no MAC.
    pub(super) fn split(&self, row: Row) -> StorageResult<(Row, Option<Vec<u8>>)> {
        let mut values = row.into_values();
        let mac = match values.pop() {
            Some(Value::Bytes(mac)) => Some(mac),
            Some(Value::Null) => None,
            _ => return Err(StorageError::new("a row has no place for its MAC")),
        };
        Ok((Row::new(values), mac))
    }

    /// Returns the account that a row names. The row may be altered.
    fn account_of(&self, row: &Row) -> Option<String> {
        let position = self.columns.iter().position(|column| *column == self.account_column)?;
        match row.params().get(position) {
            Some(Param::Text(account)) => Some((*account).to_owned()),
            _ => None,
        }
    }
}

/// Returns `$1, $2, …` up to this number.
fn placeholders(count: usize) -> String {
    let placeholders: Vec<String> = (1..=count).map(|number| format!("${number}")).collect();
    placeholders.join(", ")
}

/// Appends a value. No two lists of values have the same encoding.
fn encode(encoded: &mut Vec<u8>, value: &Param<'_>) {
    match value {
        Param::Null => encoded.push(0),
        Param::Int(number) => {
            encoded.push(1);
            encoded.extend_from_slice(&number.to_be_bytes());
        }
        Param::Text(value) => {
            encoded.push(2);
            text(encoded, value.as_bytes());
        }
        Param::Bytes(value) => {
            encoded.push(3);
            text(encoded, value);
        }
    }
}

fn text(encoded: &mut Vec<u8>, bytes: &[u8]) {
    encoded.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    encoded.extend_from_slice(bytes);
}
