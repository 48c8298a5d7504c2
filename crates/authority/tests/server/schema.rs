//! A database for programs on PostgreSQL: a schema of its own on a server.

use std::sync::atomic::{AtomicU32, Ordering};

use postgres::{Client, NoTls};

use crate::cluster::Cluster;

pub(crate) struct Schema {
    name: String,
    server: String,
    /// How programs find it.
    pub(crate) url: String,
}

impl Schema {
    /// One without tables.
    pub(crate) fn new(cluster: &Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("program{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let socket = cluster.data().trim_end_matches("/data").replace('/', "%2F");
        let url = format!("postgres://pims@{socket}/postgres?options=-c%20search_path%3D{name}");
        let schema = Self { server: cluster.address("postgres"), name, url };
        schema.client().batch_execute(&format!("CREATE SCHEMA {}", schema.name)).unwrap();
        schema
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&format!("{} options='-c search_path={}'", self.server, self.name), NoTls).unwrap()
    }

    /// Every row of these tables, as text.
    pub(crate) fn rows(&self, tables: &[&str]) -> Vec<String> {
        let mut client = self.client();
        let mut of = |table: &&str| {
            let found = client.query(&format!("SELECT CAST(t AS TEXT) FROM {table} t"), &[]).unwrap();
            found.iter().map(|row| format!("{table}: {}", row.get::<_, String>(0))).collect::<Vec<String>>()
        };
        tables.iter().flat_map(&mut of).collect()
    }
}
