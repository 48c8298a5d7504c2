//! SMS whose gateway fails: they are tried again, sent at least once and normally once, until they
//! are useless.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use authority::{AccountName, CvsAnswer, CvsRefusal, CvsRequest, Delivered, Options, Policy, Purpose, SmsRetry};

use crate::device::{Answer, setup};
use crate::world::{NUMBER, World};

const RETRY: SmsRetry = SmsRetry { attempts: 3, first_delay: Duration::from_secs(10), max_queue: 5 };
const SEND: CvsRequest<'_> = CvsRequest::SendCode { purpose: Purpose::Enrollment, phone_number: None };
const NOT_SENT: CvsAnswer = CvsAnswer::Refused(CvsRefusal::SmsNotSent);

fn world() -> World {
    World::retrying(Policy { evolve_k1_every: 0, ..Policy::default() }, Some(RETRY))
}

fn delivered(sent: u32, failed: u32, dropped: u32) -> Delivered {
    Delivered { sent, failed, dropped }
}

fn waiting(world: &World) -> usize {
    world.rows(&["sms_queue"]).len()
}

fn break_gateway(world: &World, broken: bool) {
    world.inbox.broken.store(broken, Ordering::SeqCst);
}

fn begin(world: &World, account: &AccountName, code: &str) -> Answer {
    Answer::of(&world.authority, Some(account), &setup("activate", "", &[("code", code)]))
}

#[test]
fn a_message_that_the_gateway_takes_does_not_wait() {
    let world = world();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    assert_eq!(waiting(&world), 0);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 0));
    begin(&world, &account, &code).ok();
}

#[test]
fn a_message_that_was_not_sent_is_sent_later_and_its_code_is_good_all_the_while() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    assert_eq!(world.cvs(&account, SEND), NOT_SENT);
    let (_, code) = world.inbox.last();
    begin(&world, &account, &code).ok();
    assert_eq!(waiting(&world), 1);
    world.clock.forward(9);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 0));
    world.clock.forward(1);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 1, 0));
    world.clock.forward(19);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 0));
    break_gateway(&world, false);
    world.clock.forward(1);
    let before = world.inbox.len();
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(1, 0, 0));
    assert_eq!((world.inbox.len() - before, world.inbox.last()), (1, (NUMBER.to_owned(), code.clone())));
    assert_eq!(waiting(&world), 0);
    begin(&world, &account, &code).ok();
}

#[test]
fn every_try_of_a_message_has_the_same_id_and_no_two_messages_have() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    world.cvs(&account, SEND);
    world.clock.forward(10);
    world.authority.deliver_due().unwrap();
    world.cvs(&account, SEND);
    let ids = world.inbox.ids();
    let [.., first, again, other] = ids.as_slice() else { panic!("{ids:?}") };
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn a_message_that_was_tried_often_enough_is_dropped_and_its_code_is_void() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    assert_eq!(world.cvs(&account, SEND), NOT_SENT);
    let (_, code) = world.inbox.last();
    world.clock.forward(10);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 1, 0));
    world.clock.forward(20);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 1));
    assert_eq!(waiting(&world), 0);
    assert_eq!(begin(&world, &account, &code).err(), "NOK:CODE");
    let events = world.events();
    assert!(events.iter().any(|event| event == "sms.dropped") && events.iter().any(|event| event == "code.withdrawn"));
}

#[test]
fn with_one_try_alone_a_failure_drops_the_message_at_once() {
    let world = World::retrying(Policy::default(), Some(SmsRetry { attempts: 1, ..RETRY }));
    let account = world.account("user");
    break_gateway(&world, true);
    assert_eq!(world.cvs(&account, SEND), NOT_SENT);
    assert_eq!(waiting(&world), 0);
    assert_eq!(begin(&world, &account, &world.inbox.last().1).err(), "NOK:CODE");
}

#[test]
fn a_message_whose_code_expired_or_was_replaced_is_not_sent_any_more() {
    let world = world();
    let (account, other) = (world.account("user"), world.account("other"));
    break_gateway(&world, true);
    world.cvs(&account, SEND);
    world.cvs(&other, SEND);
    break_gateway(&world, false);
    let new = world.code(&account, Purpose::Enrollment);
    world.clock.forward(10);
    let before = world.inbox.len();
    // The other account's SMS is sent. The replaced one is dropped, and the new code does not
    // suffer.
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(1, 0, 1));
    assert_eq!(world.inbox.len(), before + 1);
    begin(&world, &account, &new).ok();

    break_gateway(&world, true);
    world.cvs(&account, SEND);
    world.clock.forward(600);
    break_gateway(&world, false);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 1));
}

