//! PINs: the charges for wrong ones, the clients that can cause them, and changes of the PIN.

use authority::{AccountName, CvsAnswer, CvsRequest, Policy, Purpose, Unblock, Verdict};
use inwebo::values::{K0, Proofs};

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
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:NOK_BLOCKED", None));
    assert_eq!(world.events().iter().filter(|event| *event == "pin.refused").count(), 5);
    assert_eq!(world.events().iter().filter(|event| *event == "account.blocked").count(), 1);
}

#[test]
fn a_right_pin_forgives_the_wrong_ones_of_its_device() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for _ in 0..3 {
        for left in [4, 3, 2, 1] {
            assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(left));
        }
        device.ask(&world.authority, "1234").ok();
    }
    assert_eq!((world.count("pin.forgiven"), world.authority.tally().pins_forgiven), (3, 12));
}

#[test]
fn a_right_pin_forgives_no_other_device() {
    let world = World::new();
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    assert_eq!(first.ask(&world.authority, "9999").attempts_left(), Some(4));
    assert_eq!(second.ask(&world.authority, "9999").attempts_left(), Some(3));
    second.ask(&world.authority, "1234").ok();
    assert_eq!(second.ask(&world.authority, "9999").attempts_left(), Some(3));
    second.ask(&world.authority, "1234").ok();
    let tries = |device: &Device| {
        let devices = world.authority.devices(&account).unwrap();
        devices.into_iter().find(|info| info.id == device.id).unwrap().pin_tries
    };
    assert_eq!((tries(&first), tries(&second)), (1, 0));
    for left in [3, 2, 1] {
        assert_eq!(second.ask(&world.authority, "9999").attempts_left(), Some(left));
    }
    assert_eq!(second.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
}

#[test]
fn a_right_pin_forgives_nothing_where_it_does_not_prove_the_current_k1() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(4));
    let stale = Device { hidden_k1: [9; 16], ..device.clone() };
    assert_eq!(stale.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(3));
    // A synchronization does not check K1 either; the secret that follows it does.
    let (mut synchronized, wanted) = stale.synchronize(&world.authority, "1234").ok().unwrap();
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(2));
    synchronized.register(&world.authority, &wanted, "1234").ok();
    assert_eq!(synchronized.ask(&world.authority, "9999").attempts_left(), Some(4));
}

#[test]
fn wrong_pins_of_an_activation_are_forgiven_to_the_device_that_it_makes() {
    let world = World::new();
    let account = world.account("user");
    let first = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::Enrollment);
    let begin = crate::device::setup("activate", "", &[("code", &code)]);
    let keys = crate::device::Keys::read(&crate::device::Answer::of(&world.authority, Some(&account), &begin).ok());
    let serial = crate::device::serial();
    let enter = |digits: &str| {
        let request = crate::device::activation(&keys, &code, &pin(digits), &serial, None);
        crate::device::Answer::of(&world.authority, Some(&account), &request)
    };
    assert_eq!(enter("9999").attempts_left(), Some(4));
    assert_eq!(enter("9999").attempts_left(), Some(3));
    // Another device does not forgive them.
    first.ask(&world.authority, "1234").ok();
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 2);
    let answer = enter("1234").ok();
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 2);
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &pin("1234"), &keys.factory);
    device.register(&world.authority, &wanted, "1234").ok();
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 0);
}

