//! The cost of the development console: one-time passwords of `serve --dev` on SQLite, with open
//! inboxes beside none, and beside a base without a console if `PIMS_BENCH_BASE` names one.
//!
//! An inbox is a stream of server-sent events, as a visible page of SMS keeps it. Both sides run in
//! turns (compare.rs says how).

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use crate::load::{self, Enrolled};
use crate::number;
use crate::program::Program;
use crate::report::{Goal, Table, in_turns};

const CONNECTIONS: usize = 8;

/// The open inboxes of one side. The console permits 64.
const INBOXES: usize = 50;

/// The share of the rate without inboxes, or of the base, that is left.
const GOAL: Goal = Goal::AtLeast(0.98);

pub(crate) fn run() {
    let path = |variable| std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let this = path("PIMS_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_pims-authority").into());
    let time = Duration::from_secs(number("PIMS_BENCH_SECONDS", 5));
    let rounds = number("PIMS_BENCH_ROUNDS", 5).max(1);
    println!("This: {}", this.display());
    println!("{rounds} rounds in turns, {} s each; serve --dev on SQLite", time.as_secs());
    compare(
        ["0 inboxes", "50 inboxes"],
        [&this, &this].map(|program| Program::start_development(program)),
        time,
        rounds,
        INBOXES,
    );
    if let Some(base) = path("PIMS_BENCH_BASE") {
        println!("Base: {}", base.display());
        let programs = [&base, &this].map(|program| Program::start_development(program));
        compare(["base", "50 inboxes"], programs, time, rounds, INBOXES);
    }
}

/// Measures two programs in turns. The second one has so many open inboxes.
fn compare(names: [&str; 2], programs: [Program; 2], time: Duration, rounds: u64, inboxes: usize) {
    let devices: [Vec<Enrolled>; 2] = programs.each_ref().map(load::enrolled);
    let streams = if inboxes > 0 { open_inboxes(&programs[1], inboxes) } else { Vec::new() };
    let measured = in_turns(rounds, |side| load::passwords_of(&programs[side], &devices[side], CONNECTIONS, time));
    let mut table = Table::new(names);
    table.measured(format!("SQLite, {CONNECTIONS}: passwords a second"), &measured, GOAL, Goal::None);
    table.end();
    for stream in &streams {
        stream.set_nonblocking(true).unwrap();
        let waiting = stream.peek(&mut [0]);
        assert!(!matches!(waiting, Ok(0)), "the service closed a stream");
    }
}

/// Opens the inbox this many times, in one session.
fn open_inboxes(program: &Program, count: usize) -> Vec<TcpStream> {
    let address = program.console.as_deref().expect("the program has a console");
    let (host, key) = address.trim_start_matches("http://").split_once('/').expect("a path");
    let (_, head) = ask(host, &format!("/{key}"), "");
    let cookie = head.iter().find_map(|line| line.strip_prefix("set-cookie: ")).expect("a session");
    let cookie = format!("cookie: {}\r\n", cookie.split(';').next().unwrap_or_default());
    let open = |_| {
        let (stream, head) = ask(host, "/events", &cookie);
        assert!(head[0].contains(" 200 "), "{}", head[0]);
        stream
    };
    (0..count).map(open).collect()
}

/// Sends a request, and returns the connection with the head of its response.
fn ask(host: &str, target: &str, header: &str) -> (TcpStream, Vec<String>) {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n{header}\r\n").as_bytes()).unwrap();
    let lines = BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
    (stream, lines)
}
