//! The rotation of the master key, page by page, while the service runs.

use authority::{
    ActivationProof, Authority, CodeLetters, KeyRing, MasterKey, OpenError, Options, Policy, Progress, Purpose, Verdict,
};

use crate::device::{Answer, Device, setup};
use crate::world::{MASTER, World};

const NEW: [u8; 32] = [9; 32];

/// Returns the new key, which seals, and the old one.
fn both() -> KeyRing {
    KeyRing::new(MasterKey::new(2, NEW)).with(MasterKey::new(1, MASTER)).unwrap()
}

fn new_alone() -> KeyRing {
    MasterKey::new(2, NEW).into()
}

fn open(world: &World, master_key: KeyRing) -> Result<Authority, OpenError> {
    Authority::open(Options { master_key, ..world.options() })
}

fn is_wrong_key(opened: Result<Authority, OpenError>) -> bool {
    matches!(opened.err(), Some(OpenError::MasterKey))
}

/// Runs a rotation to its end.
fn rotate(authority: &Authority) -> Progress {
    std::iter::repeat_with(|| authority.rekey(100).unwrap()).find(|progress| progress.done).unwrap()
}

/// Returns how many of the sealed values name this key. The key's number stands in front of each
/// sealed value.
fn sealed_under(world: &World, id: u32) -> usize {
    let prefix = inwebo::values::hex::encode(&id.to_be_bytes());
    let tables = ["accounts", "devices", "service_keys", "secrets", "sms_queue"];
    let rows = world.rows(&tables);
    let values = rows.iter().flat_map(|row| row.split(", "));
    // A sealed value is longer than its key's number, its nonce and its tag.
    values.filter(|value| value.len() > 2 * (4 + 24 + 16) && value.starts_with(&prefix)).count()
}

/// Creates some accounts with every kind of sealed value.
fn populate(world: &World) -> Vec<Device> {
    (0..6)
        .map(|number| {
            let account = world.account(&format!("user{number}"));
            world.authority.secret("signing", || Ok(b"the key that signs".to_vec())).unwrap();
            Device::activate(world, &account, "1234")
        })
        .collect()
}

#[test]
fn a_rotation_that_is_stopped_anywhere_goes_on_where_it_was() {
    let world = World::new();
    let devices = populate(&world);
    assert!(sealed_under(&world, 1) > 20);
    let mut calls = 0;
    let resealed: u32 = std::iter::from_fn(|| {
        // Each call is made by an instance that ends after it.
        let authority = open(&world, both()).unwrap();
        let progress = authority.rekey(2).unwrap();
        calls += 1;
        // Meanwhile the service runs, on both sides of the place that the rotation has reached.
        devices[calls % devices.len()].ask(&authority, "1234").ok();
        (!progress.done).then_some(progress.resealed)
    })
    .sum();
    // Three RSA keys, a secret, the key of the audit trail, six accounts, six devices.
    assert_eq!(resealed, 17);
    assert!(calls > 8);
    assert_eq!(sealed_under(&world, 1), 0);

    let authority = open(&world, new_alone()).unwrap();
    for device in &devices {
        device.ask(&authority, "1234").ok();
    }
    assert_eq!(**authority.secret("signing", || panic!("it is there")).unwrap(), b"the key that signs"[..]);
    assert!(is_wrong_key(open(&world, MasterKey::new(1, MASTER).into())));
    assert!(world.events().iter().any(|event| event == "keys.rotated"));
}

#[test]
fn in_the_middle_of_a_rotation_neither_key_can_be_missing() {
    let world = World::new();
    let devices = populate(&world);
    // An instance that has the new key and does not use it yet.
    let ring = KeyRing::new(MasterKey::new(1, MASTER)).with(MasterKey::new(2, NEW)).unwrap();
    let before = open(&world, ring).unwrap();
    let authority = open(&world, both()).unwrap();
    while authority.rekey(3).unwrap().resealed == 0 {}
    assert!(is_wrong_key(open(&world, new_alone())));
    assert!(is_wrong_key(open(&world, MasterKey::new(1, MASTER).into())));
    assert!(sealed_under(&world, 1) > 0 && sealed_under(&world, 2) > 0);
    for device in &devices {
        device.ask(&before, "1234").ok();
        device.ask(&authority, "1234").ok();
    }
}

