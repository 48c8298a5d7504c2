//! The log of the library at its finest level, and its errors. None of them holds a secret.
//!
//! The test records all that goes over the wire, and reads the device record between two steps. It
//! derives the keys from both, and searches for every form of every value.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base64ct::{Base64, Encoding};
use inwebo::values::{K1, Kma, Pin, Proofs, hex};
use pims::facade;
use pims::store::{RecordFile, RecordStore};
use pims::strongauth::record::Record;
use serde_json::{Value, json};

use crate::fault::Fault;
use crate::operations::World;
use crate::service::Service;
use crate::{TOKEN, execute, turn};

const PIN: &str = "13572468";
const NEW_PIN: &str = "97531864";
const WRONG_PIN: &str = "86429753";

/// The faults of an answer. A damaged byte is in its body: in its head it could make the library
/// wait for more.
const FAULTS: [Fault; 8] = [
    Fault::Corrupt(600),
    Fault::Corrupt(700),
    Fault::Corrupt(850),
    Fault::Corrupt(950),
    Fault::Truncate(500),
    Fault::Truncate(900),
    Fault::Status(500),
    Fault::Redirect,
];

/// Parameters that are constants of the exchange, and words of the library's own log.
const CONSTANTS: [&str; 7] = ["action", "mode", "version", "macid", "lang", "name", "keytype"];

/// Children of an answer that are words and names, and a time that messages show on purpose.
const WORDS: [&str; 6] = ["err", "s_name", "pinmode", "newversion", "reason", "lastUsed"];

/// The fewest characters of a value that is searched for. A shorter one occurs by chance.
const SHORTEST: usize = 6;

/// The secrets, each with its meanings.
#[derive(Default)]
struct Secrets(BTreeMap<String, BTreeSet<String>>);

impl Secrets {
    fn add(&mut self, meaning: &str, value: &str) {
        if value.len() >= SHORTEST {
            self.0.entry(value.to_owned()).or_default().insert(meaning.to_owned());
        }
    }

    /// Adds bytes in every form in which a log could show them.
    fn add_bytes(&mut self, meaning: &str, bytes: &[u8]) {
        self.add(meaning, &hex::encode(bytes));
        self.add(meaning, &hex::encode(bytes).to_uppercase());
        self.add(meaning, &format!("{bytes:?}"));
        self.add(meaning, &format!("{bytes:02x?}"));
    }

