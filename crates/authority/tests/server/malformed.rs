//! Ten thousand requests that nobody should send: each gets a refusal, none an error of the service, and no row is another afterwards.

use pims_authority::Purpose;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::device::{Device, Scene};
use crate::http;
use crate::world::{CVS, TOKEN, World, token};

/// The tables that hold the state of the service; not its audit trail, which notes refusals.
const STATE: [&str; 9] = [
    "accounts",
    "devices",
    "challenges",
    "codes",
    "passwords",
    "refresh_tokens",
    "sms_queue",
    "secrets",
    "service_keys",
];

/// A service with an account, a device, and a code that is waiting.
struct Stage {
    world: World,
    device: Device,
    before: Vec<String>,
}

impl Stage {
    fn new() -> Self {
        let world = World::new();
        let alice = world.account("alice");
        let device = Device::activate(&world, &alice, "1234");
        world.ask("GET", "/.well-known/jwks.json", None, None);
        world.sent_code(&alice, Purpose::Enrollment);
        // An account begins when its token is first shown.
        assert_eq!(world.cvs("GET", "trustedPhoneNumber", "bob", None).status, 404);
        let before = rows(&world);
        Self { world, device, before }
    }

    /// Sends these cases, each of which must be refused; then every row must be what it was.
    fn all_refused(&self, cases: impl Strategy<Value = Asked>) {
        let config = ProptestConfig {
            cases: CASES,
            failure_persistence: None,
            max_global_rejects: 4 * CASES,
            ..ProptestConfig::default()
        };
        let run = TestRunner::new(config).run(&cases, |asked| refused(&self.world, &asked));
        run.unwrap_or_else(|error| panic!("{error}"));
        let after = rows(&self.world);
        let changed: Vec<&String> = after.iter().filter(|row| !self.before.contains(row)).collect();
        assert!(changed.is_empty(), "{changed:?}");
        assert_eq!(after.len(), self.before.len(), "rows are gone");
    }
}

/// Every row of the state, as text.
fn rows(world: &World) -> Vec<String> {
    let connection = Connection::open(world.path().join("authority.db")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    let mut all = Vec::new();
    for table in STATE {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut found = statement.query([]).unwrap();
        while let Some(row) = found.next().unwrap() {
            let values: Vec<String> = (0..columns).map(|column| text(row.get_ref(column).unwrap())).collect();
            all.push(format!("{table}: {}", values.join(", ")));
        }
    }
    all
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "null".into(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Blob(bytes) => inwebo_values::hex::encode(bytes),
    }
}

/// A request as it goes over the wire.
#[derive(Clone, Debug)]
struct Asked {
    method: &'static str,
    target: String,
    token: Option<String>,
    body: Option<Vec<u8>>,
}

fn refused(world: &World, asked: &Asked) -> Result<(), TestCaseError> {
    let url = format!("{}{}", world.client.url, asked.target);
    let reply = http::send(&world.client.agent, asked.method, &url, asked.token.as_deref(), asked.body.as_deref());
    let Ok(reply) = reply else {
        // What the client itself does not send as a request.
        return Err(TestCaseError::reject("not a request"));
    };
    prop_assert!(reply.status < 500, "{asked:?}: {}", reply.status);
    if reply.status == 200 {
        let word = reply.text.split_once("<err>").map(|(_, rest)| rest.starts_with("NOK:"));
        let word = word.or_else(|| Some(reply.text.starts_with("{\"err\":\"NOK:")));
        prop_assert_eq!(word, Some(true), "{:?}: {}", asked, reply.text);
    }
    Ok(())
}

const NAMES: [&str; 30] = [
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
    "x",
    "",
];

/// Text that is fit for a query, and text that is not quite.
fn encoded(value: &str, way: u8) -> String {
    match way {
        0 => form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        // Each byte by its number, in an encoding that is not UTF-8.
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

/// A query of the exchange or of a relying party, in which something is wrong: at the least no proof in it is right.
fn query(device: &str) -> impl Strategy<Value = String> + use<> {
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

/// A body of CVS or of the token route. Bob has no phone number: none of his requests can be right, whatever they say.
fn told() -> impl Strategy<Value = Asked> {
    let paths = prop::sample::select(&["smsCode", "trustedPhoneNumber", "enrollments/x"][..]);
    let methods = prop::sample::select(&["POST", "PUT"][..]);
    let shown = prop_oneof![4 => Just(token("bob")), 1 => "[ -~]{0,30}"];
    (paths, methods, shown, body(), any::<bool>()).prop_map(|(path, method, token, body, exchange)| {
        let target = if exchange { TOKEN.to_owned() } else { format!("{CVS}/{path}?client_id=test") };
        Asked { method, target, token: Some(token), body: Some(body) }
    })
}

/// Cases of each of the three kinds.
const CASES: u32 = 3400;

/// Queries of the exchange and of relying parties.
fn asked(device: &str) -> impl Strategy<Value = Asked> + use<> {
    (query(device), any::<bool>()).prop_map(|(query, party)| {
        let target = format!("{}?{query}", if party { "/FS" } else { "/iwws/MAC" });
        Asked { method: "GET", target, token: None, body: None }
    })
}

/// Paths that are nobody's.
fn lost() -> impl Strategy<Value = Asked> {
    let methods = prop::sample::select(&["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"][..]);
    (methods, "(/[a-zA-Z0-9._~%!$&'()*+,;=:@-]{0,12}){1,6}").prop_map(|(method, target)| {
        let body = matches!(method, "POST" | "PUT" | "PATCH").then(|| b"{}".to_vec());
        Asked { method, target, token: None, body }
    })
}

#[test]
fn what_is_not_right_is_refused_and_changes_nothing() {
    let stage = Stage::new();
    stage.all_refused(asked(&stage.device.id));
    stage.all_refused(told());
    stage.all_refused(lost());
}
