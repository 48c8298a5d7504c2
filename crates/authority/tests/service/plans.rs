//! The plans of all statements: none reads a whole table that grows.
//!
//! The library records each statement that it runs, and the line of the source that runs it. The
//! test runs everything, compares the lines with the source, and has the database explain each
//! statement. A line that no part of the test runs makes it fail.

use std::collections::BTreeSet;
use std::path::Path;

use authority::{
    AccountName, Action, Actor, Approved, Authority, CvsAnswer, CvsRequest, KeyRing, MasterKey, Notice, Options,
    PinProof, Policy, Proposed, Purpose, Reason, SmsBudget, SmsRetry, SmsRules, Verdict,
};

use crate::database::TestDatabase;
use crate::device::{Answer, Device, setup};
use crate::world::{MASTER, World};

/// A scan of one of these is no fault: their rows do not grow with accounts or passwords.
const SMALL: [&str; 5] = ["meta", "secrets", "service_keys", "audit_seals", "sms_counts"];

/// Runs every statement of the library on one database.
fn run_everything() -> World {
    let (old, state) = TestDatabase::of_fb07e63();
    drop(crate::upgrade::open(&old, &state));

    let sms = SmsRules {
        notices: Notice::ALL.into_iter().collect(),
        budget: SmsBudget {
            per_minute: Some(1000),
            per_day: Some(1000),
            per_prefix_and_hour: Some(1000),
            kept_percent: 0,
        },
        ..SmsRules::default()
    };
    let policy = Policy {
        pin_proof: PinProof::AtActivation,
        evolve_k1_every: 2,
        codes_per_hour: 1000,
        device_notices: true,
        sms: sms.into(),
        ..Policy::default()
    };
    let retry = SmsRetry { attempts: 3, ..SmsRetry::default() };
    let world = World::retrying(policy.clone(), Some(retry));
    world.authority.prune(400).unwrap();
    let account = world.account("user");
    let service = &world.authority;

    // Passwords, with and without an evolution of K1.
    let device = Device::activate(&world, &account, "7391");
    let (device, password) = device.logs_in(service, "7391").unwrap();
    let (device, exchanged) = device.logs_in(service, "7391").unwrap();
    assert_eq!(service.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    let token = service.exchange_otp(&account, &exchanged).unwrap().unwrap();
    let (_, next) = service.rotate_refresh_token(&token).unwrap().unwrap();
    assert!(service.rotate_refresh_token(&token).unwrap().is_none());
    assert!(service.rotate_refresh_token(&next).unwrap().is_none());

    // Refusals, of which the second counts in the row of the first.
    for _ in 0..2 {
        service.verify_otp(&account, "abcdefgh").unwrap();
    }
    for _ in 0..10 {
        device.ask(service, "0000");
    }
    service.unblock(&account).unwrap();
    let device = device.synchronized(service, "7391");
    assert_eq!(device.status(service), "OK");
    // A block that ends by itself.
    let blocking = world.another(Policy { pin_block_seconds: 60, ..policy.clone() });
    for _ in 0..10 {
        device.ask(&blocking, "0000");
    }
    service.unblock(&account).unwrap();
    let device = device.synchronized(service, "7391");
    assert_eq!(device.change_pin(service, "7391", "8462").err(), "OK");
    let code = world.code(&account, Purpose::ResetPin);
    assert_eq!(device.reset_pin(service, &code, "9573").err(), "OK");

    // An activation without an account, with a ticket, and a message that is too late.
    let open = world.another(Policy {
        activation_proof: authority::ActivationProof::Open(authority::CodeLetters::MIN),
        ..policy.clone()
    });
    let letters = CvsRequest::SendCode { purpose: Purpose::Enrollment, phone_number: None };
    assert_eq!(open.cvs(&account, &letters).unwrap(), CvsAnswer::Done);
    Answer::of(&open, None, &setup("activate", "", &[("code", &world.inbox.last().1)])).ok();
    // A code of a device, and one that nobody made.
    let by_device = world.another(Policy { activation_by_device: true, ..policy.clone() });
    let challenge = device.setup(&by_device, "newsn", &[]);
    device.finalize(&by_device, "newsn", &device.proofs(challenge.get("challenge"), "9573"), &[]);
    assert_eq!(Answer::of(&by_device, None, &setup("activate", "", &[("code", "ZZZZZ22222")])).err(), "NOK:CODE");
    let ticket = world.another(Policy { activation_proof: authority::ActivationProof::Ticket, ..policy.clone() });
    let CvsAnswer::Ticket(shown) = ticket.cvs(&account, &letters).unwrap() else { panic!("no ticket") };
    let query = [("code", world.inbox.last().1), ("ticket", shown.reveal().to_owned())];
    let query: Vec<(&str, &str)> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Answer::of(&ticket, None, &setup("activate", "", &query)).ok();
    world.inbox.broken.store(true, std::sync::atomic::Ordering::SeqCst);
    service.cvs(&account, &letters).unwrap();
    world.clock.forward(120);
    service.deliver_due().unwrap();
    world.inbox.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    world.clock.forward(120);
    service.deliver_due().unwrap();
    service.waiting_sms().unwrap();
    let none = SmsBudget { per_minute: Some(0), ..SmsBudget::default() };
    let none = SmsRules { budget: none, ..SmsRules::default() };
    world.another(Policy { sms: none.into(), ..policy.clone() }).cvs(&account, &letters).unwrap();

    // Operators.
    service.accounts(None, 100).unwrap();
    service.devices(&account).unwrap();

    service.find_accounts("user", 10).unwrap();
    service.find_accounts(&device.id, 10).unwrap();
    service.find_accounts("+33612345678", 10).unwrap();
    service.diagnose(&account).unwrap().unwrap();
    service.key_ages().unwrap();
    let reason = Reason::new("lost phone").unwrap();
    let proposals = [(); 2].map(|()| match service.propose(&account, &Action::Unblock, &reason).unwrap() {
        Proposed::Made { id } => id,
        other => panic!("{other:?}"),
    });
    service.proposals(Some(&account)).unwrap();
    assert_eq!(service.proposals(None).unwrap().len(), 2);
    let anna = service.acting_as(&Actor::Operator("anna".into()), None);
    assert!(anna.end_proposal(&proposals[1]).unwrap());
    assert!(matches!(anna.approve_proposal(&proposals[0]).unwrap(), Approved::Unblocked(_)));

    // The devices of the account: one of them, and one that ends another.
    let code = world.code(&account, Purpose::Enrollment);
    let told = Device::activate_telling(&world, &account, &code, "9573", "&keystore=hardware");
    let device = device.synchronized(service, "9573");
    assert_eq!(device.list(service).ok().elements("device").len(), 2);
    device.rename_device(service, "9573", &told.id[..8], "Phone").ok();
    device.remove_device(service, "9573", &told.id[..8]).ok();
    crate::account_events::ask(service, &device, None).ok();
    service.audit_log(None, None, 10).unwrap();
    service.audit_log(Some(&account), None, 10).unwrap();
    service.verify_rows(|_| true).unwrap();
    service.ping().unwrap();
    service.secret("signing", || Ok(vec![1; 32])).unwrap();
    world.cvs(&account, CvsRequest::RemoveEnrollments);
    let other = AccountName::new("other").unwrap();
    assert!(service.add_account(&other).unwrap());
    assert!(service.remove_account(&other).unwrap());

    // The audit trail, its seals, and housekeeping.
    assert!(service.tidy(400, 10).unwrap().audit > 0);
    for _ in 0..2 {
        for _ in 0..3 {
            service.seal_audit().unwrap();
            world.clock.forward(300);
        }
        service.add_account(&AccountName::new("another").unwrap()).unwrap();
    }
    assert_eq!(service.verify_audit(None, None, |_| true).unwrap().faults, []);
    world.clock.forward(500 * 24 * 3600);
    service.verify_otp(&account, "abcdefgh").unwrap();
    for _ in 0..3 {
        service.seal_audit().unwrap();
        world.clock.forward(300);
    }
    assert!(service.prune(400).unwrap().audit > 0);
    service.tidy(400, 1).unwrap();

    // A rotation of the master key, a row a page.
    world.account("last");
    let both = KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap();
    let rotating = world.another_with(|options| Options { master_key: both, ..options });
    while !rotating.rekey(1).unwrap().done {}
    world
}

/// Returns the lines of the source that run a statement: the file and the number of the line.
fn lines_of_the_source() -> BTreeSet<(String, u32)> {
    const CALLS: [&str; 9] =
        ["find(", "all(", "write(", "put(", "find_row(", "all_rows(", "add_row(", "put_row(", "update_row("];
    let storage = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/storage");
    let tables = std::fs::read_dir(storage.join("tables")).unwrap().map(|file| file.unwrap().path());
    let mut lines = BTreeSet::new();
    for file in tables.chain(["housekeeping.rs", "macs.rs"].map(|name| storage.join(name))) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        for (line, number) in std::fs::read_to_string(&file).unwrap().lines().zip(1..) {
            if CALLS.iter().any(|call| line.contains(&format!("self.{call}"))) {
                lines.insert((name.clone(), number));
            }
        }
    }
    assert!(lines.len() > 60, "{}", lines.len());
    lines
}

