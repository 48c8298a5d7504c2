//! Requests of apps, devices and relying parties, each with something wrong.

use inwebo::values::hex;
use proptest::prelude::*;

use super::{Listener, TestRequest};
use crate::device::{Device, query};
use crate::world::{ADMIN, BANK, CVS, TOKEN, token};

fn get(target: String, token: Option<String>) -> TestRequest {
    TestRequest { listener: Listener::Public, method: "GET", target, token, body: None, status: None }
}

const NAMES: [&str; 35] = [
    "action",
    "mode",
    "id",
    "lastsync",
    "version",
    "macid",
    "lang",
    "ack",
    "serial",
    "code",
    "ticket",
    "Kma",
    "pin",
    "name",
    "R0",
    "R1",
    "R2",
    "phone",
    "sid",
    "keytype",
    "ms_id0",
    "ms_val0",
    "ms_n",
    "nKma",
    "newpin",
    "userId",
    "serviceId",
    "token",
    "format",
    "device",
    "after",
    "number",
    "reject",
    "x",
    "",
];

/// Returns text that is fit for a query, or almost.
fn encoded(value: &str, way: u8) -> String {
    match way {
        0 => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        // Each character by its number, in an encoding that is not UTF-8.
        1 => value.chars().map(|sign| format!("%{:02x}", u32::from(sign) & 0xff)).collect(),
        _ => value.chars().filter(|sign| sign.is_ascii_graphic() && !"#<>\"{}|\\^`&[]".contains(*sign)).collect(),
    }
}

fn value(device: &str) -> impl Strategy<Value = String> + use<> {
    const WORDS: [&str; 11] =
        ["ActionSetup", "ActionFinalize", "otp", "synchro", "password", "reset", "ms", "json", "xml", "shop", "alice"];
    prop_oneof![
        prop::sample::select(&WORDS[..]).prop_map(str::to_owned),
        Just(device.to_owned()),
        "[0-9a-f]{64}",
        "[0-9]{0,12}",
        "[0-9a-f]{16}/_/[0-9a-f]{32}",
        ".{0,20}",
        Just("%".to_owned()),
        Just("x".repeat(4000)),
    ]
}

/// Returns a query of the exchange or of a relying party with a fault. At the least no proof in it
/// is right.
fn any_query(device: &str) -> impl Strategy<Value = String> + use<> {
    let parameter = (
        prop_oneof![9 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => ".{0,8}"],
        value(device),
        0_u8..3,
    );
    prop::collection::vec(parameter, 0..24).prop_map(|parameters| {
        let pairs: Vec<String> = parameters
            .iter()
            .map(|(name, value, way)| format!("{}={}", encoded(name, *way), encoded(value, *way)))
            .collect();
        pairs.join("&")
    })
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let object = prop::collection::btree_map(
        prop_oneof![
            prop::sample::select(&["type", "smsCode", "phoneNumber", "grant_type", "password", "refresh_token"][..])
                .prop_map(str::to_owned),
            ".{0,8}"
        ],
        prop_oneof![
            ".{0,20}".prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            Just(serde_json::Value::Null),
            prop::sample::select(&["resetPIN", "phoneNumberCertification", "password", "refresh_token"][..])
                .prop_map(serde_json::Value::from),
        ],
        0..4,
    );
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        object.prop_map(|object| serde_json::to_vec(&object).unwrap()),
        Just(vec![b'['; 5000]),
        Just(b"{\"smsCode\":\"1\",\"smsCode\":\"2\",\"phoneNumber\":\"+33612345678\"}".to_vec()),
    ]
}

/// Returns queries of any parameters.
pub(super) fn arbitrary_queries(device: &str) -> impl Strategy<Value = TestRequest> + use<> {
    (any_query(device), any::<bool>())
        .prop_map(|(query, party)| get(format!("{}?{query}", if party { "/FS" } else { "/iwws/MAC" }), None))
}

/// Returns tokens: of accounts, of none, and unknown ones.
fn presented_token() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        3 => prop::sample::select(&["alice", "bob", "carol"][..]).prop_map(|account| Some(token(account))),
        1 => Just(None),
        1 => prop::sample::select(&[ADMIN, BANK, ""][..]).prop_map(|token| Some(token.to_owned())),
    ]
}

