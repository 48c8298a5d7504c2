//! A second device by the first one, through the facade and the embedded service: the whole way,
//! and every error by its cause.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use pims::facade;
use serde_json::{Value, json};

/// A lock for the one facade of the process: only one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Devices of one account, used in turns: the process has one default facade.
struct Devices {
    folder: tempfile::TempDir,
    policy: Value,
    _turn: MutexGuard<'static, ()>,
}

impl Devices {
    /// Enrolls the phone with an SMS code.
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let devices =
            Self { folder: tempfile::tempdir().unwrap(), policy: json!({"activationByDevice": true}), _turn: turn };
        devices.take("phone");
        succeeded(&call("get", "smscode", json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"})));
        let add = json!({"action": "addPhoneNumber", "smsCode": devices.sms_code(), "phoneNumber": "+33612345678"});
        succeeded(&call("set", "smscode", add));
        succeeded(&call("get", "smscode", json!({"type": "enrollment"})));
        succeeded(&enroll(&devices.sms_code()));
        devices
    }

    fn take(&self, device: &str) {
        self.take_with(device, json!({}));
    }

    /// Makes a device the one of the facade, with this clock of the service.
    fn take_with(&self, device: &str, more: Value) {
        facade::free();
        let mut embedded = json!({"database": self.folder.path().join("authority.db"), "policy": self.policy});
        embedded.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let config = json!({
            "storage": {"path": self.folder.path().join(device)},
            "embedded": embedded,
            "monitoring": {"logLevel": "high"},
        });
        succeeded(&execute("init", "", &config.to_string()));
    }

    fn sms_code(&self) -> String {
        let text = std::fs::read_to_string(self.folder.path().join("phone/sms-outbox.jsonl")).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    /// Enters the code on the tablet, which becomes the device of the facade.
    fn enter(&self, code: &str) -> Value {
        self.take("tablet");
        let entered = enroll(code);
        succeeded(&entered);
        entered["result"].clone()
    }
}

impl Drop for Devices {
    fn drop(&mut self) {
        facade::free();
    }
}

fn execute(method: &str, api: &str, params: &str) -> Value {
    serde_json::from_str(facade::execute(method, api, params).as_str()).unwrap()
}

fn call(method: &str, api: &str, params: Value) -> Value {
    execute(method, &format!("pims.authentication.{api}"), &params.to_string())
}

fn succeeded(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

fn enroll(code: &str) -> Value {
    call("set", "enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": code}))
}

fn make() -> Value {
    let made = call("get", "enrollmentcode", json!({"action": "make", "pinCode": "1234"}));
    succeeded(&made);
    made["result"].clone()
}

fn code() -> String {
    make()["code"].as_str().unwrap().to_owned()
}

fn state() -> Value {
    let state = call("get", "enrollmentcode", json!({"action": "state"}));
    succeeded(&state);
    state["result"].clone()
}

fn decide(action: &str, fingerprint: &str, pin: &str) -> Value {
    call("set", "enrollmentcode", json!({"action": action, "fingerprint": fingerprint, "pinCode": pin}))
}

fn otp() -> Value {
    call("get", "otp", json!({"action": "withPIN", "pinCode": "1234"}))
}

/// Checks the code of an error, and that its detail says this.
fn is_refused(message: &Value, code: u16, part: &str) {
    assert_eq!(message["error"]["code"], code, "{message}");
    assert!(message["error"]["detail"].as_str().unwrap_or_default().contains(part), "{message}");
}

#[test]
fn a_second_device_enrolls_by_the_first_one_without_an_sms() {
    let devices = Devices::new();
    assert_eq!(state(), json!({"state": "none", "fingerprint": null, "name": null}));
    let made = make();
    assert_eq!(made["lifetimeSeconds"], 300);
    assert!(made.get("picture").is_none());
    assert_eq!(state()["state"], "waiting");
    let code = made["code"].as_str().unwrap();
    let spoken = format!("{}-{}", &code[..5], &code[5..]).to_lowercase();

    let entered = devices.enter(&spoken);
    assert_eq!(entered["confirmed"], false);
    let fingerprint = entered["fingerprint"].as_str().unwrap().to_owned();
    assert_eq!(fingerprint.len(), 8);
    assert_eq!(state(), json!({"state": "entered", "fingerprint": fingerprint, "name": null}));
    let refused = otp();
    is_refused(&refused, 2311, "confirm it on the device that made its enrollment code");
    assert!(refused["error"]["info"].get("nextAction").is_none(), "{refused}");
    is_refused(&decide("confirm", &fingerprint, "1234"), 2311, "not confirmed yet");
    assert!(!devices.folder.path().join("tablet/sms-outbox.jsonl").exists(), "no SMS");

    devices.take("phone");
    let shown = state();
    assert_eq!((&shown["state"], &shown["fingerprint"]), (&json!("entered"), &json!(fingerprint)));
    assert!(shown["name"].is_string(), "{shown}");
    let grouped = format!("{} {}", &fingerprint[..4], &fingerprint[4..]);
    succeeded(&decide("confirm", &grouped, "1234"));
    assert_eq!(state()["state"], "confirmed");

    devices.take("tablet");
    let password = otp()["result"]["otp"].clone();
    let verified = execute("set", "pims.authority.otp", &json!({"action": "verify", "otp": password}).to_string());
    assert_eq!(verified["result"]["verified"], true, "{verified}");
    let logs = execute("get", "pims.sdk.logs", "");
    for path in logs["result"]["logPaths"].as_array().unwrap() {
        let log = std::fs::read_to_string(path.as_str().unwrap()).unwrap();
        assert!(!log.contains(code) && !log.to_lowercase().contains(&code.to_lowercase()), "the log has the code");
    }
}

#[test]
fn a_rejected_device_must_enroll_anew() {
    let devices = Devices::new();
    let code = code();
    let fingerprint = devices.enter(&code)["fingerprint"].as_str().unwrap().to_owned();
    devices.take("phone");
    let other = if fingerprint == "00000000" { "00000001" } else { "00000000" };
    is_refused(&decide("confirm", other, "1234"), 2311, "another one does");
    succeeded(&decide("reject", &fingerprint, "1234"));
    assert_eq!(state()["state"], "none");
    is_refused(&decide("confirm", &fingerprint, "1234"), 2311, "no device waits");
    devices.take("tablet");
    is_refused(&otp(), 2312, "enroll it again");
    is_refused(&enroll(&code), 2305, "");
    // It enrolls with another code.
    devices.take("phone");
    let code = self::code();
    let fingerprint = devices.enter(&code)["fingerprint"].as_str().unwrap().to_owned();
    devices.take("phone");
    succeeded(&decide("confirm", &fingerprint, "1234"));
    devices.take("tablet");
    succeeded(&otp());
}

#[test]
fn a_code_that_is_accepted_first_asks_for_the_pin_of_the_account() {
    let devices = Devices::new();
    let code = code();
    devices.take("tablet");
    let accepted = call("set", "smscode", json!({"action": "enrollment", "smsCode": code}));
    assert_eq!(accepted["result"]["status"], "AlreadyEnrolled", "{accepted}");
    let wrong = call("set", "enrollment", json!({"action": "enroll", "pinCode": "9999", "smsCode": " "}));
    assert_eq!((&wrong["error"]["code"], &wrong["error"]["info"]["attemptsLeft"]), (&json!(2308), &json!(4)));
    assert_eq!(enroll(" ")["result"]["confirmed"], false);
}

#[test]
fn each_error_has_its_cause() {
    let mut devices = Devices::new();
    let get = |params: Value| call("get", "enrollmentcode", params);
    is_refused(&get(json!({})), 2101, "");
    is_refused(&get(json!({"action": "show"})), 2102, "\"make\", \"state\"");
    is_refused(&get(json!({"action": "make"})), 2101, "");
    is_refused(&get(json!({"action": "make", "pinCode": "12"})), 2102, "4 to 8 decimal digits");
    is_refused(&get(json!({"action": "make", "pinCode": "1234", "picture": "gif"})), 2102, "");
    let wrong = get(json!({"action": "make", "pinCode": "4321"}));
    is_refused(&wrong, 2308, "the PIN is wrong");
    assert_eq!(wrong["error"]["info"]["attemptsLeft"], 4);
    let set = |params: Value| call("set", "enrollmentcode", params);
    is_refused(&set(json!({"action": "confirm", "pinCode": "1234"})), 2101, "");
    is_refused(&set(json!({"action": "confirm", "fingerprint": "12345678"})), 2101, "");
    is_refused(&set(json!({"action": "confirm", "fingerprint": "1234567", "pinCode": "1234"})), 2102, "8 digits");
    is_refused(&set(json!({"action": "confirm", "fingerprint": 12345678, "pinCode": "1234"})), 2102, "as a string");
    is_refused(&decide("reject", "12345678", "1234"), 2311, "no device waits");
    is_refused(&enroll("ZZZZZ-22222"), 2317, "enrolled already");

    devices.take("tablet");
    for action in ["make", "state"] {
        is_refused(&get(json!({"action": action, "pinCode": "1234"})), 2317, "not enrolled");
    }
    is_refused(&decide("confirm", "12345678", "1234"), 2317, "not enrolled");
    is_refused(&enroll("ZZZZZ-22222"), 2305, "");
    devices.take("phone");
    let code = code();
    devices.take_with("tablet", json!({"clockOffsetSeconds": 301}));
    is_refused(&enroll(&code), 2305, "");

    devices.policy = json!({});
    devices.take("phone");
    is_refused(&get(json!({"action": "make", "pinCode": "1234"})), 2002, "does not offer this operation");
    is_refused(&get(json!({"action": "state"})), 2002, "does not offer this operation");
    is_refused(&decide("confirm", "12345678", "1234"), 2002, "does not offer this operation");
    succeeded(&otp());
}

#[test]
fn a_device_that_nobody_confirms_in_time_is_unknown() {
    let devices = Devices::new();
    let code = code();
    let fingerprint = devices.enter(&code)["fingerprint"].as_str().unwrap().to_owned();
    devices.take_with("phone", json!({"clockOffsetSeconds": 301}));
    assert_eq!(state()["state"], "none");
    is_refused(&decide("confirm", &fingerprint, "1234"), 2311, "its time is over");
    devices.take_with("tablet", json!({"clockOffsetSeconds": 301}));
    is_refused(&otp(), 2312, "enroll it again");
}

/// The keys of the maker may be stale: another device changed the PIN.
#[test]
fn a_device_with_stale_keys_synchronizes_and_goes_on() {
    let devices = Devices::new();
    let fingerprint = devices.enter(&{
        devices.take("phone");
        code()
    })["fingerprint"]
        .as_str()
        .unwrap()
        .to_owned();
    devices.take("phone");
    succeeded(&decide("confirm", &fingerprint, "1234"));
    devices.take("tablet");
    succeeded(&otp());
    succeeded(&call("set", "pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "5678"})));
    devices.take("phone");
    let made = call("get", "enrollmentcode", json!({"action": "make", "pinCode": "5678"}));
    succeeded(&made);
}

#[cfg(feature = "qr")]
#[test]
fn a_picture_is_an_svg_or_a_png_in_base64() {
    use base64ct::{Base64, Encoding};
    let _devices = Devices::new();
    let picture = |form: &str| {
        let made = call("get", "enrollmentcode", json!({"action": "make", "pinCode": "1234", "picture": form}));
        made["result"]["picture"].as_str().unwrap_or_else(|| panic!("{made}")).to_owned()
    };
    let svg = picture("svg");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>"), "{svg}");
    let png = Base64::decode_vec(&picture("png")).unwrap();
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xae\x42\x60\x82"));
}
