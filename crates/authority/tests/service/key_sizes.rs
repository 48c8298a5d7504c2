//! The size of the keys that devices encrypt to. The setting can change while devices are enrolled
//! and operations are running.

use authority::{KeyRing, KeySize, MasterKey, Options, Policy, Purpose, Verdict};
use inwebo::values::hex;

use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{MASTER, World};

fn policy(device_key_bits: KeySize) -> Policy {
    Policy { evolve_k1_every: 0, device_key_bits, ..Policy::default() }
}

#[test]
fn the_size_is_2048_bits_unless_the_setting_says_otherwise() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(Keys::read(&device.setup(&world.authority, "password", &[]).ok()).device.size(), 256);
}

#[test]
fn a_device_of_an_old_client_enrolls_changes_its_pin_and_makes_passwords_with_1024_bits() {
    let world = World::with(policy(KeySize::Bits1024));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let answer = device.setup(&world.authority, "password", &[]).ok();
    // Two blocks and a bit of 62 bytes, sealed by the factory key.
    assert_eq!((answer.get("Kiw").len(), Keys::read(&answer).device.size()), (3 * 256, 128));
    device.change_pin(&world.authority, "1234", "4321").ok();
    let device = device.synchronized(&world.authority, "4321");
    let password = device.made(&world.authority, "4321");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn another_size_makes_other_keys_under_the_same_factory_key_and_going_back_finds_the_first_ones() {
    let world = World::with(policy(KeySize::Bits2048));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let announced = || device.setup(&world.authority, "password", &[]).ok();
    let first = announced();
    world.authority.set_policy(policy(KeySize::Bits1024));
    let second = announced();
    assert_eq!(second.get("Kfact"), first.get("Kfact"));
    assert_eq!((Keys::read(&first).device.size(), Keys::read(&second).device.size()), (256, 128));
    let restarted = world.another(policy(KeySize::Bits1024));
    assert_eq!(device.setup(&restarted, "password", &[]).get("Kiw"), second.get("Kiw"));
    world.authority.set_policy(policy(KeySize::Bits2048));
    assert_eq!(announced().get("Kiw"), first.get("Kiw"));
    // Earlier enrollments go on.
    device.made(&restarted, "1234");
}

#[test]
fn an_operation_that_began_under_one_size_ends_under_the_other_at_any_instance() {
    for (before, after) in [(KeySize::Bits1024, KeySize::Bits2048), (KeySize::Bits2048, KeySize::Bits1024)] {
        let world = World::with(policy(before));
        let account = world.account("user");
        let other = world.another(policy(after));
        // The other instance has keys of its own size, and none of the first one's.
        Answer::of(
            &other,
            Some(&account),
            &setup("activate", "", &[("code", &world.code(&account, Purpose::Enrollment))]),
        )
        .ok();

        let code = world.code(&account, Purpose::Enrollment);
        let answer = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
        let (keys, serial, chosen) = (Keys::read(&answer), serial(), pin("1234"));
        let request = activation(&keys, &code, &chosen, &serial, None);
        let answer = Answer::of(&other, Some(&account), &request).ok();
        let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &chosen, &keys.factory);
        // The secret is encrypted to the key that the other one announced, and registered at the
        // first.
        device.register(&world.authority, &wanted, "1234").ok();
        let password = device.made(&other, "1234");
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    }
}

#[test]
fn a_block_of_a_size_that_no_key_has_is_a_syntax_error_and_makes_no_key() {
    let world = World::with(policy(KeySize::Bits2048));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let before = world.rows(&["service_keys"]);
    for bytes in [1, 127, 128, 129, 255, 257, 512] {
        let answer = device.setup(&world.authority, "password", &[]).ok();
        let block = hex::encode(&vec![1; bytes]);
        let proofs = device.proofs(answer.get("challenge"), "1234");
        let sent = [("nKma", block.as_str()), ("newpin", block.as_str())];
        assert_eq!(device.finalize(&world.authority, "password", &proofs, &sent).err(), "NOK:SN", "{bytes}");
    }
    assert_eq!(world.rows(&["service_keys"]), before);
}

#[test]
fn a_rotation_of_the_master_key_seals_the_keys_of_both_sizes_anew() {
    let world = World::with(policy(KeySize::Bits2048));
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    world.authority.set_policy(policy(KeySize::Bits1024));
    let announced = device.setup(&world.authority, "password", &[]).ok();

    let new = || MasterKey::new(2, [9; 32]);
    let ring = KeyRing::new(new()).with(MasterKey::new(1, MASTER)).unwrap();
    let both = world.another_with(|options| Options { master_key: ring, ..options });
    while !both.rekey(100).unwrap().done {}
    for size in [KeySize::Bits1024, KeySize::Bits2048] {
        let alone = world.another_with(|options| Options { master_key: new().into(), policy: policy(size), ..options });
        let answer = device.setup(&alone, "password", &[]).ok();
        assert_eq!(answer.get("Kiw") == announced.get("Kiw"), size == KeySize::Bits1024);
        device.made(&alone, "1234");
    }
}
