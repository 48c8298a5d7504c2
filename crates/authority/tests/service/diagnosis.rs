//! The diagnosis of an account. For each cause: the service refuses the request (or why it is only
//! a warning), the diagnosis names the cause, and after the cure it does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use authority::{
    AccountName, Cause, Clock, ClonePolicy, Countries, CvsAnswer, CvsRefusal, CvsRequest, Diagnosis, Failure, PinProof,
    Policy, Purpose, SmsRetry, SmsRules, Unblock, Verdict, Weight,
};
use inwebo::values::{Decision, K1};

use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{NUMBER, World};
use crate::{approvals, enrollment_codes, public_clients, second_copies};

const HOUR: i64 = 3600;
const DAY: i64 = 86_400;
const OTHER: &str = "+33698765432";

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

fn diagnosis(world: &World, account: &AccountName) -> Diagnosis {
    world.authority.diagnose(account).unwrap().unwrap()
}

/// Returns the weight of a cause, or `None` if the diagnosis does not name it.
fn weight(world: &World, account: &AccountName, cause: &Cause) -> Option<Weight> {
    let findings = diagnosis(world, account).findings;
    let found: Vec<Weight> =
        findings.iter().filter(|finding| finding.cause == *cause).map(|finding| finding.weight).collect();
    assert!(found.len() <= 1, "{findings:?}");
    found.first().copied()
}

fn assert_found(world: &World, account: &AccountName, cause: &Cause, expected: Weight) {
    let found = weight(world, account, cause);
    assert_eq!(found, Some(expected), "{cause:?} in {:?}", diagnosis(world, account).findings);
}

/// Returns the causes, but for the refusals.
fn causes(world: &World, account: &AccountName) -> Vec<Cause> {
    let findings = diagnosis(world, account).findings;
    let causes = findings.into_iter().map(|finding| finding.cause);
    causes.filter(|cause| !matches!(cause, Cause::Refusals { .. })).collect()
}

/// A service with an account that has one device.
fn prepared(policy: Policy) -> (World, AccountName, Device) {
    let world = World::with(policy);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    (world, account, device)
}

fn policy() -> Policy {
    Policy { evolve_k1_every: 0, ..Policy::default() }
}

fn send(world: &World, account: &AccountName, purpose: Purpose) -> CvsAnswer {
    world.cvs(account, CvsRequest::SendCode { purpose, phone_number: None })
}

fn certify(world: &World, account: &AccountName, phone_number: &str) -> CvsAnswer {
    let purpose = Purpose::PhoneNumberCertification;
    world.cvs(account, CvsRequest::SendCode { purpose, phone_number: Some(phone_number) })
}

fn too_many(retry_after_seconds: u64) -> CvsAnswer {
    CvsAnswer::Refused(CvsRefusal::TooManyCodes { retry_after_seconds: Some(retry_after_seconds) })
}

fn in_seconds(world: &World, seconds: i64) -> i64 {
    world.clock.now() + 1000 * seconds
}

#[test]
fn an_account_that_works_has_no_finding() {
    let (world, account, device) = prepared(policy());
    let password = device.made(&world.authority, "1234");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
    let found = diagnosis(&world, &account);
    assert_eq!((found.findings, found.at), (vec![], world.clock.now()));
    assert_eq!(Some(found.account), world.authority.account(&account).unwrap());
    assert_eq!(found.devices, world.authority.devices(&account).unwrap());
    assert_eq!(world.authority.diagnose(&name("nobody")).unwrap(), None);
}

#[test]
fn a_diagnosis_changes_nothing() {
    let (world, account, device) = prepared(policy());
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    world.code(&account, Purpose::ResetPin);
    world.clock.forward(2 * DAY);
    let before = (world.rows(&crate::world::STATE), world.events());
    diagnosis(&world, &account);
    assert_eq!((world.rows(&crate::world::STATE), world.events()), before);
}

#[test]
fn an_altered_row_is_reported_in_place_of_a_diagnosis() {
    let (world, account, _) = prepared(policy());
    world.database.execute("UPDATE accounts SET blocked = 1");
    assert!(matches!(world.authority.diagnose(&account), Err(Failure::Altered { table: "accounts", .. })));
}

