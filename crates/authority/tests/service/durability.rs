//! The data that outlives the process, the secrets that the database reveals, and the keys that
//! open it.

use authority::{Authority, MasterKey, OpenError, Options, Policy, Purpose, Verdict};

use crate::database::TestDatabase;
use crate::device::{Answer, Device, Keys, setup};
use crate::world::{Inbox, MASTER, ManualClock, STATE, World, open};

#[test]
fn data_and_keys_outlive_the_process() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    device.ask(&world.authority, "9999");
    let code = world.code(&account, Purpose::Enrollment);
    let World { database, clock, inbox, authority } = world;
    drop(authority);

    let authority = open(&database, Policy::default(), &clock, &inbox);
    assert_eq!(authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    assert_eq!(device.ask(&authority, "9999").attempts_left(), Some(3));
    let keys = Keys::read(&Answer::of(&authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    assert!(keys.factory == device.factory);
    device.ask(&authority, "1234").ok();
}

#[test]
fn services_that_begin_at_once_agree_on_their_tables_and_keys() {
    let database = TestDatabase::empty();
    let keys: Vec<Vec<String>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let world = (ManualClock::default(), Inbox::default());
                    let authority = open(&database, Policy::default(), &world.0, &world.1);
                    let account = authority::AccountName::new("user").unwrap();
                    let request = setup("activate", "", &[("code", "000000")]);
                    assert_eq!(Answer::of(&authority, Some(&account), &request).err(), "NOK:CODE");
                    database.column("SELECT announced FROM service_keys ORDER BY name")
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(keys.iter().all(|announced| *announced == keys[0] && announced.len() == 3));
}

#[test]
fn a_wrong_master_key_does_not_open_the_database() {
    let world = World::new();
    for key in [MasterKey::new(1, [8; 32]), MasterKey::new(2, MASTER)] {
        let opened = Authority::open(Options { master_key: key.into(), ..world.options() });
        assert!(matches!(opened.err(), Some(OpenError::MasterKey)));
    }
    world.another(Policy::default());
}

#[test]
fn a_thief_of_the_database_finds_no_pin_key_code_or_password() {
    let world = World::with(Policy { evolve_k1_every: 2, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "73914826");
    let password = device.made(&world.authority, "73914826");
    let token = world.authority.exchange_otp(&account, &password).unwrap().unwrap();
    // A pending K1 is stored there, too.
    let crate::device::Password::Again(evolved) = device.password(&world.authority, "73914826") else {
        panic!("K1 does not evolve")
    };
    let code = world.code(&account, Purpose::ResetPin);

    let (k1, next_k1) = (device.k1("73914826"), evolved.k1("73914826"));
    let secret = device.secret.as_ref().unwrap();
    let signing = world.authority.secret("signing", || Ok(b"the key that signs tokens".to_vec())).unwrap();
    let mut stolen_data: Vec<Vec<u8>> =
        [&b"73914826"[..], password.as_bytes(), code.as_bytes(), token.as_bytes(), &signing, &MASTER]
            .map(<[u8]>::to_vec)
            .into();
    for key in [device.k0.as_bytes(), k1.as_bytes(), next_k1.as_bytes(), secret.as_bytes(), &device.hidden_k1] {
        stolen_data.push(key.to_vec());
        stolen_data.push(inwebo::values::hex::encode(key).into_bytes());
    }
    for content in world.database.stolen_data() {
        for secret in &stolen_data {
            assert!(!content.windows(secret.len()).any(|window| window == secret.as_slice()), "{secret:?}");
        }
    }
}

#[test]
fn a_changed_secret_is_a_failure_and_not_a_wrong_pin() {
    let world = World::new();
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    // K0 of one device is put in place of the other's.
    let (from, to) = (&first.id, &second.id);
    world
        .database
        .execute(&format!("UPDATE devices SET k0 = (SELECT k0 FROM devices WHERE id = '{from}') WHERE id = '{to}'"));
    let failure = world.authority.mac(None, &setup("otp", &second.id, &[("sid", "7001")])).unwrap_err();
    assert!(matches!(failure, authority::Failure::Altered { table: "devices", .. }));
    first.ask(&world.authority, "1234").ok();
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let challenge = device.setup(&world.authority, "otp", &[("sid", "7001")]).ok().get("challenge").to_owned();
    let proofs = device.proofs(&challenge, "1234");
    let more = [("sid", "7001"), ("keytype", "0"), ("R0", &proofs.r0), ("R1", &proofs.r1), ("R2", &proofs.r2)];
    let (before, events) = (world.rows(&STATE), world.events());
    // The challenge is used and the device's row is written before the service fails to store the
    // password.
    world.database.execute("ALTER TABLE passwords RENAME TO elsewhere");
    let failure = world.authority.mac(None, &crate::device::finalize("otp", &device.id, &more)).unwrap_err();
    assert!(matches!(failure, authority::Failure::Storage(_)));
    world.database.execute("ALTER TABLE elsewhere RENAME TO passwords");
    assert_eq!((world.rows(&STATE), world.events()), (before, events));
}

/// A loss of power may undo these steps (`crates/authority/src/storage/durability.rs`).
#[test]
fn a_setup_step_that_charges_no_code_writes_only_a_challenge() {
    const TABLES: [&str; 10] = [
        "account_events",
        "accounts",
        "audit",
        "code_requests",
        "codes",
        "device_traits",
        "notices",
        "operator_proposals",
        "passwords",
        "refresh_tokens",
    ];
    let world = World::with(Policy {
        activation_approval: true,
        activation_by_device: true,
        device_notices: true,
        evolve_k1_every: 0,
        ..Policy::default()
    });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    world.code(&account, Purpose::ResetPin);
    let columns = world.database.columns("devices");
    let state = || {
        let row = world.database.rows("devices").concat();
        let (_, values) = row.split_once(": ").unwrap();
        let values: Vec<String> = values.split(", ").map(str::to_owned).collect();
        assert_eq!(values.len(), columns.len());
        let (challenges, rest): (Vec<_>, Vec<_>) =
            columns.iter().cloned().zip(values).partition(|(column, _)| column.starts_with("challenges"));
        (challenges, rest, world.rows(&TABLES))
    };
    for (mode, more) in [
        ("otp", &[("sid", "7001")][..]),
        ("checkpush", &[]),
        ("devices", &[]),
        ("getsn", &[]),
        ("messages", &[]),
        ("newsn", &[]),
        ("password", &[]),
        ("remove", &[]),
        ("removedevice", &[]),
        ("renamedevice", &[]),
        ("reset", &[("code", "123456")]),
        ("synchro", &[]),
    ] {
        let before = state();
        device.setup(&world.authority, mode, more).ok();
        let after = state();
        assert_ne!(before.0, after.0, "{mode}");
        assert_eq!((before.1, before.2), (after.1, after.2), "{mode}");
    }
}
