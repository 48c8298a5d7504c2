//! The service upgrades a database that commit fb07e63 wrote: nothing of it is lost, and its rows
//! get MACs.

use authority::{
    AccountName, Authority, Clock, CvsAnswer, CvsRefusal, CvsRequest, Failure, MasterKey, OpenError, Options, Policy,
    Purpose, Unblock, Verdict,
};
use inwebo::values::{K0, Kma, Modulus, Serial, ServiceSecret, hex};
use serde_json::Value;

use crate::database::TestDatabase;
use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{Inbox, MASTER};

/// A clock that stands at the moment at which the database was written.
struct Then(i64);

impl Clock for Then {
    fn now(&self) -> i64 {
        self.0
    }
}

pub(crate) fn open(database: &TestDatabase, state: &Value) -> Authority {
    Authority::open(options(database, state)).unwrap()
}

fn options(database: &TestDatabase, state: &Value) -> Options {
    Options {
        database: database.address(),
        master_key: MasterKey::new(1, MASTER).into(),
        policy: Policy { evolve_k1_every: 0, ..Policy::default() },
        sms: Box::new(Inbox::default()),
        sms_retry: None,
        clock: Box::new(Then(state["made_at"].as_i64().unwrap())),
    }
}

fn account(state: &Value) -> AccountName {
    AccountName::new(state["account"].as_str().unwrap()).unwrap()
}

/// Returns a device in its former state, with its data.
fn device(state: &Value, factory: &Modulus) -> (Device, String) {
    let text = |name: &str| state["device"][name].as_str().unwrap().to_owned();
    let (serial, digits) = (Serial::parse(&text("serial")).unwrap(), text("pin"));
    let kma = Kma::derive(&pin(&digits), &serial);
    let device = Device {
        id: text("id"),
        last_sync: "0".to_owned(),
        k0: K0::new(hex::decode_array(&text("k0")).unwrap()),
        hidden_k1: hex::decode_array(&text("k1")).unwrap(),
        secret: Some(ServiceSecret::new(kma.decrypt(&hex::decode_array(&text("secret")).unwrap()))),
        serial,
        factory: factory.clone(),
    };
    (device, digits)
}

#[test]
fn accounts_devices_codes_passwords_and_tokens_are_as_they_were() {
    let (database, state) = TestDatabase::of_fb07e63();
    let authority = open(&database, &state);
    let [first, second, third] = ["first", "second", "third"].map(|name| account(&state[name]));

    let code = state["third"]["code"].as_str().unwrap();
    let keys = Keys::read(&Answer::of(&authority, Some(&third), &setup("activate", "", &[("code", code)])).ok());
    let request = activation(&keys, code, &pin("7391"), &serial(), None);
    Answer::of(&authority, Some(&third), &request).ok();

    let info = authority.account(&first).unwrap().unwrap();
    // That release did not count wrong PINs by device: no right one could forgive the wrong one
    // that it counted.
    assert_eq!((info.has_pin, info.pin_tries, info.devices, info.blocked), (true, 0, 1, false));
    assert_eq!(info.phone_number.as_deref(), Some("+33612345678"));
    let password = state["first"]["password"].as_str().unwrap();
    assert_eq!(authority.verify_otp(&first, password).unwrap(), Verdict::Accepted);
    assert_eq!(authority.verify_otp(&first, password).unwrap(), Verdict::Refused);
    let (owner, _) =
        authority.rotate_refresh_token(state["first"]["refresh_token"].as_str().unwrap()).unwrap().unwrap();
    assert_eq!(owner, first);
    let (own, digits) = device(&state["first"], &keys.factory);
    let made = own.made(&authority, &digits);
    assert_eq!(authority.verify_otp(&first, &made).unwrap(), Verdict::Accepted);

    assert!(authority.account(&second).unwrap().unwrap().blocked);
    let (blocked, digits) = device(&state["second"], &keys.factory);
    assert_ne!(blocked.ask(&authority, &digits).err(), "OK");
    assert_eq!(authority.unblock(&second).unwrap(), Unblock::Lifted);
    blocked.ask(&authority, &digits).ok();
    let removed = state["second"]["removed"].as_str().unwrap();
    assert_eq!(Answer::of(&authority, None, &setup("status", removed, &[])).err(), "NOK:NODEVICE");
}

