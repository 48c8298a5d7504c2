//! A program that writes to the database and has no master key: every row that it changes or makes
//! is refused, and the audit trail says so.

use authority::{
    AccountName, Action, Authority, CvsAnswer, CvsRequest, Failure, KeyRing, MasterKey, OpenError, PinProof, Policy,
    Proposed, Purpose, Reason, Verdict,
};

use inwebo::values::Proofs;

use crate::device::{Answer, Device, Scene, activation, finalize, pin, serial, setup};
use crate::world::{MASTER, World};

/// A change of one column, and its reversal.
struct Change {
    table: &'static str,
    /// The row, named by a column that the change leaves as it is.
    row: &'static str,
    column: &'static str,
    value: &'static str,
}

const fn change(table: &'static str, row: &'static str, column: &'static str, value: &'static str) -> Change {
    Change { table, row, column, value }
}

const ALICE: &str = "name = 'alice'";
const DEVICE: &str = "account = 'alice'";
const CODE: &str = "account = 'alice' AND purpose = 'enrollment'";
const TOKEN: &str = "account = 'alice'";
const PASSWORD: &str = "account = 'alice'";
const BLOCK: &str = "account = 'carol'";
const EVENT: &str = "account = 'alice' AND number = 2";
const PROPOSAL: &str = "account = 'alice'";
const TRAITS: &str = "device IN (SELECT id FROM devices WHERE account = 'alice')";

