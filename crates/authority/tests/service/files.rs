//! SQLite's files, and files that are none of them.

use authority::{
    AccountName, Authority, CvsAnswer, CvsRequest, KeyRing, MasterKey, Notice, OpenError, Options, Policy, SmsRules,
};

use crate::database::TestDatabase;
use crate::world::{Inbox, MASTER, ManualClock, World, open, options};

#[test]
fn a_file_that_is_no_database_does_not_open() {
    let empty = TestDatabase::empty();
    let path = empty.file();
    std::fs::write(&path, "this is not a database, but it is long enough to be looked at as one".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let folder = empty.folder.path();
    for database in [path.clone(), folder.join("missing/authority.db"), folder.to_owned()] {
        let options = options(&empty, Policy::default(), &ManualClock::default(), &Inbox::default());
        assert!(Authority::open(Options { database: database.into(), ..options }).is_err());
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = TestDatabase::empty();
    let authority = open(&database, Policy::default(), &ManualClock::default(), &Inbox::default());
    authority.cvs(&authority::AccountName::new("user").unwrap(), &CvsRequest::TrustedPhoneNumber).unwrap();
    let files: Vec<_> = std::fs::read_dir(database.folder.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() > 1);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn wrong_pins_that_an_earlier_release_counted_are_forgiven_where_they_block_nobody() {
    for (blocked, tries) in [(0, 0), (1, 4)] {
        let database = TestDatabase::empty();
        std::fs::write(database.file(), include_bytes!("../data/first_release.db")).unwrap();
        database.execute(&format!("UPDATE accounts SET pin_tries = 4, blocked = {blocked}"));
        let authority = open(&database, Policy::default(), &ManualClock::default(), &Inbox::default());
        let info = authority.account(&AccountName::new("user").unwrap()).unwrap().unwrap();
        assert_eq!((info.blocked, info.pin_tries, info.pin_wrong), (blocked == 1, tries, 0));
    }
}

/// `tests/data/first_release.db` was written by the first release: one account, a device with a
/// pending K1, a removed one.
#[test]
fn a_database_of_the_first_release_opens_and_its_key_can_be_rotated() {
    let database = TestDatabase::empty();
    std::fs::write(database.file(), include_bytes!("../data/first_release.db")).unwrap();
    let (clock, inbox) = (ManualClock::default(), Inbox::default());
    let options = |key: KeyRing| Options { master_key: key, ..options(&database, Policy::default(), &clock, &inbox) };
    let old = || MasterKey::new(1, MASTER);
    let new = || MasterKey::new(2, [9; 32]);
    let is_wrong = |ring| matches!(Authority::open(options(ring)).err(), Some(OpenError::MasterKey));
    assert!(is_wrong(MasterKey::new(1, [8; 32]).into()) && is_wrong(new().into()));

    let authority = Authority::open(options(old().into())).unwrap();
    let account = AccountName::new("user").unwrap();
    let info = authority.account(&account).unwrap().unwrap();
    assert_eq!((info.has_pin, info.pin_tries, info.devices, info.blocked), (true, 0, 1, false));
    assert_eq!(authority.devices(&account).unwrap()[0].used_at, None);
    assert_eq!(database.rows("code_requests").len(), 4);
    // Its audit rows are numbered from 1. New rows come after them.
    assert!(authority.add_account(&AccountName::new("new").unwrap()).unwrap());
    let trail = authority.audit_log(None, None, 1000).unwrap();
    let events: Vec<&str> = trail.iter().take(2).map(|entry| entry.event.as_str()).collect();
    assert_eq!((trail.len(), events, trail[2].id), (21, vec!["account.created", "rows.authenticated"], 19));
    drop(authority);

    let ring = KeyRing::new(new()).with(old()).unwrap();
    let authority = Authority::open(options(ring)).unwrap();
    while !authority.rekey(1).unwrap().done {}
    Authority::open(options(new().into())).unwrap();
    assert!(is_wrong(old().into()));
}

#[test]
fn an_undone_event_sends_no_notice() {
    const OTHER: &str = "+33698765432";
    let rules = SmsRules { notices: Notice::ALL.into_iter().collect(), ..SmsRules::default() };
    let sms = std::sync::Arc::new(rules);
    let world = World::with(Policy { device_notices: true, sms, ..Policy::default() });
    let account = world.account("user");
    let code = world.number_code(&account, OTHER);
    // The event fails after its notice was written.
    world.database.execute(
        "CREATE TRIGGER fails BEFORE INSERT ON audit WHEN NEW.event = 'phoneNumber.modified'
         BEGIN SELECT RAISE(ABORT, 'a disk that fails'); END",
    );
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: OTHER };
    world.authority.cvs(&account, &request).unwrap_err();
    assert_eq!(world.rows(&["sms_queue", "notices", "account_events"]), [""; 0]);
    world.database.execute("DROP TRIGGER fails");
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    assert_eq!(world.authority.deliver_due().unwrap().sent, 1);
    assert_eq!(world.rows(&["account_events"]).len(), 1);
}
