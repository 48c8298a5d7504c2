//! Growth: databases of different sizes side by side. `make bench-growth` prints it.
//!
//! One real activation gives a device. The service's own row writers make copies of it, each in an
//! account of its own with a phone number, a tombstone and two rows of the audit trail. Then each
//! database gets a program, and the same clients measure the smallest and a larger one in turns.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use authority::AccountCopy;

use crate::device::Device;
use crate::library::{self, Inbox, Library};
use crate::load::{self, Enrolled};
use crate::program::{ACCOUNTS, PIN, Program};
use crate::report::{Goal, Row, Table, in_turns};
use crate::{Database, is_wanted, number};

const CONNECTIONS: usize = 8;

/// The accounts of one transaction.
const BATCH: usize = 1000;

/// The accounts that a comparison removes under load.
const REMOVED: usize = 20;

/// The last accounts, which no client uses: they are there to be removed.
const RESERVED: usize = 5 * REMOVED;

/// The time between two removals.
const PAUSE: Duration = Duration::from_millis(100);

/// The days that housekeeping keeps.
const KEEP_DAYS: u32 = 30;

/// A database with accounts, and its program.
struct Grown {
    size: usize,
    /// The device whose keys all others have.
    device: Device,
    /// The ids of the devices, in the order of the accounts' numbers.
    ids: Vec<String>,
    program: Program,
    /// The number of accounts that were removed.
    removed: AtomicUsize,
}

pub(crate) fn run() {
    let text = std::env::var("PIMS_BENCH_SIZE").unwrap_or_default();
    let text = if text.is_empty() { "1000,100000,1000000" } else { &text };
    let sizes: Vec<usize> = text.split([',', ' ']).map(|size| size.parse().expect("SIZE: numbers")).collect();
    let [smallest, larger @ ..] = &sizes[..] else { unreachable!("a split has a first part") };
    assert!(larger.len() <= RESERVED / REMOVED, "SIZE: too many sizes");
    assert!(*smallest >= ACCOUNTS + RESERVED, "SIZE: at least {}", ACCOUNTS + RESERVED);
    for (database, name) in [(Database::Postgres, "PostgreSQL"), (Database::Sqlite, "SQLite")] {
        if is_wanted(if name == "SQLite" { "sqlite" } else { "postgres" }, &["postgres", "sqlite"]) {
            let small = Grown::new(database, *smallest);
            larger.iter().for_each(|size| compare(name, &small, &Grown::new(database, *size)));
        }
    }
}

fn compare(name: &str, small: &Grown, large: &Grown) {
    let time = Duration::from_secs(number("PIMS_BENCH_SECONDS", 5));
    let rounds = number("PIMS_BENCH_ROUNDS", 4).max(1);
    println!();
    println!("{name}, accounts; {rounds} rounds in turns, {} s each", time.as_secs());
    let mut table = Table::new([&small.size.to_string(), &large.size.to_string()]);
    let sides = [small, large];
    sides.iter().for_each(|side| side.program.vacuum());

    let devices = sides.map(Grown::some);
    let measured = in_turns(rounds, |side| load::passwords_of(&sides[side].program, &devices[side], CONNECTIONS, time));
    table.measured(format!("passwords a second, {ACCOUNTS} devices"), &measured, Goal::AtLeast(0.95), Goal::None);

    let measured = in_turns(rounds, |side| {
        load::passwords_by(&sides[side].program, CONNECTIONS, time, |thread| sides[side].any(thread))
    });
    table.measured("passwords a second, any device".to_owned(), &measured, Goal::AtLeast(0.95), Goal::None);

    let measured = in_turns(rounds, |side| load::activations(&sides[side].program, CONNECTIONS, time));
    table.measured("activations a second".to_owned(), &measured, Goal::AtLeast(0.95), Goal::None);

    let mut print = |name: &str, figures: [f64; 2], goal, decimals| {
        table.print(&Row { name: name.to_owned(), rounds: vec![figures], goal, decimals });
    };
    let removals = [0, 1].map(|side| removals_under_load(sides[side], &devices[side]));
    print(
        "account remove under load, ms, median",
        removals.each_ref().map(|times| times[REMOVED / 2]),
        Goal::Below(20.0),
        1,
    );
    print("    the slowest", removals.each_ref().map(|times| times[REMOVED - 1]), Goal::None, 1);
    print("account list, s", sides.map(|side| side.program.command(&["account", "list"])), Goal::None, 2);
    print("memory of the program, KiB", sides.map(|side| side.program.resident() as f64), Goal::None, 0);
    let housekeeping = sides.map(Grown::housekeeping);
    print("housekeeping, whole, s", housekeeping.map(|(whole, _)| whole), Goal::None, 2);
    print("    a page, ms, the slowest", housekeeping.map(|(_, page)| page), Goal::None, 1);
    print("size on disk, MB", sides.map(|side| side.program.bytes() as f64 / 1e6), Goal::None, 1);
    table.end();
}

