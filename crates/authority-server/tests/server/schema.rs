//! A database for programs on PostgreSQL: a schema of its own on a server, and a role whose
//! searches begin there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use postgres::{Client, NoTls};

use crate::cluster::Cluster;

/// A transaction that has locked tables. They are free again when it is dropped.
pub(crate) struct Lock {
    _client: Client,
    process: i32,
    watcher: Client,
}

impl Lock {
    /// Returns the processes of the server that wait for the lock.
    pub(crate) fn waiting(&mut self) -> Vec<i32> {
        let sql = "SELECT pid FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))";
        self.watcher.query(sql, &[&self.process]).unwrap().iter().map(|row| row.get(0)).collect()
    }

    /// Waits until a step waits for the lock.
    pub(crate) fn is_waited_for(&mut self) {
        let start = Instant::now();
        while self.waiting().is_empty() {
            assert!(start.elapsed() < Duration::from_secs(60), "no step waits for the lock");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the connections of the steps that wait for the lock.
    pub(crate) fn end_waiting(&mut self) {
        for process in self.waiting() {
            self.watcher.query_one("SELECT pg_terminate_backend($1)", &[&process]).unwrap();
        }
    }
}

pub(crate) struct Schema {
    /// The role that the schema belongs to.
    pub(crate) role: String,
    /// The address of the server itself.
    server: String,
    /// The connection URL for programs.
    pub(crate) url: String,
}

impl Schema {
    /// Creates a schema without tables.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("program{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let url = format!("postgres://{name}@{}/postgres", cluster.host().replace('/', "%2F"));
        let founder = cluster.direct_address_of("pims", "postgres");
        let sql = "CREATE SCHEMA NAME; CREATE ROLE NAME LOGIN SUPERUSER; ALTER ROLE NAME SET search_path = NAME";
        Client::connect(&founder, NoTls).unwrap().batch_execute(&sql.replace("NAME", &name)).unwrap();
        Self { server: cluster.direct_address_of(&name, "postgres"), role: name, url }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.server, NoTls).unwrap()
    }

    /// Locks tables, so that every step which uses one of them waits.
    pub(crate) fn lock(&self, tables: &[&str]) -> Lock {
        let mut client = self.client();
        let process = client.query_one("SELECT pg_backend_pid()", &[]).unwrap().get(0);
        client.batch_execute(&format!("BEGIN; LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "))).unwrap();
        Lock { _client: client, process, watcher: self.client() }
    }

    /// Returns every row of these tables, as text.
    pub(crate) fn rows(&self, tables: &[&str]) -> Vec<String> {
        let mut client = self.client();
        let mut of = |table: &&str| {
            let found = client.query(&format!("SELECT CAST(t AS TEXT) FROM {table} t"), &[]).unwrap();
            found.iter().map(|row| format!("{table}: {}", row.get::<_, String>(0))).collect::<Vec<String>>()
        };
        tables.iter().flat_map(&mut of).collect()
    }
}
