//! The proof that an activation must show beside its code, and the possibilities of a stranger with
//! another account's code or ticket.

use authority::{AccountName, ActivationProof, CodeLetters, CvsAnswer, CvsRequest, Policy, Purpose, Verdict};

use crate::device::{Answer, Device, Keys, activation, pin, serial, setup};
use crate::world::{NUMBER, World};

const LETTERS: &str = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Sends a setup step.
fn begin(world: &World, caller: Option<&AccountName>, code: &str, ticket: Option<&str>) -> Answer {
    let shown = [("code", code), ("ticket", ticket.unwrap_or_default())];
    let shown = if ticket.is_some() { &shown[..] } else { &shown[..1] };
    Answer::of(&world.authority, caller, &setup("activate", "", shown))
}

/// Sends a finalize step with a ticket.
fn finish(world: &World, keys: &Keys, code: &str, ticket: &str, phone: Option<&str>) -> Answer {
    let request = activation(keys, code, &pin("1234"), &serial(), phone);
    Answer::of(&world.authority, None, &format!("{request}&ticket={ticket}"))
}

fn accounts(world: &World, number: usize) -> Vec<AccountName> {
    (0..number).map(|number| world.account(&format!("user{number}"))).collect()
}

#[test]
fn an_activation_without_an_account_is_refused_and_nothing_is_charged() {
    let world = World::new();
    let account = world.account("user");
    let code = world.code(&account, Purpose::Enrollment);
    let keys = Keys::read(&begin(&world, Some(&account), &code, None).ok());
    let before = world.rows(&crate::world::STATE);
    let events = world.events();
    for entered in [code.as_str(), "000000"] {
        assert_eq!(begin(&world, None, entered, None).err(), "NOK:TOKEN");
        assert_eq!(begin(&world, None, entered, Some(&"A".repeat(22))).err(), "NOK:TOKEN");
        let request = activation(&keys, entered, &pin("1234"), &serial(), None);
        assert_eq!(Answer::of(&world.authority, None, &request).err(), "NOK:TOKEN");
    }
    assert_eq!((world.rows(&crate::world::STATE), world.events()), (before, events));
    begin(&world, Some(&account), &code, None).ok();
}

#[test]
fn a_ticket_tells_whose_code_it_is_in_both_steps() {
    let world = World::showing(ActivationProof::Ticket);
    let account = world.account("user");
    let (code, ticket) = world.code_with_ticket(&account, Purpose::Enrollment);
    assert_eq!(ticket.len(), 22);
    let keys = Keys::read(&begin(&world, None, &code, Some(&ticket)).ok());
    // The other step needs it, too.
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    assert_eq!(Answer::of(&world.authority, None, &request).err(), "NOK:CODE");
    let one = serial();
    let request = format!("{}&ticket={ticket}", activation(&keys, &code, &pin("1234"), &one, None));
    Answer::of(&world.authority, None, &request).ok();
    // A repeated request gets the lost answer again.
    let answer = Answer::of(&world.authority, None, &request).ok();
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), &one, &pin("1234"), &keys.factory);
    device.register(&world.authority, &wanted, "1234").ok();
    let password = device.made(&world.authority, "1234");
    assert_eq!(world.authority.verify_otp(&account, &password).unwrap(), Verdict::Accepted);
}

#[test]
fn an_account_that_is_known_is_as_good_as_its_ticket() {
    let world = World::showing(ActivationProof::Ticket);
    let account = world.account("user");
    let (code, _) = world.code_with_ticket(&account, Purpose::Enrollment);
    Device::activate_with(&world, &account, &code, "1234");
}

#[test]
fn a_ticket_of_another_code_purpose_or_account_is_none() {
    let world = World::showing(ActivationProof::Ticket);
    let (alice, bob) = (world.account("alice"), world.account("bob"));
    let (old, old_ticket) = world.code_with_ticket(&alice, Purpose::Enrollment);
    let (code, ticket) = world.code_with_ticket(&alice, Purpose::Enrollment);
    let (_, other_ticket) = world.code_with_ticket(&bob, Purpose::Enrollment);
    let (_, number_ticket) = world.code_with_ticket(&alice, Purpose::PhoneNumberCertification);
    for wrong in [Some(old_ticket.as_str()), Some(&number_ticket), Some(&"A".repeat(22)), None] {
        let answer = begin(&world, None, &code, wrong);
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", None));
    }
    // Bob's own ticket charges Bob's own code.
    let answer = begin(&world, None, &code, Some(&other_ticket));
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(4)));
    let answer = begin(&world, None, &old, Some(&ticket));
    assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(4)));
    begin(&world, None, &code, Some(&ticket)).ok();
    for malformed in ["", "A", &"A".repeat(23), &format!("{}%21", "A".repeat(21))] {
        let query = format!("{}&ticket={malformed}", setup("activate", "", &[("code", &code)]));
        assert_eq!(Answer::of(&world.authority, None, &query).err(), "NOK:SN", "{malformed}");
    }
}

