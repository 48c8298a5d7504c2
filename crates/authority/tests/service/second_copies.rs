//! Second copies of a device: the signs of one, and an SMS code that decides which one stays.

use authority::{AccountName, ClonePolicy, Policy, Purpose};

use crate::device::{Answer, Device, Password, setup};
use crate::world::World;

const SUSPECTED: &str = "device.clone_suspected";

fn evolving(clone: ClonePolicy) -> Policy {
    Policy { evolve_k1_every: 1, clone, codes_per_hour: 100, codes_per_day: 100, ..Policy::default() }
}

pub(crate) fn scene(clone: ClonePolicy) -> (World, AccountName, Device) {
    let world = World::with(evolving(clone));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (world, account, device)
}

/// The attack of the review: the device and a copy make passwords by turns.
#[test]
fn a_copy_that_is_used_beside_the_device_is_reported() {
    let (world, account, device) = scene(ClonePolicy::Report);
    let mut copies = [device.clone(), device];
    for turn in 0..12 {
        let copy = copies[turn % 2].clone();
        copies[turn % 2] = copy.logs_in(&world.authority, "1234").unwrap().0;
        // The first request after an evolution of the other one is detected, and so is each one
        // after it.
        assert_eq!(world.count(SUSPECTED), turn);
    }
    assert_eq!(world.authority.tally().clones_suspected, 11);
    let info = world.authority.devices(&account).unwrap().remove(0);
    assert!(info.suspected_at.is_some() && !info.suspended);
}

#[test]
fn a_copy_that_shows_an_older_synchronization_is_reported_before_its_pin_is_verified() {
    let world = World::new();
    let account = world.account("user");
    let copy = Device::activate(&world, &account, "1234");
    let device = copy.clone().synchronized(&world.authority, "1234");
    device.ask(&world.authority, "1234").ok();
    assert_eq!(world.count(SUSPECTED), 0);
    // The thief does not know the PIN.
    assert_eq!(copy.ask(&world.authority, "9999").attempts_left(), Some(4));
    assert_eq!(world.count(SUSPECTED), 1);
    // The same suspicion is not reported again and again.
    assert_eq!(copy.ask(&world.authority, "9999").attempts_left(), Some(3));
    assert_eq!(world.count(SUSPECTED), 1);
    device.ask(&world.authority, "1234").ok();
    copy.ask(&world.authority, "9999");
    assert_eq!(world.count(SUSPECTED), 2);
}

#[test]
fn a_client_that_always_shows_the_same_synchronization_is_not_suspected() {
    let world = World::new();
    let account = world.account("user");
    let mut device = Device::activate(&world, &account, "1234");
    for _ in 0..3 {
        let (synchronized, wanted) = device.synchronize(&world.authority, "1234").ok().unwrap();
        device = Device { last_sync: "0".into(), ..synchronized };
        device.register(&world.authority, &wanted, "1234").ok();
        device.ask(&world.authority, "1234").ok();
    }
    assert_eq!(world.count(SUSPECTED), 0);
}

#[test]
fn a_suspended_device_proves_nothing_until_its_pin_is_reset_and_then_its_copy_is_shut_out() {
    let (world, account, device) = scene(ClonePolicy::Suspend);
    let copy = device.clone();
    let (device, password) = device.logs_in(&world.authority, "1234").unwrap();
    let token = world.authority.exchange_otp(&account, &password).unwrap().unwrap();
    let answer = copy.ask(&world.authority, "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:STATE", "secondCopy"));
    assert_eq!((world.count(SUSPECTED), world.count("device.suspended")), (1, 1));
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none(), "whose it is is not known");
    // It stays so, for both.
    for either in [&device, &copy] {
        for mode in ["otp", "password", "synchro"] {
            let answer = either.setup(&world.authority, mode, &[("sid", "7001")]);
            assert_eq!((answer.err(), answer.get("reason")), ("NOK:STATE", "secondCopy"), "{mode}");
        }
    }
    assert!(world.authority.devices(&account).unwrap()[0].suspended);

    // The owner has the phone that receives the code.
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    // Even a thief who learns the new PIN in time has no way in after the device proved its new
    // keys.
    let device = device.synchronized(&world.authority, "8264");
    assert_eq!(world.count("device.k0.renewed"), 1);
    for digits in ["1234", "8264"] {
        let answer = copy.ask(&world.authority, digits);
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
        assert_eq!(copy.synchronize(&world.authority, digits).err().unwrap().err(), "NOK:ACCESS");
    }
    assert_eq!(copy.remove(&world.authority).err(), "NOK:ACCESS");
    let code = world.code(&account, Purpose::ResetPin);
    assert_eq!(copy.reset_pin(&world.authority, &code, "7777").err(), "NOK:ACCESS");
    let mut device = device;
    for _ in 0..3 {
        device = device.logs_in(&world.authority, "8264").unwrap().0;
    }
    assert_eq!(world.count(SUSPECTED), 1);
}