/// Earlier releases stored a number as the user wrote it, without blanks and dashes.
#[test]
fn a_number_of_a_former_release_is_the_same_number() {
    for row in ["0033612345678", "+330612345678", "00330612345678", "+33612345678"] {
        let (database, state) = TestDatabase::of_fb07e63();
        let [first, third] = ["first", "third"].map(|name| account(&state[name]));
        database.execute(&format!("UPDATE accounts SET phone_number = '{row}'"));
        database.execute(&format!("UPDATE codes SET phone_number = '{row}'"));
        let inbox = Inbox::default();
        let authority =
            Authority::open(Options { sms: Box::new(inbox.clone()), ..options(&database, &state) }).unwrap();
        let number = CvsAnswer::PhoneNumber("+33612345678".to_owned());
        assert_eq!(authority.cvs(&first, &CvsRequest::TrustedPhoneNumber).unwrap(), number, "{row}");
        assert_eq!(authority.account(&first).unwrap().unwrap().phone_number.as_deref(), Some("+33612345678"), "{row}");

        // To replace a number by the same one in another spelling is no change: codes that were
        // sent to it stay valid.
        let certify = |phone_number| {
            let request = CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number };
            assert_eq!(authority.cvs(&third, &request).unwrap(), CvsAnswer::Done);
            let (to, code) = inbox.last();
            assert_eq!(to, "+33612345678");
            code
        };
        let modify = |sms_code: &str, phone_number| {
            authority.cvs(&third, &CvsRequest::ModifyPhoneNumber { sms_code, phone_number }).unwrap()
        };
        let sms_code = certify(Some("+33 (0)6 12 34 56 78"));
        assert_eq!(modify(&sms_code, "+33698765432"), CvsAnswer::Refused(CvsRefusal::OtherNumber));
        assert_eq!(modify(&sms_code, "0033-6-12-34-56-78"), CvsAnswer::Done, "{row}");
        let code = state["third"]["code"].as_str().unwrap();
        Answer::of(&authority, Some(&third), &setup("activate", "", &[("code", code)])).ok();
    }
}

/// An old row may lack a MAC at the first opening, and never again.
#[test]
fn rows_get_their_macs_once() {
    let (database, state) = TestDatabase::of_fb07e63();
    drop(open(&database, &state));
    for table in ["accounts", "codes", "refresh_tokens", "passwords", "service_keys"] {
        let missing = database.column(&format!("SELECT 'without' FROM {table} WHERE mac IS NULL"));
        assert!(missing.is_empty(), "{table}");
    }
    let missing = database.column("SELECT id FROM devices WHERE mac IS NULL AND removed_at IS NULL");
    assert!(missing.is_empty());
    let events = database.column("SELECT event FROM audit WHERE event = 'rows.authenticated'");
    assert_eq!(events.len(), 1);
    let first = account(&state["first"]);
    database.execute(&format!("UPDATE accounts SET mac = NULL, pin = NULL WHERE name = '{}'", first.as_str()));
    let authority = open(&database, &state);
    assert!(matches!(authority.account(&first), Err(Failure::Altered { .. })));
}

/// Services that start at the same time over an old database agree on it.
#[test]
fn services_that_start_at_once_migrate_an_old_database_once() {
    let (database, state) = TestDatabase::of_fb07e63();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| open(&database, &state))).collect();
        for thread in threads {
            let authority = thread.join().unwrap();
            authority.account(&account(&state["first"])).unwrap().unwrap();
        }
    });
    assert_eq!(database.column("SELECT event FROM audit WHERE event = 'rows.authenticated'").len(), 1);
}

/// Another instance writes the MACs of the rows, or is killed after that. The instance that then
/// records that they have MACs wrote none itself.
#[test]
fn the_trail_records_once_that_rows_got_their_macs() {
    let (database, state) = TestDatabase::of_fb07e63();
    database.execute("CREATE TABLE kept AS SELECT * FROM meta; CREATE TABLE known AS SELECT name FROM secrets");
    assert!(open(&database, &state).migrated_rows() > 10);
    database.execute("DELETE FROM meta; INSERT INTO meta SELECT * FROM kept");
    database.execute("DELETE FROM secrets WHERE name NOT IN (SELECT name FROM known)");
    database.execute("DELETE FROM audit_seals; DELETE FROM audit WHERE mac IS NOT NULL");
    assert_eq!(open(&database, &state).migrated_rows(), 0);
    assert_eq!(database.column("SELECT event FROM audit WHERE event = 'rows.authenticated'").len(), 1);
    assert_eq!(open(&database, &state).migrated_rows(), 0);
}

/// A writer of the database kept the sealed value of the release without MACs and puts it back.
#[test]
fn a_value_of_the_release_without_macs_is_not_believed_again() {
    let (database, state) = TestDatabase::of_fb07e63();
    database.execute("CREATE TABLE kept AS SELECT * FROM meta");
    let first = open(&database, &state);
    assert!(first.migrated_rows() > 10);
    drop(first);
    assert_eq!(open(&database, &state).migrated_rows(), 0);
    database.execute("DELETE FROM meta");
    database.execute("INSERT INTO meta SELECT * FROM kept");
    database.execute("UPDATE accounts SET mac = NULL, pin = NULL");
    let opened = Authority::open(options(&database, &state));
    assert!(matches!(opened.err(), Some(OpenError::Altered { table: "meta" })));
}