fn is_of_the_tables(file: &str) -> bool {
    file.contains("storage/tables/") || file.ends_with("storage/housekeeping.rs") || file.ends_with("storage/macs.rs")
}

#[test]
fn no_statement_reads_a_whole_table_that_grows() {
    let world = run_everything();
    let recorded = authority::recorded_statements();
    let ran: BTreeSet<(String, u32)> = recorded
        .iter()
        .filter(|(file, _, _)| is_of_the_tables(file))
        .map(|(file, line, _)| (file.rsplit('/').next().unwrap().to_owned(), *line))
        .collect();
    let missing: Vec<_> = lines_of_the_source().difference(&ran).cloned().collect();
    assert!(missing.is_empty(), "the test runs no statement of these lines: {missing:?}");

    let mut statements: BTreeSet<String> = recorded
        .iter()
        .filter(|(file, _, _)| is_of_the_tables(file))
        .map(|(_, _, sql)| sql.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    // A row that others refer to is removed: the database looks for them.
    let references = world.database.references();
    assert!(references.len() > 4, "{references:?}");
    statements.extend(references.iter().map(|(table, column)| format!("SELECT 1 FROM {table} WHERE {column} = $1")));
    assert!(statements.len() > 80, "{}", statements.len());

    world.database.grow();
    let faults: Vec<String> = statements
        .iter()
        .flat_map(|sql| {
            let scans = world.database.scans(sql);
            scans.into_iter().filter(|scan| !may_scan(sql, scan)).map(move |scan| format!("{scan}: {sql}"))
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Returns whether a statement may read this table from one end: it reads a few rows and stops, or
/// a page of a run over all rows, in the order of their keys. One statement looks for a row with a
/// MAC, once, when a database of the release without MACs is opened.
fn may_scan(sql: &str, table: &str) -> bool {
    let is_bounded = sql.contains(" LIMIT ") && !sql.contains(" WHERE ");
    let is_first_page = (sql.starts_with("SELECT id, account, ") && sql.ends_with(" ORDER BY id LIMIT $1"))
        || (sql.starts_with("SELECT name, last_event, ") && sql.ends_with(" ORDER BY name LIMIT $1"));
    let is_of_an_old_database = sql == "SELECT event FROM audit WHERE mac IS NOT NULL LIMIT 1";
    SMALL.contains(&table) || is_bounded || is_first_page || is_of_an_old_database
}

/// A plan that scans is recognised as one.
#[test]
fn a_scan_is_recognised() {
    let world = World::new();
    world.database.grow();
    for sql in [
        "DELETE FROM devices WHERE serial = $1",
        "SELECT count(*) FROM passwords WHERE key_id <> $1",
        "SELECT name FROM accounts WHERE language = $1 ORDER BY name",
    ] {
        let scans = world.database.scans(sql);
        assert_eq!(scans.len(), 1, "{sql}: {scans:?}");
        assert!(!may_scan(sql, &scans[0]), "{sql}");
    }
    assert_eq!(world.database.scans("DELETE FROM devices WHERE id = $1"), [""; 0]);
}

#[test]
fn the_work_for_a_password_does_not_grow_with_the_passwords_that_wait() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let made = |service: &Authority| device.made(service, "1234");
    made(&world.authority);
    // The statements of a password name one row each: nothing removes or counts the others.
    let by_range = authority::recorded_statements()
        .into_iter()
        .filter(|(file, _, sql)| {
            file.ends_with("passwords.rs") && sql.contains(" passwords WHERE ") && !sql.contains("hash")
        })
        .count();
    // The end of a PIN removes all passwords of the account.
    assert!(by_range <= 1, "{by_range}");
    for _ in 0..20 {
        world.clock.forward(1);
        made(&world.authority);
    }
    assert_eq!(world.rows(&["passwords"]).len(), 21);
    let password = made(&world.authority);
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    // An accepted password is gone at once, the others when they have expired.
    assert_eq!(world.rows(&["passwords"]).len(), 21);
    world.clock.forward(24 * 3600);
    assert_eq!(world.authority.prune(400).unwrap().passwords, 21);
    assert_eq!(world.rows(&["passwords"]), [""; 0]);
}
