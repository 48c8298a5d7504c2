//! SMS for all accounts together: their cost, their countries, their texts, and the notices in
//! them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use authority::{
    AccountName, Countries, CvsAnswer, CvsRefusal, CvsRequest, Delivered, Language, Message, Notice, Options, Policy,
    Purpose, SmsBudget, SmsRetry, SmsRules,
};

use crate::device::Device;
use crate::world::{NUMBER, World};

const OTHER: &str = "+33698765432";
const RETRY: SmsRetry = SmsRetry { attempts: 3, first_delay: Duration::from_secs(10), max_queue: 100 };
const CERTIFY: Purpose = Purpose::PhoneNumberCertification;

fn policy(sms: SmsRules) -> Policy {
    Policy { evolve_k1_every: 0, sms: Arc::new(sms), ..Policy::default() }
}

fn world(sms: SmsRules) -> World {
    World::retrying(policy(sms), Some(RETRY))
}

fn countries(words: &[&str]) -> Countries {
    Countries::read(words.iter().copied(), None).unwrap()
}

fn budget(per_minute: u32) -> SmsBudget {
    SmsBudget { per_minute: Some(per_minute), per_day: Some(1000), per_prefix_and_hour: Some(500), kept_percent: 50 }
}

fn telling() -> SmsRules {
    SmsRules { notices: Notice::ALL.into_iter().collect(), ..SmsRules::default() }
}

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

fn certify(world: &World, account: &str, number: &str) -> CvsAnswer {
    world.cvs(&name(account), CvsRequest::SendCode { purpose: CERTIFY, phone_number: Some(number) })
}

fn ask(world: &World, account: &AccountName, purpose: Purpose) -> CvsAnswer {
    world.cvs(account, CvsRequest::SendCode { purpose, phone_number: None })
}