    /// Adds every value of a request: of its query, its headers and its body.
    fn add_request(&mut self, request: &str) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let target = head.split(' ').nth(1).unwrap();
        if let Some((_, query)) = target.split_once('?') {
            self.add("a query", query);
            for (name, value) in form_urlencoded::parse(query.as_bytes()) {
                if !CONSTANTS.contains(&&*name) {
                    self.add(&format!("the parameter {name}"), &value);
                }
            }
        }
        if let Ok(Value::Object(members)) = serde_json::from_str(body) {
            for (name, value) in members.iter().filter(|(name, _)| *name != "type") {
                self.add(&format!("the member {name}"), value.as_str().unwrap_or_default());
            }
        }
    }

    /// Adds every value of an answer, which is XML or JSON.
    fn add_answer(&mut self, body: &str) {
        if let Ok(Value::Object(members)) = serde_json::from_str(body) {
            for (name, value) in members.iter().filter(|(name, _)| *name != "err") {
                self.add(&format!("the member {name}"), value.as_str().unwrap_or_default());
            }
            return;
        }
        for element in body.split('<').skip(1) {
            let Some((name, text)) = element.split_once('>') else { continue };
            if !WORDS.contains(&name) {
                self.add(&format!("the child {name}"), text);
            }
        }
    }

    /// Adds the keys in the record of a device, and those that follow from them.
    fn add_record(&mut self, folder: &Path) {
        let bytes = RecordFile::open(folder, None).unwrap().load().unwrap();
        let Some(bytes) = bytes else { return };
        let key = std::fs::read_to_string(folder.join("storage.key")).unwrap();
        self.add("storage.key", key.trim());
        self.add_bytes("storage.key", &Base64::decode_vec(key.trim()).unwrap());
        let record = Record::decode(&bytes).unwrap_or_else(|error| panic!("{error:?}")).record;
        let serial = record.serial.clone();
        for digits in [PIN, NEW_PIN] {
            let (Some(pin), Some(serial)) = (Pin::new(digits), &serial) else { continue };
            let kma = Kma::derive(&pin, serial);
            self.add_bytes("kma", kma.as_bytes());
            if let Some(device) = record.enrollment.as_ref().map(|enrollment| &enrollment.device) {
                let k1 = K1::new(kma.decrypt(&device.hidden_k1));
                self.add_bytes("K1", k1.as_bytes());
                let proofs = Proofs::with_pin("", serial, &device.k0, &k1, &pin);
                self.add("R2 without a challenge", &proofs.r2);
                if let Some(secval) = &device.secval {
                    self.add_bytes("the service secret", &kma.decrypt(secval.as_bytes()));
                }
            }
        }
        if let Some(device) = record.enrollment.map(|enrollment| enrollment.device) {
            self.add_bytes("K0", device.k0.as_bytes());
            self.add_bytes("K1 under kma", &device.hidden_k1);
            if let Some(secval) = &device.secval {
                self.add_bytes("secval", secval.as_bytes());
            }
            self.add("the id", &device.id);
        }
    }

    /// Returns the meanings of each secret in a text.
    fn found_in(&self, text: &str) -> Vec<&BTreeSet<String>> {
        self.0.iter().filter(|(value, _)| text.contains(value.as_str())).map(|(_, meanings)| meanings).collect()
    }

    fn has(&self, meaning: &str) -> bool {
        self.0.values().any(|meanings| meanings.contains(meaning))
    }
}

/// Returns the text of all logs without the times, whose digits could be those of a code.
fn logs(folder: &Path) -> String {
    let files = std::fs::read_dir(folder.join("logs")).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let lines: Vec<String> = texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().map(|line| format!("{}\n", line.split_once(' ').map_or(&**line, |(_, rest)| rest))).collect()
}

/// A device of which all is observed.
struct Watched<'a> {
    world: World<'a>,
    service: &'a Service,
    secrets: Secrets,
    /// The errors of the messages. Random ids and times, whose digits could be those of a code, are
    /// not in it.
    errors: String,
}

impl Watched<'_> {
    fn init(&self) {
        self.world.init_with(&json!({"monitoring": {"logLevel": "high", "newLogFile": "day"}}), &json!({}));
    }

    /// Runs an operation, and adds all that it sent and received, and what the record holds then.
    fn run(&mut self, method: &str, api: &str, params: &Value) -> Value {
        let message = execute(method, &format!("pims.authentication.{api}"), params);
        if let Some(password) = message["result"]["otp"].as_str() {
            self.secrets.add("a one-time password", password);
        }
        self.observe();
        let mut error = message["error"].clone();
        if let Some(info) = error["info"].as_object_mut() {
            info.remove("wrongPinsSince");
        }
        self.errors += &format!("{error}\n");
        message
    }

    /// Runs a step with a fixed meaning.
    fn act(&mut self, step: &str) -> Value {
        let message = self.world.act(step);
        self.observe();
        message
    }

    fn observe(&mut self) {
        for (_, request) in self.service.requests() {
            self.secrets.add_request(&request);
        }
        for answer in self.service.answers() {
            self.secrets.add_answer(&answer);
        }
        facade::free();
        self.secrets.add_record(&self.world.folder.join("device"));
        self.init();
    }

    fn enroll(&mut self, code: &str) -> Value {
        self.run("set", "enrollment", &json!({"action": "enroll", "pinCode": PIN, "smsCode": code}))
    }

    fn otp(&mut self, pin: &str) -> Value {
        self.run("get", "otp", &json!({"action": "withPIN", "pinCode": pin}))
    }
}

