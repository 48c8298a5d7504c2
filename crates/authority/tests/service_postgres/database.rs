//! The database of a test: a schema of its own on the shared server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use authority::{Database, Policy, Postgres};
use postgres::types::Type;
use postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::world::{Inbox, ManualClock};

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
        drop(crate::world::open(&database, Policy::default(), &ManualClock::default(), &Inbox::default()));
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

    /// Returns the columns that refer to rows of other tables, with their tables.
    pub(crate) fn references(&self) -> Vec<(String, String)> {
        let rows = self.column(
            "SELECT conrelid::regclass::text || ' ' || attname FROM pg_constraint
             JOIN pg_attribute ON attrelid = conrelid AND attnum = ANY (conkey)
             WHERE contype = 'f' AND connamespace = current_schema()::regnamespace",
        );
        rows.iter()
            .map(|row| row.split_once(' ').unwrap())
            .map(|(table, column)| (table.into(), column.into()))
            .collect()
    }

    /// Adds some thousand rows to each table that grows, and has the server gather its statistics.
    pub(crate) fn grow(&self) {
        let number = "FROM generate_series(1, 4000) AS n";
        self.execute(&format!(
            "INSERT INTO accounts (name, created_at, pin_tries, blocked) SELECT 'grown' || n, n, 0, 0 {number};
             INSERT INTO devices (id, account, created_at, serial, removed_at, tsync, since_evolution, day,
                                  passwords_of_day)
                 SELECT 'grown' || n, 'grown' || n, n, n::text, CASE WHEN n % 10 = 0 THEN n END, 0, 0, 0, 0 {number};
             INSERT INTO device_traits SELECT 'grown' || n, 1, 0, 0, 0 {number};
             INSERT INTO codes (account, purpose, phone_number, hash, key_id, expires_at, tries, withdrawn, used)
                 SELECT 'grown' || n, 'enrollment', '', sha256(n::text::bytea), 1, n, 0, 0, 0 {number};
             INSERT INTO code_requests SELECT 'grown' || n, n, n::text {number};
             INSERT INTO passwords (account, hash, key_id, device, expires_at, used)
                 SELECT 'grown' || n % 400, sha256(n::text::bytea), 1, 'grown' || n % 400, n, 0 {number};
             INSERT INTO refresh_tokens (hash, key_id, account, family, expires_at, used)
                 SELECT sha256(n::text::bytea), 1, 'grown' || n, n::text, n, 0 {number};
             INSERT INTO sms_queue SELECT n::text, 'grown' || n, 'enrollment', '', '', 0, n, n {number};
             INSERT INTO notices SELECT 'grown' || n, 'block', n, n::text {number};
             INSERT INTO audit (id, at, account, event) SELECT n, n, 'grown' || n, 'pin.refused' {number}"
        ));
        self.execute("VACUUM ANALYZE");
    }

    /// Returns the tables that the plan of a statement reads from one end. It is the plan for any
    /// parameters, under the setting of the service.
    pub(crate) fn scans(&self, sql: &str) -> Vec<String> {
        self.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan");
        let count = (1..).take_while(|number| sql.contains(&format!("${number}"))).count();
        let nulls = if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
        self.execute(&format!("PREPARE explained AS {sql}"));
        let plan = self.ask(|client| client.simple_query(&format!("EXPLAIN (FORMAT JSON) EXECUTE explained{nulls}")));
        let rows = plan.iter().filter_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        let plan: String = rows.collect();
        self.execute("DEALLOCATE explained");
        let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
        let mut scans = Vec::new();
        find_scans(&plan[0]["Plan"], &mut scans);
        scans
    }

    /// Returns everything that a thief of the database has: the rows of every table, and the files
    /// that contain them.
    pub(crate) fn stolen_data(&self) -> Vec<Vec<u8>> {
        self.execute("CHECKPOINT");
        let folder = &self.column("SELECT oid::text FROM pg_database WHERE datname = current_database()")[0];
        let files = std::fs::read_dir(format!("{}/base/{folder}", Cluster::shared().data())).unwrap();
        let mut stolen_data: Vec<Vec<u8>> = files.map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
        let tables =
            self.column("SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()");
        assert!(tables.len() > 10);
        stolen_data.extend(tables.iter().flat_map(|table| self.rows(table)).map(String::into_bytes));
        stolen_data
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

/// Finds the nodes of a plan that read a table or an index from one end.
fn find_scans(node: &serde_json::Value, scans: &mut Vec<String>) {
    let text = |name: &str| node[name].as_str().unwrap_or_default().to_owned();
    let is_scan = match text("Node Type").as_str() {
        "Seq Scan" => true,
        "Index Scan" | "Index Only Scan" | "Bitmap Index Scan" => node["Index Cond"].is_null(),
        _ => false,
    };
    if is_scan {
        let table = if node["Relation Name"].is_null() { text("Index Name") } else { text("Relation Name") };
        scans.push(table);
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        find_scans(child, scans);
    }
}