/// Changes of every column that is no part of a key, of every table whose rows carry a MAC. The MAC
/// is one of the columns.
const CHANGES: [Change; 91] = [
    change("accounts", ALICE, "created_at", "created_at + 1"),
    change("accounts", ALICE, "pin", "NULL"),
    change("accounts", ALICE, "pin", "(SELECT pin FROM accounts WHERE name = 'bob')"),
    change("accounts", ALICE, "pin_tries", "pin_tries + 1"),
    change("accounts", ALICE, "pin_wrong", "pin_wrong + 1"),
    change("accounts", ALICE, "wrong_pins", "wrong_pins + 1"),
    change("accounts", ALICE, "pin_generation", "pin_generation + 1"),
    change("accounts", ALICE, "pin_history", "pin"),
    change("accounts", ALICE, "blocked", "1 - blocked"),
    change("accounts", ALICE, "phone_number", "'+33600000000'"),
    change("accounts", ALICE, "phone_changed_at", "1"),
    change("accounts", ALICE, "language", "'xx'"),
    change("accounts", ALICE, "version", "version + 1"),
    change("accounts", ALICE, "mac", "NULL"),
    change("accounts", ALICE, "mac", "(SELECT mac FROM accounts WHERE name = 'bob')"),
    change("devices", DEVICE, "created_at", "created_at + 1"),
    change("devices", DEVICE, "used_at", "NULL"),
    change("devices", DEVICE, "serial", "'another'"),
    change("devices", DEVICE, "name", "'another'"),
    change("devices", DEVICE, "k0", "k1"),
    change("devices", DEVICE, "k1", "k0"),
    change("devices", DEVICE, "next_k1", "k0"),
    change("devices", DEVICE, "secret", "NULL"),
    change("devices", DEVICE, "tsync", "tsync + 1"),
    change("devices", DEVICE, "since_evolution", "since_evolution + 1"),
    change("devices", DEVICE, "day", "day + 1"),
    change("devices", DEVICE, "passwords_of_day", "passwords_of_day + 1"),
    change("devices", DEVICE, "pin_tries", "pin_tries + 1"),
    change("devices", DEVICE, "wrong_pins_told", "wrong_pins_told + 1"),
    change("devices", DEVICE, "proved_at", "NULL"),
    change("devices", DEVICE, "k1_proved", "1 - k1_proved"),
    change("devices", DEVICE, "next_k0", "k0"),
    change("devices", DEVICE, "sync_shown", "sync_shown + 1"),
    change("devices", DEVICE, "suspected_at", "1"),
    change("devices", DEVICE, "suspended", "1 - suspended"),
    change("devices", DEVICE, "version", "version + 1"),
    change("devices", DEVICE, "mac", "NULL"),
    change("codes", CODE, "phone_number", "'+33600000000'"),
    change("codes", CODE, "hash", "(SELECT hash FROM codes WHERE account = 'bob' AND purpose = 'enrollment')"),
    change("codes", CODE, "key_id", "key_id + 1"),
    change("codes", CODE, "expires_at", "expires_at + 1"),
    change("codes", CODE, "tries", "tries + 1"),
    change("codes", CODE, "pin_tries", "pin_tries + 1"),
    change("codes", CODE, "withdrawn", "1 - withdrawn"),
    change("codes", CODE, "setup_at", "1"),
    change("codes", CODE, "used", "1 - used"),
    change("codes", CODE, "used_serial", "'another'"),
    change("codes", CODE, "used_device", "'another'"),
    change("codes", CODE, "version", "version + 1"),
    change("codes", CODE, "ticket", "hash"),
    change("codes", CODE, "mac", "NULL"),
    change("refresh_tokens", TOKEN, "key_id", "key_id + 1"),
    change("refresh_tokens", TOKEN, "account", "'bob'"),
    change("refresh_tokens", TOKEN, "family", "'another'"),
    change("refresh_tokens", TOKEN, "family_made_at", "NULL"),
    change("refresh_tokens", TOKEN, "device", "NULL"),
    change("refresh_tokens", TOKEN, "pin_generation", "pin_generation + 1"),
    change("refresh_tokens", TOKEN, "expires_at", "expires_at + 1"),
    change("refresh_tokens", TOKEN, "used", "1 - used"),
    change("refresh_tokens", TOKEN, "mac", "NULL"),
    change("passwords", PASSWORD, "expires_at", "expires_at + 1"),
    change("passwords", PASSWORD, "used", "1 - used"),
    change("devices", DEVICE, "challenges", "'otp:00000000000000000000000000000000:1700000000000'"),
    change("devices", DEVICE, "challenges_mac", "NULL"),
    change("devices", DEVICE, "keystore", "'software'"),
    change("devices", DEVICE, "keystore_mac", "NULL"),
    change("device_traits", TRAITS, "proves_pin", "1 - proves_pin"),
    change("device_traits", TRAITS, "unproved_tries", "unproved_tries + 1"),
    change("device_traits", TRAITS, "evolves", "1 - evolves"),
    change("device_traits", TRAITS, "evolutions_passed", "evolutions_passed + 1"),
    change("device_traits", TRAITS, "mac", "NULL"),
    change("timed_blocks", BLOCK, "wrong_pins", "wrong_pins + 1"),
    change("timed_blocks", BLOCK, "began_at", "began_at - 86400000"),
    change("timed_blocks", BLOCK, "seconds", "1"),
    change("timed_blocks", BLOCK, "mac", "NULL"),
    change("account_events", EVENT, "event", "'reset'"),
    change("account_events", EVENT, "at", "at + 1"),
    change("account_events", EVENT, "device", "'another'"),
    change("account_events", EVENT, "name", "'another'"),
    change("account_events", EVENT, "by_device", "'another'"),
    change("account_events", EVENT, "mac", "NULL"),
    change("operator_proposals", PROPOSAL, "account", "'bob'"),
    change("operator_proposals", PROPOSAL, "action", "'unblock'"),
    change("operator_proposals", PROPOSAL, "device", "'another'"),
    change("operator_proposals", PROPOSAL, "reason", "'another'"),
    change("operator_proposals", PROPOSAL, "made_by", "'operator:another'"),
    change("operator_proposals", PROPOSAL, "made_at", "made_at - 1"),
    change("operator_proposals", PROPOSAL, "mac", "NULL"),
    change("operator_proposals", PROPOSAL, "mac", "(SELECT mac FROM accounts WHERE name = 'bob')"),
    change("accounts", ALICE, "last_event", "last_event - 1"),
    change("accounts", ALICE, "last_event_mac", "NULL"),
];

/// Two accounts, of which the first one has a row in every table but one, and a blocked one with a
/// row there.
struct Fixture {
    world: World,
    alice: AccountName,
    device: Device,
    password: String,
    token: String,
    challenge: String,
    /// A device of an account whose block ends by itself.
    blocked: Device,
}