#[test]
fn obstacles_stand_before_warnings_and_notes() {
    let (world, account, device) = prepared(policy());
    let other = Device::activate(&world, &account, "1234");
    world.code(&account, Purpose::ResetPin);
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    other.remove(&world.authority).ok();
    let weights: Vec<Weight> = diagnosis(&world, &account).findings.into_iter().map(|finding| finding.weight).collect();
    assert!(weights.len() >= 3 && weights.is_sorted(), "{weights:?}");
    assert_eq!((weights.first(), weights.last()), (Some(&Weight::Obstacle), Some(&Weight::Note)));
}

#[test]
fn no_phone_number() {
    let world = World::new();
    let account = name("user");
    assert!(world.authority.add_account(&account).unwrap());
    assert_eq!(send(&world, &account, Purpose::Enrollment), CvsAnswer::Refused(CvsRefusal::NoPhoneNumber));
    assert_found(&world, &account, &Cause::NoPhoneNumber, Weight::Obstacle);
    world.account("user");
    assert_eq!(send(&world, &account, Purpose::Enrollment), CvsAnswer::Done);
    assert_eq!(weight(&world, &account, &Cause::NoPhoneNumber), None);
}

#[test]
fn a_number_that_no_sms_may_go_to() {
    let (world, account, device) = prepared(policy());
    let countries = Countries::read(["+49"].into_iter(), None).unwrap();
    let sms = SmsRules { countries, ..SmsRules::default() };
    world.authority.set_policy(Policy { sms: sms.into(), ..policy() });
    assert_eq!(send(&world, &account, Purpose::ResetPin), CvsAnswer::Refused(CvsRefusal::BadPhoneNumber));
    // The device still works.
    device.made(&world.authority, "1234");
    assert_found(&world, &account, &Cause::NumberNotPermitted, Weight::Warning);
    world.authority.remove_device(&account, &device.id).unwrap();
    assert_found(&world, &account, &Cause::NumberNotPermitted, Weight::Obstacle);
    world.authority.set_policy(policy());
    assert_eq!(send(&world, &account, Purpose::ResetPin), CvsAnswer::Done);
    assert_eq!(weight(&world, &account, &Cause::NumberNotPermitted), None);
}

#[test]
fn a_number_that_replaced_another() {
    let (world, account, device) = prepared(Policy { number_cooling_seconds: DAY as u64, ..policy() });
    let sms_code = world.number_code(&account, OTHER);
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &sms_code, phone_number: OTHER };
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    let cause = Cause::NumberCooling { until: in_seconds(&world, DAY) };
    assert_eq!(send(&world, &account, Purpose::Enrollment), too_many(86_400));
    // Only a user without a working device needs a code.
    assert_found(&world, &account, &cause, Weight::Warning);
    world.authority.remove_device(&account, &device.id).unwrap();
    assert_found(&world, &account, &cause, Weight::Obstacle);
    world.clock.forward(DAY);
    assert_eq!(send(&world, &account, Purpose::Enrollment), CvsAnswer::Done);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::NumberCooling { .. })));
}

#[test]
fn an_account_that_is_too_new() {
    let sms = SmsRules { new_account_seconds: 3600, ..SmsRules::default() };
    let world = World::with(Policy { sms: sms.into(), ..policy() });
    let account = name("user");
    assert_eq!(certify(&world, &account, NUMBER), too_many(3600));
    assert_found(&world, &account, &Cause::NewAccount { until: in_seconds(&world, HOUR) }, Weight::Obstacle);
    world.clock.forward(HOUR);
    assert_eq!(certify(&world, &account, NUMBER), CvsAnswer::Done);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::NewAccount { .. })));
}

#[test]
fn no_device() {
    let (world, account, device) = prepared(policy());
    world.authority.remove_device(&account, &device.id).unwrap();
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:NODEVICE");
    assert_found(&world, &account, &Cause::NoDevice, Weight::Obstacle);
    Device::activate(&world, &account, "1234").made(&world.authority, "1234");
    assert_eq!(weight(&world, &account, &Cause::NoDevice), None);
}

/// The next activation sets a PIN, so that this stops nobody.
#[test]
fn no_pin() {
    let (world, account, _) = prepared(policy());
    world.cvs(&account, CvsRequest::RemoveEnrollments);
    let code = world.code(&account, Purpose::Enrollment);
    let answer = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    assert_eq!(answer.get("pinmode"), "2");
    assert_found(&world, &account, &Cause::NoPin, Weight::Warning);
    Device::activate_with(&world, &account, &code, "8264");
    assert_eq!(weight(&world, &account, &Cause::NoPin), None);
}

