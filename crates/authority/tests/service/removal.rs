//! The removal of devices.

use authority::{CvsAnswer, CvsRequest, PinProof, Policy, Purpose, Verdict};
use inwebo::values::K0;

use crate::device::{Answer, Device, setup};
use crate::world::{NUMBER, World};

#[test]
fn a_removed_device_is_gone_and_its_account_is_not() {
    let world = World::new();
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    let password = first.made(&world.authority, "1234");
    first.remove(&world.authority).ok();
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert_eq!(first.status(&world.authority), "NOK:NODEVICE");
    for mode in ["otp", "password", "synchro", "remove"] {
        assert_eq!(first.setup(&world.authority, mode, &[("sid", "7001")]).err(), "NOK:NODEVICE");
    }
    assert_eq!(first.setup(&world.authority, "reset", &[("code", "123456")]).err(), "NOK:NODEVICE");
    second.ask(&world.authority, "1234").ok();
}

#[test]
fn only_the_device_itself_removes_it() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let stranger = Device { k0: K0::new([0; 16]), ..device.clone() };
    assert_eq!(stranger.remove(&world.authority).err(), "NOK:ACCESS");
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn removing_the_enrollments_clears_all_but_the_phone_number() {
    let world = World::with(Policy { max_pin_tries: 1, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    let password = first.made(&world.authority, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(second.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);

    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    let answer = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)]));
    assert_eq!(answer.err(), "NOK:CODE");
    for device in [first, second] {
        assert_eq!(device.status(&world.authority), "NOK:NODEVICE");
    }
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));
    // A new PIN is chosen.
    let device = Device::activate(&world, &account, "4321");
    device.ask(&world.authority, "4321").ok();
}

#[test]
fn nothing_of_a_removed_device_stays_but_its_id() {
    let world = World::with(Policy { pin_proof: PinProof::AtActivation, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    device.ask(&world.authority, "1234").ok();
    assert_eq!(world.rows(&["device_traits"]).len(), 1);
    device.remove(&world.authority).ok();
    let rows = world.rows(&["devices", "device_traits", "passwords"]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].matches("Null").count(), 15, "{}", rows[0]);
}

#[test]
fn an_unknown_device_is_none() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for id in ["", "0000000000000000", "x", &device.id.to_uppercase(), "'; DROP TABLE devices; --"] {
        // An id without letters has no upper case.
        if id == device.id {
            continue;
        }
        assert_eq!(Answer::of(&world.authority, None, &setup("status", id, &[])).err(), "NOK:NODEVICE", "{id}");
    }
    assert_eq!(device.status(&world.authority), "OK");
}
