//! Migrations whose transaction collides, ends before each definition, or is cut, and several at
//! once.

use authority::{Authority, Database, OpenError, Options, Policy, Postgres};

use crate::database::TestDatabase;
use crate::faulty::ends;
use crate::proxy::{Fault, Proxy, Replacement, Scope, ends_group, has_definition, is_commit};
use crate::world::{Inbox, ManualClock, options};

/// Returns the definitions of a schema, without its name.
fn definitions(database: &TestDatabase) -> Vec<String> {
    let mut found = database.column(
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default)
         FROM information_schema.columns WHERE table_schema = current_schema()",
    );
    found.extend(database.column("SELECT indexdef FROM pg_indexes WHERE schemaname = current_schema()"));
    found.extend(database.column(
        "SELECT concat_ws(' ', conrelid::regclass::text, conname, pg_get_constraintdef(oid))
         FROM pg_constraint WHERE connamespace = current_schema()::regnamespace",
    ));
    found.sort();
    found.iter().map(|text| text.replace(&database.name, "schema")).collect()
}

/// A database before its migration, with a proxy before it.
struct Old {
    database: TestDatabase,
    proxy: Proxy,
}

impl Old {
    fn new(make: fn() -> TestDatabase) -> Self {
        let database = make();
        let proxy = Proxy::start(database.cluster().socket());
        Self { database, proxy }
    }

    /// Opens the database through the proxy, which migrates it.
    fn open(&self) -> Result<Authority, OpenError> {
        let options = options(&self.database, Policy::default(), &ManualClock::default(), &Inbox::default());
        let server = Postgres::new(self.proxy.address_of(&self.database.name));
        Authority::open(Options { database: Database::Postgres(server), ..options })
    }

    /// Verifies that the database is as one migration without a fault leaves it.
    fn verify(&self, what: &str, expected: &[String]) {
        assert_eq!(definitions(&self.database), expected, "{what}");
        assert_eq!(self.database.column("SELECT name FROM pims_schema"), ["schema"], "{what}");
        self.proxy.resume();
        self.proxy.history();
        let authority = self.open().unwrap();
        let rows = authority.verify_rows(|_| true).unwrap();
        assert_eq!(rows.altered, 0, "{what}: {:?}", rows.tables);
        let defines = self.proxy.history().iter().any(|message| has_definition(&message.text));
        assert!(!defines, "{what}: it was not done");
    }
}

fn empty() -> TestDatabase {
    TestDatabase::empty()
}

fn of_an_earlier_release() -> TestDatabase {
    TestDatabase::of_fb07e63().0
}

/// Returns the definitions after a migration without a fault, and the number of groups of messages
/// up to its commit.
fn expected(make: fn() -> TestDatabase) -> (Vec<String>, usize) {
    let old = Old::new(make);
    drop(old.open().unwrap());
    let history = old.proxy.history();
    let last = history.iter().rposition(|message| has_definition(&message.text)).unwrap();
    let committed = last + history[last..].iter().position(is_commit).unwrap();
    let groups = history[..=committed].iter().filter(|message| ends_group(message)).count();
    (definitions(&old.database), groups)
}

/// The name of what a migration begins with, and its maker.
type Before = (&'static str, fn() -> TestDatabase);

const BEFORE: [Before; 2] = [("an empty database", empty), ("an earlier release", of_an_earlier_release)];

#[test]
fn an_earlier_release_becomes_what_an_empty_database_becomes() {
    assert_eq!(expected(empty).0, expected(of_an_earlier_release).0);
}

#[test]
fn migrations_at_once_are_one() {
    for (what, make) in BEFORE {
        let (definitions, _) = expected(make);
        for ends_before_definitions in [false, true] {
            let old = Old::new(make);
            if ends_before_definitions {
                old.proxy.autocommit_before_ddl();
            }
            std::thread::scope(|scope| {
                let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| old.open().map(drop))).collect();
                for thread in threads {
                    thread.join().unwrap().unwrap();
                }
            });
            old.verify(&format!("{what}, autocommit {ends_before_definitions}"), &definitions);
        }
    }
}

#[test]
fn a_migration_whose_transaction_ends_before_each_definition_is_done() {
    for (what, make) in BEFORE {
        let (definitions, _) = expected(make);
        let old = Old::new(make);
        old.proxy.autocommit_before_ddl();
        old.open().unwrap_or_else(|error| panic!("{what}: {error}"));
        old.verify(what, &definitions);
    }
}

#[test]
fn a_migration_that_was_cut_between_definitions_is_done_at_the_next_start() {
    for (what, make) in BEFORE {
        let (definitions, _) = expected(make);
        let mut count = 0;
        loop {
            let old = Old::new(make);
            old.proxy.autocommit_before_ddl();
            old.proxy.end_process_after(count);
            // It fails, or begins once more by itself.
            let first = old.open();
            if !old.proxy.ended_process() {
                break;
            }
            drop(first);
            let what = format!("{what}, cut after {count} definitions");
            old.open().unwrap_or_else(|error| panic!("{what}: {error}"));
            old.verify(&what, &definitions);
            // Every third one, to save time.
            count += 3;
        }
        assert!(count > 10, "{what} has fewer than {count} definitions");
    }
}

#[test]
fn a_migration_that_collides_is_tried_again() {
    for (what, make) in BEFORE {
        let (definitions, groups) = expected(make);
        for number in 0..groups {
            let old = Old::new(make);
            old.proxy.replace_at(number, Replacement::error("40001"), ends_group);
            let what = format!("{what}, a collision at statement {number} of {groups}");
            old.open().unwrap_or_else(|error| panic!("{what}: {error}"));
            old.verify(&what, &definitions);
        }
    }
}

#[test]
fn a_migration_on_a_silent_server_ends() {
    let old = Old::new(empty);
    old.proxy.begin_at(3, Fault::Silence(Scope::All), ends_group);
    let old = std::sync::Arc::new(old);
    let opened = old.clone();
    assert!(ends("a migration on a server that went silent", move || opened.open().is_err()));
}