#[test]
fn a_number_is_registered_with_the_ticket_of_its_code() {
    let world = World::showing(ActivationProof::Ticket);
    let account = AccountName::new("user").unwrap();
    let (code, ticket) = world.code_with_ticket(&account, Purpose::PhoneNumberCertification);
    let begin = |code: &str, number: &str, ticket: &str| {
        let parameters = [("code", code), ("phone", number), ("ticket", ticket)];
        Answer::of(&world.authority, None, &setup("activate", "", &parameters))
    };
    // A client with the ticket is told that the number is another one. That costs no try, and says
    // nothing of the code.
    for entered in [&*code, "000000", "000001", "000002", "000003", "000004", "000005"] {
        assert_eq!(begin(entered, "+33698765432", &ticket).err(), "NOK:OTHERNUMBER");
        assert_eq!(begin(entered, "+33698765432", &"A".repeat(22)).err(), "NOK:CODE");
    }
    let parameters = [("code", code.as_str()), ("phone", NUMBER), ("ticket", &ticket)];
    let keys = Keys::read(&Answer::of(&world.authority, None, &setup("activate", "", &parameters)).ok());
    finish(&world, &keys, &code, &ticket, Some(NUMBER)).ok();
    assert_eq!(world.cvs(&account, CvsRequest::TrustedPhoneNumber), CvsAnswer::PhoneNumber(NUMBER.into()));
}

#[test]
fn a_code_that_sets_a_pin_has_no_ticket_since_a_device_proves_itself() {
    let world = World::showing(ActivationProof::Ticket);
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let request = CvsRequest::SendCode { purpose: Purpose::ResetPin, phone_number: None };
    assert_eq!(world.cvs(&account, request), CvsAnswer::Done);
    device.reset_pin(&world.authority, &world.inbox.last().1, "4321").ok();
}

#[test]
fn the_fifth_wrong_code_of_both_steps_together_kills_it() {
    for proof in [ActivationProof::Token, ActivationProof::Ticket] {
        let world = World::showing(proof);
        let account = world.account("user");
        let (code, ticket) = match proof {
            ActivationProof::Ticket => world.code_with_ticket(&account, Purpose::Enrollment),
            _ => (world.code(&account, Purpose::Enrollment), "A".repeat(22)),
        };
        let caller = (proof == ActivationProof::Token).then_some(&account);
        let keys = Keys::read(&begin(&world, caller, &code, Some(&ticket)).ok());
        let wrong = if code == "000000" { "000001" } else { "000000" };
        for left in [4, 2, 0] {
            let answer = begin(&world, caller, wrong, Some(&ticket));
            assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(left)), "{proof:?}");
            if left > 0 {
                let request = activation(&keys, wrong, &pin("1234"), &serial(), None);
                let answer = Answer::of(&world.authority, caller, &format!("{request}&ticket={ticket}"));
                assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", Some(left - 1)), "{proof:?}");
            }
        }
        let answer = begin(&world, caller, &code, Some(&ticket));
        assert_eq!((answer.err(), answer.attempts_left()), ("NOK:CODE", None), "{proof:?}");
    }
}

#[test]
fn a_blocked_account_is_told_to_its_ticket_and_charged_nothing() {
    let world = World::with(Policy {
        activation_proof: ActivationProof::Ticket,
        max_pin_tries: 1,
        evolve_k1_every: 0,
        ..Policy::default()
    });
    let account = world.account("user");
    let device = Device::activate(&world, &account, "1234");
    let (code, ticket) = world.code_with_ticket(&account, Purpose::Enrollment);
    assert_eq!(device.ask(&world.authority, "9999").err(), "NOK:NOK_BLOCKED");
    assert_eq!(begin(&world, None, "000000", Some(&ticket)).err(), "NOK:NOK_BLOCKED");
    assert_eq!(world.authority.unblock(&account).unwrap(), authority::Unblock::Lifted);
    begin(&world, None, &code, Some(&ticket)).ok();
}

