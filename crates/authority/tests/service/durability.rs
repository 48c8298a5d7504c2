//! What outlives the process, what the file gives away, and who may open it.

use std::sync::Arc;

use pims_authority::{Authority, CvsRequest, MasterKey, OpenError, Options, Policy, Purpose, Verdict};

use crate::device::{Answer, Device, Keys, setup};
use crate::world::{HandClock, Inbox, MASTER, World, open};

#[test]
fn data_and_keys_outlive_the_process() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    device.ask(&world.authority, "9999");
    let code = world.code(&account, Purpose::Enrollment);
    let World { folder, clock, inbox, authority } = world;
    drop(authority);

    let authority = open(&folder.path().join("authority.db"), Policy::default(), &clock, &inbox);
    assert_eq!(authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    assert_eq!(device.ask(&authority, "9999").attempts_left(), Some(3));
    let keys = Keys::read(&Answer::of(&authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    assert!(keys.factory == device.factory);
    device.ask(&authority, "1234").ok();
}

#[test]
fn services_that_begin_at_once_agree_on_their_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.db");
    let factories: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let world = (HandClock::default(), Inbox::default());
                    let authority = Arc::new(open(&path, Policy::default(), &world.0, &world.1));
                    let account = pims_authority::AccountName::new("user").unwrap();
                    // Whoever comes later replaces the code; each begins at once with its own, or is told that it is wrong.
                    let request = setup("activate", "", &[("code", "000000")]);
                    assert_eq!(Answer::of(&authority, Some(&account), &request).err(), "NOK:CODE");
                    let connection = rusqlite::Connection::open(&path).unwrap();
                    let sql = "SELECT group_concat(announced) FROM service_keys";
                    connection.query_row(sql, [], |row| row.get(0)).unwrap()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(factories.iter().all(|factory| *factory == factories[0] && !factory.is_empty()));
}

#[test]
fn a_wrong_master_key_does_not_open_the_database() {
    let world = World::new();
    for key in [MasterKey::new(1, [8; 32]), MasterKey::new(2, MASTER)] {
        let opened = Authority::open(Options {
            database: world.database().into(),
            master_key: key.into(),
            policy: Policy::default(),
            sms: Box::new(Inbox::default()),
            sms_retry: None,
            clock: Box::new(HandClock::default()),
        });
        assert!(matches!(opened.err(), Some(OpenError::MasterKey)));
    }
    world.another(Policy::default());
}

#[test]
fn what_is_no_database_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.db");
    std::fs::write(&path, "this is not a database, but it is long enough to be looked at as one".repeat(100)).unwrap();
    let before = std::fs::read(&path).unwrap();
    for database in [path.clone(), folder.path().join("missing/authority.db"), folder.path().to_owned()] {
        let opened = Authority::open(Options {
            database: database.into(),
            master_key: MasterKey::new(1, MASTER).into(),
            policy: Policy::default(),
            sms: Box::new(Inbox::default()),
            sms_retry: None,
            clock: Box::new(HandClock::default()),
        });
        assert!(opened.is_err());
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_thief_of_the_database_finds_no_pin_key_code_or_password() {
    let world = World::with(Policy { evolve_k1_every: 2, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "73914826");
    let password = device.made(&world.authority, "73914826");
    // A pending K1 lies there too.
    let crate::device::Password::Again(evolved) = device.password(&world.authority, "73914826") else {
        panic!("K1 does not evolve")
    };
    let code = world.code(&account, Purpose::ResetPin);

    let (k1, next_k1) = (device.k1("73914826"), evolved.k1("73914826"));
    let secret = device.secret.as_ref().unwrap();
    let mut loot: Vec<Vec<u8>> =
        [&b"73914826"[..], password.as_bytes(), code.as_bytes(), &MASTER].map(<[u8]>::to_vec).into();
    for key in [device.k0.as_bytes(), k1.as_bytes(), next_k1.as_bytes(), secret.as_bytes(), &device.hidden_k1] {
        loot.push(key.to_vec());
        loot.push(inwebo_values::hex::encode(key).into_bytes());
    }
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        for secret in &loot {
            assert!(!content.windows(secret.len()).any(|window| window == secret.as_slice()), "{secret:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let authority = open(&folder.path().join("new.db"), Policy::default(), &HandClock::default(), &Inbox::default());
    authority.cvs(&pims_authority::AccountName::new("user").unwrap(), &CvsRequest::TrustedPhoneNumber).unwrap();
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap).collect();
    assert!(files.len() > 1);
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[test]
fn a_changed_secret_is_a_failure_and_not_a_wrong_pin() {
    let world = World::new();
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    let connection = rusqlite::Connection::open(world.database()).unwrap();
    // K0 of one device put in place of the other's.
    let sql = "UPDATE devices SET k0 = (SELECT k0 FROM devices WHERE id = ?1) WHERE id = ?2";
    connection.execute(sql, [&first.id, &second.id]).unwrap();
    let challenge = second.setup(&world.authority, "otp", &[("sid", "7001")]).ok().get("challenge").to_owned();
    let proofs = first.proofs(&challenge, "1234");
    let more = [("sid", "7001"), ("keytype", "0"), ("R0", &proofs.r0), ("R1", &proofs.r1), ("R2", &proofs.r2)];
    let failure = world.authority.mac(None, &crate::device::finalize("otp", &second.id, &more)).unwrap_err();
    assert!(matches!(failure, pims_authority::Failure::Sealed));
    first.ask(&world.authority, "1234").ok();
}
