//! One-time passwords: each is accepted once, for one account, for a while. K1 evolves without ever
//! locking a device out.

use authority::{Policy, Verdict};
use inwebo::values::{Proofs, otp};

use crate::device::{Device, Password};
use crate::world::World;

fn evolving(every: u32) -> World {
    World::with(Policy { evolve_k1_every: every, ..Policy::default() })
}

#[test]
fn a_password_is_accepted_once_and_refused_ever_after() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    let verdicts: Vec<Verdict> = (0..3).map(|_| world.authority.verify_otp(&account, &password).unwrap()).collect();
    assert_eq!(verdicts, [Verdict::Accepted, Verdict::Refused, Verdict::Refused]);
}

#[test]
fn a_password_of_another_account_or_a_wrong_one_is_refused_and_costs_nothing() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    let other = world.account("other");
    let unknown = authority::AccountName::new("unknown").unwrap();
    for (account, otp) in [(&other, password.as_str()), (&unknown, &password), (&account, ""), (&account, "aaaaaaaaa")]
    {
        assert_eq!(world.authority.verify_otp(account, otp).unwrap(), Verdict::Refused);
    }
    assert_eq!(world.authority.verify_otp(&account, &password.to_uppercase()).unwrap(), Verdict::Refused);
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn a_password_expires() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let early = device.made(&world.authority, "1234");
    world.clock.forward(119);
    assert_eq!(world.authority.verify_otp(&account, &early).unwrap(), Verdict::Accepted);
    let late = device.made(&world.authority, "1234");
    world.clock.forward(120);
    assert_eq!(world.authority.verify_otp(&account, &late).unwrap(), Verdict::Refused);
}

#[test]
fn passwords_that_are_open_at_once_are_each_right() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let passwords: Vec<String> = (0..3).map(|_| device.made(&world.authority, "1234")).collect();
    for password in passwords.iter().rev() {
        assert_eq!(world.authority.verify_otp(&account, password).unwrap(), Verdict::Accepted);
    }
}

#[test]
fn one_password_that_is_verified_by_many_at_once_is_accepted_once() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    let second = world.another(Policy::default());
    let accepted = std::thread::scope(|scope| {
        let verify = |authority: &authority::Authority| authority.verify_otp(&account, &password).unwrap();
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                scope.spawn(move || verify(authority))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|verdict| *verdict == Verdict::Accepted).count()
    });
    assert_eq!(accepted, 1);
}

#[test]
fn every_nth_password_comes_after_an_evolution_of_k1() {
    let world = evolving(3);
    let account = world.account("user");
    let mut device = Device::activate(&world, &account, "1234");
    let mut history = String::new();
    for _ in 0..10 {
        match device.password(&world.authority, "1234") {
            Password::Made(password) => {
                assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
                history.push('p');
            }
            Password::Again(evolved) => {
                device = *evolved;
                history.push('E');
            }
            Password::Refused(word) => panic!("{word}"),
        }
    }
    assert_eq!(history, "ppEpppEppp");
}

#[test]
fn a_device_that_lost_the_answer_of_an_evolution_goes_on_with_its_old_k1() {
    let world = evolving(1);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let Password::Again(lost) = device.password(&world.authority, "1234") else { panic!("K1 does not evolve") };
    let Password::Again(evolved) = device.password(&world.authority, "1234") else { panic!("K1 does not evolve") };
    assert!(lost.k1("1234") != evolved.k1("1234"));
    let password = evolved.made(&world.authority, "1234");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    // After the new K1 was proved, the old one is stale.
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(lost.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
}

#[test]
fn the_defi_of_an_evolution_makes_no_password() {
    let world = evolving(1);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let answer = device.ask(&world.authority, "1234").ok();
    let (defi, dk1) = (answer.get("defi"), answer.get("dK1"));
    let old = device.k1("1234");
    for k1 in [&old, &old.evolve(dk1)] {
        let password = otp::with_pin(k1, defi, &device.secval("1234"));
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    }
}

#[test]
fn a_device_may_ask_for_as_many_passwords_a_day_as_the_policy_says() {
    let policy = Policy { otps_per_device_and_day: Some(2), evolve_k1_every: 0, ..Policy::default() };
    let world = World::with(policy);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let other = Device::activate(&world, &account, "1234");
    device.made(&world.authority, "1234");
    device.made(&world.authority, "1234");
    let refused = device.ask(&world.authority, "1234");
    assert_eq!(refused.get("reason"), "dailyLimit");
    assert!((1..=24 * 3600).contains(&refused.get("retryAfterSeconds").parse::<u64>().unwrap()));
    assert_eq!(refused.err(), "NOK:FORBIDDEN");
    other.made(&world.authority, "1234");
    world.clock.forward(24 * 3600);
    device.made(&world.authority, "1234");
}

#[test]
fn a_password_without_a_pin_is_made_where_the_policy_allows_it() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(device.ask_without_pin(&world.authority).err(), "NOK:ACCESS");
    world.authority.set_policy(Policy { otp_without_pin: true, ..Policy::default() });
    let answer = device.ask_without_pin(&world.authority).ok();
    let password = otp::without_pin(&device.k0, answer.get("defi"), &device.secval("1234"));
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
}

