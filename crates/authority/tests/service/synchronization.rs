//! Devices that fell behind: after a PIN change elsewhere, after lost answers.

use authority::{Policy, Verdict};

use crate::device::{Device, Password};
use crate::world::World;

#[test]
fn another_device_follows_a_pin_change_by_synchronizing() {
    let world = World::new();
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    first.change_pin(&world.authority, "1234", "4321").ok();
    assert_eq!(second.ask(&world.authority, "1234").err(), "NOK:ACCESS");
    // With the new PIN its K1 decrypts to something else.
    let answer = second.ask(&world.authority, "4321");
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:DESYNCHRONIZED", None));
    let second = second.synchronized(&world.authority, "4321");
    let password = second.made(&world.authority, "4321");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn a_lost_answer_of_a_synchronization_is_asked_for_again() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (lost, _) = device.synchronize(&world.authority, "1234").ok().unwrap();
    assert!(lost.k0 == device.k0 && lost.k1("1234") != device.k1("1234"));
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    device.synchronized(&world.authority, "1234").ask(&world.authority, "1234").ok();
}

#[test]
fn the_old_secret_counts_until_a_new_one_is_made() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (synchronized, _) = device.synchronize(&world.authority, "1234").ok().unwrap();
    let with_old_secret = Device { secret: device.secret.clone(), ..synchronized };
    let password = with_old_secret.made(&world.authority, "1234");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn each_synchronization_has_a_higher_number() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for number in ["1", "2", "3"] {
        let answer = device.setup(&world.authority, "synchro", &[]).ok();
        let proofs = device.proofs(answer.get("challenge"), "1234");
        assert_eq!(device.finalize(&world.authority, "synchro", &proofs, &[]).ok().get("Tsync"), number);
    }
}

#[test]
fn a_wrong_pin_does_not_synchronize_and_is_charged() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let answer = device.synchronize(&world.authority, "9999").err().unwrap();
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", Some(4)));
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn a_device_without_a_secret_must_synchronize() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, authority::Purpose::Enrollment);
    let setup = crate::device::setup("activate", "", &[("code", &code)]);
    let keys = crate::device::Keys::read(&crate::device::Answer::of(&world.authority, Some(&account), &setup).ok());
    let (serial, pin) = (crate::device::serial(), crate::device::pin("1234"));
    let request = crate::device::activation(&keys, &code, &pin, &serial, None);
    let answer = crate::device::Answer::of(&world.authority, Some(&account), &request).ok();
    let (device, _) = Device::read(&answer, answer.get("id"), &serial, &pin, &keys.factory);
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    device.synchronized(&world.authority, "1234").ask(&world.authority, "1234").ok();
}

#[test]
fn a_stale_k1_changes_no_pin_and_makes_no_secret() {
    let world = World::new();
    let account = world.account("user");
    let stale = Device::activate(&world, &account, "1234");
    let (synchronized, wanted) = stale.synchronize(&world.authority, "1234").ok().unwrap();
    assert_eq!(stale.change_pin(&world.authority, "1234", "4321").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(stale.clone().register(&world.authority, &wanted, "1234").err(), "NOK:DESYNCHRONIZED");
    synchronized.change_pin(&world.authority, "1234", "4321").ok();
}

#[test]
fn a_synchronization_ends_an_evolution_under_way() {
    let world = World::with(Policy { evolve_k1_every: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let Password::Again(evolved) = device.password(&world.authority, "1234") else { panic!("K1 does not evolve") };
    let device = device.synchronized(&world.authority, "1234");
    assert_eq!(evolved.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    assert!(matches!(device.password(&world.authority, "1234"), Password::Again(_)));
}
