//! Blocks that end by themselves: `pin_block_seconds`.

use authority::{AccountName, Authority, CvsAnswer, CvsRequest, Policy, Purpose, Unblock, Verdict};

use crate::device::{Answer, Device};
use crate::world::World;

const DAY: i64 = 86_400;

/// The time that the clock of a new service shows.
const BEGIN: i64 = 1_700_000_000_000;

fn policy() -> Policy {
    Policy {
        pin_block_seconds: 60,
        max_pin_tries: 3,
        evolve_k1_every: 0,
        codes_per_hour: 100,
        codes_per_day: 100,
        ..Policy::default()
    }
}

fn prepared(policy: Policy) -> (World, AccountName, Device) {
    let world = World::with(policy);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (world, account, device)
}

/// Uses up the tries of a device. Returns the answer to the last one.
fn use_up(authority: &Authority, device: &Device) -> Answer {
    device.ask(authority, "9999");
    device.ask(authority, "9999");
    device.ask(authority, "9999")
}

/// Returns the seconds until the end of the block, and the end, of an answer that names it.
fn times(answer: &Answer) -> Option<(i64, i64)> {
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:NOK_BLOCKED", None));
    let number = |name| answer.find(name).map(|text| text.parse::<i64>().unwrap());
    let (seconds, until) = (number("retryAfterSeconds"), number("blockedUntil"));
    assert_eq!(seconds.is_some(), until.is_some());
    seconds.zip(until)
}

fn status(world: &World, device: &Device) -> Answer {
    device.setup(&world.authority, "status", &[])
}

#[test]
fn a_block_ends_by_itself_and_each_wrong_pin_after_it_doubles_the_next_one() {
    let (world, account, device) = prepared(Policy { pin_budget: 1000, ..policy() });
    let mut now = BEGIN;
    assert_eq!(times(&use_up(&world.authority, &device)), Some((60, now + 60_000)));
    let mut seconds = 60;
    let mut blocks = 1;
    while seconds < DAY {
        // The right PIN is refused as a wrong one is, and nothing is charged.
        world.clock.forward(seconds - 1);
        now += 1000 * (seconds - 1);
        for digits in ["1234", "9999"] {
            assert_eq!(times(&device.ask(&world.authority, digits)), Some((1, now + 1000)));
        }
        assert_eq!(times(&status(&world, &device)), Some((1, now + 1000)));
        let info = world.authority.account(&account).unwrap().unwrap();
        assert_eq!((info.blocked, info.blocked_until, info.pin_wrong), (true, Some(now + 1000), 2 + blocks));
        world.clock.forward(1);
        now += 1000;
        assert_eq!(device.status(&world.authority), "OK");
        let info = world.authority.account(&account).unwrap().unwrap();
        assert_eq!((info.blocked, info.blocked_until), (false, None));
        seconds = (2 * seconds).min(DAY);
        blocks += 1;
        assert_eq!(times(&device.ask(&world.authority, "9999")), Some((seconds, now + 1000 * seconds)));
    }
    // After the block of a day there is one last try.
    world.clock.forward(DAY);
    assert_eq!(times(&device.ask(&world.authority, "9999")), None);
    world.clock.forward(1000 * DAY);
    assert_eq!(times(&device.ask(&world.authority, "1234")), None);
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.blocked, info.blocked_until), (true, None));
    let tally = world.authority.tally();
    assert_eq!((tally.timed_blocks, tally.lasting_blocks), (blocks.into(), 1));
    let counts = ["account.blocked", "account.blocked_for_a_time"].map(|event| world.count(event));
    assert_eq!(counts, [1 + blocks as usize, blocks as usize]);
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
    // An operator lifts this block, too, and the next one is the first again.
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    assert_eq!(times(&use_up(&world.authority, &device)).unwrap().0, 60);
}

#[test]
fn a_right_pin_begins_anew() {
    let (world, account, device) = prepared(policy());
    use_up(&world.authority, &device);
    world.clock.forward(60);
    assert_eq!(times(&device.ask(&world.authority, "9999")).unwrap().0, 120);
    world.clock.forward(120);
    let answer = device.ask(&world.authority, "1234").ok();
    // The owner learns of the wrong PINs.
    assert_eq!(answer.get("wrongPins"), "4");
    assert_eq!((world.count("account.unblocked"), world.count("pin.forgiven")), (1, 1));
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
    let info = world.authority.account(&account).unwrap().unwrap();
    assert_eq!((info.blocked, info.pin_tries, info.pin_wrong), (false, 0, 4));
    assert_eq!(times(&use_up(&world.authority, &device)).unwrap().0, 60);
}

