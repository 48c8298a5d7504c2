//! SMS over HTTP: budgets, countries, languages, notices, and the output of `check` about their
//! settings.

use serde_json::{Value, json};

use crate::commands::{fails, says};
use crate::database::is_for_sqlite_alone;
use crate::gateway::Hook;
use crate::http::Reply;
use crate::world::{CVS, NUMBER, Setup, World, poll, token};

const ANOTHER: &str = "+33698765432";

fn certify(world: &World, account: &str, number: &str) -> Reply {
    let body = json!({"type": "phoneNumberCertification", "phoneNumber": number});
    world.cvs("POST", "smsCode", account, Some(&body))
}

#[test]
fn a_spent_budget_is_429_with_the_time_and_a_number_that_is_watched() {
    let world = Setup::new().set("limits.sms_per_day", 4).start();
    let metric = |count: u32| {
        let text = world.operate("GET", "/metrics", None, None).text;
        assert!(text.contains(&format!("pims_authority_sms_limited_total {count}\n")), "{text}");
    };
    metric(0);
    let certified = world.account("alice");
    assert_eq!(certify(&world, "bob", NUMBER).status, 200);
    let reply = certify(&world, "carol", NUMBER);
    assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYCODES"));
    let wait: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=86_400).contains(&wait), "{wait}");
    metric(1);
    // Half of it is reserved for numbers that are certified.
    assert_eq!(world.cvs("POST", "smsCode", certified.as_str(), None).status, 200);
}

#[test]
fn a_number_that_sms_do_not_go_to_is_422_and_none_is_sent() {
    let world = Setup::new().set("sms.countries", "+33, +49").start();
    for number in ["+8821312345", "008821312345", "+447912345678", "0612345678"] {
        let reply = certify(&world, "alice", number);
        assert_eq!((reply.status, reply.word().as_str()), (422, "NOK:PHONE"), "{number}");
    }
    assert_eq!(world.sent(), [] as [Value; 0]);
    assert_eq!(certify(&world, "alice", NUMBER).status, 200);
}

#[test]
fn the_language_of_a_request_is_that_of_its_sms() {
    let world = Setup::new().set("sms.service_name", "Banque").set("sms.origin", "login.example.com").start();
    let body = json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER}).to_string();
    let reply = world
        .client
        .agent
        .post(format!("{}{CVS}/smsCode", world.client.url))
        .header("authorization", format!("Bearer {}", token("alice")))
        .header("accept-language", "fr-CH, de;q=0.5")
        .header("content-type", "application/json")
        .send(&body)
        .unwrap();
    assert_eq!(reply.status(), 200);
    let sms = world.sent().pop().unwrap();
    let (text, code) = (sms["text"].as_str().unwrap(), sms["code"].as_str().unwrap());
    assert!(text.starts_with(&format!("Banque : {code} associe ce numéro")), "{text}");
    assert_eq!(text.lines().last(), Some(&*format!("@login.example.com #{code}")));
}

#[test]
fn a_webhook_tells_the_old_number_of_a_new_one() {
    let hook = Hook::start();
    let world = Setup::new()
        .set("sms.gateway", "webhook")
        .set("sms.webhook_url", &hook.url)
        .set("sms.webhook_template", r#"{"to": "{to}", "text": "{text}", "kind": "{purpose}", "code": "{code}"}"#)
        .set("sms.countries", "+33")
        .set("sms.notices", "phoneNumber")
        .start();
    let messages = || {
        let taken = hook.taken();
        taken.iter().map(|taken| serde_json::from_str::<Value>(&taken.body).unwrap()).collect::<Vec<_>>()
    };
    for (method, number) in [("POST", NUMBER), ("PUT", ANOTHER)] {
        assert_eq!(certify(&world, "alice", number).status, 200);
        let code = messages().pop().unwrap()["code"].clone();
        let body = json!({"smsCode": code, "phoneNumber": number});
        assert_eq!(world.cvs(method, "trustedPhoneNumber", "alice", Some(&body)).status, 200);
    }
    let notice = poll(|| messages().into_iter().find(|message| message["kind"] == "phoneNumber"));
    let notice = notice.expect("the old number is told");
    assert_eq!((&notice["to"], &notice["code"]), (&json!(NUMBER), &json!("")));
    assert!(notice["text"].as_str().unwrap().contains("another phone number"));
    // The owner of the number has a day to act.
    let reply = world.cvs("POST", "smsCode", "alice", None);
    assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYCODES"));
}

#[test]
fn an_outbox_gets_codes_alone() {
    if is_for_sqlite_alone("an outbox needs `development`, which refuses PostgreSQL") {
        return;
    }
    let world = World::new();
    let account = world.account("alice");
    assert_eq!(certify(&world, account.as_str(), ANOTHER).status, 200);
    let body = json!({"smsCode": world.last_code(), "phoneNumber": ANOTHER});
    assert_eq!(world.cvs("PUT", "trustedPhoneNumber", "alice", Some(&body)).status, 200);
    assert_eq!(world.cvs("POST", "smsCode", "alice", None).status, 200, "development waits for nobody");
    assert!(world.sent().iter().all(|sms| sms["code"].as_str().unwrap().len() >= 4));
}

#[test]
fn settings_of_sms_that_mean_nothing_are_refused() {
    let webhook = Setup::development()
        .set("sms.gateway", "webhook")
        .set("sms.webhook_url", "https://sms.example")
        .set("sms.webhook_template", r#"{"to": "{to}", "code": "{code}"}"#);
    let told =
        |key: &str, value: &str| fails(&webhook.again().set("sms.countries", "any").set(key, value), &["check"], "");
    assert!(fails(&webhook, &["check"], "").contains("sms.countries: is missing"));
    assert_eq!(says(&webhook.again().set("sms.countries", "any"), &["check"]), "the configuration is good\n");
    for (key, value, what) in [
        ("sms.countries", "33", "`33` is none of"),
        ("sms.countries", "!+33", "allows nothing"),
        ("sms.default_country", "33", "must be a country, such as"),
        ("sms.notices", "block", "must have {text}"),
        ("sms.notices", "blocks", "`blocks` is none of"),
        ("sms.origin", "https://login.example.com", "must be the name of a host"),
        ("sms.language", "nl", "has no texts"),
        ("sms.texts", "{ fr = { reset = \"sans code\" } }", "fr.reset: must have {code}"),
        ("sms.texts", "{ fr = { reset = \"{code} {nom}\" } }", "{nom} is none of"),
        ("sms.texts", "{ fr = { block = \"{code}\" } }", "fr.block: a notice has no {code}"),
        ("sms.texts", "{ fr = { resets = \"{code}\" } }", "there is no text `resets`"),
        ("sms.texts", "{ French = { reset = \"{code}\" } }", "`French` is not a language"),
    ] {
        let said = told(key, value);
        assert!(said.contains(key) && said.contains(what), "{key} = {value}: {said}");
    }
    let long =
        Setup::development().set("sms.texts", format!("{{ nl = {{ reset = \"{{code}} {}\" }} }}", "a".repeat(154)));
    assert_eq!(says(&long, &["check"]), "note: the text nl.reset takes 2 SMS\nthe configuration is good\n");
}
