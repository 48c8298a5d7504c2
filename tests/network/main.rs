//! The library over real sockets: what a broken network does to every exchange, and whom TLS trusts.
//!
//! The service is the authority itself behind a small HTTP server ([`service`]). Each operation is run once for each of its requests and
//! each kind of fault on a fresh copy of a prepared device and database. Whatever is answered, the next call must find a state of the
//! table and get to a one-time password that the authority accepts; the account may have one device only, so an orphan fails it.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod headers;
mod program;
mod service;
mod trust;
mod wire;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pims::facade;
use serde_json::{Value, json};

use service::{Fault, Service};

/// A process has one facade: tests take turns.
static TURN: Mutex<()> = Mutex::new(());

/// One test's turn. However it ends, the next one finds no facade.
pub(crate) struct Turn(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Drop for Turn {
    fn drop(&mut self) {
        facade::free();
    }
}

pub(crate) fn turn() -> Turn {
    Turn(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

pub(crate) const MAC_ID: &str = "0123456789abcdef0123456789abcdef";
/// The account's token.
pub(crate) const TOKEN: &str = "secret-1a-of-the-account";
const PHONE: &str = "+33612345678";

/// Each place of an answer at which something else is lost: all of it, in the status line, in the headers, in the body, its last byte.
const TRUNCATIONS: [usize; 7] = [0, 20, 100, 300, 600, 900, 999];

/// A device and its service.
struct World<'a> {
    folder: &'a Path,
    url: &'a str,
    ca_file: Option<&'a Path>,
}

impl<'a> World<'a> {
    fn new(folder: &'a Path, service: &'a Service) -> Self {
        Self { folder, url: &service.url, ca_file: None }
    }
}

impl World<'_> {
    fn init(&self, timeout: u64) {
        let config = json!({
            "storage": { "path": self.folder.join("device") },
            "credential": { "inWeboURL": self.url, "macID": MAC_ID, "caFile": self.ca_file },
            "account": { "accessToken": TOKEN },
            "network": { "requestTimeoutMs": timeout },
        });
        expect(&execute("init", "", &config));
    }

    fn code(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("outbox.jsonl")).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    fn act(&self, step: &str) -> Value {
        match step {
            "certify" => get("smscode", json!({"type": "phoneNumberCertification", "phoneNumber": PHONE})),
            "add" => set("smscode", json!({"action": "addPhoneNumber", "smsCode": self.code(), "phoneNumber": PHONE})),
            "code" => get("smscode", json!({"type": "enrollment"})),
            "reset code" => get("smscode", json!({"type": "resetPIN"})),
            "enroll" => set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": self.code()})),
            "enroll with number" => {
                let code = self.code();
                set(
                    "enrollment",
                    json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": PHONE}),
                )
            }
            "otp" => otp("1234"),
            "update" => set("pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "4321"})),
            "reset" => set("pincode", json!({"action": "reset", "pinCode": "4321", "smsCode": self.code()})),
            "remove" => set("enrollment", json!({"action": "remove"})),
            other => panic!("{other}"),
        }
    }

    /// What a person does afterwards. The PIN that is in force in the end.
    fn recover(&self, step: &str, first: &Value) -> &'static str {
        match step {
            "enroll" | "enroll with number" => {
                if !is_activated() {
                    // The same call again does what is still to be done.
                    let again = self.act(step);
                    if again["error"]["code"] == 2305 {
                        // A code that was used up without a device is asked for again.
                        expect(&self.act("code"));
                        expect(&self.act("enroll"));
                    } else {
                        expect(&again);
                    }
                }
                "1234"
            }
            "update" | "reset" => {
                let new = otp("4321");
                let changed = new["status"] == "SUCCEEDED";
                if first["error"]["code"] == 2316 || first["status"] == "SUCCEEDED" {
                    assert!(changed, "it was told as done: {new}");
                }
                if changed { "4321" } else { "1234" }
            }
            "remove" => {
                let password = otp("1234");
                if password["status"] == "SUCCEEDED" {
                    return "1234";
                }
                assert!(!is_activated(), "{password}");
                expect(&self.act("code"));
                expect(&self.act("enroll"));
                "1234"
            }
            _ => "1234",
        }
    }
}

/// Every operation that asks the service for something: what goes before it, and how many requests it has at the least.
const STEPS: [(&str, &[&str], usize); 6] = [
    ("enroll", &["certify", "add", "code"], 3),
    ("enroll with number", &["certify"], 3),
    ("otp", &["certify", "add", "code", "enroll"], 4),
    ("update", &["certify", "add", "code", "enroll"], 5),
    ("reset", &["certify", "add", "code", "enroll", "reset code"], 5),
    ("remove", &["certify", "add", "code", "enroll"], 1),
];

/// Breaks each request of each operation in each of these ways.
fn break_all(faults: &[Fault], start: &dyn Fn(&Path) -> Service) {
    for (step, prepare, least) in STEPS {
        let prepared = tempfile::tempdir().unwrap();
        let requests = rehearse(prepared.path(), prepare, step, start);
        assert!(requests.len() >= least, "{step}: {requests:?}");
        for (number, request) in requests.iter().enumerate() {
            for fault in faults {
                break_and_mend(prepared.path(), step, number, *fault, request, start);
            }
        }
    }
}

#[test]
fn whatever_happens_to_an_answer_the_next_call_goes_on() {
    let _turn = turn();
    break_all(&faults(), &|folder| Service::start(folder, None));
}

/// The program sees no request, or the beginning of one: in the method, the path, the query, the headers, before the end of the head or the
/// last byte of the body; or all of it, and the client nothing of the answer; or another byte; or it comes late.
const OF_REQUESTS: [Fault; 11] = [
    Fault::Cut(0),
    Fault::Cut(4),
    Fault::Cut(40),
    Fault::Cut(300),
    Fault::Cut(700),
    Fault::Cut(950),
    Fault::Cut(999),
    Fault::Cut(1000),
    Fault::Damage(100),
    Fault::Damage(500),
    Fault::Late,
];

#[test]
fn whatever_happens_to_a_request_the_next_call_goes_on() {
    let _turn = turn();
    let Some(binary) = program::binary() else { return };
    break_all(&OF_REQUESTS, &|folder| Service::start_program(&binary, folder));
}

fn faults() -> Vec<Fault> {
    let mut faults = vec![Fault::Refuse, Fault::Silence, Fault::Redirect];
    faults.extend([429, 500, 503].map(Fault::Status));
    faults.extend(TRUNCATIONS.map(Fault::Truncate));
    faults.extend([0, 500].map(Fault::Corrupt));
    faults
}

/// Prepares a device, and finds out what an operation asks for.
fn rehearse(folder: &Path, prepare: &[&str], step: &str, start: &dyn Fn(&Path) -> Service) -> Vec<String> {
    let service = start(folder);
    let world = World::new(folder, &service);
    world.init(30_000);
    for step in prepare {
        expect(&world.act(step));
    }
    facade::free();
    drop(service);
    let copy = copy_of(folder);
    let service = start(copy.path());
    let world = World::new(copy.path(), &service);
    world.init(30_000);
    expect(&world.act(step));
    facade::free();
    service.asked()
}

fn break_and_mend(
    prepared: &Path,
    step: &str,
    number: usize,
    fault: Fault,
    request: &str,
    start: &dyn Fn(&Path) -> Service,
) {
    let about = format!("{step}, request {number} ({request}), {fault:?}");
    let timeouts: &[u64] = if matches!(fault, Fault::Silence | Fault::Late) { &[250, 2000, 20_000] } else { &[30_000] };
    // On a slow machine a request before it may have been too slow already: then with more patience, on a fresh copy.
    let happened =
        timeouts.iter().any(|timeout| break_once(&copy_of(prepared), step, number, fault, &about, *timeout, start));
    assert!(happened, "{about}: it did not come to that");
}

/// Whether the fault happened; then everything was checked.
fn break_once(
    folder: &tempfile::TempDir,
    step: &str,
    number: usize,
    fault: Fault,
    about: &str,
    timeout: u64,
    start: &dyn Fn(&Path) -> Service,
) -> bool {
    let service = start(folder.path());
    let world = World::new(folder.path(), &service);
    world.init(timeout);
    service.fail(number, fault);
    let message = world.act(step);
    if !service.failed() {
        facade::free();
        return false;
    }
    let code = message["error"]["code"].as_u64();
    let allowed: &[u64] = match fault {
        // A byte may be one that does not matter, or make another answer of it: that of a key, for instance, which only shows later.
        // Whatever it was, what was written down can be read and is a state of the table.
        Fault::Corrupt(_) | Fault::Damage(_) => {
            facade::free();
            world.init(30_000);
            is_activated();
            facade::free();
            return true;
        }
        Fault::Silence | Fault::Late => &[2201, 2316],
        Fault::Refuse | Fault::Cut(_) => &[2202, 2316],
        Fault::Truncate(_) => &[2202, 2203, 2316],
        Fault::Status(_) => &[2204, 2316],
        Fault::Redirect => &[2203, 2316],
    };
    assert!(code.is_some_and(|code| allowed.contains(&code)), "{about}: {message}");
    facade::free();

    world.init(30_000);
    goes_on(&world, step, &message, about);
    facade::free();
    true
}

/// After an operation that came to this message: the person gets to a password, and no try was lost on the way.
fn goes_on(world: &World<'_>, step: &str, message: &Value, about: &str) {
    let pin = world.recover(step, message);
    let password = otp(pin);
    assert_eq!(password["status"], "SUCCEEDED", "{about}: {message}, then {password}");
    let wrong = otp("9999");
    assert_eq!(wrong["error"]["info"]["attemptsLeft"], 4, "{about}: a try was charged for nothing: {wrong}");
}

#[test]
fn one_connection_serves_many_requests_and_one_that_was_closed_is_replaced() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    for step in ["certify", "add", "code", "enroll", "otp", "otp"] {
        expect(&world.act(step));
    }
    assert_eq!(service.connections(), 1);
    // A request that was cut is not repeated by itself: it may have arrived.
    service.asked();
    service.fail(0, Fault::Truncate(0));
    assert_eq!(world.act("certify")["error"]["code"], 2202);
    assert_eq!(service.asked(), ["POST smsCode"]);
    expect(&world.act("certify"));
    assert_eq!(service.connections(), 2);
    facade::free();
}