#[test]
fn after_a_change_of_the_pin_no_device_makes_a_password_without_one_until_it_synchronized() {
    let world = World::with(Policy { otp_without_pin: true, ..Policy::default() });
    let account = world.account("user");
    let (changed, other) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    changed.change_pin(&world.authority, "1234", "4321").ok();
    for device in [changed, other] {
        assert_eq!(device.ask_without_pin(&world.authority).err(), "NOK:DESYNCHRONIZED");
        let device = device.synchronized(&world.authority, "4321");
        device.ask_without_pin(&world.authority).ok();
    }
}

#[test]
fn a_challenge_is_used_up_by_any_finalize_and_replaced_by_any_setup() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let authority = &world.authority;
    let more = [("sid", "7001"), ("keytype", "0")];
    let challenge = |answer: crate::device::Answer| answer.ok().get("challenge").to_owned();

    let first = challenge(device.setup(authority, "otp", &more[..1]));
    let second = challenge(device.setup(authority, "otp", &more[..1]));
    assert_eq!(device.finalize(authority, "otp", &device.proofs(&first, "1234"), &more).err(), "NOK:ACCESS");
    assert_eq!(device.finalize(authority, "otp", &device.proofs(&second, "1234"), &more).err(), "NOK:STATE");

    let third = challenge(device.setup(authority, "otp", &more[..1]));
    device.finalize(authority, "otp", &device.proofs(&third, "1234"), &more).ok();
    assert_eq!(device.finalize(authority, "otp", &device.proofs(&third, "1234"), &more).err(), "NOK:STATE");

    // A challenge of one mode is invalid in another.
    let other = challenge(device.setup(authority, "synchro", &[]));
    assert_eq!(device.finalize(authority, "otp", &device.proofs(&other, "1234"), &more).err(), "NOK:STATE");
}

#[test]
fn a_finalize_that_comes_too_late_is_refused() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let more = [("sid", "7001"), ("keytype", "0")];
    for (seconds, word) in [(300, "OK"), (301, "NOK:TIMEOUT")] {
        let answer = device.setup(&world.authority, "otp", &more[..1]).ok();
        world.clock.forward(seconds);
        let proofs = device.proofs(answer.get("challenge"), "1234");
        assert_eq!(device.finalize(&world.authority, "otp", &proofs, &more).err(), word);
    }
}

#[test]
fn an_unknown_service_is_named() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(device.setup(&world.authority, "otp", &[("sid", "7002")]).err(), "NOK:NOSRV");
    let answer = device.setup(&world.authority, "otp", &[("sid", "7001")]).ok();
    let proofs: Proofs = device.proofs(answer.get("challenge"), "1234");
    let more = [("sid", "1"), ("keytype", "0")];
    assert_eq!(device.finalize(&world.authority, "otp", &proofs, &more).err(), "NOK:NOSRV");
}

#[test]
fn a_password_of_an_account_that_was_blocked_since_is_refused() {
    let world = World::with(Policy { max_pin_tries: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let password = device.made(&world.authority, "1234");
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
}