/// Returns requests of the exchange that are complete in form, from a client with a token. The
/// values of their parameters are made up, or a parameter is missing or repeated.
pub(super) fn exchange_requests(device: &Device) -> impl Strategy<Value = TestRequest> + use<> {
    let whole = prop_oneof![4 => finalize(device), 1 => activation()];
    let flaw = prop_oneof![2 => Just(None), 1 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(Some)];
    (whole, flaw, presented_token()).prop_map(|(mut parameters, flaw, presented_token)| {
        if let Some((position, again)) = flaw {
            let position = position.index(parameters.len());
            match again {
                true => parameters.push(parameters[position].clone()),
                false => drop(parameters.remove(position)),
            }
        }
        // A wrong activation code costs the account one of its tries, as it must. Of the accounts
        // with a token, only Alice has a code. The others have no code that could be tried.
        let activates = parameters.iter().any(|(name, value)| (name.as_str(), value.as_str()) == ("mode", "activate"));
        let presented_token = presented_token.map(|presented_token| {
            if activates && presented_token == token("alice") { token("bob") } else { presented_token }
        });
        get(format!("/iwws/MAC?{}", query(&borrowed(&parameters))), presented_token)
    })
}

type Parameters = Vec<(String, String)>;

fn borrowed(parameters: &Parameters) -> Vec<(&str, &str)> {
    parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

fn owned(parameters: &[(&str, &str)]) -> Parameters {
    parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const COMMON: [(&str, &str); 3] = [("lastsync", "0"), ("version", "1"), ("macid", "0123456789abcdef0123456789abcdef")];

const MODES: [&str; 12] = [
    "activate",
    "otp",
    "synchro",
    "password",
    "reset",
    "remove",
    "ms",
    "devices",
    "renamedevice",
    "removedevice",
    "messages",
    "checkpush",
];

/// Returns the second step of the device, without a first one.
fn finalize(device: &Device) -> BoxedStrategy<Parameters> {
    let (id, serial) = (device.id.clone(), device.serial.as_str().to_owned());
    let modes = prop::sample::select(&MODES[..]);
    let proof = || prop::array::uniform32(any::<u8>()).prop_map(|bytes| hex::encode(&bytes));
    let sealed = prop::collection::vec(any::<u8>(), 256).prop_map(|bytes| hex::encode(&bytes));
    let made = (modes, "[0-2]", proof(), proof(), proof(), sealed, "[a-z]{6}");
    made.prop_map(move |(mode, key, r0, r1, r2, sealed, code)| {
        let more = [
            ("action", "ActionFinalize"),
            ("mode", mode),
            ("id", &id),
            ("serial", &serial),
            ("code", &code),
            ("Kma", &sealed),
            ("pin", &sealed),
            ("name", "n"),
            ("R0", &r0),
            ("R1", &r1),
            ("R2", &r2),
            ("sid", "7001"),
            ("keytype", &key),
            ("ms_id0", "9001"),
            ("ms_val0", &sealed),
            ("ms_n", "1"),
            ("nKma", &sealed),
            ("newpin", &sealed),
            ("device", &id),
            ("after", "0"),
            ("number", "12"),
        ];
        owned(&[&COMMON[..], &more].concat())
    })
    .boxed()
}

/// Returns the first step of an activation. No waiting code has letters, so it is none of them.
fn activation() -> BoxedStrategy<Parameters> {
    "[a-z]{4,12}"
        .prop_map(|code| {
            let more = [("action", "ActionSetup"), ("mode", "activate"), ("id", ""), ("code", code.as_str())];
            owned(&[&COMMON[..], &more].concat())
        })
        .boxed()
}

/// Returns requests of relying parties that are complete in form, with passwords that were given to
/// nobody, and tokens of this party, of others and of none.
pub(super) fn relying_party_requests(device: &Device) -> impl Strategy<Value = TestRequest> + use<> {
    let id = device.id.clone();
    let users = prop_oneof![
        4 => prop::sample::select(vec!["alice".to_owned(), "bob".into(), "nobody".into(), String::new(), id]),
        1 => ".{0,20}",
        1 => Just("x".repeat(200)),
    ];
    let passwords = prop_oneof![3 => "[a-z0-9]{8}", 1 => ".{0,20}", 1 => Just("a".repeat(3000))];
    let tokens = prop_oneof![2 => Just(Some(BANK.to_owned())), 1 => presented_token()];
    let services = prop::sample::select(&["bank", "bank", "shop", "nobody", ""][..]);
    let formats = prop_oneof![5 => Just("json"), 1 => Just("xml")];
    (services, users, passwords, formats, tokens, any::<bool>()).prop_map(
        |(service, user, password, format, presented_token, twice)| {
            let whole = [
                ("action", "authenticate"),
                ("serviceId", service),
                ("userId", &user),
                ("token", &password),
                ("format", format),
                ("userId", "bob"),
            ];
            get(format!("/FS?{}", query(&whole[..if twice { 6 } else { 5 }])), presented_token)
        },
    )
}

/// Returns a body of CVS. Bob has no phone number, so none of his requests can be right.
pub(super) fn cvs_requests() -> impl Strategy<Value = TestRequest> {
    let paths = prop::sample::select(
        &["smsCode", "trustedPhoneNumber", "enrollments/x", "devices/a000000000000000", "devices/%00", "devices/x"][..],
    );
    let methods = prop::sample::select(&["POST", "PUT", "PATCH"][..]);
    let presented_token = prop_oneof![4 => Just(token("bob")), 1 => "[ -~]{0,30}"];
    (paths, methods, presented_token, body()).prop_map(|(path, method, token, body)| {
        let target = format!("{CVS}/{path}?client_id=test");
        TestRequest { method, token: Some(token), body: Some(body), ..get(target, None) }
    })
}

/// Returns bodies of the token route. Alice has a password and a refresh token, and none of the
/// bodies holds either.
pub(super) fn token_requests() -> impl Strategy<Value = TestRequest> {
    let presented_token = prop_oneof![5 => Just(token("alice")), 1 => Just(token("bob")), 1 => "[ -~]{0,30}"];
    let bodies = prop_oneof![1 => body(), 3 => grant()];
    (presented_token, bodies).prop_map(|(token, body)| TestRequest {
        method: "POST",
        token: Some(token),
        body: Some(body),
        ..get(TOKEN.to_owned(), None)
    })
}

/// Returns bodies like a grant: as an object, as a list, or with a part twice.
fn grant() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop::sample::select(&["password", "refresh_token", "Password", "authorization_code", ""][..]);
    let names = prop::sample::select(&["password", "refresh_token", "token"][..]);
    let values = prop_oneof![
        3 => "[a-z0-9]{8}".prop_map(serde_json::Value::from),
        3 => "[A-Za-z0-9_-]{43}".prop_map(serde_json::Value::from),
        1 => ".{0,60}".prop_map(serde_json::Value::from),
        1 => any::<f64>().prop_map(serde_json::Value::from),
        1 => prop::collection::vec("[a-z0-9]{8}", 0..3).prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
        1 => Just(serde_json::json!({"password": "abcdefgh"})),
    ];
    (kinds, names, values, 0_u8..4).prop_map(|(kind, name, value, form)| {
        let text = match form {
            0 | 1 => format!("{{\"grant_type\":\"{kind}\",\"{name}\":{value}}}"),
            2 => format!("[\"{kind}\",{value}]"),
            _ => format!("{{\"grant_type\":\"{kind}\",\"{name}\":{value},\"{name}\":{value}}}"),
        };
        text.into_bytes()
    })
}

/// Returns paths that no route has.
pub(super) fn requests_to_unknown_paths() -> impl Strategy<Value = TestRequest> {
    let methods = prop::sample::select(&["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"][..]);
    (methods, "(/[a-zA-Z0-9._~%!$&'()*+,;=:@-]{0,12}){1,6}").prop_map(|(method, target)| {
        let body = matches!(method, "POST" | "PUT" | "PATCH").then(|| b"{}".to_vec());
        TestRequest { method, body, ..get(target, None) }
    })
}
