//! A clock that was wrong for a while: nothing lasts longer because of it.
//!
//! Each test sets the clock a year ahead, does something that lasts for a time, sets the clock
//! right, and checks that it lasts no longer than its own time.

use std::sync::Arc;
use std::time::Duration;

use authority::{
    AccountName, CvsAnswer, CvsRefusal, CvsRequest, Delivered, Notice, Policy, Purpose, SmsBudget, SmsRetry, SmsRules,
    Verdict,
};

use crate::device::Device;
use crate::world::{NUMBER, World};

const YEAR: i64 = 365 * 86_400;
const OTHER: &str = "+33698765432";

fn policy() -> Policy {
    Policy { evolve_k1_every: 0, ..Policy::default() }
}

/// Runs `work` while the clock is `seconds` ahead (or behind).
fn while_wrong<T>(world: &World, seconds: i64, work: impl FnOnce() -> T) -> T {
    world.clock.forward(seconds);
    let done = work();
    world.clock.forward(-seconds);
    done
}

fn ask(world: &World, account: &AccountName, purpose: Purpose) -> CvsAnswer {
    world.cvs(account, CvsRequest::SendCode { purpose, phone_number: Some(NUMBER) })
}

fn is_sent(answer: &CvsAnswer) -> bool {
    matches!(answer, CvsAnswer::Done | CvsAnswer::Ticket(_))
}

fn wait(answer: &CvsAnswer) -> u64 {
    match answer {
        CvsAnswer::Refused(CvsRefusal::TooManyCodes { retry_after_seconds }) => retry_after_seconds.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn requests_for_codes_and_wrong_tries_block_nobody_after_it() {
    let world = World::with(Policy { codes_per_hour: 3, code_tries: 2, ..policy() });
    let account = world.account("user");
    while_wrong(&world, YEAR, || {
        for _ in 0..3 {
            assert!(is_sent(&ask(&world, &account, Purpose::PhoneNumberCertification)));
        }
        assert!(wait(&ask(&world, &account, Purpose::PhoneNumberCertification)) <= 3600);
        for _ in 0..2 {
            let request = CvsRequest::ModifyPhoneNumber { sms_code: "0000", phone_number: NUMBER };
            assert!(matches!(world.cvs(&account, request), CvsAnswer::Refused(CvsRefusal::WrongCode { .. })));
        }
    });
    assert!(is_sent(&ask(&world, &account, Purpose::PhoneNumberCertification)));
    // The limits of the right clock hold as always.
    while is_sent(&ask(&world, &account, Purpose::PhoneNumberCertification)) {}
    let left = wait(&ask(&world, &account, Purpose::PhoneNumberCertification));
    assert!(left <= 3600);
    // They last no longer if the clock went back meanwhile.
    while_wrong(&world, -YEAR, || assert!(is_sent(&ask(&world, &account, Purpose::PhoneNumberCertification))));
    world.clock.forward(3600);
    assert!(is_sent(&ask(&world, &account, Purpose::PhoneNumberCertification)));
}

#[test]
fn a_code_is_worth_nothing_after_it() {
    for wrong in [YEAR, -YEAR, 3600] {
        let world = World::with(policy());
        let account = world.account("user");
        let code = while_wrong(&world, wrong, || world.code(&account, Purpose::Enrollment));
        let keys = crate::device::setup("activate", "", &[("code", &code)]);
        let answer = crate::device::Answer::of(&world.authority, Some(&account), &keys);
        assert_eq!(answer.err(), "NOK:CODE", "{wrong}");
        let code = world.code(&account, Purpose::Enrollment);
        Device::activate_with(&world, &account, &code, "1234");
    }
}

#[test]
fn passwords_challenges_and_refresh_tokens_do_not_outlive_it() {
    let world = World::with(Policy { refresh_token_lifetime_seconds: 100, ..policy() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (password, token, setup) = while_wrong(&world, YEAR, || {
        let password = device.made(&world.authority, "1234");
        let token = world.token(&account, &device);
        (password, token, device.setup(&world.authority, "otp", &[("sid", "7001")]))
    });
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Refused);
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    let proofs = device.proofs(setup.get("challenge"), "1234");
    assert_eq!(
        device.finalize(&world.authority, "otp", &proofs, &[("sid", "7001"), ("keytype", "0")]).err(),
        "NOK:TIMEOUT"
    );
    // A token that was rotated ahead of time by less than its family's whole life.
    let token = world.token(&account, &device);
    let (_, token) = while_wrong(&world, 90, || world.authority.rotate_refresh_token(&token).unwrap().unwrap());
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none());
    // A password of the right clock is valid.
    let password = device.made(&world.authority, "1234");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    let token = world.token(&account, &device);
    while_wrong(&world, -YEAR, || assert!(world.authority.rotate_refresh_token(&token).unwrap().is_none()));
    assert!(world.authority.rotate_refresh_token(&token).unwrap().is_some());
}

#[test]
fn clocks_of_instances_may_differ_by_seconds() {
    let world = World::with(policy());
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    for seconds in [20, -20] {
        let (password, token) =
            while_wrong(&world, seconds, || (device.made(&world.authority, "1234"), world.token(&account, &device)));
        assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted, "{seconds}");
        assert!(world.authority.rotate_refresh_token(&token).unwrap().is_some(), "{seconds}");
        let code = while_wrong(&world, seconds, || world.code(&account, Purpose::Enrollment));
        let keys = crate::device::setup("activate", "", &[("code", &code)]);
        assert_eq!(crate::device::Answer::of(&world.authority, Some(&account), &keys).err(), "OK", "{seconds}");
    }
}

#[test]
fn new_accounts_and_changed_numbers_do_not_wait_longer() {
    let rules = SmsRules { new_account_seconds: 3600, ..SmsRules::default() };
    let world = World::with(Policy { sms: Arc::new(rules), number_cooling_seconds: 86_400, ..policy() });
    let account = AccountName::new("user").unwrap();
    assert_eq!(while_wrong(&world, YEAR, || wait(&ask(&world, &account, Purpose::PhoneNumberCertification))), 3600);
    let code = world.number_code(&account, NUMBER);
    world.cvs(&account, CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: NUMBER });
    while_wrong(&world, YEAR, || {
        let code = world.number_code(&account, OTHER);
        let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: OTHER };
        assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
        assert_eq!(wait(&ask(&world, &account, Purpose::Enrollment)), 86_400);
    });
    assert!(is_sent(&ask(&world, &account, Purpose::Enrollment)));
}

