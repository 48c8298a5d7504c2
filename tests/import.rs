//! The import of another client's enrollment and the export of one, with the embedded authority.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pims::facade;
use serde_json::{Value, json};

/// A lock for the one facade of the process: only one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

const PHONE: &str = "+33612345678";

/// One service for devices that each have a folder of their own.
struct World {
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl World {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().unwrap(), _turn: turn }
    }

    /// Continues as another device.
    fn on(&self, device: &str) {
        facade::free();
        let config = json!({
            "storage": {"path": self.folder.path().join(device)},
            "monitoring": {"logLevel": "high"},
            "account": {"username": "alice"},
            "embedded": {
                "database": self.folder.path().join("authority.db"),
                "policy": {"codesPerHour": 100, "evolveK1Every": 2},
            },
        });
        expect(&execute("init", "", &config));
    }

    fn code(&self, device: &str) -> String {
        let text = std::fs::read_to_string(self.folder.path().join(device).join("sms-outbox.jsonl")).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    /// Enrolls a device with the PIN 1234.
    fn enroll(&self, device: &str) {
        self.on(device);
        expect(&get("smscode", json!({"type": "phoneNumberCertification", "phoneNumber": PHONE})));
        let code = self.code(device);
        let call = json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": PHONE});
        expect(&set("enrollment", call));
    }

    fn log_and_record(&self, device: &str) -> Vec<u8> {
        fn read(folder: &Path, all: &mut Vec<u8>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    read(&path, all);
                } else {
                    all.extend(std::fs::read(path).unwrap());
                }
            }
        }
        let mut all = Vec::new();
        read(&self.folder.path().join(device), &mut all);
        all
    }
}

impl Drop for World {
    fn drop(&mut self) {
        facade::free();
    }
}

fn execute(method: &str, api: &str, params: &Value) -> Value {
    serde_json::from_str(facade::execute(method, api, &params.to_string()).as_str()).unwrap()
}

fn get(api: &str, params: Value) -> Value {
    execute("get", &format!("pims.authentication.{api}"), &params)
}

fn set(api: &str, params: Value) -> Value {
    execute("set", &format!("pims.authentication.{api}"), &params)
}

fn export(pin: &str) -> Value {
    set("enrollment", json!({"action": "export", "pinCode": pin, "plain": true}))
}

fn import(state: &str, pin: &str) -> Value {
    set("enrollment", json!({"action": "import", "format": "auto", "state": state, "pinCode": pin}))
}

