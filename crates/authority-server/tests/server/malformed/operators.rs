//! Requests for operators: right ones from strangers, and wrong ones from operators.

use proptest::prelude::*;

use super::{Listener, TestRequest};
use crate::world::{ADMIN, BANK, token};

/// Returns right requests without the operators' token, or at the listener that does not accept it.
pub(super) fn requests_without_operator(device: &str) -> impl Strategy<Value = TestRequest> + use<> {
    let requests = vec![
        ("GET", "accounts".to_owned(), None),
        ("POST", "accounts".to_owned(), Some(r#"{"name":"dora"}"#)),
        ("GET", "accounts/alice".to_owned(), None),
        ("DELETE", "accounts/alice".to_owned(), None),
        ("POST", "accounts/alice/unblock".to_owned(), None),
        ("GET", "accounts/alice/devices".to_owned(), None),
        ("DELETE", format!("accounts/alice/devices/{device}"), None),
        ("PATCH", format!("accounts/alice/devices/{}", &device[..8]), Some(r#"{"name":"Phone"}"#)),
        ("GET", "audit".to_owned(), None),
        ("GET", "openapi.json".to_owned(), None),
    ];
    let cut = ADMIN.len() - 1;
    let near =
        [String::new(), BANK.into(), token("alice"), ADMIN[..cut].into(), format!("{ADMIN}x"), ADMIN.to_uppercase()];
    let presented_token = prop_oneof![
        1 => Just(None),
        3 => prop::sample::select(near.to_vec()).prop_map(Some),
        2 => "[ -~]{0,40}".prop_map(Some),
    ];
    let here = (prop::sample::select(requests.clone()), presented_token)
        .prop_map(|(request, token)| (Listener::Admin, request, token));
    let elsewhere =
        prop::sample::select(requests).prop_map(|request| (Listener::Public, request, Some(ADMIN.to_owned())));
    prop_oneof![4 => here, 1 => elsewhere].prop_map(|(listener, (method, path, body), token)| TestRequest {
        listener,
        method,
        target: format!("/admin/v1/{path}"),
        token,
        body: body.map(|body| body.as_bytes().to_vec()),
        status: Some(if matches!(listener, Listener::Admin) { 401 } else { 404 }),
    })
}

/// Returns wrong requests of an operator with the right token: in the query, the body, the name,
/// the path or the method.
pub(super) fn malformed_requests(device: &str) -> impl Strategy<Value = TestRequest> + use<> {
    let request = |method, path: String, body: Option<Vec<u8>>| TestRequest {
        listener: Listener::Admin,
        method,
        target: format!("/admin/v1/{path}"),
        token: Some(ADMIN.to_owned()),
        body,
        status: None,
    };
    let bodies = body()
        .prop_map(move |body| TestRequest { status: Some(400), ..request("POST", "accounts".into(), Some(body)) });
    let queries = (prop::sample::select(&["accounts", "audit"][..]), prop::bool::ANY, pair()).prop_map(
        move |(path, more, pair)| {
            let path = format!("{path}?{}{pair}", if more { "limit=5&" } else { "" });
            TestRequest { status: Some(400), ..request("GET", path, None) }
        },
    );
    let paths = (route(), account())
        .prop_map(move |((method, rest), account)| request(method, format!("accounts/{account}{rest}"), None));
    let devices = id(device).prop_map(move |id| TestRequest {
        status: Some(404),
        ..request("DELETE", format!("accounts/alice/devices/{id}"), None)
    });
    let names = id(device).prop_map(move |id| TestRequest {
        status: Some(404),
        ..request("PATCH", format!("accounts/alice/devices/{id}"), Some(br#"{"name":"Phone"}"#.to_vec()))
    });
    let unnamed = (prop::sample::select(&NO_NAMES[..])).prop_map({
        let device = device.to_owned();
        move |body| TestRequest {
            status: Some(400),
            ..request("PATCH", format!("accounts/alice/devices/{device}"), Some(body.as_bytes().to_vec()))
        }
    });
    let methods = (prop::sample::select(&["PUT", "PATCH", "OPTIONS"][..]), prop::sample::select(&PATHS[..]))
        .prop_map(move |(method, path)| TestRequest { status: Some(405), ..request(method, path.into(), None) });
    let nowhere = (prop::sample::select(&["GET", "POST", "DELETE"][..]), "x[a-zA-Z0-9._~%!$&'()*+,;=:@/-]{0,30}")
        .prop_map(move |(method, path)| request(method, path, None));
    prop_oneof![3 => bodies, 3 => queries, 3 => paths, 1 => devices, 1 => names, 1 => unnamed, 2 => methods, 1 => nowhere]
}

/// Bodies that name no device.
const NO_NAMES: [&str; 7] = [
    "",
    "{}",
    "[\"Phone\"]",
    "{\"name\":\"\"}",
    "{\"name\":\"a\\u202eb\"}",
    "{\"name\":1}",
    "{\"name\":\"Phone\",\"more\":1}",
];

const PATHS: [&str; 6] =
    ["accounts", "accounts/alice", "accounts/alice/unblock", "accounts/alice/devices", "audit", "openapi.json"];

/// Returns bodies that make no account.
fn body() -> impl Strategy<Value = Vec<u8>> {
    const ALMOST_RIGHT_BODIES: [&str; 14] = [
        "",
        "{}",
        "\"dora\"",
        "[\"dora\"]",
        "[[\"dora\"]]",
        "{\"name\":\"\"}",
        "{\"name\":\"do\\nra\"}",
        "{\"name\":\"dora\\u0000\"}",
        "{\"name\":[\"dora\"]}",
        "{\"name\":1}",
        "{\"name\":null}",
        "{\"name\":\"dora\",\"name\":\"dora\"}",
        "{\"name\":\"dora\",\"more\":1}",
        "{\"name\":\"dora\"} {\"name\":\"dora\"}",
    ];
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        prop::sample::select(&ALMOST_RIGHT_BODIES[..]).prop_map(|text| text.as_bytes().to_vec()),
        (129_usize..4000).prop_map(|length| format!("{{\"name\":\"{}\"}}", "x".repeat(length)).into_bytes()),
        Just(vec![b'['; 5000]),
    ]
}

/// Returns pairs that neither list accepts in its query.
fn pair() -> impl Strategy<Value = String> {
    const WRONG: [&str; 15] = [
        "limit=",
        "limit=x",
        "limit=-1",
        "limit=1.5",
        "limit=4294967296",
        "limit=1&limit=2",
        "after=%00",
        "after=",
        "before=",
        "before=x",
        "before=9223372036854775808",
        "account=",
        "account=a%0Ab",
        "Limit=1",
        "limit%00=1",
    ];
    prop_oneof![
        prop::sample::select(&WRONG[..]).prop_map(str::to_owned),
        "x[a-z]{0,8}=[a-z0-9%]{0,8}",
        (129_usize..2000).prop_map(|length| format!("after={0}&account={0}", "x".repeat(length))),
    ]
}

/// Returns names without an account, valid or not, as they occur in a path.
fn account() -> impl Strategy<Value = String> {
    const ODD_METHODS: [&str; 10] =
        ["%00", "alice%00", "a%0Ab", "%C2%85", "%FF", "%F0%90", "%", "..", "%2e%2e%2falice", "Alice"];
    prop_oneof![
        prop::sample::select(&ODD_METHODS[..]).prop_map(str::to_owned),
        "nobody[a-zA-Z0-9._~!$'()*,;:@-]{0,20}",
        "nobody(%[0-9A-F]{2}){1,8}",
        (129_usize..3000).prop_map(|length| "x".repeat(length)),
    ]
}

/// Returns the rest of the path after the account's name, and its method.
fn route() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![
        Just(("GET", String::new())),
        Just(("DELETE", String::new())),
        Just(("POST", "/unblock".to_owned())),
        Just(("GET", "/devices".to_owned())),
        id("1").prop_map(|id| ("DELETE", format!("/devices/{id}"))),
    ]
}

/// Returns ids of devices that the account does not have, in any form that a path accepts.
fn id(device: &str) -> impl Strategy<Value = String> + use<> {
    let device = device.to_owned();
    prop_oneof![
        "[0-9a-f]{1,40}x",
        "x(%[0-7][0-9A-F]){1,8}",
        Just("%00".to_owned()),
        Just(format!("{device}%00")),
        Just(format!("{device}%20")),
        Just("x".repeat(3000)),
    ]
}