#[test]
fn the_answer_with_the_new_keys_may_be_lost() {
    let (world, account, device) = scene(ClonePolicy::Suspend);
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    // The answer is lost, and lost again.
    let (lost, _) = device.synchronize(&world.authority, "8264").ok().unwrap();
    let (_, _) = device.synchronize(&world.authority, "8264").ok().unwrap();
    assert!(lost.k0 != device.k0);
    let renewed = device.clone().synchronized(&world.authority, "8264");
    assert!(renewed.k0 == lost.k0);
    assert_eq!(device.ask(&world.authority, "8264").err(), "NOK:ACCESS");
    let (renewed, _) = renewed.logs_in(&world.authority, "8264").unwrap();
    // A reset prepares another key each time, also if the last one was never proved.
    for pin in ["7391", "6204"] {
        let code = world.code(&account, Purpose::ResetPin);
        renewed.reset_pin(&world.authority, &code, pin).ok();
    }
    renewed.synchronized(&world.authority, "6204").logs_in(&world.authority, "6204").unwrap();
    assert_eq!(world.count(SUSPECTED), 0);
}

#[test]
fn a_policy_that_only_reports_suspends_nobody_that_another_one_suspended() {
    let (world, account, device) = scene(ClonePolicy::Suspend);
    let copy = device.clone();
    let (device, _) = device.logs_in(&world.authority, "1234").unwrap();
    assert_eq!(copy.ask(&world.authority, "1234").err(), "NOK:STATE");
    let lenient = world.another(Policy { activation_by_device: true, ..evolving(ClonePolicy::Report) });
    let (device, _) = device.logs_in(&lenient, "1234").unwrap();
    // The code that it makes is good, too.
    let answer = device.setup(&lenient, "newsn", &[]).ok();
    let made = device.finalize(&lenient, "newsn", &device.proofs(answer.get("challenge"), "1234"), &[]).ok();
    Answer::of(&lenient, None, &setup("activate", "", &[("code", made.get("code"))])).ok();
    assert!(world.authority.devices(&account).unwrap()[0].suspended);
}

#[test]
fn lost_answers_and_pin_changes_elsewhere_make_nobody_a_copy() {
    let (world, account, mut device) = scene(ClonePolicy::Suspend);
    let other = Device::activate(&world, &account, "1234");
    // An evolution whose answer is lost, once and twice.
    for lost in [1, 2] {
        for _ in 0..lost {
            assert!(matches!(device.password(&world.authority, "1234"), Password::Again(_)));
        }
        device = device.logs_in(&world.authority, "1234").unwrap().0;
    }
    // A synchronization whose answer is lost, after an evolution that was adopted.
    for _ in 0..3 {
        device.synchronize(&world.authority, "1234").ok().unwrap();
    }
    device = device.logs_in(&world.authority, "1234").unwrap().0;
    // A PIN that another device changes, and changes back.
    other.change_pin(&world.authority, "1234", "4321").ok();
    let other = other.synchronized(&world.authority, "4321");
    other.change_pin(&world.authority, "4321", "1234").ok();
    device = device.logs_in(&world.authority, "1234").unwrap().0;
    let other = other.logs_in(&world.authority, "1234").unwrap().0;
    other.change_pin(&world.authority, "1234", "4321").ok();
    device = device.logs_in(&world.authority, "4321").unwrap().0;
    // Its own change, whose answer is lost.
    device.change_pin(&world.authority, "4321", "8264").ok();
    device.logs_in(&world.authority, "8264").unwrap();
    assert_eq!(world.count(SUSPECTED), 0);
}