#[test]
fn a_block_that_an_operator_lifts() {
    let (world, account, device) = prepared(policy());
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:NOK_BLOCKED");
    assert_found(&world, &account, &Cause::Blocked { until: None }, Weight::Obstacle);
    assert_eq!(weight(&world, &account, &Cause::PinBudgetSpent), None);
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::Lifted);
    device.made(&world.authority, "1234");
    assert_eq!(causes(&world, &account), []);
}

#[test]
fn a_block_that_ends_by_itself() {
    let (world, account, device) = prepared(Policy { pin_block_seconds: 60, ..policy() });
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:NOK_BLOCKED");
    assert_found(&world, &account, &Cause::Blocked { until: Some(in_seconds(&world, 60)) }, Weight::Obstacle);
    world.clock.forward(60);
    // One try is left: a wrong PIN blocks the account again.
    assert_eq!(causes(&world, &account), [Cause::PinTries { tries: 5, left: 1 }]);
    device.made(&world.authority, "1234");
    assert_eq!(causes(&world, &account), []);
}

#[test]
fn a_block_that_only_a_new_pin_ends() {
    let (world, account, device) = prepared(Policy { pin_budget: 3, ..policy() });
    (0..3).for_each(|_| drop(device.ask(&world.authority, "9999")));
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::PinBudgetSpent);
    assert_found(&world, &account, &Cause::PinBudgetSpent, Weight::Obstacle);
    assert_eq!(weight(&world, &account, &Cause::Blocked { until: None }), None);
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    assert_eq!(weight(&world, &account, &Cause::PinBudgetSpent), None);
}

/// A block that lasts makes the user need a code.
#[test]
fn a_blocked_account_that_gets_no_code() {
    let (world, account, device) = prepared(Policy { codes_per_hour: 2, ..policy() });
    assert_eq!(send(&world, &account, Purpose::ResetPin), too_many(3600));
    let cause = Cause::CodesSpent { until: in_seconds(&world, HOUR) };
    assert_found(&world, &account, &cause, Weight::Warning);
    (0..5).for_each(|_| drop(device.ask(&world.authority, "9999")));
    assert_found(&world, &account, &cause, Weight::Obstacle);
}

#[test]
fn a_device_that_waits_for_an_approval() {
    let (world, account, first) = prepared(approvals::policy());
    let new = approvals::waiting(&world, &account);
    let answer = new.ask(&world.authority, "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:STATE", "notApproved"));
    let cause = Cause::DevicePending { device: new.id.clone(), needs_approval: true, until: in_seconds(&world, 300) };
    assert_found(&world, &account, &cause, Weight::Obstacle);
    approvals::approve(&world.authority, &first, &new).ok();
    new.made(&world.authority, "1234");
    assert_eq!(weight(&world, &account, &cause), None);
}

#[test]
fn a_device_that_waits_for_its_confirmation() {
    let (world, account, first) = prepared(enrollment_codes::policy());
    let code = enrollment_codes::code(&world.authority, &first);
    world.clock.forward(60);
    let new = enrollment_codes::second(&world.authority, &code);
    let answer = new.ask(&world.authority, "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:STATE", "notConfirmed"));
    let cause = Cause::DevicePending { device: new.id.clone(), needs_approval: false, until: in_seconds(&world, 240) };
    assert_found(&world, &account, &cause, Weight::Obstacle);
    let shown = enrollment_codes::fingerprint(&new);
    enrollment_codes::decide(&world.authority, &first, Decision::Confirm, &shown).ok();
    new.made(&world.authority, "1234");
    assert_eq!(weight(&world, &account, &cause), None);
}

#[test]
fn a_device_that_waited_too_long_is_no_device() {
    let (world, account, first) = prepared(approvals::policy());
    approvals::waiting(&world, &account);
    world.authority.remove_device(&account, &first.id).unwrap();
    world.clock.forward(300);
    let found = diagnosis(&world, &account);
    assert_eq!(found.devices, []);
    assert!(found.findings.iter().any(|finding| finding.cause == Cause::NoDevice));
}

