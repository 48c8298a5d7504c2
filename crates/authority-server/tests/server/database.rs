//! The database of a test's programs: SQLite, or PostgreSQL with `PIMS_TEST_DATABASE=postgres`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use authority::Postgres;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::cluster::Cluster;
use crate::schema::{self, Schema};
use crate::state::STATE;

/// The database of the programs of a test.
#[derive(Clone)]
pub(crate) enum Database {
    /// A file in the folder of the configuration.
    Sqlite(PathBuf),
    /// A schema of the test's own on the server that all tests share.
    PostgreSql(Arc<Schema>),
}

/// Returns whether the tests run on PostgreSQL.
pub(crate) fn is_postgresql() -> bool {
    match std::env::var("PIMS_TEST_DATABASE").as_deref() {
        Err(std::env::VarError::NotPresent) | Ok("sqlite") => false,
        Ok("postgres") => true,
        other => panic!("PIMS_TEST_DATABASE is {other:?}; it must be `sqlite` or `postgres`"),
    }
}

/// Returns whether a test must not run on PostgreSQL. If so, the output says why.
#[must_use]
pub(crate) fn is_for_sqlite_alone(why: &str) -> bool {
    if is_postgresql() {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        // Not by a macro: the harness would keep its output back.
        let _ = writeln!(std::io::stderr(), "\nSKIPPED on PostgreSQL: {test}: {why}\n");
    }
    is_postgresql()
}

impl Database {
    /// Makes the database of a new test.
    pub(crate) fn new(folder: &Path) -> Self {
        if is_postgresql() {
            Self::PostgreSql(Arc::new(Schema::new(Cluster::shared())))
        } else {
            Self::Sqlite(folder.join("authority.db"))
        }
    }

    /// Returns the value of `database.url`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(_) => "sqlite:authority.db".to_owned(),
            Self::PostgreSql(schema) => schema.url.clone(),
        }
    }

    /// Returns the same database for a program that uses the library.
    pub(crate) fn of_library(&self) -> authority::Database {
        match self {
            Self::Sqlite(file) => authority::Database::from(file.clone()),
            Self::PostgreSql(schema) => authority::Database::Postgres(Postgres::new(&schema.url)),
        }
    }

    /// Runs a statement. Returns how many rows it changed.
    pub(crate) fn execute(&self, sql: &str) -> u64 {
        match self {
            Self::Sqlite(file) => connection(file).execute(sql, []).unwrap() as u64,
            Self::PostgreSql(schema) => schema.client().execute(sql, &[]).unwrap(),
        }
    }

    /// Makes every step of the programs wait.
    pub(crate) fn lock(&self) -> Lock {
        match self {
            Self::Sqlite(file) => {
                let connection = connection(file);
                connection.execute_batch("BEGIN IMMEDIATE").unwrap();
                Lock::Sqlite { _connection: connection }
            }
            Self::PostgreSql(schema) => Lock::PostgreSql { _lock: Box::new(schema.lock(&STATE)) },
        }
    }

    /// Returns every row of the state, as text.
    pub(crate) fn rows(&self) -> Vec<String> {
        match self {
            Self::Sqlite(file) => sqlite_rows(&connection(file)),
            Self::PostgreSql(schema) => schema.rows(&STATE),
        }
    }
}

/// A transaction that makes the other ones wait. It is undone when this is dropped.
pub(crate) enum Lock {
    Sqlite { _connection: Connection },
    PostgreSql { _lock: Box<schema::Lock> },
}

fn connection(file: &Path) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(30)).unwrap();
    connection
}

fn sqlite_rows(connection: &Connection) -> Vec<String> {
    let mut all = Vec::new();
    for table in STATE {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|column| text(row.get_ref(column).unwrap())).collect();
            all.push(format!("{table}: {}", values.join(", ")));
        }
    }
    all
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => inwebo::values::hex::encode(bytes),
    }
}