impl Fixture {
    fn new() -> Self {
        // The traits of devices are recorded where the policy depends on them.
        let pin_proof = PinProof::AtActivation;
        let world = World::with(Policy {
            evolve_k1_every: 0,
            pin_proof,
            pin_block_seconds: 86_400,
            device_notices: true,
            ..Policy::default()
        });
        let (alice, bob, carol) = (world.account("alice"), world.account("bob"), world.account("carol"));
        let blocked = Device::activate(&world, &carol, "1234");
        (0..5).for_each(|_| drop(blocked.ask(&world.authority, "9999")));
        let code = world.code(&alice, Purpose::Enrollment);
        let device = Device::activate_telling(&world, &alice, &code, "1234", "&keystore=hardware");
        Device::activate(&world, &bob, "1234");
        // An event that the device did not cause.
        let number_code = world.number_code(&alice, "+33698765432");
        let request = CvsRequest::ModifyPhoneNumber { sms_code: &number_code, phone_number: "+33698765432" };
        assert_eq!(world.cvs(&alice, request), CvsAnswer::Done);
        let token = world.token(&alice, &device);
        // One row of each table: the password that the token came from is used.
        world.database.execute("DELETE FROM passwords");
        let password = device.made(&world.authority, "1234");
        for account in [&alice, &bob] {
            world.code(account, Purpose::Enrollment);
        }
        let removal = Action::RemoveDevice { id: device.id.clone() };
        let proposed = world.authority.propose(&alice, &removal, &Reason::new("lost phone").unwrap()).unwrap();
        assert!(matches!(proposed, Proposed::Made { .. }));
        let challenge = device.setup(&world.authority, "otp", &[("sid", "7001")]).ok().get("challenge").to_owned();
        Self { world, alice, device, password, token, challenge, blocked }
    }

    /// Has the service read the row of a table. If the service accepts the row, nothing that
    /// matters here changes.
    fn read(&self, table: &str, column: &str) -> Result<(), Failure> {
        let authority = &self.world.authority;
        match table {
            "devices" if column.starts_with("challenges") => self.ask(&self.challenge),
            // The removal of the device is undone.
            "accounts" if column.starts_with("last_event") => {
                authority.remove_device(&self.alice, &self.device.id).map(drop)
            }
            "account_events" => {
                let answer = self.device.setup(authority, "messages", &[]).ok();
                let r0 = Proofs::without_pin(answer.get("challenge"), &self.device.serial, &self.device.k0).r0;
                authority.mac(None, &finalize("messages", &self.device.id, &[("R0", &r0)])).map(drop)
            }
            "accounts" => authority.account(&self.alice).map(drop),
            "devices" => authority.devices(&self.alice).map(drop),
            "codes" => authority.mac(Some(&self.alice), &setup("activate", "", &[("code", "000000")])).map(drop),
            "refresh_tokens" => authority.rotate_refresh_token(&self.token).map(drop),
            "passwords" => authority.verify_otp(&self.alice, &self.password).map(drop),
            "device_traits" => {
                let answer = self.device.setup(authority, "otp", &[("sid", "7001")]).ok();
                self.ask(answer.get("challenge"))
            }
            "operator_proposals" => authority.proposals(None).map(drop),
            "timed_blocks" => authority.mac(None, &crate::device::setup("status", &self.blocked.id, &[])).map(drop),
            _ => panic!("{table}"),
        }
    }

    /// Sends the finalize step of a password.
    fn ask(&self, challenge: &str) -> Result<(), Failure> {
        let proofs = self.device.proofs(challenge, "1234");
        let proved = [("R0", proofs.r0.as_str()), ("R1", &proofs.r1), ("R2", &proofs.r2)];
        let more = [&[("sid", "7001"), ("keytype", "0")][..], &proved].concat();
        self.world.authority.mac(None, &finalize("otp", &self.device.id, &more)).map(drop)
    }

    fn alterations(&self) -> u64 {
        let rows = self.world.authority.audit_log(None, None, 1000).unwrap();
        rows.iter().filter(|row| row.event == "row.altered").map(|row| row.count).sum()
    }
}

