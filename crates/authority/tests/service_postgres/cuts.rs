//! A connection that is cut at each message of a password: every effect is there once, or the
//! service says that it failed.

use crate::device::Answer;
use crate::faulty::{FAILED, Faulty, Outcome, Stage};
use crate::proxy::{Fault, Message, Side, is_commit, is_committed};

/// Returns the number of messages of this side in a password and its check.
fn messages(stage: &Stage, side: Side) -> usize {
    // The first one prepares what a connection prepares once.
    for _ in 0..2 {
        stage.proxy.history();
        assert_eq!(stage.exact_password("without a fault"), Outcome::Accepted);
    }
    let history = stage.proxy.history();
    // Of three passwords, the proxy saw two.
    assert_eq!(history.iter().filter(|message| is_committed(message)).count(), 2 * 3);
    history.iter().filter(|message| message.side == side).count() / 2
}

fn cut_at_each_message(side: Side) {
    let stage = Stage::new(|server| server.connections = 1);
    let count = messages(&stage, side);
    let mut failures = 0;
    for number in 0..count {
        stage.proxy.begin_at(number, Fault::Cut, move |message| message.side == side);
        let outcome = stage.exact_password(&format!("cut before message {number} of {count} of {side:?}"));
        failures += usize::from(!outcome.is_accepted());
    }
    println!("{count} messages of {side:?}: {failures} honest failures");
    // Before the commit is asked for, nothing can have been kept, and the step runs again.
    assert!(failures < count / 2, "{failures} of {count}");
}

#[test]
fn a_cut_before_any_message_of_the_service_doubles_and_loses_nothing() {
    cut_at_each_message(Side::Client);
}

#[test]
fn a_cut_before_any_message_of_the_server_doubles_and_loses_nothing() {
    cut_at_each_message(Side::Server);
}

/// Sends a wrong PIN while the connection is cut at the commit of its second step. Returns the
/// answer, and by how many the count of wrong PINs rose.
fn wrong_pin(stage: &Stage, is_cut: fn(&Message) -> bool) -> (Answer, u32) {
    let count = || stage.world.authority.account(&stage.account).unwrap().unwrap().pin_wrong;
    let before = count();
    stage.proxy.begin_at(1, Fault::Cut, is_cut);
    let answer = stage.device.ask(&Faulty(&stage.faulty), "9999");
    stage.proxy.resume();
    (answer, count() - before)
}

#[test]
fn a_wrong_pin_counts_once_if_the_connection_is_cut_at_its_commit() {
    let stage = Stage::new(|server| server.connections = 1);
    let (answer, counted) = wrong_pin(&stage, is_commit);
    match answer.err() {
        FAILED => assert_eq!(counted, 0),
        word => assert_eq!((word, counted), ("NOK:ACCESS", 1)),
    }
    let (answer, counted) = wrong_pin(&stage, is_committed);
    assert!([FAILED, "NOK:ACCESS"].contains(&answer.err()), "{answer:?}");
    assert_eq!(counted, 1);
}