/// Returns the seconds after which a code may be asked for.
fn wait(answer: &CvsAnswer) -> u64 {
    match answer {
        CvsAnswer::Refused(CvsRefusal::TooManyCodes { retry_after_seconds }) => retry_after_seconds.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Asks for codes for sixty accounts, and five numbers of an international network for each.
fn fraud(world: &World) -> Vec<CvsAnswer> {
    let asked = (0..300).map(|place| certify(world, &format!("user{}", place / 5), &format!("+88213{place:06}")));
    asked.collect()
}

fn events(world: &World, event: &str) -> usize {
    world.events().iter().filter(|found| *found == event).count()
}

fn modify(world: &World, account: &AccountName, number: &str) {
    let code = world.number_code(account, number);
    let request = CvsRequest::ModifyPhoneNumber { sms_code: &code, phone_number: number };
    assert_eq!(world.cvs(account, request), CvsAnswer::Done);
}

/// Delivers what is due and returns the notices that were sent, with their numbers.
fn told(world: &World) -> Vec<(String, Notice)> {
    let before = world.inbox.len();
    world.authority.deliver_due().unwrap();
    let messages = world.inbox.messages().split_off(before);
    let notice = |(to, message, _)| if let Message::Notice(notice) = message { Some((to, notice)) } else { None };
    messages.into_iter().filter_map(notice).collect()
}

#[test]
fn no_sms_goes_to_a_country_that_is_not_allowed_and_it_costs_no_budget() {
    for list in [&["+33", "+49"][..], &["any"]] {
        let world = world(SmsRules { countries: countries(list), budget: budget(60), ..SmsRules::default() });
        for answer in fraud(&world) {
            assert_eq!(answer, CvsAnswer::Refused(CvsRefusal::BadPhoneNumber));
        }
        assert_eq!((world.inbox.len(), world.rows(&["sms_counts", "codes", "sms_queue"]).len()), (0, 0));
        world.account("user");
    }
}

#[test]
fn a_fraud_in_a_country_that_is_allowed_costs_the_strangers_share_and_others_still_get_their_codes() {
    let world = world(SmsRules { countries: countries(&["any", "+88213"]), budget: budget(60), ..SmsRules::default() });
    let account = world.account("certified");
    world.clock.forward(60);
    let before = world.inbox.len();
    let answers = fraud(&world);
    assert_eq!(answers.iter().filter(|answer| **answer == CvsAnswer::Done).count(), 30);
    assert_eq!(world.inbox.len() - before, 30);
    let waits: Vec<u64> = answers.iter().filter(|answer| **answer != CvsAnswer::Done).map(wait).collect();
    assert!(waits.iter().all(|wait| (1..=60).contains(wait)), "{waits:?}");
    assert_eq!((events(&world, "sms.limited"), world.authority.sms_limited()), (1, 270));
    world.code(&account, Purpose::Enrollment);
    // The next minute has a budget of its own.
    world.clock.forward(60);
    assert_eq!(certify(&world, "another", NUMBER), CvsAnswer::Done);
}

#[test]
fn the_budget_of_a_day_and_of_a_prefix_hold_in_every_minute() {
    let rules = |budget| SmsRules { budget, ..SmsRules::default() };
    let none = SmsBudget { kept_percent: 0, ..SmsBudget::default() };
    let day = world(rules(SmsBudget { per_day: Some(3), ..none.clone() }));
    let prefix = world(rules(SmsBudget { per_prefix_and_hour: Some(3), ..none }));
    for world in [&day, &prefix] {
        for place in 0..3 {
            assert_eq!(certify(world, &format!("user{place}"), NUMBER), CvsAnswer::Done);
            world.clock.forward(120);
        }
    }
    let left = wait(&certify(&day, "late", "+4915112345678"));
    assert!((1..=86_400).contains(&left), "{left}");
    day.clock.forward(i64::try_from(left).unwrap());
    assert_eq!(certify(&day, "late", NUMBER), CvsAnswer::Done);
    let left = wait(&certify(&prefix, "late", "0033612345679"));
    assert!((1..=3600).contains(&left), "{left}");
    assert_eq!(certify(&prefix, "late", "+4915112345678"), CvsAnswer::Done, "another country has its own");
}

#[test]
fn the_budget_is_one_for_all_instances_and_threads() {
    const THREADS: usize = 4;
    let rules = SmsRules { budget: SmsBudget { kept_percent: 0, ..budget(20) }, ..SmsRules::default() };
    let world = world(rules.clone());
    let second = world.another_with(|options| Options { policy: policy(rules), sms_retry: Some(RETRY), ..options });
    let sent: usize = std::thread::scope(|scope| {
        let ask = |thread: usize| {
            let authority = if thread.is_multiple_of(2) { &world.authority } else { &second };
            let request = CvsRequest::SendCode { purpose: CERTIFY, phone_number: Some(NUMBER) };
            let account = |place: usize| name(&format!("user{thread}-{place}"));
            (0..20).filter(|place| authority.cvs(&account(*place), &request).unwrap() == CvsAnswer::Done).count()
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || ask(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // Requests of the same moment may exceed it by their own number.
    assert!((20..20 + THREADS).contains(&sent), "{sent}");
    assert_eq!((world.inbox.len(), events(&world, "sms.limited")), (sent, 1));
}

#[test]
fn counts_of_days_that_are_over_are_removed() {
    let world = world(SmsRules { budget: budget(60), ..telling() });
    let account = world.account("user");
    modify(&world, &account, OTHER);
    assert!(!world.rows(&["sms_counts"]).is_empty() && !world.rows(&["notices"]).is_empty());
    world.clock.forward(4 * 86_400);
    world.authority.prune(400).unwrap();
    assert_eq!(world.rows(&["sms_counts", "notices"]), [""; 0]);
    // The removal of an account removes its rows, too.
    modify(&world, &account, NUMBER);
    assert!(world.authority.remove_account(&account).unwrap());
    assert_eq!(world.rows(&["notices", "sms_queue"]), [""; 0]);
}

#[test]
fn an_account_that_is_new_waits_for_its_first_code() {
    let world = world(SmsRules { new_account_seconds: 3600, ..SmsRules::default() });
    assert_eq!(wait(&certify(&world, "user", NUMBER)), 3600);
    world.clock.forward(3599);
    assert_eq!((wait(&certify(&world, "user", NUMBER)), world.inbox.len()), (1, 0));
    world.clock.forward(1);
    assert_eq!(certify(&world, "user", NUMBER), CvsAnswer::Done);
}

#[test]
fn a_number_of_the_default_country_is_dialed_and_kept_in_full() {
    let home = authority::Prefix::new("+33");
    let world = world(SmsRules { countries: Countries::read(["+33"].into_iter(), home).unwrap(), ..telling() });
    let account = name("user");
    assert_eq!(certify(&world, "user", "0612345678"), CvsAnswer::Done);
    let (to, code) = world.inbox.last();
    assert_eq!(to, "+33612345678");
    let request = CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: "0612345678" };
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber("+33612345678".to_owned()));
    Device::activate(&world, &account, "1234");
    assert_eq!(told(&world), [("+33612345678".to_owned(), Notice::NewDevice)]);
}

#[test]
fn a_text_says_what_its_code_does_in_the_language_of_the_app() {
    let world = world(telling());
    let account = world.account("user");
    let text = |languages: &str, purpose| {
        let request = CvsRequest::SendCode { purpose, phone_number: Some(OTHER) };
        let answer = world.authority.cvs_in(&account, &request, &Language::accepted(languages));
        assert_eq!(answer.unwrap(), CvsAnswer::Done);
        world.inbox.messages().pop().unwrap().2
    };
    assert!(text("", Purpose::Enrollment).contains("ADDS A DEVICE"));
    assert!(text("xx, en;q=0.1", Purpose::ResetPin).contains("SETS A NEW PIN"));
    assert!(text("fr-CA, en;q=0.5", CERTIFY).contains("associe ce numéro"));
    // The account's language is kept for SMS without a request.
    world.clock.forward(3600);
    Device::activate(&world, &account, "1234");
    told(&world);
    assert!(world.inbox.messages().pop().unwrap().2.contains("un nouvel appareil"));
}

#[test]
fn each_event_is_told_at_the_trusted_number_and_a_change_of_it_at_the_old_one() {
    let world = world(telling());
    let account = world.account("user");
    let to = |number: &str, notice| vec![(number.to_owned(), notice)];
    assert_eq!(told(&world), [], "a first number replaces none");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(told(&world), to(NUMBER, Notice::NewDevice));
    device.change_pin(&world.authority, "1234", "4321").ok();
    assert_eq!(told(&world), to(NUMBER, Notice::PinChange));
    let device = device.synchronized(&world.authority, "4321");
    assert_eq!(told(&world), []);
    for _ in 0..5 {
        device.ask(&world.authority, "9999");
    }
    assert_eq!(told(&world), to(NUMBER, Notice::Block));
    let code = world.code(&account, Purpose::ResetPin);
    device.reset_pin(&world.authority, &code, "8642").ok();
    assert_eq!(told(&world), to(NUMBER, Notice::PinReset));
    world.clock.forward(3600);
    modify(&world, &account, OTHER);
    assert_eq!(told(&world), to(NUMBER, Notice::PhoneNumber));
    modify(&world, &account, OTHER);
    assert_eq!(told(&world), [], "the same number is no change");
    for (_, message, text) in world.inbox.messages() {
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        assert!(matches!(message, Message::Code(_)) || digits == 0, "a notice has no code: {text}");
    }
}

#[test]
fn what_is_refused_and_what_is_switched_off_is_told_to_nobody() {
    let some: BTreeSet<Notice> = [Notice::Block].into_iter().collect();
    let world = world(SmsRules { notices: some, ..SmsRules::default() });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_ne!(device.change_pin(&world.authority, "9999", "4321").err(), "OK");
    device.change_pin(&world.authority, "1234", "4321").ok();
    modify(&world, &account, OTHER);
    assert_eq!(told(&world), []);
    assert_eq!((world.rows(&["notices", "sms_queue"]).len(), events(&world, "notice.queued")), (0, 0));
}

#[test]
fn a_notice_outlives_the_instance_of_its_event_and_is_sent_once() {
    let world = world(telling());
    let account = world.account("user");
    modify(&world, &account, OTHER);
    assert_eq!(world.rows(&["sms_queue"]).len(), 1);
    assert!(!world.rows(&["sms_queue"])[0].contains(NUMBER), "it is sealed");
    let other = world.another_with(|options| Options { policy: policy(telling()), sms_retry: Some(RETRY), ..options });
    let before = world.inbox.len();
    assert_eq!(other.deliver_due().unwrap(), Delivered { sent: 1, ..Delivered::default() });
    assert_eq!(told(&world), []);
    assert_eq!((world.inbox.len() - before, world.rows(&["sms_queue"]).len()), (1, 0));
}

#[test]
fn a_notice_that_the_gateway_does_not_take_is_tried_again_and_then_dropped() {
    let world = world(SmsRules { budget: budget(60), ..telling() });
    let account = world.account("user");
    modify(&world, &account, OTHER);
    let code = world.code(&account, Purpose::Enrollment);
    let counts = || world.rows(&["sms_counts"]).len();
    world.inbox.broken.store(true, Ordering::SeqCst);
    let failed = Delivered { failed: 1, ..Delivered::default() };
    assert_eq!(world.authority.deliver_due().unwrap(), failed);
    let charged = counts();
    for (pause, became) in [(10, failed), (20, Delivered { dropped: 1, ..Delivered::default() })] {
        world.clock.forward(pause);
        assert_eq!(world.authority.deliver_due().unwrap(), became);
    }
    assert_eq!((events(&world, "notice.dropped"), events(&world, "code.withdrawn"), counts()), (1, 0, charged));
    world.inbox.broken.store(false, Ordering::SeqCst);
    Device::activate_with(&world, &account, &code, "1234");
}

#[test]
fn without_a_queue_a_notice_is_tried_once() {
    let world = World::with(policy(telling()));
    let account = world.account("user");
    modify(&world, &account, OTHER);
    assert_eq!(told(&world), [(NUMBER.to_owned(), Notice::PhoneNumber)]);
    world.inbox.broken.store(true, Ordering::SeqCst);
    Device::activate_with(&world, &account, &dodged(&world, &account), "1234");
    assert_eq!(world.authority.deliver_due().unwrap(), Delivered { dropped: 1, ..Delivered::default() });
    assert_eq!((world.rows(&["sms_queue"]).len(), events(&world, "notice.dropped")), (0, 1));
}

/// Asks for an enrollment code that arrives, from a gateway that then breaks again.
fn dodged(world: &World, account: &AccountName) -> String {
    world.inbox.broken.store(false, Ordering::SeqCst);
    let code = world.code(account, Purpose::Enrollment);
    world.inbox.broken.store(true, Ordering::SeqCst);
    code
}

#[test]
fn a_spent_budget_drops_the_notice_and_never_stops_its_event() {
    let spent = SmsBudget { per_day: Some(4), kept_percent: 0, ..SmsBudget::default() };
    let world = world(SmsRules { budget: spent, ..telling() });
    let account = world.account("user");
    modify(&world, &account, OTHER);
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(told(&world), [(NUMBER.to_owned(), Notice::PhoneNumber)]);
    Device::activate_with(&world, &account, &code, "1234");
    assert_eq!(world.authority.deliver_due().unwrap(), Delivered { dropped: 1, ..Delivered::default() });
    assert_eq!((events(&world, "device.activated"), events(&world, "notice.dropped")), (1, 1));
    assert_eq!((events(&world, "sms.limited"), world.authority.sms_limited()), (1, 1));
}

#[test]
fn events_that_repeat_are_told_three_times_a_day_and_hide_no_other() {
    let world = world(telling());
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    assert_eq!(told(&world).len(), 1);
    let mut blocks = 0;
    for _ in 0..5 {
        for _ in 0..5 {
            device.ask(&world.authority, "9999");
        }
        blocks += told(&world).len();
        assert_eq!(world.authority.unblock(&account).unwrap(), authority::Unblock::Lifted);
    }
    assert_eq!((blocks, events(&world, "account.blocked"), events(&world, "notice.dropped")), (3, 5, 2));
    modify(&world, &account, OTHER);
    assert_eq!(told(&world), [(NUMBER.to_owned(), Notice::PhoneNumber)]);
    world.clock.forward(86_400);
    for _ in 0..5 {
        device.ask(&world.authority, "9999");
    }
    assert_eq!(told(&world), [(OTHER.to_owned(), Notice::Block)]);
}

#[test]
fn after_a_change_of_number_codes_wait_until_its_owner_could_act() {
    let rules = Policy { number_cooling_seconds: 86_400, ..policy(SmsRules::default()) };
    let world = World::retrying(rules, Some(RETRY));
    let account = world.account("user");
    world.code(&account, Purpose::Enrollment);
    world.clock.forward(3600);
    modify(&world, &account, OTHER);
    for purpose in [Purpose::Enrollment, Purpose::ResetPin] {
        assert_eq!(wait(&ask(&world, &account, purpose)), 86_400);
    }
    // No action of an app ends it earlier.
    assert_eq!(world.cvs(&account, CvsRequest::RemoveEnrollments), CvsAnswer::Done);
    world.clock.forward(86_399);
    assert_eq!(wait(&ask(&world, &account, Purpose::Enrollment)), 1);
    // The same number once more does not end it either. Another number starts the time again.
    modify(&world, &account, OTHER);
    world.clock.forward(1);
    assert_eq!(ask(&world, &account, Purpose::Enrollment), CvsAnswer::Done);
    modify(&world, &account, NUMBER);
    assert_eq!(wait(&ask(&world, &account, Purpose::ResetPin)), 86_400);
}