#[test]
fn no_secret_of_an_activation_is_in_the_finest_log_or_in_an_error() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    let mut watched = Watched { world, service: &service, secrets: Secrets::default(), errors: String::new() };
    for secret in [PIN, NEW_PIN, WRONG_PIN, TOKEN] {
        watched.secrets.add("a PIN or a token", secret);
    }
    watched.init();
    watched.act("certify");
    watched.act("add");
    watched.act("code");
    let wrong = watched.enroll("unlucky7");
    assert_eq!(wrong["error"]["code"], 2305, "{wrong}");

    // The answers of an activation, damaged at many places: the detail of an error says why an
    // answer cannot be read.
    for step in 0..3 {
        for fault in FAULTS {
            watched.act("remove");
            watched.act("code");
            service.fail(step, fault);
            let code = last_code(folder.path());
            watched.enroll(&code);
            assert!(service.failed(), "step {step}: {fault:?}");
        }
    }
    watched.act("remove");
    watched.act("code");
    let code = last_code(folder.path());
    assert_eq!(watched.enroll(&code)["status"], "SUCCEEDED");
    for _ in 0..3 {
        assert_eq!(watched.otp(PIN)["status"], "SUCCEEDED");
    }
    watched.run("get", "otp", &json!({"action": "withoutPIN"}));
    assert_eq!(watched.otp(WRONG_PIN)["error"]["info"]["attemptsLeft"], 4);
    let changed = watched.run("set", "pincode", &json!({"action": "update", "oldPIN": PIN, "newPIN": NEW_PIN}));
    assert_eq!(changed["status"], "SUCCEEDED", "{changed}");
    // A damaged challenge makes a wrong proof, so the account may be blocked after this.
    for step in 0..2 {
        for fault in FAULTS {
            service.fail(step, fault);
            watched.otp(NEW_PIN);
        }
    }
    service.failed();
    watched.act("reset code");
    let code = last_code(folder.path());
    let reset = watched.run("set", "pincode", &json!({"action": "reset", "pinCode": PIN, "smsCode": code}));
    assert_eq!(reset["status"], "SUCCEEDED", "{reset}");
    assert_eq!(watched.otp(PIN)["status"], "SUCCEEDED");
    facade::free();

    let Watched { secrets, errors, .. } = &watched;
    for meaning in [
        "K0",
        "K1",
        "kma",
        "K1 under kma",
        "secval",
        "the service secret",
        "storage.key",
        "a one-time password",
        "a query",
        "the parameter code",
        "the parameter serial",
        "the parameter Kma",
        "the parameter pin",
        "the parameter R0",
        "the parameter R1",
        "the parameter R2",
        "the parameter ticket",
        "the child K0",
        "the child K1",
        "the child challenge",
        "the child dK1",
        "the child defi",
        "the child Kiw",
        "the member smsCode",
        "the member phoneNumber",
        "the member ticket",
    ] {
        assert!(secrets.has(meaning), "the test did not see {meaning}");
    }
    let log = logs(&folder.path().join("device"));
    assert!(log.contains("set pims.authentication.enrollment: succeeded"), "calls are logged: {log}");
    assert!(log.contains("set pims.authentication.enrollment: 2203 ("), "details are logged: {log}");
    for text in [&log, errors] {
        let found: Vec<_> =
            text.lines().map(|line| (line, secrets.found_in(line))).filter(|(_, found)| !found.is_empty()).collect();
        assert!(found.is_empty(), "{found:?}");
    }
}

/// Returns the code of the last SMS.
fn last_code(folder: &Path) -> String {
    let text = std::fs::read_to_string(folder.join("outbox.jsonl")).unwrap();
    let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut codes = messages.map(|message| message["code"].as_str().unwrap().to_owned());
    codes.rfind(|code| !code.is_empty()).unwrap()
}