#[test]
fn freeing_ends_a_request_that_waits() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    World::new(folder.path(), &service).init(4_000_000_000);
    service.fail(0, Fault::Silence);
    let (sender, receiver) = std::sync::mpsc::channel();
    let callback = Box::new(move |message: &facade::Message| sender.send(message.as_str().to_owned()).unwrap());
    facade::call(facade::Method::Get, "pims.authentication.trustedphonenumber", "", callback).unwrap();
    while !service.failed() {
        std::thread::yield_now();
    }
    // It would wait for weeks.
    facade::free();
    let message: Value = serde_json::from_str(&receiver.recv().unwrap()).unwrap();
    assert_eq!(message["error"]["code"], 2202, "{message}");
    assert!(message["error"]["detail"].as_str().unwrap().contains("pims_free"));
}

#[test]
fn freeing_ends_a_connection_that_is_not_made() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    // A listener whose queue is full takes no more connections and refuses none.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_millis(200)) {
        waiting.push(stream);
    }
    let config = json!({
        "storage": { "path": folder.path() },
        "credential": { "inWeboURL": format!("http://{address}"), "macID": MAC_ID },
        "account": { "accessToken": TOKEN },
        "network": { "connectTimeoutMs": 4_000_000_000_u64, "requestTimeoutMs": 4_000_000_000_u64 },
    });
    expect(&execute("init", "", &config));
    let (sender, receiver) = std::sync::mpsc::channel();
    let callback = Box::new(move |message: &facade::Message| sender.send(message.as_str().to_owned()).unwrap());
    facade::call(facade::Method::Get, "pims.authentication.trustedphonenumber", "", callback).unwrap();
    facade::free();
    let message: Value = serde_json::from_str(&receiver.recv().unwrap()).unwrap();
    assert!(matches!(message["error"]["code"].as_u64(), Some(2001 | 2202)), "{message}");
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&path).unwrap();
            copy_into(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}

fn is_activated() -> bool {
    let answer = get("account", json!({"actionType": "strong", "type": "isDeviceActivated"}));
    answer["result"]["isDeviceActivated"].as_bool().unwrap()
}

fn otp(pin: &str) -> Value {
    get("otp", json!({"action": "withPIN", "pinCode": pin}))
}

fn get(api: &str, params: Value) -> Value {
    execute("get", &format!("pims.authentication.{api}"), &params)
}

fn set(api: &str, params: Value) -> Value {
    execute("set", &format!("pims.authentication.{api}"), &params)
}

pub(crate) fn execute(method: &str, api: &str, params: &Value) -> Value {
    serde_json::from_str(facade::execute(method, api, &params.to_string()).as_str()).unwrap()
}

pub(crate) fn expect(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}
