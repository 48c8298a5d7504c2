//! The headers of the library's requests, by receiver.

use pims::facade;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::operations::{World, otp};
use crate::service::Service;
use crate::{TOKEN, expect, turn};

/// The requests to CVS.
const CVS: [&str; 5] =
    ["POST smsCode", "POST trustedPhoneNumber", "POST smsCode", "GET trustedPhoneNumber", "DELETE enrollments"];

/// Enrolls, makes a password and removes the enrollment. Returns the requests that had this header
/// line.
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
    // No token went with this request: 401 is no answer of the exchange.
    service.fail(0, Fault::Status(401));
    assert_eq!(otp("1234")["error"]["code"], 2203);
    expect(&otp("1234"));
    facade::free();
}

/// Returns for each request of an activation whether it had a ticket, and the account's token.
fn shown(service: &Service) -> Vec<(bool, bool)> {
    let requests = service.requests().into_iter().filter(|(name, _)| name.ends_with(" activate"));
    let token = format!("authorization: Bearer {TOKEN}");
    requests.map(|(_, request)| (request.contains("&ticket="), request.contains(&token))).collect()
}

#[test]
fn the_ticket_of_a_code_goes_with_both_steps_also_after_a_restart_and_to_another_server_than_cvs() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    let restart = |credential: serde_json::Value| {
        facade::free();
        world.init_with(&json!({}), &credential);
    };
    let cvs = || json!({"cvsURL": service.url});
    restart(cvs());
    for step in ["certify", "add", "code"] {
        expect(&world.act(step));
    }
    restart(cvs());
    expect(&world.act("accept"));
    restart(cvs());
    // The answer of the last step is lost. The device sends the same step once more.
    service.fail(0, Fault::Truncate(0));
    assert_eq!(world.act("enroll accepted")["error"]["code"], 2202);
    restart(cvs());
    expect(&world.act("enroll accepted"));
    assert_eq!(shown(&service), [(true, false); 3]);
    expect(&otp("1234"));
    expect(&world.act("remove"));

    // A code of another purpose has a ticket of its own. The device has deleted the used ticket.
    expect(&world.act("code"));
    expect(&world.act("remove"));
    assert_eq!(world.act("enroll")["error"]["code"], 2305);
    assert_eq!(shown(&service), [(false, false)]);
    facade::free();
}

#[test]
fn an_activation_that_must_show_a_token_which_is_not_sent_is_2301() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({}), &json!({"cvsURL": service.url}));
    for step in ["certify", "add", "code"] {
        expect(&world.act(step));
    }
    service.fail(0, Fault::Status(401));
    let refused = world.act("enroll");
    assert_eq!(refused["error"]["code"], 2301, "{refused}");
    expect(&world.act("enroll"));
    facade::free();
}

/// Returns the heads and bodies of the requests for codes of an enrollment and of a reset.
fn code_requests(more: &Value) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(more, &json!({"clientId": "the client"}));
    for step in ["certify", "add", "code", "enroll", "reset code"] {
        expect(&world.act(step));
    }
    facade::free();
    let requests = service.requests().into_iter().filter(|(name, _)| name == "POST smsCode");
    requests.map(|(_, request)| request).skip(1).collect()
}

#[test]
fn the_code_of_an_enrollment_is_asked_for_as_the_public_clients_do() {
    let _turn = turn();
    let cvs = json!({"cvs": {"locale": "fr-FR", "userAgent": "okhttp/4.8.0"}, "profile": {"brand": "peugeot"}});
    let [enrollment, reset] = <[String; 2]>::try_from(code_requests(&cvs)).unwrap();
    let (head, body) = enrollment.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "");
    let mut lines = head.split("\r\n");
    let target = "/applications/cvs/v4/mobile/smsCode?client_id=the+client&locale=fr-FR";
    assert_eq!(lines.next().unwrap(), format!("POST {target} HTTP/1.1"));
    let mut lines: Vec<_> = lines.filter(|line| !line.starts_with("host: ")).map(str::to_ascii_lowercase).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept-language: fr-fr",
            "accept: application/hal+json",
            &format!("authorization: bearer {TOKEN}"),
            "content-length: 0",
            "user-agent: okhttp/4.8.0",
            "x-introspect-realm: clientsb2cpeugeot",
        ]
    );
    // The other purposes are this project's own: the body names them.
    assert!(reset.ends_with("\r\n\r\n{\"type\":\"resetPIN\"}") && reset.contains("accept: application/json\r\n"));

    let [plain, _] = <[String; 2]>::try_from(code_requests(&json!({}))).unwrap();
    assert!(!plain.contains("locale") && !plain.to_ascii_lowercase().contains("accept-language"), "{plain}");
    assert!(plain.contains(&format!("user-agent: libpims/{}\r\n", env!("CARGO_PKG_VERSION"))), "{plain}");
}

#[test]
fn path_version_and_user_agent_of_the_exchange_are_settings() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init_with(&json!({}), &json!({}));
    for step in ["certify", "add", "code", "enroll"] {
        expect(&world.act(step));
    }
    let targets = |service: &Service| -> Vec<String> {
        let requests = service.requests().into_iter().filter(|(name, _)| name.ends_with(" otp"));
        requests.map(|(_, request)| request).collect()
    };
    let set = |settings: Value| expect(&crate::execute("set", "pims.sdk.configuration", &settings));
    set(json!({"inwebo": {"version": "Generator-1.0/0.2.19", "userAgent": "Dalvik/2.1.0 (x)"}}));
    expect(&otp("1234"));
    for request in targets(&service) {
        assert!(request.contains("&version=Generator-1.0%2F0.2.19&"), "{request}");
        assert!(request.contains("user-agent: Dalvik/2.1.0 (x)\r\n") && !request.contains("libpims"), "{request}");
    }
    // Nothing serves this path here: the request names it, and the state stays.
    set(json!({"inwebo": {"path": "/iwcxf/MAC"}}));
    service.fail(0, Fault::Status(404));
    assert_eq!(otp("1234")["error"]["code"], 2203);
    assert!(targets(&service).last().unwrap().starts_with("GET /iwcxf/MAC?action="));
    set(json!({"inwebo": {"path": "/iwws/MAC"}}));
    expect(&otp("1234"));
    facade::free();
}
