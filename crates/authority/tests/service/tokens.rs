//! Refresh tokens, and the secrets that a server signs with.

use std::sync::atomic::{AtomicU32, Ordering};

use authority::{AccountName, CvsAnswer, CvsRequest, Policy, Purpose, Unblock, Verdict};

use crate::device::Device;
use crate::world::World;

#[test]
fn a_refresh_token_is_good_once_and_its_successor_too() {
    let world = World::new();
    let account = world.account("user");
    let first = world.token(&account, &Device::activate(&world, &account, "1234"));
    assert_eq!(first.len(), 43);
    let (whose, second) = world.authority.rotate_refresh_token(&first).unwrap().unwrap();
    assert_eq!(whose, account);
    assert_ne!(*first, *second);
    let (_, third) = world.authority.rotate_refresh_token(&second).unwrap().unwrap();
    assert!(world.authority.rotate_refresh_token(&third).unwrap().is_some());
}

#[test]
fn a_used_refresh_token_that_is_shown_again_revokes_its_whole_family() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (first, other) = (world.token(&account, &device), world.token(&account, &device));
    let (_, second) = world.authority.rotate_refresh_token(&first).unwrap().unwrap();
    assert!(world.authority.rotate_refresh_token(&first).unwrap().is_none());
    assert!(world.authority.rotate_refresh_token(&second).unwrap().is_none());
    assert!(world.events().iter().any(|event| event == "token.reused"));
    assert!(world.authority.rotate_refresh_token(&other).unwrap().is_some());
}

#[test]
fn a_refresh_token_expires_and_its_successor_begins_anew() {
    let policy = Policy { refresh_token_lifetime_seconds: 100, evolve_k1_every: 0, ..Policy::default() };
    let world = World::with(policy);
    let account = world.account("user");
    let token = world.token(&account, &Device::activate(&world, &account, "1234"));
    world.clock.forward(99);
    let (_, token) = world.authority.rotate_refresh_token(&token).unwrap().unwrap();
    world.clock.forward(99);
    let (_, token) = world.authority.rotate_refresh_token(&token).unwrap().unwrap();
    world.clock.forward(100);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
}

#[test]
fn a_text_that_is_no_token_is_refused() {
    let world = World::new();
    for text in ["", "x", &"A".repeat(43), &"A".repeat(100_000)] {
        assert!(world.authority.rotate_refresh_token(text).unwrap().is_none());
    }
    let unknown = AccountName::new("unknown").unwrap();
    assert!(world.authority.exchange_otp(&unknown, "aaaaaaaa").unwrap().is_none());
}

#[test]
fn a_blocked_account_gets_no_tokens_until_it_is_unblocked() {
    let world = World::with(Policy { max_pin_tries: 1, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (token, password) = (world.token(&account, &device), device.made(&world.authority, "1234"));
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    assert!(world.authority.exchange_otp(&account, &password).unwrap().is_none());
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_some());
}

#[test]
fn removing_the_enrollments_revokes_the_tokens() {
    let world = World::new();
    let account = world.account("user");
    let token = world.token(&account, &Device::activate(&world, &account, "1234"));
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
}

/// A way to end a token.
type End = fn(&World, &AccountName, &Device);

#[test]
fn tokens_and_passwords_end_with_their_device_and_with_the_pin() {
    let ends: [(&str, End); 5] = [
        ("the device removes itself", |world, _, device| drop(device.remove(&world.authority).ok())),
        ("an operator removes the device", |world, account, device| {
            assert!(world.authority.remove_device(account, &device.id).unwrap());
        }),
        ("the PIN is changed", |world, _, device| drop(device.change_pin(&world.authority, "1234", "4321").ok())),
        ("the PIN is reset", |world, account, device| {
            let code = world.code(account, Purpose::ResetPin);
            device.reset_pin(&world.authority, &code, "4321").ok();
        }),
        ("the enrollments are removed", |world, account, _| {
            assert_eq!(world.cvs(account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
        }),
    ];
    for (what, end) in ends {
        let world = World::new();
        let account = world.account("user");
        let device = Device::activate(&world, &account, "1234");
        let token = world.token(&account, &device);
        let (_, token) = world.authority.rotate_refresh_token(&token).unwrap().unwrap();
        let password = device.made(&world.authority, "1234");
        end(&world, &account, &device);
        assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none(), "{what}");
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused, "{what}");
        assert_eq!(world.rows(&["refresh_tokens", "passwords"]), [""; 0], "{what}");
    }
}

#[test]
fn a_pin_change_on_another_device_ends_tokens_and_the_removal_of_another_device_does_not() {
    let world = World::new();
    let account = world.account("user");
    let device = || Device::activate(&world, &account, "1234");
    let (first, second, third) = (device(), device(), device());
    let token = world.token(&account, &first);
    second.remove(&world.authority).ok();
    let (_, token) = world.authority.rotate_refresh_token(&token).unwrap().unwrap();
    third.change_pin(&world.authority, "1234", "4321").ok();
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
}

#[test]
fn a_family_ends_however_often_it_is_rotated() {
    let policy = Policy {
        refresh_token_lifetime_seconds: 100,
        refresh_token_most_seconds: 250,
        evolve_k1_every: 0,
        ..Policy::default()
    };
    let world = World::with(policy.clone());
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let mut tokens = [world.token(&account, &device), world.token(&account, &device)];
    for _ in 0..3 {
        world.clock.forward(80);
        for token in &mut tokens {
            *token = world.authority.rotate_refresh_token(token).unwrap().unwrap().1.to_string();
        }
    }
    // A policy that was lowered holds for tokens that were granted before.
    let strict = world.another(Policy { refresh_token_most_seconds: 200, ..policy });
    assert!(strict.rotate_refresh_token(&tokens[0]).unwrap().is_none());
    world.clock.forward(9);
    assert!(world.authority.rotate_refresh_token(&tokens[0]).unwrap().is_some());
    world.clock.forward(1);
    assert!(world.authority.rotate_refresh_token(&tokens[1]).unwrap().is_none());
}

#[test]
fn one_token_that_is_rotated_by_many_at_once_is_good_once_at_most() {
    let world = World::new();
    let account = world.account("user");
    let token = world.token(&account, &Device::activate(&world, &account, "1234"));
    let second = world.another(Policy::default());
    let rotated = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                let token = &token;
                scope.spawn(move || authority.rotate_refresh_token(token).unwrap())
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(rotated.len(), 1);
    assert!(world.authority.rotate_refresh_token(&rotated[0].1).unwrap().is_none(), "the family is revoked");
}

#[test]
fn a_secret_is_made_once_however_many_want_it() {
    let world = World::new();
    let second = world.another(Policy::default());
    let made = AtomicU32::new(0);
    let secrets: Vec<Vec<u8>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                let make = || Ok(made.fetch_add(1, Ordering::SeqCst).to_be_bytes().repeat(8));
                scope.spawn(move || authority.secret("signing", make).unwrap().to_vec())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.len() == 32));
    let again = world.authority.secret("signing", || panic!("it is there")).unwrap();
    assert_eq!(*again, secrets[0]);
    let other = world.authority.secret("other", || Ok(b"other".to_vec())).unwrap();
    assert_eq!(**other, b"other"[..]);
}