#[test]
fn the_budget_of_all_accounts_is_that_of_the_right_minute() {
    let budget = SmsBudget { per_minute: Some(1), ..SmsBudget::default() };
    let world = World::with(Policy { sms: Arc::new(SmsRules { budget, ..SmsRules::default() }), ..policy() });
    let [one, other] = ["one", "other"].map(|name| AccountName::new(name).unwrap());
    let certify = |account| ask(&world, account, Purpose::PhoneNumberCertification);
    while_wrong(&world, YEAR, || {
        assert!(is_sent(&certify(&one)));
        assert!(wait(&certify(&other)) <= 60);
    });
    assert!(is_sent(&certify(&other)));
    assert!(wait(&certify(&one)) <= 60);
}

#[test]
fn messages_that_wait_are_tried_and_people_are_told_again() {
    let retry = SmsRetry { attempts: 3, first_delay: Duration::from_secs(10), max_queue: 100 };
    let rules = SmsRules { notices: Notice::ALL.into_iter().collect(), ..SmsRules::default() };
    let world = World::retrying(Policy { sms: Arc::new(rules), ..policy() }, Some(retry));
    let account = world.account("user");
    // Three notices of one kind in a day, by a clock that is ahead, and a notice that the gateway
    // refused.
    while_wrong(&world, YEAR, || {
        for name in ["a", "b", "c"] {
            let account = world.account(name);
            Device::activate(&world, &account, "1234");
        }
        world.inbox.broken.store(true, std::sync::atomic::Ordering::SeqCst);
        assert_eq!(world.authority.deliver_due().unwrap().failed, 3);
        world.inbox.broken.store(false, std::sync::atomic::Ordering::SeqCst);
    });
    // They do not wait for a year.
    assert_eq!(world.authority.deliver_due().unwrap(), Delivered { sent: 3, ..Delivered::default() });
    let told = |world: &World| world.count("notice.queued");
    while_wrong(&world, YEAR, || {
        for _ in 0..3 {
            Device::activate(&world, &account, "1234");
            assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
        }
    });
    let before = told(&world);
    Device::activate(&world, &account, "1234");
    assert_eq!(told(&world), before + 1);
}