/// The attack of the review: each day a thief with a copy of the device tries four PINs, then the
/// owner makes a password with the right one.
#[test]
fn a_thief_with_a_copy_has_the_budget_and_the_owner_is_told() {
    let world = World::new();
    let account = world.account("user");
    let owner = Device::activate(&world, &account, "7391");
    owner.ask(&world.authority, "7391").ok();
    let copy = owner.clone();
    let (mut guesses, mut days) = (0, 0);
    let last_word = loop {
        days += 1;
        let last_day = world.authority.tally();
        for _ in 0..4 {
            guesses += 1;
            let answer = copy.ask(&world.authority, "9999");
            if answer.err() == "NOK:NOK_BLOCKED" {
                break;
            }
            assert_eq!(answer.err(), "NOK:ACCESS");
        }
        world.clock.forward(86_400);
        let answer = owner.ask(&world.authority, "7391");
        if answer.err() != "OK" {
            break answer.err().to_owned();
        }
        assert_eq!(answer.get("wrongPins"), "4");
        let since = 1_700_000_000_000_i64 + (days - 1) * 86_400_000;
        assert_eq!(answer.get("lastUsed"), since.to_string());
        assert_eq!(owner.ask(&world.authority, "7391").ok().find("wrongPins"), None, "it is told once");
        assert_eq!(world.authority.tally().pins_forgiven, last_day.pins_forgiven + 4);
        assert!(days < 20, "the budget does not end");
    };
    assert_eq!((guesses, last_word.as_str()), (30, "NOK:NOK_BLOCKED"));
    assert_eq!(world.count("pin.budget_spent"), 1);
    assert_eq!((world.count("pin.budget_half_spent"), world.authority.tally().budgets_half_spent), (1, 1));
    assert_eq!(owner.status(&world.authority), "NOK:NOK_BLOCKED");

    // An operator gives no tries of it back.
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::PinBudgetSpent);
    assert_eq!(owner.ask(&world.authority, "7391").err(), "NOK:NOK_BLOCKED");
    // The reset gives them back, and it shuts the copy out.
    let code = world.code(&account, Purpose::ResetPin);
    owner.reset_pin(&world.authority, &code, "8264").ok();
    let owner = owner.synchronized(&world.authority, "8264");
    owner.ask(&world.authority, "8264").ok();
    for _ in 0..10 {
        let answer = copy.ask(&world.authority, "9999");
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:ACCESS", None));
    }
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_wrong, 0);
    owner.ask(&world.authority, "8264").ok();
}

#[test]
fn the_owner_is_told_of_wrong_pins_on_another_device_whatever_the_operation() {
    let world = World::new();
    let account = world.account("user");
    let (owner, other) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    let note = |answer: &crate::device::Answer| answer.find("wrongPins").map(str::to_owned);
    other.ask(&world.authority, "9999");
    other.ask(&world.authority, "9999");
    assert_eq!(note(&owner.ask(&world.authority, "1234").ok()).as_deref(), Some("2"));
    // Each device gets the report for itself.
    assert_eq!(note(&other.ask(&world.authority, "1234").ok()).as_deref(), Some("2"));
    other.ask(&world.authority, "9999");
    let (mut synchronized, wanted) = owner.synchronize(&world.authority, "1234").ok().unwrap();
    assert_eq!(note(&synchronized.register(&world.authority, &wanted, "1234").ok()).as_deref(), Some("1"));
    other.ask(&world.authority, "9999");
    assert_eq!(note(&synchronized.change_pin(&world.authority, "1234", "4321").ok()).as_deref(), Some("1"));
}

#[test]
fn a_new_pin_ends_the_count_of_the_old_one() {
    let world = World::with(Policy { pin_budget: 4, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for left in [3, 2, 1] {
        assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(left));
        device.ask(&world.authority, "1234").ok();
    }
    device.change_pin(&world.authority, "1234", "4321").ok();
    let device = device.synchronized(&world.authority, "4321");
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(3));
}