#[test]
fn a_wrong_key_in_the_ring_is_told() {
    let world = World::new();
    let wrong = |id| MasterKey::new(id, [77; 32]);
    assert!(is_wrong_key(open(&world, KeyRing::new(MasterKey::new(2, NEW)).with(wrong(1)).unwrap())));
    assert!(is_wrong_key(open(&world, new_alone())));
    open(&world, both()).unwrap();
    // Now the new key has sealed something: another key of its number is wrong, too.
    assert!(is_wrong_key(open(&world, KeyRing::new(wrong(2)).with(MasterKey::new(1, MASTER)).unwrap())));
    assert!(is_wrong_key(open(&world, KeyRing::new(MasterKey::new(1, MASTER)).with(wrong(2)).unwrap())));
}

#[test]
fn codes_and_tickets_of_the_old_key_tell_their_account_until_they_expire() {
    for proof in [ActivationProof::Ticket, ActivationProof::Open(CodeLetters::MIN)] {
        let world = World::showing(proof);
        let account = world.account("user");
        let (code, ticket) = match proof {
            ActivationProof::Ticket => world.code_with_ticket(&account, Purpose::Enrollment),
            _ => (world.code(&account, Purpose::Enrollment), "A".repeat(22)),
        };
        let authority = open(&world, both()).unwrap();
        rotate(&authority);
        authority.set_policy(Policy { activation_proof: proof, ..Policy::default() });
        let request = setup("activate", "", &[("code", &code), ("ticket", &ticket)]);
        Answer::of(&authority, None, &request).ok();
    }
}

#[test]
fn values_hashed_under_the_old_key_are_valid_until_they_expire() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    let token = world.token(&account, &device);

    let authority = open(&world, both()).unwrap();
    let progress = rotate(&authority);
    // Two codes, that of the number and another one; the password that was not used; and the token.
    assert_eq!(progress.hashed_under_others, 4);
    Answer::of(&authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    assert_eq!(authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    assert_eq!(authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    let (_, next) = authority.rotate_refresh_token(&token).unwrap().unwrap();
    world.clock.forward(31 * 24 * 3600);
    assert_eq!(rotate(&authority).hashed_under_others, 0);
    assert!(authority.rotate_refresh_token(&next).unwrap().is_none());
}

#[test]
fn a_rotation_to_yet_another_key_begins_anew() {
    let world = World::new();
    let devices = populate(&world);
    open(&world, both()).unwrap().rekey(2).unwrap();
    let third = || MasterKey::new(3, [3; 32]);
    let ring = KeyRing::new(third()).with(MasterKey::new(1, MASTER)).unwrap().with(MasterKey::new(2, NEW)).unwrap();
    let authority = open(&world, ring).unwrap();
    while !authority.rekey(5).unwrap().done {}
    assert_eq!((sealed_under(&world, 1), sealed_under(&world, 2)), (0, 0));
    let authority = open(&world, third().into()).unwrap();
    devices[0].ask(&authority, "1234").ok();
}

#[test]
fn devices_that_ask_while_the_key_rotates_are_all_served() {
    let world = World::new();
    let devices = populate(&world);
    let authority = open(&world, both()).unwrap();
    std::thread::scope(|scope| {
        let rotation = scope.spawn(|| while !authority.rekey(1).unwrap().done {});
        for device in &devices {
            let authority = &authority;
            scope.spawn(move || (0..5).for_each(|_| drop(device.ask(authority, "1234").ok())));
        }
        rotation.join().unwrap();
    });
    assert_eq!(sealed_under(&world, 1), 0);
}
