//! Two programs side by side: the one of this tree, and a base that `make bench-server BASE=…`
//! names.
//!
//! Each program has its own process, folder and database. The same clients measure both in turns on
//! the same machine, and the order within a turn alternates. So work of others on the machine meets
//! both alike. The ratio of a row is the median of the ratios of the rounds; the lowest and the
//! highest stand beside it. On PostgreSQL both databases are vacuumed before each round, as
//! autovacuum does in production at some time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::load::{self, Enrolled};
use crate::program::Program;
use crate::report::{Goal, Row, Table, in_turns};
use crate::{CONNECTIONS, Database, is_wanted, number};

/// The time of each program in one turn of the measurement of memory.
const TURN: Duration = Duration::from_secs(5);

/// The rows of one comparison.
struct Comparison {
    programs: [PathBuf; 2],
    time: Duration,
    rounds: u64,
    table: Table,
}

/// Compares the program of this tree, or the one that `PIMS_BENCH_PROGRAM` names, with a base.
pub(crate) fn run(base: PathBuf) {
    let named = std::env::var_os("PIMS_BENCH_PROGRAM").filter(|path| !path.is_empty());
    let this = named.map_or_else(|| env!("CARGO_BIN_EXE_pims-authority").into(), PathBuf::from);
    let wanted = |part| is_wanted(part, &["postgres", "sqlite", "activations", "memory"]);
    let time = Duration::from_secs(number("PIMS_BENCH_SECONDS", 5));
    let rounds = number("PIMS_BENCH_ROUNDS", 5).max(1);
    println!("Base: {}", base.display());
    println!("This: {}", this.display());
    println!("{rounds} rounds in turns, {} s each; the figures are medians of the rounds", time.as_secs());
    let table = Table::new(["base", "this"]);
    let mut comparison = Comparison { programs: [base, this], time, rounds, table };
    for (database, name) in [(Database::Postgres, "PostgreSQL"), (Database::Sqlite, "SQLite")] {
        let is_postgres = matches!(database, Database::Postgres);
        if wanted(if is_postgres { "postgres" } else { "sqlite" }) {
            comparison.passwords(&database, name);
        }
        if wanted("activations") {
            comparison.activations(&database, name);
        }
    }
    if wanted("memory") {
        let minutes = number("PIMS_BENCH_MINUTES", 1).max(1);
        for (database, name) in [(Database::Postgres, "PostgreSQL"), (Database::Sqlite, "SQLite")] {
            comparison.memory(&database, name, minutes);
        }
    }
    comparison.table.end();
}

impl Comparison {
    fn started(&self, database: &Database) -> [Program; 2] {
        self.programs.each_ref().map(|program| Program::start_other(Path::new(program), database))
    }

    fn passwords(&mut self, database: &Database, name: &str) {
        let is_postgres = matches!(database, Database::Postgres);
        let programs = self.started(database);
        let devices: [Vec<Enrolled>; 2] = programs.each_ref().map(load::enrolled);
        for connections in CONNECTIONS {
            let mut again = [(0, 0); 2];
            let rounds = in_turns(self.rounds, |side| {
                programs[side].vacuum();
                let before = programs[side].retries();
                let measured = load::passwords_of(&programs[side], &devices[side], connections, self.time);
                again[side].0 += programs[side].retries() - before;
                again[side].1 += measured.count();
                measured
            });
            let rate_goal = Goal::AtLeast(match (is_postgres, connections) {
                (true, _) => 1.5,
                (false, 1) => 1.4,
                (false, _) => 1.1,
            });
            let p99_goal = if is_postgres && connections == 8 { Goal::AtMost(0.25) } else { Goal::None };
            let row = format!("{name}, {connections}: passwords a second");
            self.table.measured(row, &rounds, rate_goal, p99_goal);
            if is_postgres {
                let rounds = vec![again.map(|(retries, count)| retries as f64 / count as f64)];
                let goal = if connections > 1 { Goal::Below(0.02) } else { Goal::None };
                self.table.print(&Row { name: "    retries a password".to_owned(), rounds, goal, decimals: 4 });
            }
        }
    }

    fn activations(&mut self, database: &Database, name: &str) {
        const CONNECTIONS: usize = 8;
        let programs = self.started(database);
        let rounds = in_turns(self.rounds, |side| {
            programs[side].vacuum();
            load::activations(&programs[side], CONNECTIONS, self.time)
        });
        let row = format!("{name}, {CONNECTIONS}: activations a second");
        self.table.measured(row, &rounds, Goal::AtLeast(1.2), Goal::None);
    }

    /// Loads both programs in turns until each had so many minutes, and prints their memory.
    fn memory(&mut self, database: &Database, name: &str, minutes: u64) {
        const CONNECTIONS: usize = 8;
        let programs = self.started(database);
        let devices: [Vec<Enrolled>; 2] = programs.each_ref().map(load::enrolled);
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(2 * 60 * minutes) {
            for (program, devices) in programs.iter().zip(&devices) {
                load::passwords_of(program, devices, CONNECTIONS, TURN);
            }
        }
        let rounds = vec![programs.each_ref().map(|program| program.resident() as f64)];
        let name = format!("{name}: memory after {minutes} min of load each, KiB");
        self.table.print(&Row { name, rounds, goal: Goal::AtMost(1.0), decimals: 0 });
    }
}