#[test]
fn a_right_pin_of_another_device_ends_the_series_and_forgives_no_wrong_pin_of_the_first() {
    let (world, account, thief) = prepared(policy());
    let owner = Device::activate(&world, &account, "1234");
    use_up(&world.authority, &thief);
    assert!(times(&status(&world, &owner)).is_some());
    world.clock.forward(60);
    owner.ask(&world.authority, "1234").ok();
    // The thief has no new tries: each of his wrong PINs blocks the account again.
    assert_eq!(times(&thief.ask(&world.authority, "9999")).unwrap().0, 60);
    world.clock.forward(60);
    owner.ask(&world.authority, "1234").ok();
    assert_eq!(times(&thief.ask(&world.authority, "9999")).unwrap().0, 60);
}

#[test]
fn a_right_pin_that_proves_no_current_k1_lifts_nothing() {
    let (world, _, device) = prepared(policy());
    use_up(&world.authority, &device);
    world.clock.forward(60);
    let stale = Device { hidden_k1: [9; 16], ..device.clone() };
    assert_eq!(stale.ask(&world.authority, "1234").err(), "NOK:DESYNCHRONIZED");
    // A synchronization costs no try and gives none back. The secret that follows it proves K1.
    let (mut synchronized, wanted) = device.synchronize(&world.authority, "1234").ok().unwrap();
    assert_eq!((world.rows(&["timed_blocks"]).len(), world.count("account.unblocked")), (1, 0));
    synchronized.register(&world.authority, &wanted, "1234").ok();
    assert_eq!((world.rows(&["timed_blocks"]).len(), world.count("account.unblocked")), (0, 1));
}

#[test]
fn a_reset_an_operator_and_the_removal_of_the_enrollments_begin_anew() {
    let (world, account, device) = prepared(policy());
    use_up(&world.authority, &device);
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "4321").ok();
    assert_eq!((world.rows(&["timed_blocks"]).len(), device.status(&world.authority).as_str()), (0, "OK"));
    let device = device.synchronized(&world.authority, "4321");
    assert_eq!(times(&use_up(&world.authority, &device)).unwrap().0, 60);

    // The operator ends a block that runs, and one that is over.
    for wait in [0, 60] {
        world.clock.forward(wait);
        assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
        assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(2));
        device.ask(&world.authority, "9999");
        assert_eq!(times(&device.ask(&world.authority, "9999")).unwrap().0, 60);
    }
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
    let device = Device::activate(&world, &account, "7391");
    assert_eq!(times(&use_up(&world.authority, &device)).unwrap().0, 60);
    assert!(world.authority.remove_account(&account).unwrap());
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
}

#[test]
fn a_new_pin_after_a_block_begins_anew() {
    let (world, _, device) = prepared(policy());
    use_up(&world.authority, &device);
    world.clock.forward(60);
    device.change_pin(&world.authority, "1234", "4321").ok();
    assert_eq!((world.rows(&["timed_blocks"]).len(), world.count("account.unblocked")), (0, 1));
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(2));
}

#[test]
fn the_budget_of_a_pin_blocks_for_good_as_before() {
    let (world, account, device) = prepared(Policy { pin_budget: 5, ..policy() });
    use_up(&world.authority, &device);
    world.clock.forward(60);
    assert_eq!(times(&device.ask(&world.authority, "9999")).unwrap().0, 120);
    world.clock.forward(120);
    let answer = device.ask(&world.authority, "9999");
    assert_eq!((times(&answer), answer.find("reason")), (None, Some("pinBudget")));
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
    world.clock.forward(1000 * DAY);
    assert_eq!(status(&world, &device).find("reason"), Some("pinBudget"));
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::PinBudgetSpent);
}

