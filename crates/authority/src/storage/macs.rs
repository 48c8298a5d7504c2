//! The MACs of all rows, a page at a time. They are made for rows of an earlier release, and made
//! again when the master key changes.

use std::sync::OnceLock;

use super::table::Table;
use super::tables::AUTHENTICATED;
use super::transaction::Transaction;
use super::value::{Param, Row, Value};
use crate::failure::StorageResult;

/// The statements for the pages of one table.
struct Statements {
    first: String,
    next: String,
    replace: String,
}

/// A position between two rows of the authenticated tables. The default is before the first row.
#[derive(Default)]
pub(crate) struct RowCursor {
    table: usize,
    /// The key of the row before the position. It is empty at the beginning of a table.
    key: Vec<Value>,
}

impl RowCursor {
    /// Returns the cursor as a text that [`RowCursor::read`] takes.
    pub(crate) fn text(&self) -> String {
        let mut text = self.table.to_string();
        for value in &self.key {
            let number;
            let (kind, bytes) = match value {
                Value::Text(text) => ('t', text.as_bytes()),
                Value::Bytes(bytes) => ('b', bytes.as_slice()),
                Value::Int(value) => {
                    number = value.to_be_bytes();
                    ('i', &number[..])
                }
                // No primary key has such a column.
                Value::Null => continue,
            };
            text.push('.');
            text.push(kind);
            text.push_str(&inwebo::values::hex::encode(bytes));
        }
        text
    }

    /// Returns the position after a page: after its last row if the page was full, or else before
    /// the next table. Returns `None` after the last table.
    fn after(&self, is_full: bool, last: Vec<Value>) -> Option<Self> {
        let next = if is_full { Self { key: last, ..*self } } else { Self { table: self.table + 1, key: Vec::new() } };
        (next.table < AUTHENTICATED.len()).then_some(next)
    }

    /// Reads the text that [`RowCursor::text`] wrote. Returns `None` for any other text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let table = parts.next()?.parse().ok()?;
        let mut key = Vec::new();
        for part in parts {
            let mut kind = part.chars();
            let (kind, hex) = (kind.next()?, kind.as_str());
            let bytes = inwebo::values::hex::decode(hex)?;
            key.push(match kind {
                't' => Value::Text(String::from_utf8(bytes).ok()?),
                'b' => Value::Bytes(bytes),
                'i' => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
                _ => return None,
            });
        }
        Some(Self { table, key })
    }
}

/// A page of rows whose MACs were checked.
pub(crate) struct CheckedPage {
    pub(crate) table: &'static str,
    pub(crate) rows: u32,
    /// The number of rows that are not as the service wrote them.
    pub(crate) altered: u32,
    pub(crate) next: Option<RowCursor>,
}

