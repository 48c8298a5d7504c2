//! SMS codes and the trusted phone number.

use std::sync::atomic::Ordering;

use authority::{AccountName, CvsAnswer, CvsRefusal, CvsRequest, Policy, Purpose};

use crate::device::{Answer, setup};
use crate::world::{NUMBER, World};

const SEND: CvsRequest<'_> = CvsRequest::SendCode { purpose: Purpose::Enrollment, phone_number: None };

fn begin(world: &World, account: &AccountName, code: &str) -> Answer {
    Answer::of(&world.authority, Some(account), &setup("activate", "", &[("code", code)]))
}

fn too_many(retry_after_seconds: u64) -> CvsAnswer {
    CvsAnswer::Refused(CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) })
}

#[test]
fn a_code_dies_after_its_wrong_tries() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    for left in [4, 3, 2, 1, 0] {
        let answer = begin(&world, &account, "wrong1");
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(left)));
    }
    let answer = begin(&world, &account, &code);
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", None));
}

#[test]
fn a_code_expires() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    world.clock.forward(599);
    begin(&world, &account, &code).ok();
    world.clock.forward(1);
    assert_eq!(begin(&world, &account, &code).err(), "NOK:CODE");
}

#[test]
fn a_new_code_replaces_the_old_one_and_gives_no_try_back() {
    let world = World::new();
    let account = world.account("user");
    let old = world.code(&account, Purpose::Enrollment);
    begin(&world, &account, "wrong1");
    begin(&world, &account, "wrong1");
    let new = world.code(&account, Purpose::Enrollment);
    assert_eq!(begin(&world, &account, &old).attempts_left(), Some(2));
    begin(&world, &account, &new).ok();
}

#[test]
fn an_exhausted_code_is_not_replaced_before_it_would_have_expired() {
    let world = World::with(Policy { code_tries: 1, ..Policy::default() });
    let account = world.account("user");
    world.code(&account, Purpose::Enrollment);
    begin(&world, &account, "wrong1");
    world.clock.forward(100);
    let sent = world.inbox.len();
    assert_eq!(world.cvs(&account, SEND), too_many(500));
    assert_eq!(world.inbox.len(), sent);
    world.clock.forward(500);
    let code = world.code(&account, Purpose::Enrollment);
    begin(&world, &account, &code).ok();
}

#[test]
fn an_account_may_ask_for_so_many_codes_an_hour_and_a_day() {
    let world = World::with(Policy { codes_per_hour: 3, codes_per_day: 4, ..Policy::default() });
    // The registration of its number used the first code.
    let account = world.account("user");
    world.clock.forward(60);
    world.code(&account, Purpose::Enrollment);
    world.code(&account, Purpose::Enrollment);
    assert_eq!(world.cvs(&account, SEND), too_many(3540));
    let other = world.account("other");
    world.code(&other, Purpose::Enrollment);
    world.clock.forward(3540);
    world.code(&account, Purpose::Enrollment);
    assert_eq!(world.cvs(&account, SEND), too_many(23 * 3600));
    world.clock.forward(23 * 3600);
    world.code(&account, Purpose::Enrollment);
}

#[test]
fn a_code_that_was_not_sent_is_void_and_its_tries_still_count() {
    let world = World::new();
    let account = world.account("user");
    world.code(&account, Purpose::Enrollment);
    begin(&world, &account, "wrong1");
    world.inbox.broken.store(true, Ordering::SeqCst);
    assert_eq!(world.cvs(&account, SEND), CvsAnswer::Refused(CvsRefusal::SmsNotSent));
    assert_eq!(begin(&world, &account, &world.inbox.last().1).err(), "NOK:CODE");
    world.inbox.broken.store(false, Ordering::SeqCst);
    world.code(&account, Purpose::Enrollment);
    assert_eq!(begin(&world, &account, "wrong1").attempts_left(), Some(3));
}

#[test]
fn codes_have_the_digits_of_the_policy_within_what_a_request_can_carry() {
    for (digits, length) in [(1, 4), (4, 4), (8, 8), (12, 12), (100, 12)] {
        let world = World::with(Policy { code_digits: digits, ..Policy::default() });
        let account = world.account("user");
        let code = world.code(&account, Purpose::Enrollment);
        assert_eq!(code.len(), length);
        begin(&world, &account, &code).ok();
    }
}

#[test]
fn without_a_trusted_number_only_a_number_can_be_certified() {
    let world = World::new();
    let account = AccountName::new("user").unwrap();
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        let request = CvsRequest::SendCode { purpose, phone_number: Some(NUMBER) };
        assert_eq!(world.cvs(&account, request), CvsAnswer::Refused(CvsRefusal::NoPhoneNumber));
    }
    for phone_number in [None, Some(""), Some("06 12 34 56 xx"), Some("12345")] {
        let request = CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number };
        assert_eq!(world.cvs(&account, request), CvsAnswer::Refused(CvsRefusal::BadPhoneNumber));
    }
    assert_eq!(world.inbox.len(), 0);
}

#[test]
fn a_number_is_added_once_and_then_modified() {
    let world = World::new();
    let account = AccountName::new("user").unwrap();
    let refused = |answer| CvsAnswer::Refused(answer);
    let add = |sms_code, phone_number| world.cvs(&account, CvsRequest::AddPhoneNumber { sms_code, phone_number });
    let modify = |sms_code, phone_number| world.cvs(&account, CvsRequest::ModifyPhoneNumber { sms_code, phone_number });

    let code = world.number_code(&account, NUMBER);
    assert_eq!(modify(&code, NUMBER), refused(CvsRefusal::NoPhoneNumber));
    assert_eq!(add(&code, "0612"), refused(CvsRefusal::BadPhoneNumber));
    assert_eq!(add(&code, "+33699999999"), refused(CvsRefusal::OtherNumber));
    assert_eq!(add("wrong1", "+33699999999"), refused(CvsRefusal::OtherNumber));
    assert_eq!(add("wrong1", NUMBER), refused(CvsRefusal::WrongCode { attempts_left: 4 }));
    assert_eq!(add(&code, NUMBER), CvsAnswer::Done);
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));

    // The account has a number now, and the code is used up.
    assert_eq!(add(&code, NUMBER), refused(CvsRefusal::PhoneNumberRegistered));
    assert_eq!(modify(&code, NUMBER), refused(CvsRefusal::WrongCode { attempts_left: 0 }));
    let code = world.number_code(&account, "+33699999999");
    assert_eq!(modify(&code, "+33699999999"), CvsAnswer::Done);
    world.code(&account, Purpose::Enrollment);
    assert_eq!(world.inbox.last().0, "+33699999999");
}

#[test]
fn a_code_that_was_sent_to_the_old_number_dies_with_it() {
    let world = World::new();
    let account = world.account("user");
    let enrollment = world.code(&account, Purpose::Enrollment);
    let code = world.number_code(&account, "+33699999999");
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: "+33699999999" };
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    assert_eq!(begin(&world, &account, &enrollment).err(), "NOK:CODE");
}
