//! Costs of the service: the program over sockets, beside the library alone and the database alone,
//! in the same run. `make bench-server` prints them, docs/scaling.md keeps them.
//!
//! The harness is our own. It measures rates and percentiles at a number of connections, and their
//! ratio to a floor. `PIMS_BENCH_SECONDS` is the time of each figure, `PIMS_BENCH_MEMORY_SECONDS`
//! the time that the memory is watched. With `PIMS_BENCH_BASE`, the path of another program, it
//! measures the two beside each other instead: compare.rs. With the argument `console` it measures
//! `serve --dev` with and without open inboxes of its console: console.rs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

mod compare;
mod console;
mod floor;
#[cfg(feature = "bulk")]
mod growth;
mod library;
mod load;
mod program;
mod report;

#[path = "../../../authority/tests/service_postgres/cluster.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod cluster;
#[path = "../../../authority/tests/service/device.rs"]
#[allow(dead_code, reason = "the tests of the library need more of it")]
mod device;
#[path = "../../tests/server/issuer.rs"]
#[allow(dead_code, reason = "the tests of the service need more of it")]
mod issuer;

use std::time::Duration;

use authority::Postgres;
use cluster::Cluster;
use floor::{Floor, PostgresFloor, SqliteFloor};
use library::Library;
use load::Measured;
use program::Program;

pub(crate) const CONNECTIONS: [usize; 3] = [1, 8, 64];

/// The connections of the service to PostgreSQL: its default.
const POOL: usize = 8;

/// Returns the seconds in an environment variable.
fn seconds(variable: &str, default: u64) -> Duration {
    Duration::from_secs(number(variable, default))
}

/// Returns the number in an environment variable that is neither missing nor empty.
pub(crate) fn number(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok().filter(|text| !text.is_empty());
    given.map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text}: not a number")))
}

fn main() {
    // `cargo test --benches` runs this with `--test`: then there is nothing to measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    if std::env::args().any(|argument| argument == "console") {
        return console::run();
    }
    Cluster::shared().make_durable();
    if let Some(base) = std::env::var_os("PIMS_BENCH_BASE").filter(|base| !base.is_empty()) {
        return compare::run(base.into());
    }
    #[cfg(feature = "bulk")]
    if std::env::args().any(|argument| argument == "growth") {
        return growth::run();
    }
    let time = seconds("PIMS_BENCH_SECONDS", 10);
    println!("One-time passwords: setup, finalize and the relying party's check, a second; milliseconds of one");
    println!("{}", Measured::HEAD);
    library::passwords(time);
    passwords("SQLite", time, &Database::Sqlite);
    passwords("PostgreSQL", time, &Database::Postgres);
    println!();
    println!("Activations: the code, setup, finalize and the service secret, a second; milliseconds of one");
    println!("{}", Measured::HEAD);
    println!(
        "{}",
        library::activations(&Library::in_memory(), 1, time).line("the library alone, in memory, one thread")
    );
    for (name, database) in [("SQLite", Database::Sqlite), ("PostgreSQL", Database::Postgres)] {
        let program = Program::start(&database);
        for connections in CONNECTIONS {
            let alone = library::activations(&database.library(), connections, time);
            println!("{}", alone.line(&format!("{name} and RSA, no socket, {connections} threads")));
            let measured = load::activations(&program, connections, time);
            let share = 100.0 * measured.rate() / alone.rate();
            println!("{} {share:5.0} %", measured.line(&format!("{name}, {connections} connections")));
        }
        if let Database::Postgres = database {
            println!();
            println!("The tables after these activations, indexes included");
            println!("{}", program.tables().join("\n"));
        }
    }
    println!();
    memory(seconds("PIMS_BENCH_MEMORY_SECONDS", 300));
}

/// Returns whether a part of a run is wanted: `PIMS_BENCH_ONLY` names the only ones, if it is set.
pub(crate) fn is_wanted(part: &str, known: &[&str]) -> bool {
    let only = std::env::var("PIMS_BENCH_ONLY").unwrap_or_default();
    let mut parts = only.split([',', ' ']).filter(|part| !part.is_empty()).peekable();
    let is_all = parts.peek().is_none();
    let parts: Vec<&str> = parts.collect();
    assert!(parts.iter().all(|part| known.contains(part)), "ONLY={only}: not some of {known:?}");
    is_all || parts.contains(&part)
}

/// The database of the service.
#[derive(Clone, Copy)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// Creates a new database on the shared server, and returns its name.
    pub(crate) fn new_database() -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("bench{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let mut client = postgres::Client::connect(&Cluster::shared().address("postgres"), postgres::NoTls).unwrap();
        client.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        name
    }

    /// Returns a database on the shared server.
    pub(crate) fn named(name: &str) -> authority::Database {
        authority::Database::Postgres(Postgres::new(Cluster::shared().address(name)))
    }

    /// Returns the address of a new database.
    pub(crate) fn address() -> String {
        Cluster::shared().address(&Self::new_database())
    }

    /// Creates the library over such a database, on the same disk as the program's.
    fn library(&self) -> Library {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let database = match self {
            Self::Sqlite => None,
            Self::Postgres => Some(Self::named(&Self::new_database())),
        };
        Library::new(folder, database)
    }
}

fn passwords(name: &str, time: Duration, database: &Database) {
    let program = Program::start(database);
    for connections in CONNECTIONS {
        let alone = match database {
            Database::Sqlite => SqliteFloor::new().measure(connections.min(1), time),
            Database::Postgres => PostgresFloor::new().measure(connections.min(POOL), time),
        };
        println!("{}", alone.line(&format!("{name} alone, the same statements, for {connections}")));
        let measured = load::passwords(&program, connections, time);
        let share = 100.0 * measured.rate() / alone.rate();
        println!("{} {share:5.0} %", measured.line(&format!("{name}, {connections} connections")));
    }
    if let Database::Postgres = database {
        println!("The tables after these passwords, indexes included");
        println!("{}", program.tables().join("\n"));
    }
}

/// Measures the growth of the program's memory under load.
fn memory(time: Duration) {
    const SAMPLES: u32 = 5;
    println!("Resident memory of the program on SQLite under 8 connections of one-time passwords, KiB");
    let program = Program::start(&Database::Sqlite);
    println!("{:>6} s {:>10}", 0, program.resident());
    for sample in 1..=SAMPLES {
        let measured = load::passwords(&program, 8, time / SAMPLES);
        let after = (time / SAMPLES * sample).as_secs();
        println!("{after:>6} s {:>10} after {} more passwords", program.resident(), measured.count());
    }
}
