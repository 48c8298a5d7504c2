//! The database of a test: a schema of its own, and a role whose searches begin there. A pooler
//! passes a role on in any mode, and other settings of a connection only in some.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use authority::{AccountName, Authority, Database, OpenError, Options, Policy, Postgres};
use postgres::types::Type;
use postgres::{Client, NoTls};

use crate::cluster::Cluster;
use crate::cluster::pooler::{Mode, Pooler};
use crate::faulty::Stage;
use crate::proxy::{Message, Replacement, is_begin};
use crate::world::{Inbox, ManualClock, World, options};

pub(crate) struct TestDatabase {
    /// The name of the schema and of the role.
    pub(crate) name: String,
    /// The server, if it is not the one that the tests share.
    own: Option<Arc<Cluster>>,
    /// The connection, kept open for many questions.
    client: Mutex<Option<Client>>,
}

impl TestDatabase {
    /// Creates a schema without tables.
    pub(crate) fn empty() -> Self {
        Self::empty_on(None)
    }

    /// Returns the database of this name on a server, which has it already.
    pub(crate) fn at(name: String, cluster: Arc<Cluster>) -> Self {
        Self { name, own: Some(cluster), client: Mutex::default() }
    }

    fn empty_on(own: Option<Arc<Cluster>>) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let database = Self { name, own, client: Mutex::default() };
        let sql = "CREATE SCHEMA NAME; CREATE ROLE NAME LOGIN SUPERUSER; ALTER ROLE NAME SET search_path = NAME";
        let mut founder = Client::connect(&database.cluster().direct_address_of("pims", "postgres"), NoTls).unwrap();
        founder.batch_execute(&sql.replace("NAME", &database.name)).unwrap();
        database
    }

    /// Creates a schema whose RSA keys are made already, since that takes a while.
    pub(crate) fn prepared() -> Self {
        Self::prepared_on(None)
    }

    /// Creates such a schema on the server that tests share, or on another one.
    pub(crate) fn prepared_on(own: Option<Arc<Cluster>>) -> Self {
        static TEMPLATE: OnceLock<TestDatabase> = OnceLock::new();
        let template = TEMPLATE.get_or_init(|| {
            let template = Self::empty();
            crate::world::make_keys(&template);
            template
        });
        let database = Self::empty_on(own);
        drop(crate::world::open(&database, Policy::default(), &ManualClock::default(), &Inbox::default()));
        let keys = template.ask(|client| {
            let mut keys = Vec::new();
            client.copy_out("COPY service_keys TO STDOUT")?.read_to_end(&mut keys).expect("the keys");
            Ok(keys)
        });
        database.ask(|client| {
            let mut into = client.copy_in("COPY service_keys FROM STDIN")?;
            into.write_all(&keys).expect("the keys");
            into.finish()
        });
        database
    }

    /// Returns a schema that commit fb07e63 wrote, with the state of its devices and apps.
    pub(crate) fn of_fb07e63() -> (Self, serde_json::Value) {
        let database = Self::empty();
        database.execute(include_str!("../data/fb07e63/postgres.sql"));
        (database, serde_json::from_str(include_str!("../data/fb07e63/postgres.json")).unwrap())
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        self.own.as_deref().unwrap_or_else(|| Cluster::shared())
    }

    /// Returns the address for a service: of the pooler, if there is one.
    pub(crate) fn url(&self) -> String {
        self.cluster().address_of(&self.name, "postgres")
    }

    /// Returns a connection to the server itself.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.cluster().direct_address_of(&self.name, "postgres"), NoTls).unwrap()
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Client) -> Result<T, postgres::Error>) -> T {
        let mut client = self.client.lock().unwrap();
        question(client.get_or_insert_with(|| self.client())).unwrap()
    }

    /// The processes of the server for connections to this database, apart from this one.
    pub(crate) const BACKENDS: &str = "FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()";

    /// Returns the number of connections of services.
    pub(crate) fn connections(&self) -> usize {
        match self.cluster().pooler() {
            None => self.column(&format!("SELECT pid::text {}", Self::BACKENDS)).len(),
            Some(pooler) => pooler.clients_of(&self.name),
        }
    }

    /// Ends the server's connections to services and poolers. Returns how many there were.
    pub(crate) fn end_connections(&self) -> usize {
        self.column(&format!("SELECT pg_terminate_backend(pid)::text {}", Self::BACKENDS)).len()
    }

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
            "INSERT INTO accounts (name, created_at, pin_tries, blocked, phone_number)
                 SELECT 'grown' || n, n, 0, 0, '+336' || n {number};
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
             INSERT INTO account_events SELECT 'grown' || n % 400, n, 'block', n {number};
             INSERT INTO operator_proposals SELECT n::text, 'grown' || n % 400, 'unblock', NULL, 'why', 'host', n {number};
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
        let files = std::fs::read_dir(format!("{}/base/{folder}", self.cluster().data())).unwrap();
        // Another test's table may be removed meanwhile, with its file.
        let mut stolen_data: Vec<Vec<u8>> =
            files.flatten().filter_map(|file| std::fs::read(file.path()).ok()).collect();
        assert!(stolen_data.len() > 100);
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