fn expect(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

fn code_of(message: &Value) -> u64 {
    message["error"]["code"].as_u64().unwrap_or_default()
}

fn is_activated() -> bool {
    let answer = get("account", json!({"actionType": "strong", "type": "isDeviceActivated"}));
    answer["result"]["isDeviceActivated"].as_bool().unwrap()
}

/// Asserts that the authority accepts a password of this device.
fn a_password_is_accepted(pin: &str) {
    let answer = get("otp", json!({"action": "withPIN", "pinCode": pin}));
    expect(&answer);
    let verdict = execute("set", "pims.authority.otp", &json!({"action": "verify", "otp": answer["result"]["otp"]}));
    assert_eq!(verdict["result"]["verified"], true, "{verdict}");
}

/// Enrolls a device, exports its enrollment and returns it.
fn exported(world: &World) -> String {
    world.enroll("old");
    let answer = export("1234");
    expect(&answer);
    answer["result"]["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_enrollment_moves_to_another_device_without_an_sms_and_k1_goes_on_evolving() {
    let world = World::new();
    let state = exported(&world);
    world.on("new");
    let answer = import(&state, "1234");
    expect(&answer);
    assert!(answer["result"]["warning"].as_str().unwrap().contains("stop it"), "{answer}");
    assert!(is_activated());
    for _ in 0..6 {
        a_password_is_accepted("1234");
    }
    // It survives a restart, and its PIN can be changed.
    world.on("new");
    expect(&set("pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "8462"})));
    a_password_is_accepted("8462");
    assert!(!world.folder.path().join("new/sms-outbox.jsonl").exists(), "no SMS was sent");
}

#[test]
fn the_state_of_each_client_goes_on() {
    let world = World::new();
    let state: Value = serde_json::from_str(&exported(&world)).unwrap();
    let (device_id, alea) = state["serial"].as_str().unwrap().split_once("/_/").unwrap();
    let text = |name: &str| state[name].as_str().unwrap().to_owned();
    let data = json!({
        "iwid": text("id"), "iwK0": text("k0"), "iwK1": text("k1"), "iwsecval": text("serviceSecret"),
        "iwsecid": text("service"), "iwTsync": text("lastSync").parse::<u64>().unwrap(),
    });
    let homey = json!({
        "device_id": device_id, "iwalea": alea, "macid": text("macID"), "Kfact": text("factoryKey"), "data": data,
    });
    let kotlin = json!({
        "dev": device_id, "alea": alea, "iwid": text("id"), "k0": text("k0"), "k1": text("k1"),
        "sval": text("serviceSecret"), "sid": text("service"), "ts": text("lastSync"), "pin": "1234",
    });
    // The Android client has no factory key: the service's first one is trusted, and then pinned.
    let mut newest = kotlin;
    for (device, format) in [("android", "kotlin-json"), ("homey", "homey-json")] {
        world.on(device);
        let call = json!({"action": "import", "format": format, "state": newest.to_string(), "pinCode": "1234"});
        expect(&set("enrollment", call));
        a_password_is_accepted("1234");
        let answer = export("1234");
        let back: Value = serde_json::from_str(answer["result"]["state"].as_str().unwrap()).unwrap();
        for member in ["macID", "serial", "id", "service", "factoryKey", "k0", "serviceSecret"] {
            assert_eq!(back[member], state[member], "{member} after {format}");
        }
        newest = homey.clone();
        newest["data"]["iwK1"] = back["k1"].clone();
    }
}

#[test]
fn a_wrong_pin_costs_a_try_and_nothing_is_imported() {
    let world = World::new();
    let state = exported(&world);
    world.on("new");
    let refused = import(&state, "4321");
    assert_eq!(code_of(&refused), 2308, "{refused}");
    assert_eq!(refused["error"]["info"]["attemptsLeft"], 4, "{refused}");
    assert_eq!(refused["error"]["info"]["nextAction"], "retryPin", "{refused}");
    assert!(refused["error"]["detail"].as_str().unwrap().contains("nothing was imported"));
    assert!(!is_activated());
    expect(&import(&state, "1234"));
    a_password_is_accepted("1234");
}

#[test]
fn an_enrollment_that_exists_is_replaced_only_on_request() {
    let world = World::new();
    let state = exported(&world);
    let before = a_second_device(&world);
    let refused = import(&state, "1234");
    assert_eq!(code_of(&refused), 2317, "{refused}");
    assert!(refused["error"]["detail"].as_str().unwrap().contains("\"replace\":true"), "{refused}");
    a_password_is_accepted("1234");
    // A refusal is about the other device, and leaves this one as it is.
    let mut unknown: Value = serde_json::from_str(&state).unwrap();
    unknown["id"] = "a000000000000000".into();
    let replace = |state: &str, pin: &str| {
        let call = json!({"action": "import", "format": "pims", "state": state, "pinCode": pin, "replace": true});
        set("enrollment", call)
    };
    assert_eq!(code_of(&replace(&unknown.to_string(), "1234")), 2312);
    assert_eq!(code_of(&replace(&state, "4321")), 2308);
    a_password_is_accepted("1234");
    expect(&replace(&state, "1234"));
    let after: Value = serde_json::from_str(export("1234")["result"]["state"].as_str().unwrap()).unwrap();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(after["id"], state["id"]);
    assert_ne!(after["id"], before["id"]);
}

/// Enrolls a second device of the account, and returns its state.
fn a_second_device(world: &World) -> Value {
    world.on("second");
    expect(&get("smscode", json!({"type": "enrollment"})));
    let code = world.code("second");
    expect(&set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": code})));
    serde_json::from_str(export("1234")["result"]["state"].as_str().unwrap()).unwrap()
}

#[test]
fn what_is_no_state_of_this_service_is_told_and_nothing_is_sent() {
    let world = World::new();
    let state = exported(&world);
    world.on("new");
    let detail = |state: &str| {
        let refused = import(state, "1234");
        assert_eq!(code_of(&refused), 2102, "{refused}");
        assert_eq!(refused["error"]["label"], "Invalid state parameter");
        assert!(!refused.to_string().contains(&state_secret(&exported_json(state))), "{refused}");
        refused["error"]["detail"].as_str().unwrap().to_owned()
    };
    assert!(detail("").contains("it is empty"));
    assert!(detail("gARSLg==").contains("REDUCE"));
    assert!(detail(&state[..state.len() - 1]).contains("not one JSON object"));
    let mut other: Value = serde_json::from_str(&state).unwrap();
    other["macID"] = "1".repeat(32).into();
    assert!(detail(&other.to_string()).contains("credential.macID"));
    let format = json!({"action": "import", "format": "zip", "state": state, "pinCode": "1234"});
    let refused = set("enrollment", format);
    assert_eq!(refused["error"]["label"], "Invalid format parameter");
    assert!(refused["error"]["detail"].as_str().unwrap().contains("\"e3008-json\""));
    let replace = json!({"action": "import", "format": "pims", "state": state, "pinCode": "1234", "replace": "yes"});
    assert_eq!(set("enrollment", replace)["error"]["label"], "Invalid replace parameter");
    assert!(!is_activated());
}

fn exported_json(state: &str) -> Value {
    serde_json::from_str(state).unwrap_or_default()
}

/// Returns K1 of a state, or a text that no message has.
fn state_secret(state: &Value) -> String {
    state["k1"].as_str().unwrap_or("00000000000000000000000000000000").to_owned()
}

#[test]
fn the_factory_key_of_a_state_must_be_that_of_the_service() {
    let world = World::new();
    let mut state = exported_json(&exported(&world));
    world.on("new");
    let right = state["factoryKey"].as_str().unwrap().to_owned();
    let digit = if right.as_bytes()[100] == b'0' { "1" } else { "0" };
    state["factoryKey"] = format!("{}{digit}{}", &right[..100], &right[101..]).into();
    // The service refuses nothing here: no password and no try was spent.
    for pin in ["1234", "4321"] {
        let refused = import(&state.to_string(), pin);
        assert_eq!(code_of(&refused), 2102, "{refused}");
        assert!(refused["error"]["detail"].as_str().unwrap().contains("factory key"), "{refused}");
    }
    assert!(!is_activated());
    state["factoryKey"] = right.into();
    let imported = import(&state.to_string(), "1234");
    expect(&imported);
    assert!(!imported.to_string().contains("unproved"), "{imported}");
}

/// The service sees no password, so it cannot tell that the service secret is wrong. A change of
/// the PIN makes another one.
#[test]
fn a_wrong_service_secret_is_not_noticed_and_a_change_of_the_pin_heals_it() {
    let world = World::new();
    let mut state = exported_json(&exported(&world));
    world.on("new");
    state["serviceSecret"] = "0".repeat(32).into();
    expect(&import(&state.to_string(), "1234"));
    let answer = get("otp", json!({"action": "withPIN", "pinCode": "1234"}));
    expect(&answer);
    let verdict = execute("set", "pims.authority.otp", &json!({"action": "verify", "otp": answer["result"]["otp"]}));
    assert_eq!(verdict["result"]["verified"], false, "{verdict}");
    expect(&set("pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "8462"})));
    a_password_is_accepted("8462");
}

#[test]
fn an_export_needs_the_pin_and_an_explicit_flag() {
    let world = World::new();
    world.enroll("old");
    let call = |plain: Value| set("enrollment", json!({"action": "export", "pinCode": "1234", "plain": plain}));
    assert_eq!(code_of(&call(Value::Null)), 2101);
    assert_eq!(code_of(&call(json!(false))), 2102);
    assert_eq!(code_of(&call(json!(1))), 2102);
    let refused = export("4321");
    assert_eq!((code_of(&refused), &refused["error"]["info"]["attemptsLeft"]), (2308, &json!(4)), "{refused}");
    expect(&export("1234"));
    world.on("new");
    assert_eq!(code_of(&export("1234")), 2317, "a device that is not enrolled");
}

#[test]
fn neither_pin_nor_k1_of_an_import_is_in_the_record_or_the_log() {
    let world = World::new();
    let state = exported(&world);
    world.on("new");
    expect(&import(&state, "1234"));
    expect(&export("1234"));
    facade::free();
    let written = world.log_and_record("new");
    let state = exported_json(&state);
    let has = |needle: &str| written.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(has("was imported") && has("was exported"), "the log is on");
    for member in ["k0", "k1", "serviceSecret"] {
        let text = state[member].as_str().unwrap();
        assert!(!has(text) && !has(&text.to_uppercase()), "{member}");
    }
}