impl Transaction<'_> {
    /// Adds MACs under the current key to those of the next `limit` rows that have none. A MAC that
    /// a row has must be right. Returns the number of new MACs and the next position.
    pub(crate) fn make_macs(&self, cursor: &RowCursor, limit: u32) -> StorageResult<(u32, Option<RowCursor>)> {
        self.page(cursor, limit, true)
    }

    /// Makes the MACs of the next `limit` rows again if they were made with another key than the
    /// current one. Every row must have a MAC. Returns the number of new MACs and the next
    /// position.
    pub(crate) fn renew_macs(&self, cursor: &RowCursor, limit: u32) -> StorageResult<(u32, Option<RowCursor>)> {
        self.page(cursor, limit, false)
    }

    /// Checks the MACs of the next `limit` rows. Returns the number of rows, the number of altered
    /// rows, their table, and the next position.
    pub(crate) fn check_macs(&self, cursor: &RowCursor, limit: u32) -> StorageResult<Option<CheckedPage>> {
        let Some(table) = AUTHENTICATED.get(cursor.table) else { return Ok(None) };
        let (mut altered, mut last) = (0, Vec::new());
        let found = self.rows_after(cursor, limit)?;
        let rows = u32::try_from(found.len()).unwrap_or(u32::MAX);
        for row in found {
            let (row, mac) = table.split(row)?;
            let encoded = table.encode(&row.params())?;
            altered += u32::from(!mac.is_some_and(|mac| self.macs().is_mac(&encoded, &mac)));
            last = row.into_values();
            last.truncate(table.key());
        }
        Ok(Some(CheckedPage { table: table.name, rows, altered, next: cursor.after(rows >= limit, last) }))
    }

    /// Returns whether the database holds any row of the service.
    pub(crate) fn has_any_row(&self) -> StorageResult<bool> {
        self.any_row([
            "SELECT name FROM accounts LIMIT 1",
            "SELECT id FROM devices LIMIT 1",
            "SELECT name FROM service_keys LIMIT 1",
            "SELECT name FROM secrets LIMIT 1",
            "SELECT event FROM audit LIMIT 1",
        ])
    }

    /// Returns whether any table whose rows have MACs has a row.
    pub(crate) fn has_authenticated_row(&self) -> StorageResult<bool> {
        for table in 0..AUTHENTICATED.len() {
            if !self.rows_after(&RowCursor { table, key: Vec::new() }, 1)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Returns whether the database holds a row that no release without MACs wrote: the secret with
    /// this name, a seal, or an audit row with a MAC.
    pub(crate) fn has_later_row(&self, secret: &str) -> StorageResult<bool> {
        if self.secret(secret)?.is_some() {
            return Ok(true);
        }
        self.any_row([
            "SELECT number FROM audit_seals LIMIT 1",
            "SELECT event FROM audit WHERE mac IS NOT NULL LIMIT 1",
        ])
    }

    fn any_row<const N: usize>(&self, statements: [&'static str; N]) -> StorageResult<bool> {
        for sql in statements {
            if self.find(sql, &[], |_| Ok(()))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn rows_after(&self, cursor: &RowCursor, limit: u32) -> StorageResult<Vec<Row>> {
        let Some(table) = AUTHENTICATED.get(cursor.table) else { return Ok(Vec::new()) };
        let statements = statements(cursor.table, table);
        // A cursor of an earlier release may have another key. The table is read from its
        // beginning.
        let key = if cursor.key.len() == table.key() { &cursor.key[..] } else { &[] };
        let key: Vec<Param<'_>> = key.iter().map(Value::param).collect();
        let sql = if key.is_empty() { &statements.first } else { &statements.next };
        let params: Vec<Param<'_>> = key.into_iter().chain([Param::from(limit)]).collect();
        self.all(sql, &params, Ok)
    }

    fn page(&self, cursor: &RowCursor, limit: u32, adopt: bool) -> StorageResult<(u32, Option<RowCursor>)> {
        let Some(table) = AUTHENTICATED.get(cursor.table) else { return Ok((0, None)) };
        let statements = statements(cursor.table, table);
        let (mut made, mut found, mut last) = (0, 0, Vec::new());
        for row in self.rows_after(cursor, limit)? {
            let (row, mac) = table.split(row)?;
            found += 1;
            let encoded = table.encode(&row.params())?;
            let right = match &mac {
                Some(mac) => self.macs().is_mac(&encoded, mac),
                None => adopt,
            };
            if !right {
                return Err(table.altered(&row));
            }
            let mut values = row.into_values();
            values.truncate(table.key());
            if !mac.is_some_and(|mac| self.macs().is_current(&mac)) {
                let mac = self.macs().mac(&encoded);
                let key = values.iter().map(Value::param);
                let params: Vec<Param<'_>> = [Param::Bytes(&mac)].into_iter().chain(key).collect();
                self.put(&statements.replace, &params)?;
                made += 1;
            }
            last = values;
        }
        Ok((made, cursor.after(found >= limit, last)))
    }
}

fn statements(index: usize, table: &Table) -> &'static Statements {
    static STATEMENTS: [OnceLock<Statements>; AUTHENTICATED.len()] = [const { OnceLock::new() }; AUTHENTICATED.len()];
    STATEMENTS[index].get_or_init(|| Statements {
        first: table.page(false),
        next: table.page(true),
        replace: table.replace_mac(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let key = vec![Value::Text("a.b é".into()), Value::Bytes(vec![0, 255]), Value::Int(258)];
        let text = RowCursor { table: 3, key }.text();
        assert_eq!(text, "3.t612e6220c3a9.b00ff.i0000000000000102");
        assert_eq!(RowCursor::read(&text).unwrap().text(), text);
        assert_eq!(RowCursor::read("0").unwrap().text(), "0");
        for bad in ["", "x", "1.", "1.x00", "1.t0", "1.tff", "1.i00"] {
            assert!(RowCursor::read(bad).is_none(), "{bad}");
        }
    }
}