#[test]
fn a_suspended_device() {
    let (world, account, device) = second_copies::scene(ClonePolicy::Suspend);
    let copy = device.clone();
    let (device, _) = device.logs_in(&world.authority, "1234").unwrap();
    copy.ask(&world.authority, "1234");
    let at = world.clock.now();
    let answer = device.ask(&world.authority, "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:STATE", "secondCopy"));
    let suspended = Cause::DeviceSuspended { device: device.id.clone() };
    let suspected = Cause::SecondCopySuspected { device: device.id.clone(), at };
    assert_found(&world, &account, &suspended, Weight::Obstacle);
    assert_found(&world, &account, &suspected, Weight::Warning);
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    device.logs_in(&world.authority, "8264").unwrap();
    assert_eq!((weight(&world, &account, &suspended), weight(&world, &account, &suspected)), (None, None));
}

/// The policy only reports it, so the device works on.
#[test]
fn a_suspected_second_copy() {
    let (world, account, device) = second_copies::scene(ClonePolicy::Report);
    let copy = device.clone();
    let (device, _) = device.logs_in(&world.authority, "1234").unwrap();
    copy.logs_in(&world.authority, "1234").unwrap();
    let cause = Cause::SecondCopySuspected { device: device.id.clone(), at: world.clock.now() };
    assert_found(&world, &account, &cause, Weight::Warning);
    assert_eq!(weight(&world, &account, &Cause::DeviceSuspended { device: device.id.clone() }), None);
    let (device, _) = device.logs_in(&world.authority, "1234").unwrap();
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8264").ok();
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::SecondCopySuspected { .. })));
}

#[test]
fn a_device_that_made_all_its_passwords_of_the_day() {
    let (world, account, device) = prepared(Policy { otps_per_device_and_day: Some(1), ..policy() });
    device.made(&world.authority, "1234");
    let answer = device.ask(&world.authority, "1234");
    assert_eq!((answer.err(), answer.get("reason")), ("NOK:FORBIDDEN", "dailyLimit"));
    let left: i64 = answer.get("retryAfterSeconds").parse().unwrap();
    let until = in_seconds(&world, left);
    assert_found(&world, &account, &Cause::PasswordsOfDaySpent { device: device.id.clone(), until }, Weight::Obstacle);
    world.clock.forward(left);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::PasswordsOfDaySpent { .. })));
    device.made(&world.authority, "1234");
}

#[test]
fn a_policy_that_permits_no_password() {
    let (world, account, device) = prepared(policy());
    world.authority.set_policy(Policy { otps_per_device_and_day: Some(0), ..policy() });
    assert_eq!(device.ask(&world.authority, "1234").err(), "NOK:FORBIDDEN");
    assert_found(&world, &account, &Cause::PasswordsForbidden, Weight::Obstacle);
    world.authority.set_policy(policy());
    device.made(&world.authority, "1234");
    // The device asked for none without a PIN, but the trail does not tell.
    world.clock.forward(DAY);
    assert_eq!(weight(&world, &account, &Cause::PasswordsForbidden), None);
}

#[test]
fn a_device_that_asks_for_passwords_without_a_pin() {
    let (world, account, device) = prepared(policy());
    assert_eq!(weight(&world, &account, &Cause::PasswordsForbidden), None);
    assert_eq!(device.ask_without_pin(&world.authority).err(), "NOK:ACCESS");
    // With its PIN it still gets passwords.
    device.made(&world.authority, "1234");
    assert_found(&world, &account, &Cause::PasswordsForbidden, Weight::Warning);
    // A client that never proves its PIN for a password is refused in the same way.
    let permitting = Policy { otp_without_pin: true, ..policy() };
    world.authority.set_policy(permitting.clone());
    device.ask_without_pin(&world.authority).ok();
    assert_eq!(public_clients::ask_unproved(&world, &device, &device.k1("1234")).get("reason"), "pinNotProved");
    assert_found(&world, &account, &Cause::PasswordsForbidden, Weight::Warning);
    let permitting = Policy { pin_proof: PinProof::AtActivation, ..permitting };
    world.authority.set_policy(permitting);
    let new = Device::activate(&world, &account, "1234");
    world.authority.remove_device(&account, &device.id).unwrap();
    public_clients::ask_unproved(&world, &new, &new.k1("1234")).ok();
    assert_eq!(weight(&world, &account, &Cause::PasswordsForbidden), None);
}

