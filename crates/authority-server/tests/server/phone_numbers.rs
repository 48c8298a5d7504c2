//! Phone numbers over HTTP: the spellings of users, and codes that are submitted with another
//! number.

use serde_json::{Value, json};

use crate::commands::{fails, says};
use crate::device::setup;
use crate::http::Reply;
use crate::world::{NUMBER, Setup, World, token};

/// The spellings of one French number that users type and paste.
const SPELLINGS: [&str; 28] = [
    "+33612345678",
    "+33 6 12 34 56 78",
    "+33 (0)6 12 34 56 78",
    "+33(0)612345678",
    "+33 06 12 34 56 78",
    "+330612345678",
    "0033612345678",
    "0033 6 12 34 56 78",
    "0033 (0)6-12-34-56-78",
    "00330612345678",
    "(+33) 6.12.34.56.78",
    "+33/6/12/34/56/78",
    "33612345678",
    "33 6 12 34 56 78",
    "0612345678",
    "06 12 34 56 78",
    "06.12.34.56.78",
    "06-12-34-56-78",
    "(06) 12 34 56 78",
    "06\u{a0}12\u{a0}34\u{a0}56\u{a0}78",
    "+33\u{202f}6\u{202f}12\u{202f}34\u{202f}56\u{202f}78",
    "\u{202a}+33 6 12 34 56 78\u{202c}",
    "\u{200e}06\u{2011}12\u{2011}34\u{2011}56\u{2011}78",
    "\u{2066}06 12 34 56 78\u{2069}",
    "\u{feff}06\u{2009}12\u{3000}34\u{200b}5678",
    "06\u{2013}12\u{2212}34\u{2014}56 78",
    "\t0612345678\r\n",
    "tel:+33-6-12-34-56-78",
];

const OTHER: &str = "+33698765432";

fn certify(world: &World, account: &str, number: &str) -> Reply {
    let body = json!({"type": "phoneNumberCertification", "phoneNumber": number});
    world.cvs("POST", "smsCode", account, Some(&body))
}

fn submit(world: &World, method: &str, account: &str, code: &str, number: &str) -> Reply {
    let body = json!({"smsCode": code, "phoneNumber": number});
    world.cvs(method, "trustedPhoneNumber", account, Some(&body))
}

fn trusted(world: &World, account: &str) -> Value {
    world.cvs("GET", "trustedPhoneNumber", account, None).json()["phoneNumber"].clone()
}

fn recipient(world: &World) -> Value {
    world.sent().last().unwrap()["to"].clone()
}

#[test]
fn every_spelling_of_a_number_is_the_same_number() {
    for home in ["+33", "FR"] {
        let world = Setup::new().set("sms.default_country", home).set("sms.countries", "+33").start();
        let mut method = "POST";
        for (place, spelling) in SPELLINGS.iter().enumerate() {
            // The code is submitted with another spelling of the number.
            let another = SPELLINGS[(place + 11) % SPELLINGS.len()];
            let sent = certify(&world, "alice", spelling);
            assert_eq!(sent.status, 200, "{spelling:?}: {}", sent.text);
            assert_eq!(recipient(&world), NUMBER, "{spelling:?}");
            let reply = submit(&world, method, "alice", &world.last_code(), another);
            assert_eq!(reply.status, 200, "{spelling:?}, then {another:?}: {}", reply.text);
            assert_eq!(trusted(&world, "alice"), NUMBER);
            method = "PUT";
        }
    }
}

#[test]
fn without_a_default_country_a_number_with_its_country_is_the_same_in_every_spelling() {
    let world = World::new();
    let mut method = "POST";
    for spelling in SPELLINGS.iter().filter(|spelling| spelling.contains('+') || spelling.starts_with("00")) {
        assert_eq!(certify(&world, "alice", spelling).status, 200, "{spelling:?}");
        assert_eq!(recipient(&world), NUMBER, "{spelling:?}");
        assert_eq!(submit(&world, method, "alice", &world.last_code(), NUMBER).status, 200, "{spelling:?}");
        method = "PUT";
    }
    // If no country is known, the two may be of different countries: the answer says so, and costs
    // nothing.
    assert_eq!(certify(&world, "bob", "06 12 34 56 78").status, 200);
    assert_eq!(submit(&world, "POST", "bob", &world.last_code(), NUMBER).word(), "NOK:OTHERNUMBER");
    assert_eq!(submit(&world, "POST", "bob", &world.last_code(), "06.12.34.56.78").status, 200);
    assert_eq!(trusted(&world, "bob"), "0612345678");
}