#[test]
fn every_mode_tells_the_end_of_the_block_and_a_stranger_learns_nothing() {
    let (world, account, device) = prepared(policy());
    let modes = ["otp", "password", "synchro"];
    let challenges = modes.map(|mode| device.setup(&world.authority, mode, &[("sid", "7001")]).ok());
    let code = world.code(&account, Purpose::Enrollment);
    let other = Device::activate_with(&world, &account, &code, "1234");
    let until = times(&use_up(&world.authority, &other)).unwrap().1;
    let expected = Some((60, until));
    for (mode, answer) in modes.into_iter().zip(&challenges) {
        assert_eq!(times(&device.setup(&world.authority, mode, &[("sid", "7001")])), expected, "{mode}");
        let proofs = device.proofs(answer.get("challenge"), "1234");
        let (kma, new) = device.new_pin(&challenges[1], "4321");
        let more = [("sid", "7001"), ("keytype", "0"), ("nKma", &kma), ("newpin", &new)];
        assert_eq!(times(&device.finalize(&world.authority, mode, &proofs, &more)), expected, "{mode}");
    }
    assert_eq!(times(&status(&world, &device)), expected);
    let code = world.code(&account, Purpose::Enrollment);
    let begin = crate::device::setup("activate", "", &[("code", &code)]);
    assert_eq!(times(&Answer::of(&world.authority, Some(&account), &begin)), expected);
    let unknown = crate::device::setup("status", "0000000000000000", &[]);
    let answer = Answer::of(&world.authority, None, &unknown);
    assert_eq!((answer.err(), answer.find("blockedUntil")), ("NOK:NODEVICE", None));
}

#[test]
fn wrong_pins_of_an_activation_are_tried_one_at_a_time_after_a_block() {
    let (world, account, device) = prepared(policy());
    use_up(&world.authority, &device);
    world.clock.forward(60);
    let code = world.code(&account, Purpose::Enrollment);
    let begin = crate::device::setup("activate", "", &[("code", &code)]);
    let keys = crate::device::Keys::read(&Answer::of(&world.authority, Some(&account), &begin).ok());
    let wrong = crate::device::activation(&keys, &code, &crate::device::pin("9999"), &crate::device::serial(), None);
    assert_eq!(times(&Answer::of(&world.authority, Some(&account), &wrong)).unwrap().0, 120);
    assert_eq!(times(&Answer::of(&world.authority, Some(&account), &wrong)).unwrap().0, 120);
    assert_eq!(world.authority.account(&account).unwrap().unwrap().pin_wrong, 4);
}

#[test]
fn passwords_and_tokens_of_a_blocked_account_are_refused_and_a_password_from_before_stays_so() {
    let (world, account, device) = prepared(Policy { otp_without_pin: true, ..policy() });
    let token = world.token(&account, &device);
    let password = device.made(&world.authority, "1234");
    use_up(&world.authority, &device);
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    world.clock.forward(60);
    // The password would still be in time.
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_some());
    // A password without a PIN is good as soon as the block is over.
    let answer = device.ask_without_pin(&world.authority).ok();
    let kma = inwebo::values::Kma::derive(&crate::device::pin("1234"), &device.serial);
    let secret = device.secret.as_ref().unwrap().under(&kma);
    let made = inwebo::values::otp::without_pin(&device.k0, answer.get("defi"), &secret);
    assert_eq!(world.authority.verify_otp(&account, &made).unwrap(), Verdict::Accepted);
    assert_eq!(world.rows(&["timed_blocks"]).len(), 1, "no proof of the PIN, so nothing is lifted");
}

#[test]
fn a_clock_that_was_wrong_makes_no_block_longer_than_it_is() {
    for wrong in [365 * DAY, -365 * DAY, 3600, -3600] {
        let (world, _, device) = prepared(policy());
        world.clock.forward(wrong);
        let until = times(&use_up(&world.authority, &device)).unwrap().1;
        assert_eq!(until, BEGIN + 1000 * (wrong + 60));
        world.clock.forward(-wrong);
        // A time that no right clock can have written counts as over.
        assert_eq!(device.status(&world.authority), "OK", "{wrong}");
        world.clock.forward(60);
        device.ask(&world.authority, "1234").ok();
    }
}

