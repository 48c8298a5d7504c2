//! What the library says beside a request, and to whom.

use pims::facade;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::operations::{World, otp};
use crate::service::Service;
use crate::{TOKEN, expect, turn};

/// What goes to CVS.
const CVS: [&str; 5] =
    ["POST smsCode", "POST trustedPhoneNumber", "POST smsCode", "GET trustedPhoneNumber", "DELETE enrollments"];

/// Enrolls, makes a password, removes the enrollment, and tells which requests had this header, by its whole line.
fn with_header(more: &Value, credential: &Value, line: &str) -> (Vec<String>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    let mut credential = credential.clone();
    if let Some(url) = credential.get_mut("cvsURL") {
        *url = service.url.as_str().into();
    }
    world.init_with(more, &credential);
    for step in ["certify", "add", "code", "enroll"] {
        expect(&world.act(step));
    }
    expect(&otp("1234"));
    expect(&world.act("number"));
    expect(&world.act("remove"));
    facade::free();
    let (with, without): (Vec<_>, Vec<_>) =
        service.requests().into_iter().partition(|(_, head)| head.contains(&format!("\r\n{line}\r\n")));
    let names = |heads: Vec<(String, String)>| heads.into_iter().map(|(name, _)| name).collect();
    (names(with), names(without))
}

#[test]
fn mode_and_brand_are_handed_on_to_cvs_alone() {
    let _turn = turn();
    for (more, realm) in [
        (json!({"profile": {"brand": "peugeot"}}), "clientsB2CPeugeot"),
        (json!({"profile": {"brand": "citroen"}}), "clientsB2CCitroen"),
        (json!({"profile": {"brand": "Opel"}}), "clientsB2COpel"),
        (json!({"profile": {"brand": "VAUXHALL"}}), "clientsB2CVauxhall"),
        (json!({"mode": "B2B", "profile": {"brand": "Ds"}}), "clientsB2BDS"),
    ] {
        let (with, without) = with_header(&more, &json!({}), &format!("x-introspect-realm: {realm}"));
        assert_eq!(with, CVS);
        assert!(without.len() >= 5 && without.iter().all(|name| name.contains("Setup") || name.contains("Finalize")));
    }
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({"mode": "B2B"}), &json!({}));
    expect(&world.act("certify"));
    facade::free();
    let heads = service.requests();
    assert!(!heads.is_empty() && !heads.iter().any(|(_, head)| head.contains("x-introspect-realm")), "without a brand");
}

#[test]
fn the_token_goes_with_a_code_of_nobody_where_cvs_is_the_same_server() {
    let _turn = turn();
    let line = format!("authorization: Bearer {TOKEN}");
    let (with, without) = with_header(&json!({}), &json!({}), &line);
    let [before, after] = [&CVS[..3], &CVS[3..]];
    assert_eq!(with, [before, &["Setup activate", "Finalize activate"], after].concat());
    assert!(without.contains(&"Finalize otp".to_owned()), "{without:?}");
    let (with, _) = with_header(&json!({}), &json!({"cvsURL": ""}), &line);
    assert_eq!(with, CVS, "CVS is named: MAC may be somebody else's");
}

#[test]
fn a_token_that_is_not_taken_with_a_code_is_2301() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({}), &json!({}));
    for step in ["certify", "add", "code"] {
        expect(&world.act(step));
    }
    service.fail(0, Fault::Status(401));
    let refused = world.act("enroll");
    assert_eq!(refused["error"]["code"], 2301, "{refused}");
    expect(&world.act("enroll"));
    // No token went with this: it is no answer of the exchange.
    service.fail(0, Fault::Status(401));
    assert_eq!(otp("1234")["error"]["code"], 2203);
    expect(&otp("1234"));
    facade::free();
}
