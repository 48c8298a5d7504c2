//! The database of a test: an SQLite file in a folder of its own.

use std::path::PathBuf;
use std::sync::OnceLock;

use authority::Database;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use tempfile::TempDir;

pub(crate) struct TestDatabase {
    pub(crate) folder: TempDir,
}

impl TestDatabase {
    /// Creates a database without tables.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Creates a database whose RSA keys are made already, since that takes a while.
    pub(crate) fn prepared() -> Self {
        static TEMPLATE: OnceLock<TestDatabase> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let template = Self::empty();
            crate::world::make_keys(&template);
            template
        });
        let database = Self::empty();
        std::fs::copy(template.file(), database.file()).unwrap();
        database
    }

    /// Returns a database that commit fb07e63 wrote, with the state of its devices and apps.
    pub(crate) fn of_fb07e63() -> (Self, serde_json::Value) {
        let database = Self::empty();
        std::fs::write(database.file(), include_bytes!("../data/fb07e63/authority.db")).unwrap();
        (database, serde_json::from_str(include_str!("../data/fb07e63/sqlite.json")).unwrap())
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("authority.db")
    }

    pub(crate) fn address(&self) -> Database {
        self.file().into()
    }

    fn connection(&self) -> Connection {
        let connection = Connection::open(self.file()).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        connection
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.connection().execute_batch(sql).unwrap();
    }

    /// Returns the first column of every row that is found, as text.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Returns the names of a table's columns.
    pub(crate) fn columns(&self, table: &str) -> Vec<String> {
        self.column(&format!("SELECT name FROM pragma_table_info('{table}')"))
    }

    /// Returns every row of this table, as text.
    pub(crate) fn rows(&self, table: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let text = |row: &rusqlite::Row<'_>| {
            let values: Vec<String> = (0..columns).map(|column| value(row.get_ref(column).unwrap())).collect();
            Ok(format!("{table}: {}", values.join(", ")))
        };
        statement.query_map([], text).unwrap().map(Result::unwrap).collect()
    }

    /// Returns the columns that refer to rows of other tables, with their tables.
    pub(crate) fn references(&self) -> Vec<(String, String)> {
        let rows = self.column(
            "SELECT found.name || ' ' || key.\"from\" FROM sqlite_master AS found, pragma_foreign_key_list(found.name) AS key
             WHERE found.type = 'table'",
        );
        rows.iter()
            .map(|row| row.split_once(' ').unwrap())
            .map(|(table, column)| (table.into(), column.into()))
            .collect()
    }

    /// Does nothing: without statistics, which the service never gathers, the plans of SQLite do
    /// not depend on the rows.
    pub(crate) fn grow(&self) {}

    /// Returns the tables that the plan of a statement reads from one end.
    pub(crate) fn scans(&self, sql: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut found = statement.raw_query();
        let mut scans = Vec::new();
        while let Some(row) = found.next().unwrap() {
            let detail: String = row.get(3).unwrap();
            let table = detail.strip_prefix("SCAN ").and_then(|rest| rest.split_whitespace().next());
            // A subquery that the statement names is explained by its own lines.
            scans.extend(table.filter(|table| *table != "waiting" && *table != "CONSTANT").map(str::to_owned));
        }
        scans
    }

    /// Returns everything that a thief of the database has.
    pub(crate) fn stolen_data(&self) -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect()
    }
}

fn value(found: ValueRef<'_>) -> String {
    match found {
        ValueRef::Null => "Null".to_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(_) => panic!("no column is of this type"),
        ValueRef::Text(text) => format!("{:?}", std::str::from_utf8(text).unwrap()),
        ValueRef::Blob(bytes) => inwebo::values::hex::encode(bytes),
    }
}