#[test]
fn a_code_with_another_number_costs_no_try_and_says_nothing_of_the_code() {
    let world = Setup::new().set("policy.code_tries", 2).start();
    let early = submit(&world, "POST", "alice", "123456", NUMBER);
    assert_eq!((early.status, early.json()), (403, json!({"err": "NOK:CODE", "attemptsLeft": 0, "reason": "noCode"})));
    assert_eq!(certify(&world, "alice", NUMBER).status, 200);
    let code = world.last_code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..5 {
        let [right, guessed] = [&*code, wrong].map(|code| submit(&world, "POST", "alice", code, OTHER));
        assert_eq!((right.status, right.json()), (403, json!({"err": "NOK:OTHERNUMBER"})));
        assert_eq!((guessed.status, guessed.text), (right.status, right.text), "a guess learns nothing");
    }
    // A text that is no number, and other accounts, cost and reveal nothing either.
    assert_eq!(submit(&world, "POST", "alice", &code, "x").word(), "NOK:PHONE");
    for number in [NUMBER, OTHER] {
        assert_eq!(submit(&world, "POST", "bob", &code, number).word(), "NOK:CODE");
    }
    // Wrong codes for the right number are charged as always.
    let charged = submit(&world, "POST", "alice", wrong, NUMBER).json();
    assert_eq!(charged, json!({"err": "NOK:CODE", "attemptsLeft": 1}));
    assert_eq!(submit(&world, "POST", "alice", &code, "0033 (0)6 12 34 56 78").status, 200);
    // A code that was used, and one that was tried too often, has no number any more.
    assert_eq!(submit(&world, "PUT", "alice", &code, OTHER).word(), "NOK:CODE");
    assert_eq!(certify(&world, "bob", NUMBER).status, 200);
    let code = world.last_code();
    for _ in 0..2 {
        submit(&world, "POST", "bob", if code == "000000" { "000001" } else { "000000" }, NUMBER);
    }
    assert_eq!(submit(&world, "POST", "bob", &code, OTHER).word(), "NOK:CODE");
}

#[test]
fn an_activation_with_another_number_is_told_to_its_account_alone() {
    let ask = |world: &World, code: &str, number: &str, account: Option<&str>| {
        let query = setup("activate", "", &[("code", code), ("phone", number)]);
        let account = account.map(token);
        world.ask("GET", &format!("/iwws/MAC?{query}"), account.as_deref(), None)
    };
    let world = World::new();
    assert_eq!(certify(&world, "alice", NUMBER).status, 200);
    let code = world.last_code();
    let heard = |number: &str, account: Option<&str>| {
        let text = ask(&world, &code, number, account).text;
        let word = text.split_once("<err>").and_then(|(_, rest)| rest.split_once("</err>")).unwrap().0;
        assert!(word != "NOK:OTHERNUMBER" || !text.contains("attemptsLeft"), "{text}");
        word.to_owned()
    };
    for _ in 0..10 {
        assert_eq!(heard(OTHER, Some("alice")), "NOK:OTHERNUMBER");
    }
    assert_eq!(heard("12", Some("alice")), "NOK:PHONE");
    assert_eq!(heard(OTHER, Some("bob")), "NOK:CODE");
    assert_eq!(heard(OTHER, None), "NOK:TOKEN");
    assert_eq!(heard("+33 (0)6 12 34 56 78", Some("alice")), "OK");

    // If anybody may guess, a number is compared with those of all codes: nobody is told of it.
    let world = Setup::new().open().start();
    assert_eq!(certify(&world, "alice", NUMBER).status, 200);
    let code = world.last_code();
    assert!(ask(&world, &code, OTHER, None).text.contains("<err>NOK:CODE</err>"));
    assert!(ask(&world, &code, "0033 6 12 34 56 78", None).text.contains("<err>OK</err>"));
}

#[test]
fn two_spellings_of_a_number_share_its_limit() {
    let world = Setup::new().set("limits.codes_per_number_and_hour", 2).set("sms.default_country", "FR").start();
    assert_eq!(certify(&world, "alice", "06 12 34 56 78").status, 200);
    assert_eq!(certify(&world, "bob", "+33 (0)6 12 34 56 78").status, 200);
    for spelling in SPELLINGS {
        let reply = certify(&world, "carol", spelling);
        assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYCODES"), "{spelling:?}");
    }
    assert_eq!(certify(&world, "carol", OTHER).status, 200);
}

#[test]
fn the_countries_of_sms_are_those_of_the_number_however_it_is_written() {
    let world = Setup::new().set("sms.countries", "+33, !+33700").set("sms.default_country", "FR").start();
    for spelling in ["+44 (0)7911 123456", "0044 7911 123456", "\u{202a}+44\u{a0}7911\u{a0}123456", "07 00 12 34 56"] {
        let reply = certify(&world, "alice", spelling);
        assert_eq!((reply.status, reply.word().as_str()), (422, "NOK:PHONE"), "{spelling:?}");
    }
    for bad in ["", "abc", "+", "+33", "++33612345678", "+33612345678 ext 5", &"1".repeat(65), &"6".repeat(20)] {
        assert_eq!(certify(&world, "alice", bad).word(), "NOK:PHONE", "{bad:?}");
    }
    assert!(!world.path().join("outbox.jsonl").exists());
    assert_eq!(certify(&world, "alice", "07 71 23 45 67").status, 200);
}

#[test]
fn a_default_country_is_named_by_its_letters_or_its_calling_code() {
    for good in ["FR", "GB", "US", "+33", "+1"] {
        assert_eq!(says(&Setup::new().set("sms.default_country", good), &["check"]), "the configuration is good\n");
    }
    for bad in ["XX", "33", "fr", "France", "+", "001"] {
        let told = fails(&Setup::new().set("sms.default_country", bad), &["check"], "");
        assert!(told.contains("sms.default_country: must be a country, such as \"FR\""), "{bad}: {told}");
    }
}