#[test]
fn a_row_with_any_column_changed_is_refused_and_audited() {
    let fixture = Fixture::new();
    let database = &fixture.world.database;
    for Change { table, row, column, value } in &CHANGES {
        database.execute(&format!("CREATE TABLE saved AS SELECT * FROM {table} WHERE {row}"));
        let before = fixture.alterations();
        let saved = fixture.world.rows(&[table]);
        database.execute(&format!("UPDATE {table} SET {column} = {value} WHERE {row}"));
        assert_ne!(fixture.world.rows(&[table]), saved, "{table}.{column} = {value} changes nothing");
        match fixture.read(table, column) {
            Err(Failure::Altered { table: named, account }) => {
                assert_eq!(named, *table, "{table}.{column}");
                // The rows of some tables do not name an account.
                assert_eq!(account.is_none(), *table == "device_traits", "{table}.{column}");
            }
            other => panic!("{table}.{column} = {value}: {other:?}"),
        }
        assert_eq!(fixture.alterations(), before + 1, "{table}.{column}");
        let row = if *column == "account" { "account = 'bob'" } else { row };
        database.execute(&format!("UPDATE {table} SET {column} = (SELECT {column} FROM saved) WHERE {row}"));
        assert_eq!(fixture.world.rows(&[table]), saved, "{table}.{column} is not undone");
        database.execute("DROP TABLE saved");
    }
    // The restored rows are valid.
    for table in [
        "accounts",
        "devices",
        "codes",
        "passwords",
        "refresh_tokens",
        "device_traits",
        "timed_blocks",
        "account_events",
        "operator_proposals",
    ] {
        fixture.read(table, "").unwrap_or_else(|failure| panic!("{table}: {failure}"));
    }
}

#[test]
fn every_column_of_an_authenticated_table_is_among_the_changes_or_a_key() {
    let world = World::new();
    let keys = ["name", "id", "account", "purpose", "hash", "device", "mode", "key_id", "removed_at", "number"];
    for table in [
        "accounts",
        "devices",
        "codes",
        "refresh_tokens",
        "passwords",
        "device_traits",
        "timed_blocks",
        "account_events",
        "operator_proposals",
    ] {
        for column in world.database.columns(table) {
            let changed = CHANGES.iter().any(|change| change.table == table && change.column == column);
            let same_code = ["mac", "version"].contains(&column.as_str());
            assert!(changed || same_code || keys.contains(&column.as_str()), "{table}.{column}");
        }
    }
}

/// The attack of the review: a writer removes the PIN of an account, and assigns a code of his own
/// to the account.
#[test]
fn a_code_of_another_account_and_a_pin_that_is_taken_away_enroll_nobody() {
    let world = World::new();
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    Device::activate(&world, &alice, "1234");
    let code = world.sent_code(&bob, Purpose::Enrollment);
    world.database.execute("DELETE FROM codes WHERE account = 'alice' AND purpose = 'enrollment'");
    world.database.execute("UPDATE codes SET account = 'alice' WHERE account = 'bob' AND purpose = 'enrollment'");
    world.database.execute("UPDATE accounts SET pin = NULL, pin_tries = 0 WHERE name = 'alice'");
    for caller in [Some(&alice), Some(&bob), None] {
        let answer = world.authority.mac(caller, &setup("activate", "", &[("code", &code)]));
        let refused = match answer {
            Err(Failure::Altered { .. }) => true,
            Ok(answer) => answer.word.is_some(),
            Err(other) => panic!("{other}"),
        };
        assert!(refused, "{caller:?}");
    }
    assert!(matches!(world.authority.account(&alice), Err(Failure::Altered { table: "accounts", .. })));
    assert!(world.events().iter().any(|event| event == "row.altered"));
}

#[test]
fn rows_of_other_accounts_are_read_as_before() {
    let fixture = Fixture::new();
    fixture.world.database.execute("UPDATE accounts SET blocked = 1 WHERE name = 'alice'");
    let bob = AccountName::new("bob").unwrap();
    let device = Device::activate(&fixture.world, &bob, "1234");
    device.ask(&fixture.world.authority, "1234").ok();
    assert!(fixture.world.authority.account(&fixture.alice).is_err());
}

#[test]
fn service_keys_of_another_program_are_not_announced() {
    let world = World::new();
    let account = world.account("alice");
    world.database.execute(
        "UPDATE service_keys SET announced = (SELECT announced FROM service_keys WHERE name = 'service')
         WHERE name = 'device'",
    );
    // This service has not read the keys yet.
    let another = world.another(world.options().policy);
    let failure = another.mac(Some(&account), &setup("activate", "", &[("code", "000000")])).unwrap_err();
    assert!(matches!(failure, Failure::Altered { table: "service_keys", .. }), "{failure}");
    assert!(world.events().iter().any(|event| event == "row.altered"));
}

