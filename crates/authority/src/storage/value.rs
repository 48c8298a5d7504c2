//! The parameters of statements and the values in their results. The tables of every database use
//! the same four kinds of values.

use inwebo::cvs::Purpose;

use crate::domain::rows::CodePurpose;
use crate::failure::{StorageError, StorageResult};

/// A parameter of a statement.
#[derive(Clone, Copy)]
pub(crate) enum Param<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A value in the result of a statement.
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Value {
    /// Returns the value as a parameter.
    pub(super) fn param(&self) -> Param<'_> {
        match self {
            Self::Null => Param::Null,
            Self::Int(number) => Param::Int(*number),
            Self::Text(text) => Param::Text(text),
            Self::Bytes(bytes) => Param::Bytes(bytes),
        }
    }
}

/// A row in the result of a statement, read from its first column to its last.
pub(crate) struct Row(std::vec::IntoIter<Value>);

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Returns the columns that were not read yet, as parameters.
    pub(super) fn params(&self) -> Vec<Param<'_>> {
        self.0.as_slice().iter().map(Value::param).collect()
    }

    /// Returns the columns that were not read yet.
    pub(super) fn into_values(self) -> Vec<Value> {
        self.0.collect()
    }

    /// Returns the next column.
    pub(crate) fn get<T: Column>(&mut self) -> StorageResult<T> {
        self.0
            .next()
            .and_then(T::read)
            .ok_or_else(|| StorageError::new("a column is not of the type that it must have"))
    }
}

/// A statement that returns rows, with its parameters.
pub(crate) type Query<'a> = (&'static str, &'a [Param<'a>]);

/// A database that runs statements inside of a transaction. Parameters are written `$1`, `$2` and
/// so on, and first occur in ascending order. All databases understand this notation.
pub(crate) trait Sql {
    /// Runs a statement and returns its rows.
    fn query(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<Vec<Row>>;

    /// Runs two statements that only read, and returns the rows of each. A database may send both
    /// at once.
    fn query_both(&self, [first, second]: [Query<'_>; 2]) -> StorageResult<[Vec<Row>; 2]> {
        Ok([self.query(first.0, first.1)?, self.query(second.0, second.1)?])
    }

    /// Runs a statement and returns the number of changed rows.
    fn execute(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<u64>;

    /// Runs a statement whose number of changed rows does not matter. A database may run it later:
    /// before the next statement with a result, or at the commit. Returns whether rows may have
    /// changed.
    fn put(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<bool> {
        Ok(self.execute(sql, params)? > 0)
    }

    /// Changes or removes a row that the transaction has read. Fails if there is no such row, which
    /// cannot happen on a database that isolates transactions as it must. A database may run it
    /// later, as with `put`.
    fn change(&self, sql: &'static str, params: &[Param<'_>]) -> StorageResult<()> {
        if self.execute(sql, params)? > 0 { Ok(()) } else { Err(StorageError::gone()) }
    }
}

/// A type that a column can be read as.
pub(crate) trait Column: Sized {
    fn read(value: Value) -> Option<Self>;
}

impl Column for i64 {
    fn read(value: Value) -> Option<Self> {
        if let Value::Int(number) = value { Some(number) } else { None }
    }
}

impl Column for u32 {
    fn read(value: Value) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }
}

impl Column for bool {
    fn read(value: Value) -> Option<Self> {
        Some(i64::read(value)? != 0)
    }
}

impl Column for String {
    fn read(value: Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text) } else { None }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Option<Self> {
        if let Value::Bytes(bytes) = value { Some(bytes) } else { None }
    }
}

impl Column for [u8; 32] {
    fn read(value: Value) -> Option<Self> {
        Vec::read(value)?.try_into().ok()
    }
}

impl Column for CodePurpose {
    fn read(value: Value) -> Option<Self> {
        let word = String::read(value)?;
        Self::parse(&word)
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Option<Self> {
        if let Value::Null = value { Some(None) } else { T::read(value).map(Some) }
    }
}

impl From<i64> for Param<'_> {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<u32> for Param<'_> {
    fn from(number: u32) -> Self {
        Self::Int(number.into())
    }
}

impl From<bool> for Param<'_> {
    fn from(flag: bool) -> Self {
        Self::Int(flag.into())
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a String> for Param<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Param<'a> {
    fn from(bytes: &'a Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a [u8; 32]> for Param<'a> {
    fn from(bytes: &'a [u8; 32]) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Purpose> for Param<'_> {
    fn from(purpose: Purpose) -> Self {
        Self::Text(purpose.as_str())
    }
}

impl From<CodePurpose> for Param<'_> {
    fn from(purpose: CodePurpose) -> Self {
        Self::Text(purpose.as_str())
    }
}

impl<'a, T: Into<Param<'a>>> From<Option<T>> for Param<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