#[test]
fn an_unblocked_account_keeps_the_rest_of_its_budget() {
    let world = World::with(Policy { max_pin_tries: 3, pin_budget: 5, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let (first, second) = (Device::activate(&world, &account, "1234"), Device::activate(&world, &account, "1234"));
    first.ask(&world.authority, "9999");
    second.ask(&world.authority, "9999");
    assert_eq!(second.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    // Tries that were forgiven to all are not forgiven to a device again.
    assert_eq!(first.ask(&world.authority, "9999").attempts_left(), Some(1));
    second.ask(&world.authority, "1234").ok();
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_tries, 1);
    assert_eq!(first.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::PinBudgetSpent);
    // The removal of the enrollments resets the counts.
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    Device::activate(&world, &account, "4321").ask(&world.authority, "4321").ok();
}

#[test]
fn common_pins_are_refused_wherever_one_is_chosen() {
    let world = World::with(Policy { pin_denied: true, evolve_k1_every: 0, ..Policy::default() });
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let begin = crate::device::setup("activate", "", &[("code", &code)]);
    let keys = crate::device::Keys::read(&crate::device::Answer::of(&world.authority, Some(&account), &begin).ok());
    let serial = crate::device::serial();
    let enter = |digits: &str| {
        let request = crate::device::activation(&keys, &code, &pin(digits), &serial, None);
        crate::device::Answer::of(&world.authority, Some(&account), &request)
    };
    for common in ["1234", "0000", "1212", "9876", "1987", "2580"] {
        let answer = enter(common);
        assert_eq!((answer.err(), answer.get("reason")), ("NOK:PINREFUSED", "commonPin"), "{common}");
    }
    let answer = enter("7391").ok();
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &pin("7391"), &keys.factory);
    device.register(&world.authority, &wanted, "7391").ok();
    let answer = device.change_pin(&world.authority, "7391", "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:PINREFUSED", "commonPin"));
    let code = world.code(&account, Purpose::ResetPin);
    assert_eq!(device.reset_pin(&world.authority, &code, "123123").err(), "NOK:PINREFUSED");
    device.reset_pin(&world.authority, &code, "8264").ok();
}

/// An operation that chooses a PIN.
type Choose = fn(&World, &AccountName, Device, &str, &str) -> (String, Device);

#[test]
fn earlier_pins_do_not_come_again() {
    let change: Choose = |world, _, device, old, new| match device.change_pin(&world.authority, old, new).err() {
        "OK" => ("OK".into(), device.synchronized(&world.authority, new)),
        word => (word.to_owned(), device),
    };
    let reset: Choose = |world, account, device, _, new| {
        let code = world.code(account, Purpose::ResetPin);
        match device.reset_pin(&world.authority, &code, new).err() {
            "OK" => ("OK".into(), device.synchronized(&world.authority, new)),
            word => (word.to_owned(), device),
        }
    };
    for choose in [change, reset] {
        let policy = Policy { pin_history: 2, evolve_k1_every: 0, codes_per_hour: 100, ..Policy::default() };
        let world = World::with(policy);
        let account = world.account("user");
        let mut device = Device::activate(&world, &account, "1111");
        let mut present = "1111";
        for (new, word) in [
            ("2222", "OK"),
            ("1111", "NOK:PINREUSED"),
            ("3333", "OK"),
            ("1111", "NOK:PINREUSED"),
            ("2222", "NOK:PINREUSED"),
            ("3333", "NOK:PINREUSED"),
            ("4444", "OK"),
            ("1111", "OK"),
        ] {
            let (said, next) = choose(&world, &account, device, present, new);
            assert_eq!(said, word, "{new} after {present}");
            device = next;
            present = if word == "OK" { new } else { present };
        }
        // A new start does not forget them.
        assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
        let code = world.code(&account, Purpose::Enrollment);
        let begin = crate::device::setup("activate", "", &[("code", &code)]);
        let keys = crate::device::Keys::read(&crate::device::Answer::of(&world.authority, Some(&account), &begin).ok());
        let request = crate::device::activation(&keys, &code, &pin("1111"), &crate::device::serial(), None);
        assert_eq!(crate::device::Answer::of(&world.authority, Some(&account), &request).err(), "NOK:PINREUSED");
    }
}

