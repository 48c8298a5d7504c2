//! PINs: what wrong ones cost, who can charge them, how they change.

use inwebo_values::{K0, Proofs};
use pims_authority::{Policy, Purpose, Verdict};

use crate::device::{Device, pin};
use crate::world::{STATE, World};

#[test]
fn wrong_pins_are_counted_and_the_last_one_blocks() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for left in [4, 3, 2, 1] {
        let answer = device.ask(&world.authority, "9999");
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", Some(left)));
    }
    let answer = device.ask(&world.authority, "9999");
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK_BLOCKED", None));
    assert_eq!(world.events().iter().filter(|event| *event == "pin.refused").count(), 5);
    assert_eq!(world.events().iter().filter(|event| *event == "account.blocked").count(), 1);
}

#[test]
fn a_right_pin_sets_the_count_back() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for _ in 0..3 {
        for left in [4, 3, 2, 1] {
            assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(left));
        }
        device.ask(&world.authority, "1234").ok();
    }
}

#[test]
fn a_blocked_account_answers_so_to_everything_that_needs_its_pin() {
    let world = World::with(Policy { max_pin_tries: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    // Challenges from before the block are worth nothing either.
    let modes = ["otp", "password", "synchro"];
    let challenges = modes.map(|mode| device.setup(&world.authority, mode, &[("sid", "7001")]).ok());
    let (_, wanted) = device.synchronize(&world.authority, "1234").ok().unwrap();
    let late = device.setup(&world.authority, "synchro", &[]).ok();
    let other = Device::activate(&world, &account, "1234");
    assert_eq!(other.ask(&world.authority, "9999").err(), "NOK_BLOCKED");
    let proofs = device.proofs(late.get("challenge"), "1234");
    assert_eq!(device.finalize(&world.authority, "synchro", &proofs, &[]).err(), "NOK_BLOCKED");

    for (mode, answer) in modes.into_iter().zip(&challenges).take(2) {
        let proofs = device.proofs(answer.get("challenge"), "1234");
        let (kma, new) = device.new_pin(&challenges[1], "4321");
        let more = [("sid", "7001"), ("keytype", "0"), ("nKma", &kma), ("newpin", &new)];
        assert_eq!(device.finalize(&world.authority, mode, &proofs, &more).err(), "NOK_BLOCKED", "{mode}");
    }
    for mode in modes {
        assert_eq!(device.setup(&world.authority, mode, &[("sid", "7001")]).err(), "NOK_BLOCKED", "{mode}");
    }
    assert_eq!(device.clone().register(&world.authority, &wanted, "1234").err(), "NOK_BLOCKED");
    assert_eq!(device.status(&world.authority), "NOK_BLOCKED");
}

#[test]
fn an_operator_lifts_a_block() {
    let world = World::with(Policy { max_pin_tries: 2, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert!(!world.authority.unblock(&account).unwrap());
    device.ask(&world.authority, "9999");
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK_BLOCKED");
    assert!(world.authority.unblock(&account).unwrap());
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(1));
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn whoever_is_not_the_device_cannot_charge_its_account() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let stranger = Device { k0: K0::new([0; 16]), ..device.clone() };
    for _ in 0..10 {
        let answer = stranger.ask(&world.authority, "9999");
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
    }
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(4));
}

#[test]
fn wrong_pins_from_many_threads_and_two_services_cost_exactly_their_number() {
    let world =
        World::with(Policy { evolve_k1_every: 0, codes_per_hour: 100, codes_per_day: 100, ..Policy::default() });
    let account = world.account("user");
    // Each thread has a device of its own: two that share one would take each other's challenges.
    let devices: Vec<Device> = (0..8).map(|_| Device::activate(&world, &account, "1234")).collect();
    let second = world.another(Policy::default());
    let mut answers: Vec<(String, Option<u32>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = devices
            .iter()
            .enumerate()
            .map(|(number, device)| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                scope.spawn(move || {
                    let ask = || device.ask(authority, "9999");
                    [(); 3].map(|()| ask()).map(|answer| (answer.err().to_owned(), answer.attempts_left()))
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    answers.sort();
    let access = |left| ("NOK:ACCESS".to_owned(), Some(left));
    assert_eq!(answers[..4], [access(1), access(2), access(3), access(4)]);
    assert!(answers[4..].iter().all(|(word, left)| word == "NOK_BLOCKED" && left.is_none()));
    assert_eq!(world.events().iter().filter(|event| *event == "pin.refused").count(), 5);
}

#[test]
fn a_pin_changes_and_the_device_synchronizes() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    device.change_pin(&world.authority, "1234", "4321").ok();
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:ACCESS");
    assert_eq!(device.ask(&world.authority, "4321").err(), "NOK:DESYNCHRONIZED");
    let device = device.synchronized(&world.authority, "4321");
    let password = device.made(&world.authority, "4321");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn a_wrong_old_pin_changes_nothing_and_is_charged() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let answer = device.change_pin(&world.authority, "9999", "4321");
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", Some(4)));
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn a_new_pin_must_be_new_long_enough_and_fit_its_kma() {
    let world = World::with(Policy { pin_min_length: 6, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "123456");
    assert_eq!(device.change_pin(&world.authority, "123456", "123456").err(), "NOK:PINREUSED");
    assert_eq!(device.change_pin(&world.authority, "123456", "12345").err(), "NOK:PINREFUSED");
    let answer = device.setup(&world.authority, "password", &[]).ok();
    let ((kma, _), (_, new)) = (device.new_pin(&answer, "111111"), device.new_pin(&answer, "222222"));
    let proofs = device.proofs(answer.get("challenge"), "123456");
    let more = [("nKma", kma.as_str()), ("newpin", &new)];
    let before = world.rows(&STATE);
    assert_eq!(device.finalize(&world.authority, "password", &proofs, &more).err(), "NOK:SN");
    assert_eq!(world.rows(&STATE), before);
    device.ask(&world.authority, "123456").ok();
}

#[test]
fn a_pin_that_the_policy_no_longer_allows_still_opens() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    world.authority.set_policy(Policy { pin_min_length: 6, evolve_k1_every: 0, ..Policy::default() });
    device.ask(&world.authority, "1234").ok();
    Device::activate(&world, &account, "1234");
}

#[test]
fn a_reset_sets_a_pin_and_lifts_the_block() {
    let world = World::with(Policy { max_pin_tries: 1, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK_BLOCKED");
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "4321").ok();
    let device = device.synchronized(&world.authority, "4321");
    device.ask(&world.authority, "4321").ok();
    // The code is used up.
    assert_eq!(device.reset_pin(&world.authority, &code, "5555").err(), "NOK:CODE");
}

#[test]
fn a_reset_to_the_present_pin_does_not_use_its_code_up() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::ResetPin);
    assert_eq!(device.reset_pin(&world.authority, &code, "1234").err(), "NOK:PINREUSED");
    device.reset_pin(&world.authority, &code, "4321").ok();
}

#[test]
fn a_reset_needs_a_code_of_its_own_purpose_and_wrong_ones_are_charged() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let enrollment = world.code(&account, Purpose::Enrollment);
    assert_eq!(device.reset_pin(&world.authority, &enrollment, "4321").err(), "NOK:CODE");
    let code = world.code(&account, Purpose::ResetPin);
    for left in [4, 3, 2, 1, 0] {
        let answer = device.reset_pin(&world.authority, "wrong1", "4321");
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(left)));
    }
    assert_eq!(device.reset_pin(&world.authority, &code, "4321").err(), "NOK:CODE");
}

#[test]
fn a_reset_needs_the_device_too() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::ResetPin);
    let answer = device.setup(&world.authority, "reset", &[("code", &code)]).ok();
    assert_eq!(answer.get("pinmode"), "2");
    let stranger = Device { k0: K0::new([0; 16]), ..device.clone() };
    assert_eq!(stranger.finish_reset(&world.authority, &answer, &code, "4321").err(), "NOK:ACCESS");
    device.ask(&world.authority, "1234").ok();
    device.reset_pin(&world.authority, &code, "4321").ok();
}

#[test]
fn a_proof_with_the_right_pin_but_a_stale_k1_is_not_charged() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for _ in 0..10 {
        let answer = device.setup(&world.authority, "otp", &[("sid", "7001")]).ok();
        let k1 = inwebo_values::K1::new([9; 16]);
        let proofs = Proofs::with_pin(answer.get("challenge"), &device.serial, &device.k0, &k1, &pin("1234"));
        let answer = device.finalize(&world.authority, "otp", &proofs, &[("sid", "7001"), ("keytype", "0")]);
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:DESYNCHRONIZED", None));
    }
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn whoever_only_knows_the_id_of_a_device_uses_up_no_reset_code() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::ResetPin);
    for _ in 0..20 {
        device.setup(&world.authority, "reset", &[("code", "wrong1")]).ok();
    }
    device.reset_pin(&world.authority, &code, "4321").ok();
}