/// The stranger is told every code, and does not have the accounts: no guess can be better than
/// that.
#[test]
fn a_stranger_hits_codes_of_others_where_activations_are_open_alone() {
    const ACCOUNTS: usize = 20;
    let (code_digits, evolve_k1_every, codes_per_hour) = (4, 0, 100);
    for (activation_proof, expected) in
        [(ActivationProof::Token, 0), (ActivationProof::Ticket, 0), (ActivationProof::Open(CodeLetters::MIN), ACCOUNTS)]
    {
        let world = World::with(Policy {
            activation_proof,
            code_digits: if matches!(activation_proof, ActivationProof::Open(_)) { 6 } else { code_digits },
            evolve_k1_every,
            codes_per_hour,
            // A stranger whose own code is dead could guess no more.
            code_tries: 1_000_000,
            ..Policy::default()
        });
        let victims = accounts(&world, ACCOUNTS);
        let codes: Vec<String> = victims.iter().map(|account| world.code(account, Purpose::Enrollment)).collect();
        let mallory = world.account("mallory");
        let (own, caller, ticket) = match activation_proof {
            ActivationProof::Token => (world.code(&mallory, Purpose::Enrollment), Some(&mallory), None),
            ActivationProof::Ticket => {
                let (own, ticket) = world.code_with_ticket(&mallory, Purpose::Enrollment);
                (own, None, Some(ticket))
            }
            ActivationProof::Open(_) => (String::new(), None, None),
        };
        let is_hit = |code: &str| begin(&world, caller, code, ticket.as_deref()).err() == "OK";
        // With four digits, some code may be equal to the stranger's own.
        let hits = codes.iter().filter(|code| **code != own && is_hit(code)).count();
        assert_eq!(hits, expected, "{activation_proof:?}");
    }
}

/// The same by guesses: the stranger is told all but one letter of each code, and tries every
/// letter.
#[test]
fn guesses_at_the_last_letter_of_open_codes_hit_each_once_and_of_no_other() {
    const ACCOUNTS: usize = 5;
    let world = World::open();
    let victims = accounts(&world, ACCOUNTS);
    let codes: Vec<String> = victims.iter().map(|account| world.code(account, Purpose::Enrollment)).collect();
    let guesses = || codes.iter().flat_map(|code| LETTERS.chars().map(|letter| format!("{}{letter}", &code[..9])));
    let hits = |world: &World| guesses().filter(|guess| begin(world, None, guess, None).err() == "OK").count();
    assert_eq!(hits(&world), ACCOUNTS);
    for proof in [ActivationProof::Token, ActivationProof::Ticket] {
        world.authority.set_policy(Policy { activation_proof: proof, ..Policy::default() });
        assert_eq!(hits(&world), 0, "{proof:?}");
    }
}

#[test]
fn a_code_of_an_open_activation_has_ten_letters_in_either_case() {
    for (letters, length) in [(CodeLetters::MIN, 10), (CodeLetters::MAX, 12)] {
        // The digits of the policy do not count then.
        for code_digits in [4, 12] {
            let activation_proof = ActivationProof::Open(letters);
            let world = World::with(Policy { activation_proof, code_digits, ..Policy::default() });
            let account = world.account("user");
            let code = world.code(&account, Purpose::Enrollment);
            assert_eq!(code.len(), length);
            assert!(code.chars().all(|letter| LETTERS.contains(letter)), "{code}");
            begin(&world, None, &code.to_lowercase(), None).ok();
            begin(&world, Some(&account), &code.to_lowercase(), None).ok();
        }
    }
}

#[test]
fn codes_that_were_sent_before_the_setting_changed_are_good_for_their_account() {
    let proofs = [ActivationProof::Token, ActivationProof::Ticket, ActivationProof::Open(CodeLetters::MIN)];
    for before in proofs {
        for after in proofs {
            let world = World::showing(before);
            let account = world.account("user");
            let code = world.code(&account, Purpose::Enrollment);
            world.authority.set_policy(Policy { activation_proof: after, ..Policy::default() });
            begin(&world, Some(&account), &code, None).ok();
            // Without an account, the code is valid if activations were open and still are.
            let is_open = matches!((before, after), (ActivationProof::Open(_), ActivationProof::Open(_)));
            assert_eq!(begin(&world, None, &code, None).err() == "OK", is_open, "{before:?} {after:?}");
        }
    }
}