#[test]
fn a_blocked_account_answers_so_to_everything_that_needs_its_pin() {
    let world = World::with(Policy { max_pin_tries: 1, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    // Challenges from before the block are invalid, too.
    let modes = ["otp", "password", "synchro"];
    let challenges = modes.map(|mode| device.setup(&world.authority, mode, &[("sid", "7001")]).ok());
    let (_, wanted) = device.synchronize(&world.authority, "1234").ok().unwrap();
    let late = device.setup(&world.authority, "synchro", &[]).ok();
    let other = Device::activate(&world, &account, "1234");
    assert_eq!(other.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    let proofs = device.proofs(late.get("challenge"), "1234");
    assert_eq!(device.finalize(&world.authority, "synchro", &proofs, &[]).err(), "NOK:NOK_BLOCKED");

    for (mode, answer) in modes.into_iter().zip(&challenges).take(2) {
        let proofs = device.proofs(answer.get("challenge"), "1234");
        let (kma, new) = device.new_pin(&challenges[1], "4321");
        let more = [("sid", "7001"), ("keytype", "0"), ("nKma", &kma), ("newpin", &new)];
        assert_eq!(device.finalize(&world.authority, mode, &proofs, &more).err(), "NOK:NOK_BLOCKED", "{mode}");
    }
    for mode in modes {
        assert_eq!(device.setup(&world.authority, mode, &[("sid", "7001")]).err(), "NOK:NOK_BLOCKED", "{mode}");
    }
    assert_eq!(device.clone().register(&world.authority, &wanted, "1234").err(), "NOK:NOK_BLOCKED");
    assert_eq!(device.status(&world.authority), "NOK:NOK_BLOCKED");
}

#[test]
fn an_operator_lifts_a_block() {
    let world = World::with(Policy { max_pin_tries: 2, ..Policy::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::NotBlocked);
    device.ask(&world.authority, "9999");
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(1));
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn a_client_that_is_not_the_device_cannot_charge_its_account() {
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
    // Each thread has a device of its own: two threads with one device would take each other's
    // challenges.
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
    assert!(answers[4..].iter().all(|(word, left)| word == "NOK:NOK_BLOCKED" && left.is_none()));
    assert_eq!(world.events().iter().filter(|event| *event == "pin.refused").count(), 5);
}

#[test]
fn the_budget_is_exact_whoever_spends_it_at_once() {
    let policy = Policy {
        evolve_k1_every: 0,
        max_pin_tries: 1000,
        pin_budget: 13,
        codes_per_hour: 100,
        codes_per_day: 100,
        ..Policy::default()
    };
    let world = World::with(policy.clone());
    let account = world.account("user");
    let devices: Vec<Device> = (0..6).map(|_| Device::activate(&world, &account, "1234")).collect();
    let second = world.another(policy);
    let words: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = devices
            .iter()
            .enumerate()
            .map(|(number, device)| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                // A right PIN between the wrong ones gives no tries of the budget back.
                let ask = move |digits: &str| device.ask(authority, digits).err().to_owned();
                scope.spawn(move || ["9999", "1234", "9999", "1234", "9999"].map(ask))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(words.iter().filter(|word| *word == "NOK:ACCESS").count(), 12);
    assert!(words.iter().all(|word| ["OK", "NOK:ACCESS", "NOK:NOK_BLOCKED"].contains(&word.as_str())), "{words:?}");
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.pin_wrong, info.blocked), (13, true));
    assert_eq!((world.count("pin.refused"), world.count("pin.budget_spent")), (13, 1));
    let left: u32 = world.authority.devices(&account).unwrap().iter().map(|device| device.pin_tries).sum();
    assert_eq!(info.pin_tries, left, "the account counts what its devices count");
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
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
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
        let k1 = inwebo::values::K1::new([9; 16]);
        let proofs = Proofs::with_pin(answer.get("challenge"), &device.serial, &device.k0, &k1, &pin("1234"));
        let answer = device.finalize(&world.authority, "otp", &proofs, &[("sid", "7001"), ("keytype", "0")]);
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:DESYNCHRONIZED", None));
    }
    device.ask(&world.authority, "1234").ok();
}

#[test]
fn a_client_that_only_knows_the_id_of_a_device_uses_up_no_reset_code() {
    let world = World::new();
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let code = world.code(&account, Purpose::ResetPin);
    for _ in 0..20 {
        device.setup(&world.authority, "reset", &[("code", "wrong1")]).ok();
    }
    device.reset_pin(&world.authority, &code, "4321").ok();
}