impl Grown {
    /// Fills a new database and starts a program on it.
    fn new(database: Database, size: usize) -> Self {
        let started = Instant::now();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let made = matches!(database, Database::Postgres).then(Database::new_database);
        let library = Library::new(folder, made.as_deref().map(Database::named));
        let account = library.account("origin");
        let device = Device::activate(&library, &account, PIN);
        let mut ids = Vec::with_capacity(size);
        while ids.len() < size {
            let batch = ids.len()..size.min(ids.len() + BATCH);
            let copy = |number| {
                let name = load::name(number);
                AccountCopy { phone_number: load::phone_number(&name), name }
            };
            let copies: Vec<AccountCopy> = batch.map(copy).collect();
            ids.extend(library.authority.add_copies(&device.id, &copies).unwrap());
        }
        println!("{size} accounts in {:.0} s", started.elapsed().as_secs_f64());
        let program = Program::start_in(env!("CARGO_BIN_EXE_pims-authority").as_ref(), library.into_folder(), made);
        Self { size, device, ids, program, removed: AtomicUsize::new(0) }
    }

    fn enrolled(&self, number: usize) -> Enrolled {
        Enrolled { account: load::name(number), device: Device { id: self.ids[number].clone(), ..self.device.clone() } }
    }

    /// Returns the number of accounts that clients use.
    fn used(&self) -> usize {
        self.size - RESERVED
    }

    /// Returns a few devices from all parts of the database.
    fn some(&self) -> Vec<Enrolled> {
        (0..ACCOUNTS).map(|part| self.enrolled(part * self.used() / ACCOUNTS)).collect()
    }

    /// Returns devices of all accounts. Two threads never use the same one.
    fn any(&self, thread: usize) -> impl Iterator<Item = Enrolled> {
        // A step that has no divisor in common with the number of accounts reaches all of them. It
        // is large, so that one device is not next to the one before.
        let count = self.used() / CONNECTIONS;
        let step = (count * 5 / 8..).find(|step| greatest_common_divisor(*step, count) == 1).unwrap();
        static START: Mutex<usize> = Mutex::new(0);
        let start = {
            // Each round goes on with other devices.
            let mut start = START.lock().unwrap();
            *start += 1_000_003;
            *start
        };
        (0..).map(move |turn| self.enrolled((start + turn * step) % count * CONNECTIONS + thread))
    }

    /// Prunes the database beside the idle program, as housekeeping does. Returns the seconds of
    /// all, and the milliseconds of the slowest step.
    fn housekeeping(&self) -> (f64, f64) {
        let authority = library::open(self.program.database(), Inbox::default());
        let start = Instant::now();
        let steps = Mutex::new((start, Duration::ZERO));
        let record = || {
            let mut steps = steps.lock().unwrap();
            let now = Instant::now();
            steps.1 = steps.1.max(now - steps.0);
            steps.0 = now;
        };
        let should_continue = || {
            record();
            true
        };
        authority.prune_while(Some(KEEP_DAYS), should_continue).unwrap();
        record();
        (start.elapsed().as_secs_f64(), 1000.0 * steps.lock().unwrap().1.as_secs_f64())
    }
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// Removes accounts while others make passwords. Returns the milliseconds of each removal, sorted.
fn removals_under_load(grown: &Grown, devices: &[Enrolled]) -> Vec<f64> {
    let time = PAUSE * (REMOVED as u32 + 2);
    let mut times = std::thread::scope(|scope| {
        scope.spawn(|| load::passwords_of(&grown.program, devices, CONNECTIONS, time));
        let remove = |number| {
            std::thread::sleep(PAUSE);
            let start = Instant::now();
            grown.program.remove_account(&load::name(number));
            1000.0 * start.elapsed().as_secs_f64()
        };
        // An earlier comparison may have removed the last ones of the smallest database.
        let next = || grown.size - 1 - grown.removed.fetch_add(1, Ordering::SeqCst);
        (0..REMOVED).map(|_| remove(next())).collect::<Vec<f64>>()
    });
    times.sort_unstable_by(f64::total_cmp);
    times
}