#[test]
fn an_account_that_has_its_maximum_of_devices() {
    let (world, account, device) = prepared(Policy { max_devices: 1, ..policy() });
    let code = world.code(&account, Purpose::Enrollment);
    let begin = Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok();
    let request = activation(&Keys::read(&begin), &code, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:MAXNBTOOLS");
    // The device that is there works.
    device.made(&world.authority, "1234");
    assert_found(&world, &account, &Cause::TooManyDevices { max: 1 }, Weight::Warning);
    world.authority.remove_device(&account, &device.id).unwrap();
    assert_eq!(weight(&world, &account, &Cause::TooManyDevices { max: 1 }), None);
    // Without a device that works, the user needs the place.
    world.authority.set_policy(Policy { max_devices: 0, ..policy() });
    assert_eq!(Answer::of(&world.authority, Some(&account), &request).err(), "NOK:MAXNBTOOLS");
    assert_found(&world, &account, &Cause::TooManyDevices { max: 0 }, Weight::Obstacle);
    world.authority.set_policy(policy());
    Answer::of(&world.authority, Some(&account), &request).ok();
}

#[test]
fn codes_of_an_hour_and_a_day() {
    let world = World::with(Policy { codes_per_hour: 2, codes_per_day: 3, ..policy() });
    let account = world.account("user");
    world.code(&account, Purpose::Enrollment);
    assert_eq!(send(&world, &account, Purpose::Enrollment), too_many(3600));
    assert_found(&world, &account, &Cause::CodesSpent { until: in_seconds(&world, HOUR) }, Weight::Obstacle);
    world.clock.forward(HOUR);
    let began = in_seconds(&world, -HOUR);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::CodesSpent { .. })));
    world.code(&account, Purpose::Enrollment);
    assert_eq!(send(&world, &account, Purpose::Enrollment), too_many(82_800));
    assert_found(&world, &account, &Cause::CodesSpent { until: began + 1000 * DAY }, Weight::Obstacle);
    world.clock.forward(DAY);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::CodesSpent { .. })));
    world.code(&account, Purpose::Enrollment);
}

#[test]
fn a_code_that_lost_all_its_tries() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    for _ in 0..5 {
        Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", "000000")]));
    }
    let right = setup("activate", "", &[("code", &code)]);
    assert_eq!(Answer::of(&world.authority, Some(&account), &right).err(), "NOK:CODE");
    assert_eq!(send(&world, &account, Purpose::Enrollment), too_many(600));
    assert_found(&world, &account, &Cause::CodesSpent { until: in_seconds(&world, 600) }, Weight::Obstacle);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::CodeSent { .. })));
    world.clock.forward(600);
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::CodesSpent { .. })));
    assert_eq!(send(&world, &account, Purpose::Enrollment), CvsAnswer::Done);
}

/// The user has the code, or will get it: nothing is refused.
#[test]
fn a_code_that_waits_to_be_used() {
    let world = World::new();
    let account = world.account("user");
    let at = world.clock.now();
    let code = world.code(&account, Purpose::Enrollment);
    world.clock.forward(60);
    Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", "000000")]));
    let sent = |tries_left| Cause::CodeSent { purpose: Purpose::Enrollment, at, until: at + 600_000, tries_left };
    assert_found(&world, &account, &sent(4), Weight::Note);
    Device::activate_with(&world, &account, &code, "1234");
    assert_eq!(causes(&world, &account), []);
    // A code that certifies a number, and one that expires.
    assert_eq!(certify(&world, &account, OTHER), CvsAnswer::Done);
    let purposes = |world: &World| -> Vec<Purpose> {
        let purpose = |cause| if let Cause::CodeSent { purpose, .. } = cause { Some(purpose) } else { None };
        causes(world, &account).into_iter().filter_map(purpose).collect()
    };
    world.code(&account, Purpose::ResetPin);
    assert_eq!(purposes(&world), [Purpose::ResetPin, Purpose::PhoneNumberCertification]);
    world.clock.forward(600);
    assert_eq!(purposes(&world), []);
}