/// Only a database of an earlier release has rows without MACs, and only a sealed value says that
/// it is one.
#[test]
fn a_row_without_a_mac_is_refused_after_the_service_is_opened_anew() {
    for forget in ["SELECT 1", "DELETE FROM meta"] {
        let fixture = Fixture::new();
        fixture.world.database.execute("UPDATE accounts SET pin = NULL, mac = NULL WHERE name = 'alice'");
        if forget != "SELECT 1" {
            fixture.world.database.execute(forget);
        }
        match Authority::open(fixture.world.options()) {
            Ok(another) => {
                assert_eq!(forget, "SELECT 1");
                assert!(matches!(another.account(&fixture.alice), Err(Failure::Altered { .. })));
            }
            // A database without these values is a new one, and has no rows.
            Err(error) => {
                assert_ne!(forget, "SELECT 1");
                assert!(matches!(error, OpenError::Altered { table: "meta" }), "{error}");
            }
        }
    }
}

#[test]
fn macs_follow_the_master_key() {
    let fixture = Fixture::new();
    let (world, alice) = (&fixture.world, &fixture.alice);
    let both = KeyRing::new(MasterKey::new(2, [9; 32])).with(MasterKey::new(1, MASTER)).unwrap();
    let rotating = world.another_with(|options| authority::Options { master_key: both, ..options });
    let mut authenticated = 0;
    loop {
        // A row a page: every table's pages follow one another.
        let progress = rotating.rekey(1).unwrap();
        authenticated += progress.authenticated;
        if progress.done {
            break;
        }
    }
    assert!(authenticated >= 6, "{authenticated}");
    drop(rotating);
    let new_alone = || MasterKey::new(2, [9; 32]).into();
    let rotated = world.another_with(|options| authority::Options { master_key: new_alone(), ..options });
    rotated.account(alice).unwrap();
    fixture.device.ask(&rotated, "1234").ok();
    // The code is hashed under the key that is gone: it is void, and no failure.
    assert_eq!(rotated.verify_otp(alice, &fixture.password).unwrap(), Verdict::Refused);
    let request = CvsRequest::SendCode { purpose: Purpose::Enrollment, phone_number: None };
    rotated.cvs(alice, &request).unwrap();
    Device::activate(&After { world, authority: rotated }, alice, "1234");
}

/// The same world under another service.
struct After<'a> {
    world: &'a World,
    authority: Authority,
}

impl Scene for After<'_> {
    type Service = Authority;

    fn service(&self) -> &Authority {
        &self.authority
    }

    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String {
        self.authority.cvs(account, &CvsRequest::SendCode { purpose, phone_number: None }).unwrap();
        self.world.inbox.last().1
    }
}

/// No client finishes a device's activation after the row of its code was changed between the two
/// steps.
#[test]
fn a_code_that_is_lengthened_between_the_steps_is_refused() {
    let world = World::new();
    let account = world.account("alice");
    let code = world.sent_code(&account, Purpose::Enrollment);
    let announced = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    let keys = crate::device::Keys::read(&announced);
    world.database.execute("UPDATE codes SET expires_at = expires_at + 1000000 WHERE purpose = 'enrollment'");
    world.clock.forward(700);
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    assert!(matches!(world.authority.mac(Some(&account), &request), Err(Failure::Altered { table: "codes", .. })));
}

#[test]
fn all_rows_can_be_checked_at_once() {
    let fixture = Fixture::new();
    let check = || fixture.world.authority.verify_rows(|_| true).unwrap();
    let all = check();
    assert!(all.rows > 12 && all.altered == 0 && all.tables.is_empty(), "{all:?}");
    fixture.world.database.execute("UPDATE accounts SET blocked = 1 - blocked");
    fixture.world.database.execute("UPDATE passwords SET mac = NULL");
    let after = check();
    assert_eq!((after.rows, after.altered, after.tables), (all.rows, 4, vec!["accounts", "passwords"]));
}
