//! The database of a test: a schema of its own on the shared server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use authority::{Database, Policy, Postgres};
use postgres::types::Type;
use postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::world::{HandClock, Inbox};

pub(crate) struct TestDatabase {
    pub(crate) name: String,
    /// The connection, kept open for many questions.
    client: Mutex<Option<Client>>,
}

impl TestDatabase {
    /// Creates a schema without tables.
    pub(crate) fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let database = Self { name, client: Mutex::default() };
        database.execute(&format!("CREATE SCHEMA {}", database.name));
        database
    }

    /// Creates a schema whose RSA keys are made already, since that takes a while.
    pub(crate) fn prepared() -> Self {
        static TEMPLATE: OnceLock<TestDatabase> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let template = Self::empty();
            crate::world::make_keys(&template);
            template
        });
        let database = Self::empty();
        drop(crate::world::open(&database, Policy::default(), &HandClock::default(), &Inbox::default()));
        database.execute(&format!("INSERT INTO service_keys SELECT * FROM {}.service_keys", template.name));
        database
    }

    /// Returns a schema that commit fb07e63 wrote, with the state of its devices and apps.
    pub(crate) fn of_fb07e63() -> (Self, serde_json::Value) {
        let database = Self::empty();
        database.execute(include_str!("../data/fb07e63/postgres.sql"));
        (database, serde_json::from_str(include_str!("../data/fb07e63/postgres.json")).unwrap())
    }

    pub(crate) fn url(&self) -> String {
        Cluster::shared().address("postgres")
            + &format!(" application_name={0} options='-c search_path={0}'", self.name)
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.url(), NoTls).unwrap()
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Client) -> Result<T, postgres::Error>) -> T {
        let mut client = self.client.lock().unwrap();
        question(client.get_or_insert_with(|| self.client())).unwrap()
    }

    /// The processes of the server for connections to this database, apart from this one.
    pub(crate) const BACKENDS: &str =
        "FROM pg_stat_activity WHERE application_name = current_schema() AND pid <> pg_backend_pid()";

    pub(crate) fn address(&self) -> Database {
        Database::Postgres(Postgres::new(self.url()))
    }

    pub(crate) fn execute(&self, sql: &str) {
        self.ask(|client| client.batch_execute(sql));
    }

    /// Returns the first column of every row that is found, as text.
    pub(crate) fn column(&self, sql: &str) -> Vec<String> {
        self.ask(|client| client.query(sql, &[])).iter().map(|row| row.get(0)).collect()
    }

    /// Returns the names of a table's columns.
    pub(crate) fn columns(&self, table: &str) -> Vec<String> {
        self.column(&format!(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = '{table}'"
        ))
    }

    /// Returns every row of this table, as text.
    pub(crate) fn rows(&self, table: &str) -> Vec<String> {
        let found = self.ask(|client| client.query(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[]));
        let text = |row: &postgres::Row| {
            let values: Vec<String> = (0..row.len()).map(|column| value(row, column)).collect();
            format!("{table}: {}", values.join(", "))
        };
        found.iter().map(text).collect()
    }

    /// Returns everything that a thief of the database has: the rows of every table, and the files
    /// that contain them.
    pub(crate) fn loot(&self) -> Vec<Vec<u8>> {
        self.execute("CHECKPOINT");
        let folder = &self.column("SELECT oid::text FROM pg_database WHERE datname = current_database()")[0];
        let files = std::fs::read_dir(format!("{}/base/{folder}", Cluster::shared().data())).unwrap();
        let mut loot: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        let tables =
            self.column("SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()");
        assert!(tables.len() > 10);
        loot.extend(tables.iter().flat_map(|table| self.rows(table)).map(String::into_bytes));
        loot
    }
}

fn value(row: &postgres::Row, column: usize) -> String {
    let kind = row.columns()[column].type_();
    let text = match *kind {
        Type::INT8 => row.get::<_, Option<i64>>(column).map(|number| number.to_string()),
        Type::BYTEA => row.get::<_, Option<Vec<u8>>>(column).map(|bytes| inwebo::values::hex::encode(&bytes)),
        _ => row.get::<_, Option<String>>(column).map(|text| format!("{text:?}")),
    };
    text.unwrap_or_else(|| "Null".to_owned())
}
