//! Statements on a connection of SQLite. Each is prepared once.

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection};

use crate::failure::StorageResult;
use crate::storage::value::{Param, Row, Sql, Value};

impl Sql for Connection {
    fn query(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>> {
        let mut statement = bound(self, sql, params)?;
        let columns = statement.column_count();
        let mut found = statement.raw_query();
        let mut rows = Vec::new();
        while let Some(row) = found.next()? {
            let values: rusqlite::Result<_> = (0..columns).map(|column| row.get_ref(column).map(value)).collect();
            rows.push(Row::new(values?));
        }
        Ok(rows)
    }

    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        let changed = bound(self, sql, params)?.raw_execute()?;
        Ok(u64::try_from(changed).unwrap_or(u64::MAX))
    }
}

/// Returns the statement with its parameters bound. SQLite numbers parameters by their first
/// occurrence: `$1` comes first.
fn bound<'a>(
    connection: &'a Connection,
    sql: &'static str,
    params: &[Param<'_>],
) -> rusqlite::Result<CachedStatement<'a>> {
    let mut statement = connection.prepare_cached(sql)?;
    debug_assert_eq!(statement.parameter_count(), params.len(), "{sql}");
    for (param, number) in params.iter().zip(1..) {
        debug_assert_eq!(statement.parameter_name(number), Some(format!("${number}").as_str()), "{sql}");
        match param {
            Param::Null => statement.raw_bind_parameter(number, rusqlite::types::Null)?,
            Param::Int(value) => statement.raw_bind_parameter(number, value)?,
            Param::Text(value) => statement.raw_bind_parameter(number, value)?,
            Param::Bytes(value) => statement.raw_bind_parameter(number, value)?,
        }
    }
    Ok(statement)
}

/// Converts a value. A value of a wrong type becomes null, which the reader of the column detects.
fn value(found: ValueRef<'_>) -> Value {
    match found {
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => String::from_utf8(text.to_vec()).map_or(Value::Null, Value::Text),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Null | ValueRef::Real(_) => Value::Null,
    }
}