/// The gateway may accept the message at its next try: the code stays good.
#[test]
fn an_sms_that_waits_for_the_gateway() {
    let retry = SmsRetry { attempts: 5, first_delay: Duration::from_secs(10), max_queue: 5 };
    let world = World::retrying(policy(), Some(retry));
    let account = world.account("user");
    world.inbox.broken.store(true, Ordering::SeqCst);
    let since = world.clock.now();
    assert_eq!(send(&world, &account, Purpose::Enrollment), CvsAnswer::Refused(CvsRefusal::SmsNotSent));
    assert_found(&world, &account, &Cause::SmsWaiting { since, tries: 1 }, Weight::Warning);
    world.clock.forward(10);
    world.authority.deliver_due().unwrap();
    assert_found(&world, &account, &Cause::SmsWaiting { since, tries: 2 }, Weight::Warning);
    world.inbox.broken.store(false, Ordering::SeqCst);
    world.clock.forward(20);
    world.authority.deliver_due().unwrap();
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::SmsWaiting { .. })));
    Device::activate_with(&world, &account, &world.inbox.last().1, "1234");
}

/// The account is not blocked yet.
#[test]
fn wrong_pins_that_no_right_one_forgave() {
    let (world, account, device) = prepared(policy());
    for (tries, left) in [(1, 4), (2, 3)] {
        assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(left));
        assert_found(&world, &account, &Cause::PinTries { tries, left }, Weight::Warning);
    }
    device.made(&world.authority, "1234");
    assert_eq!(causes(&world, &account), []);
    // The budget may be nearer than the limit of tries.
    world.authority.set_policy(Policy { pin_budget: 4, ..policy() });
    assert_eq!(device.ask(&world.authority, "9999").attempts_left(), Some(1));
    assert_found(&world, &account, &Cause::PinTries { tries: 1, left: 1 }, Weight::Warning);
}

/// After three of them the device must prove its PIN, which it can.
#[test]
fn wrong_k1s_without_a_pin() {
    let (world, account, device) = prepared(Policy { pin_proof: PinProof::AtActivation, ..policy() });
    for tries in 1..=3 {
        let answer = public_clients::ask_unproved(&world, &device, &K1::new([9; 16]));
        assert_eq!(answer.get("reason"), "pinNotProved");
        assert_found(&world, &account, &Cause::UnprovedTries { tries }, Weight::Warning);
    }
    let answer = public_clients::ask_unproved(&world, &device, &device.k1("1234"));
    assert_eq!(answer.get("reason"), "pinNotProved");
    assert_eq!(world.authority.unblock(&account).unwrap(), Unblock::TriesForgiven);
    public_clients::ask_unproved(&world, &device, &device.k1("1234")).ok();
    assert!(!causes(&world, &account).iter().any(|cause| matches!(cause, Cause::UnprovedTries { .. })));
}

#[test]
fn refusals_of_the_last_day() {
    let (world, account, device) = prepared(policy());
    let other = world.account("other");
    let refusals = || -> Vec<(String, Option<String>, u64, i64)> {
        let of = |cause| match cause {
            Cause::Refusals { event, device, count, last } => Some((event, device, count, last)),
            _ => None,
        };
        let findings = diagnosis(&world, &account).findings;
        assert!(findings.iter().all(|finding| finding.weight == Weight::Note || of(finding.cause.clone()).is_none()));
        findings.into_iter().filter_map(|finding| of(finding.cause)).collect()
    };
    assert_eq!(refusals(), []);
    let began = world.clock.now();
    for _ in 0..3 {
        assert_eq!(world.authority.verify_otp(&account, "abcdefgh").unwrap(), Verdict::Refused);
    }
    world.authority.verify_otp(&other, "abcdefgh").unwrap();
    world.authority.audit_refused_operator().unwrap();
    world.clock.forward(120);
    device.ask(&world.authority, "9999");
    device.ask(&world.authority, "9999");
    world.authority.verify_otp(&account, "abcdefgh").unwrap();
    let last = world.clock.now();
    let expected =
        [("password.refused".to_owned(), None, 4, last), ("pin.refused".to_owned(), Some(device.id.clone()), 2, last)];
    assert_eq!(refusals(), expected);
    // Those of the first minute are over first.
    world.clock.forward(DAY - 120);
    assert_eq!(refusals()[0], ("password.refused".to_owned(), None, 1, last));
    assert_eq!(last - began, 120_000);
    world.clock.forward(120);
    assert_eq!(refusals(), []);
}