fn opened(url: String) -> Result<Authority, OpenError> {
    open_with(Postgres::new(url))
}

fn open_with(database: Postgres) -> Result<Authority, OpenError> {
    let nowhere = TestDatabase { name: String::new(), own: None, client: Mutex::default() };
    let options = options(&nowhere, Policy::default(), &ManualClock::default(), &Inbox::default());
    Authority::open(Options { database: Database::Postgres(database), ..options })
}

#[test]
fn the_server_and_the_way_to_it_are_described() {
    let world = World::new();
    let described = world.authority.describe_database().unwrap().unwrap();
    assert!(described.starts_with("PostgreSQL 1"), "{described}");
    let way = world.database.cluster().pooler().map_or("directly", |pooler| pooler.mode().description());
    assert!(described.ends_with(&format!(", a primary, {way}, without TLS")), "{described}");
}

/// Adds ten accounts on one connection, directly or through a pooler. Returns the server's log.
fn log_of_accounts(named_statements: bool, mode: Option<Mode>) -> String {
    let cluster = Cluster::start_without_pooler();
    cluster.log_statements();
    let pooler = mode.map(|mode| Pooler::start(&cluster, mode));
    let host = pooler.as_ref().map_or_else(|| cluster.host(), Pooler::host);
    let url = format!("host={host} user=pims dbname=postgres");
    let authority = open_with(Postgres { named_statements, connections: 1, ..Postgres::new(url) }).unwrap();
    for number in 0..10 {
        authority.add_account(&AccountName::new(&format!("user{number}")).unwrap()).unwrap();
    }
    cluster.log()
}

#[test]
fn a_direct_connection_gives_each_statement_one_name() {
    let log = log_of_accounts(true, None);
    let names = log.lines().filter(|line| line.contains(": INSERT INTO accounts"));
    let names: Vec<&str> = names.filter_map(|line| Some(line.split_once("execute ")?.1.split_once(':')?.0)).collect();
    assert!(names.len() == 10 && names.iter().all(|name| *name == names[0] && *name != "<unnamed>"), "{names:?}");
}

fn assert_no_names(log: &str) {
    let executed: Vec<&str> = log.lines().filter(|line| line.contains("execute ")).collect();
    assert!(executed.len() > 10, "{log}");
    assert!(executed.iter().all(|line| line.contains("execute <unnamed>")), "{executed:#?}");
}

#[test]
fn behind_a_pooler_no_statement_has_a_name() {
    if Pooler::is_installed() {
        for mode in [Mode::Session, Mode::Transaction] {
            assert_no_names(&log_of_accounts(true, Some(mode)));
        }
    }
}

#[test]
fn no_statement_has_a_name_if_it_must_have_none_and_no_setting_outlives_its_transaction() {
    let log = log_of_accounts(false, None);
    assert_no_names(&log);
    for setting in ["statement_timeout = ", "idle_in_transaction_session_timeout = ", "enable_seqscan = ", "jit = "] {
        let set = log.match_indices(setting).count();
        assert!(set > 0 && set == log.match_indices(&format!("SET LOCAL {setting}")).count(), "{setting}");
    }
}

