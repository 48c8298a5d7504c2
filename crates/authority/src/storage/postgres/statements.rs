//! Statements in a transaction of PostgreSQL. Each is prepared once per connection.

use std::cell::RefCell;
use std::collections::HashMap;
use std::error::Error as StdError;

use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Error, Statement, Transaction};

use super::message::message;
use crate::failure::{StorageError, StorageResult};
use crate::storage::value::{Param, Row, Sql, Value};

/// The statements that a connection has prepared, by their text.
pub(super) type Prepared = HashMap<&'static str, Statement>;

/// An open transaction of the server.
pub(super) struct Statements<'a> {
    inner: RefCell<Inner<'a>>,
}

struct Inner<'a> {
    transaction: Transaction<'a>,
    prepared: &'a mut Prepared,
    first_error: Option<Error>,
}

impl<'a> Statements<'a> {
    pub(super) fn new(transaction: Transaction<'a>, prepared: &'a mut Prepared) -> Self {
        Self { inner: RefCell::new(Inner { transaction, prepared, first_error: None }) }
    }

    /// Returns the transaction, and the first error of a statement. The server undoes a transaction
    /// that had an error.
    pub(super) fn end(self) -> (Transaction<'a>, Option<Error>) {
        let Inner { transaction, first_error, .. } = self.inner.into_inner();
        (transaction, first_error)
    }

    fn run<T>(
        &self,
        sql: &'static str,
        params: &[Param<'_>],
        operation: impl FnOnce(&mut Transaction<'a>, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, Error>,
    ) -> StorageResult<T> {
        let inner = &mut *self.inner.borrow_mut();
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as &(dyn ToSql + Sync)).collect();
        let done = match inner.prepared.get(sql) {
            Some(statement) => operation(&mut inner.transaction, statement, &params),
            None => inner.transaction.prepare(sql).and_then(|statement| {
                let statement = inner.prepared.entry(sql).or_insert(statement);
                operation(&mut inner.transaction, statement, &params)
            }),
        };
        done.map_err(|error| {
            let storage_error = message(&error);
            inner.first_error.get_or_insert(error);
            storage_error
        })
    }
}

impl Sql for Statements<'_> {
    fn query(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>> {
        let found = self.run(sql, params, |transaction, statement, params| transaction.query(statement, params))?;
        found.iter().map(row).collect()
    }

    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64> {
        self.run(sql, params, |transaction, statement, params| transaction.execute(statement, params))
    }
}

fn row(found: &::postgres::Row) -> StorageResult<Row> {
    let values: Result<_, Error> = (0..found.len()).map(|index| value(found, index)).collect();
    Ok(Row::new(values.map_err(|_| StorageError::new("a column is not of the type that it must have"))?))
}

fn value(found: &::postgres::Row, index: usize) -> Result<Value, Error> {
    let kind = found.columns()[index].type_();
    let value = match *kind {
        Type::INT8 => found.try_get::<_, Option<i64>>(index)?.map(Value::Int),
        Type::BYTEA => found.try_get::<_, Option<Vec<u8>>>(index)?.map(Value::Bytes),
        _ => found.try_get::<_, Option<String>>(index)?.map(Value::Text),
    };
    Ok(value.unwrap_or(Value::Null))
}

impl std::fmt::Debug for Param<'_> {
    /// Shows nothing: the client library may print a parameter.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

impl ToSql for Param<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(number) => number.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Bytes(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(*kind, Type::INT8 | Type::TEXT | Type::VARCHAR | Type::BYTEA)
    }

    to_sql_checked!();
}
