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

use crate::load::{self, Enrolled, Measured};
use crate::program::Program;
use crate::{CONNECTIONS, Database, number};

/// The time of each program in one turn of the measurement of memory.
const TURN: Duration = Duration::from_secs(5);

const HEAD: &str =
    "                                                     base       this    ratio    of the rounds       goal   met";

/// The goal of a row.
#[derive(Clone, Copy)]
enum Goal {
    /// The ratio is at least this.
    AtLeast(f64),
    /// The ratio is at most this.
    AtMost(f64),
    /// The figure of this program, not the ratio, is below this.
    Below(f64),
    /// A row that says more about the one before it.
    None,
}

impl Goal {
    fn is_met(self, this: f64, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(goal) => Some(ratio >= goal),
            Self::AtMost(goal) => Some(ratio <= goal),
            Self::Below(goal) => Some(this < goal),
            Self::None => None,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = match self {
            Self::AtLeast(goal) => format!(">= {goal}"),
            Self::AtMost(goal) => format!("<= {goal}"),
            Self::Below(goal) => format!("this < {goal}"),
            Self::None => String::new(),
        };
        formatter.pad(&text)
    }
}

/// The figures of one row, the base's and this program's, by rounds.
struct Row {
    name: String,
    rounds: Vec<[f64; 2]>,
    goal: Goal,
    decimals: usize,
}

impl Row {
    /// Prints the row and returns whether it meets its goal.
    fn print(&self) -> Option<bool> {
        let [base, this] = [0, 1].map(|side| median(self.rounds.iter().map(|round| round[side])));
        let ratios = self.rounds.iter().map(|[base, this]| this / base);
        let ratio = median(ratios.clone());
        let (low, high) = ratios.fold((f64::MAX, f64::MIN), |(low, high), ratio| (low.min(ratio), high.max(ratio)));
        let met = self.goal.is_met(this, ratio);
        let met_text = met.map_or("", |met| if met { "yes" } else { "NO" });
        let (name, goal, decimals) = (&self.name, self.goal, self.decimals);
        let range = if ratio.is_finite() { format!("{low:.2} to {high:.2}") } else { String::new() };
        println!(
            "{name:<46} {base:>10.decimals$} {this:>10.decimals$} {ratio:>8.2} {range:>16} {goal:>10} {met_text:>5}"
        );
        met
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(value), 1) => *value,
        (Some(value), _) => f64::midpoint(*value, values[middle - 1]),
        (None, _) => f64::NAN,
    }
}

/// The rows of one comparison.
struct Comparison {
    programs: [PathBuf; 2],
    time: Duration,
    rounds: u64,
    /// Whether each goal was met.
    met: Vec<bool>,
}

/// Compares the program of this tree, or the one that `PIMS_BENCH_PROGRAM` names, with a base.
pub(crate) fn run(base: PathBuf) {
    let named = std::env::var_os("PIMS_BENCH_PROGRAM").filter(|path| !path.is_empty());
    let this = named.map_or_else(|| env!("CARGO_BIN_EXE_pims-authority").into(), PathBuf::from);
    let only = std::env::var("PIMS_BENCH_ONLY").unwrap_or_default();
    let parts: Vec<&str> = only.split([',', ' ']).filter(|part| !part.is_empty()).collect();
    const PARTS: [&str; 4] = ["postgres", "sqlite", "activations", "memory"];
    assert!(parts.iter().all(|part| PARTS.contains(part)), "ONLY={only}: not some of {PARTS:?}");
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let time = Duration::from_secs(number("PIMS_BENCH_SECONDS", 5));
    let rounds = number("PIMS_BENCH_ROUNDS", 5).max(1);
    println!("Base: {}", base.display());
    println!("This: {}", this.display());
    println!("{rounds} rounds in turns, {} s each; the figures are medians of the rounds", time.as_secs());
    println!("{HEAD}");
    let mut comparison = Comparison { programs: [base, this], time, rounds, met: Vec::new() };
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
    let met = comparison.met.iter().filter(|met| **met).count();
    println!("{met} of {} goals met", comparison.met.len());
}

impl Comparison {
    fn started(&self, database: &Database) -> [Program; 2] {
        self.programs.each_ref().map(|program| Program::start_other(Path::new(program), database))
    }

    /// Measures both programs in each round, in alternating order.
    fn measure<T>(&self, mut one: impl FnMut(usize) -> T) -> Vec<[T; 2]> {
        let round = |round: u64| {
            if round.is_multiple_of(2) {
                let base = one(0);
                [base, one(1)]
            } else {
                let this = one(1);
                [one(0), this]
            }
        };
        (0..self.rounds).map(round).collect()
    }

    fn print(&mut self, row: &Row) {
        self.met.extend(row.print());
    }

    /// Prints the rate of a measurement, and its p99 below it.
    fn print_measured(&mut self, name: String, rounds: &[[Measured; 2]], rate_goal: Goal, p99_goal: Goal) {
        let figures = |figure: fn(&Measured) -> f64| rounds.iter().map(|round| round.each_ref().map(figure)).collect();
        self.print(&Row { name, rounds: figures(Measured::rate), goal: rate_goal, decimals: 0 });
        let p99 = |measured: &Measured| measured.percentiles([0.99])[0];
        self.print(&Row { name: "    p99, ms".to_owned(), rounds: figures(p99), goal: p99_goal, decimals: 2 });
    }

    fn passwords(&mut self, database: &Database, name: &str) {
        let is_postgres = matches!(database, Database::Postgres);
        let programs = self.started(database);
        let devices: [Vec<Enrolled>; 2] = programs.each_ref().map(load::enrolled);
        for connections in CONNECTIONS {
            let mut again = [(0, 0); 2];
            let rounds = self.measure(|side| {
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
            self.print_measured(row, &rounds, rate_goal, p99_goal);
            if is_postgres {
                let rounds = vec![again.map(|(retries, count)| retries as f64 / count as f64)];
                let goal = if connections > 1 { Goal::Below(0.02) } else { Goal::None };
                self.print(&Row { name: "    retries a password".to_owned(), rounds, goal, decimals: 4 });
            }
        }
    }

    fn activations(&mut self, database: &Database, name: &str) {
        const CONNECTIONS: usize = 8;
        let programs = self.started(database);
        let rounds = self.measure(|side| {
            programs[side].vacuum();
            load::activations(&programs[side], CONNECTIONS, self.time)
        });
        let row = format!("{name}, {CONNECTIONS}: activations a second");
        self.print_measured(row, &rounds, Goal::AtLeast(1.2), Goal::None);
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
        self.print(&Row { name, rounds, goal: Goal::AtMost(1.0), decimals: 0 });
    }
}