#[test]
fn a_host_that_does_not_answer_ends_with_an_error_and_keeps_no_other_host_waiting() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let alone = format!("host=127.0.0.1 port={port} user=pims dbname=postgres connect_timeout=1");
    let error = opened(alone).err().unwrap().to_string();
    assert!(error.ends_with("the database did not answer within 1 seconds"), "{error}");
    let database = TestDatabase::empty();
    let second = format!("{} connect_timeout=3600", database.url());
    let second = second.replace("host=", "host=127.0.0.1,") + &format!(" port={port},5432");
    opened(second).unwrap().ping().unwrap();
}

#[test]
fn each_of_several_hosts_tells_why_there_is_no_connection() {
    let url = "host=/nonexistent,127.0.0.1 port=5432,1 user=pims connect_timeout=20";
    let error = opened(url.to_owned()).err().unwrap().to_string();
    assert!(error.contains("/nonexistent:5432: error connecting to server: No such file"), "{error}");
    assert!(error.contains("; 127.0.0.1:1: error connecting to server: Connection refused"), "{error}");
}

#[test]
fn a_user_that_is_refused_under_a_running_service_is_told_with_the_cause() {
    let world = World::new();
    let account = world.account("user");
    let name = world.database.name.clone();
    world.database.execute(&format!(
        "CREATE ROLE late_{name} LOGIN; ALTER ROLE late_{name} SET search_path = {name}; GRANT USAGE ON SCHEMA {name} TO late_{name};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO late_{name}"
    ));
    // A pooler has words of its own for this.
    let url = world.database.cluster().direct_address_of(&format!("late_{name}"), "postgres");
    let authority = opened(url).unwrap();
    authority.ping().unwrap();
    world.database.execute(&format!("ALTER ROLE late_{name} NOLOGIN"));
    world
        .database
        .column(&format!("SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE usename = 'late_{name}'"));
    let failure = authority.account(&account).unwrap_err().to_string();
    let cause = format!("no connection to the database: role \"late_{name}\" is not permitted to log in (28000)");
    assert!(failure.ends_with(&cause), "{failure}");
    world.database.execute(&format!("ALTER ROLE late_{name} LOGIN"));
    assert!(authority.account(&account).unwrap().is_some());
}

#[test]
fn a_database_that_refuses_rows_is_not_ready_until_it_takes_one() {
    let world = World::new();
    let add = |name: &str| world.authority.add_account(&AccountName::new(name).unwrap());
    world.authority.ping().unwrap();
    world.authority.try_room().unwrap();
    world.database.execute(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$;
         CREATE TRIGGER full_disk BEFORE INSERT ON accounts EXECUTE FUNCTION full_disk()",
    );
    for failure in [add("one").unwrap_err(), world.authority.ping().unwrap_err()] {
        assert!(failure.to_string().contains("no space left (53100)"), "{failure}");
    }
    world.database.execute("DROP TRIGGER full_disk ON accounts");
    assert!(add("two").unwrap());
    world.authority.ping().unwrap();
}

#[test]
fn instances_that_migrate_at_once_are_one() {
    let database = TestDatabase::empty();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| opened(database.url()).unwrap().ping().unwrap());
        }
    });
    assert_eq!(database.column("SELECT version::text FROM pims_schema").len(), 1);
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

#[test]
fn a_server_that_does_not_know_the_settings_of_the_planner_is_served() {
    let stage = Stage::new(|server| server.connections = 1);
    let begins = |message: &Message| is_begin(message) && message.text.contains("enable_seqscan");
    stage.proxy.history();
    stage.proxy.replace_each(Replacement::error("42704"), begins);
    for _ in 0..2 {
        assert!(stage.exact_password("the planner has no such settings").is_accepted());
    }
    let history = stage.proxy.history();
    assert_eq!(history.iter().filter(|message| begins(message)).count(), 1);
}