#[test]
fn without_the_setting_a_block_lasts_and_the_answers_are_those_of_before() {
    let (world, account, device) = prepared(Policy { pin_block_seconds: 0, ..policy() });
    let xml = format!("{:?}", use_up(&world.authority, &device));
    assert!(xml.contains("<ActionFinalize><err>NOK:NOK_BLOCKED</err></ActionFinalize>"), "{xml}");
    world.clock.forward(1000 * DAY);
    assert_eq!(times(&status(&world, &device)), None);
    assert_eq!(world.rows(&["timed_blocks"]).len(), 0);
    let tally = world.authority.tally();
    assert_eq!((tally.timed_blocks, tally.lasting_blocks), (0, 1));
    // The setting is no pardon for a block from before it.
    world.authority.set_policy(policy());
    assert_eq!(times(&status(&world, &device)), None);
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    // Nor does a block end by itself after the setting was removed.
    assert!(times(&use_up(&world.authority, &device)).is_some());
    world.authority.set_policy(Policy { pin_block_seconds: 0, ..policy() });
    world.clock.forward(1000 * DAY);
    assert_eq!(times(&status(&world, &device)), None);
}

#[test]
fn an_earlier_program_beside_this_one_leaves_no_block_that_ends_by_itself() {
    let (world, account, device) = prepared(policy());
    use_up(&world.authority, &device);
    // A service without the setting lifts the block and blocks the account again, as an earlier
    // program would, which also leaves the row of the block behind.
    let saved = "CREATE TABLE saved AS SELECT * FROM timed_blocks";
    world.database.execute(saved);
    let before = world.another(Policy { pin_block_seconds: 0, ..policy() });
    assert_eq!(before.unblock(&account).unwrap(), Unblock::Lifted);
    world.database.execute("INSERT INTO timed_blocks SELECT * FROM saved");
    assert_eq!(times(&use_up(&before, &device)), None);
    world.clock.forward(1000 * DAY);
    assert_eq!(times(&status(&world, &device)), None);
}

#[test]
fn wrong_pins_that_come_at_once_after_a_block_have_one_try() {
    let (world, account, device) = prepared(policy());
    let devices: Vec<Device> = (0..8).map(|_| Device::activate(&world, &account, "1234")).collect();
    use_up(&world.authority, &device);
    let second = world.another(policy());
    let mut seconds = 60;
    for round in 0..4 {
        world.clock.forward(seconds);
        seconds *= 2;
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let threads: Vec<_> = devices
                .iter()
                .enumerate()
                .map(|(number, device)| {
                    let authority = if number % 2 == 0 { &world.authority } else { &second };
                    scope.spawn(move || device.ask(authority, "9999"))
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(answers.iter().all(|answer| times(answer).unwrap().0 == seconds), "{answers:?}");
        let info = world.authority.account(&account).unwrap().unwrap();
        assert_eq!((info.pin_wrong, world.count("pin.refused")), (4 + round, 4 + round as usize));
    }
    assert_eq!(world.count("account.blocked_for_a_time"), 5);
}

#[test]
fn of_a_right_and_a_wrong_pin_at_once_after_a_block_each_counts_once() {
    let (world, account, device) = prepared(Policy { pin_budget: 1000, ..policy() });
    let other = Device::activate(&world, &account, "1234");
    use_up(&world.authority, &device);
    for _ in 0..8 {
        world.clock.forward(DAY);
        let before = world.authority.account(&account).unwrap().unwrap().pin_wrong;
        let (right, wrong) = std::thread::scope(|scope| {
            let right = scope.spawn(|| device.ask(&world.authority, "1234"));
            let wrong = scope.spawn(|| other.ask(&world.authority, "9999"));
            (right.join().unwrap(), wrong.join().unwrap())
        });
        let info = world.authority.account(&account).unwrap().unwrap();
        assert_eq!(info.pin_wrong, before + 1, "the block was over, so the wrong PIN was charged");
        match right.err() {
            // The right PIN came first.
            "OK" => assert!(["NOK:ACCESS", "NOK:NOK_BLOCKED"].contains(&wrong.err()), "{wrong:?}"),
            // The wrong one came first: it had the one try.
            _ => assert!(times(&right).is_some() && times(&wrong).is_some(), "{right:?} {wrong:?}"),
        }
        world.clock.forward(DAY);
        world.authority.unblock(&account).unwrap();
        use_up(&world.authority, &device);
    }
}