#[test]
fn a_host_that_ends_leaves_the_messages_that_are_not_yet_begun() {
    let world = world();
    let accounts = ["user", "other", "third"].map(|name| world.account(name));
    break_gateway(&world, true);
    for account in &accounts {
        world.cvs(account, SEND);
    }
    break_gateway(&world, false);
    world.clock.forward(10);
    let asked = std::cell::Cell::new(0);
    let once = || asked.replace(asked.get() + 1) == 0;
    assert_eq!(world.authority.deliver_due_while(once).unwrap(), delivered(1, 0, 0));
    assert_eq!(waiting(&world), 2);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(2, 0, 0));
}

#[test]
fn where_enough_messages_wait_nothing_is_made() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    for number in 0..RETRY.max_queue {
        let name = AccountName::new(&format!("user{number}")).unwrap();
        let purpose = Purpose::PhoneNumberCertification;
        world.cvs(&name, CvsRequest::SendCode { purpose, phone_number: Some(NUMBER) });
    }
    break_gateway(&world, false);
    let (before, events) = (world.rows(&crate::world::STATE), world.events());
    assert_eq!(world.cvs(&account, SEND), NOT_SENT);
    assert_eq!((world.rows(&crate::world::STATE), world.events()), (before, events));
    world.clock.forward(10);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(RETRY.max_queue, 0, 0));
    assert_eq!(world.cvs(&account, SEND), CvsAnswer::Done);
}

#[test]
fn instances_that_deliver_at_once_send_each_message_once() {
    const MESSAGES: u32 = 20;
    let retry = SmsRetry { max_queue: 100, ..RETRY };
    let world = World::retrying(Policy::default(), Some(retry));
    let second = world.another_with(|options| Options { sms_retry: Some(retry), ..options });
    break_gateway(&world, true);
    for number in 0..MESSAGES {
        let name = AccountName::new(&format!("user{number}")).unwrap();
        let purpose = Purpose::PhoneNumberCertification;
        assert_eq!(world.cvs(&name, CvsRequest::SendCode { purpose, phone_number: Some(NUMBER) }), NOT_SENT);
    }
    break_gateway(&world, false);
    world.clock.forward(10);
    let before = world.inbox.ids().len();
    let sent: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|number| {
                let authority = if number % 2 == 0 { &world.authority } else { &second };
                scope.spawn(move || authority.deliver_due().unwrap())
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap().sent).sum()
    });
    let ids = world.inbox.ids().split_off(before);
    assert_eq!((sent, ids.len(), ids.iter().collect::<HashSet<_>>().len()), (MESSAGES, 20, 20));
    assert_eq!(waiting(&world), 0);
}

#[test]
fn a_message_of_an_instance_that_died_is_sent_by_another() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    world.cvs(&account, SEND);
    break_gateway(&world, false);
    // The state that an instance leaves if it dies between the code and the gateway: the SMS is
    // being tried.
    world.database.execute("UPDATE sms_queue SET due_at = due_at + 80000");
    world.clock.forward(89);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 0));
    world.clock.forward(1);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(1, 0, 0));
}

#[test]
fn the_pause_begins_when_the_gateway_has_failed() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    world.inbox.slow_down(&world.clock, 30);
    assert_eq!(world.cvs(&account, SEND), NOT_SENT);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 0));
    world.clock.forward(10);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 1, 0));
}

#[test]
fn of_the_last_try_of_an_instance_that_died_nobody_knows_so_there_is_one_more_and_the_code_stays_good() {
    let world = world();
    let account = world.account("user");
    break_gateway(&world, true);
    world.cvs(&account, SEND);
    let (_, code) = world.inbox.last();
    let last_try = format!("UPDATE sms_queue SET attempts = {}", RETRY.attempts);
    world.database.execute(&last_try);
    world.clock.forward(10);
    break_gateway(&world, false);
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(1, 0, 0));

    break_gateway(&world, true);
    world.cvs(&account, SEND);
    let (_, newer) = world.inbox.last();
    world.database.execute(&last_try.replace("attempts = ", "attempts = 1 + "));
    world.clock.forward(10);
    let before = world.inbox.len();
    assert_eq!(world.authority.deliver_due().unwrap(), delivered(0, 0, 1));
    assert_eq!((world.inbox.len(), waiting(&world)), (before, 0));
    assert_ne!(newer, code);
    begin(&world, &account, &newer).ok();

    world.cvs(&account, SEND);
    let (_, newest) = world.inbox.last();
    world.database.execute(&last_try);
    world.clock.forward(10);
    assert_eq!(
        world.authority.deliver_due().unwrap(),
        delivered(0, 0, 1),
        "that the gateway refuses it now says nothing of before"
    );
    assert_eq!(waiting(&world), 0);
    begin(&world, &account, &newest).ok();
}
