//! Operations of a user with a device, also again after a failure.

use std::path::Path;

use serde_json::{Value, json};

use crate::service::Service;
use crate::{MAC_ID, TOKEN, Verifier, execute, expect};

const PHONE: &str = "+33612345678";
const OTHER_PHONE: &str = "+33698765432";

const ENROLLED: &[&str] = &["certify", "add", "code", "enroll"];

/// An operation that sends requests to the service.
pub(crate) struct Operation {
    pub(crate) step: &'static str,
    /// The steps before the operation.
    pub(crate) prepare: &'static [&'static str],
    /// The least number of requests of the operation.
    pub(crate) least: usize,
}

const fn operation(step: &'static str, prepare: &'static [&'static str], least: usize) -> Operation {
    Operation { step, prepare, least }
}

pub(crate) const OPERATIONS: [Operation; 18] = [
    operation("certify", &[], 1),
    operation("add", &["certify"], 1),
    operation("number", &["certify", "add"], 1),
    operation("code", &["certify", "add"], 1),
    operation("accept", &["certify", "add", "code"], 1),
    operation("enroll", &["certify", "add", "code"], 3),
    operation("enroll with number", &["certify"], 3),
    operation("modify", &["certify", "add", "code", "enroll", "certify other"], 1),
    operation("blocked", &["certify", "add", "code", "enroll", "blocked"], 1),
    operation("otp", ENROLLED, 4),
    operation("otp without PIN", ENROLLED, 2),
    operation("update", ENROLLED, 5),
    operation("reset code", ENROLLED, 1),
    operation("reset", &["certify", "add", "code", "enroll", "reset code"], 5),
    operation("remove", ENROLLED, 1),
    operation("devices", ENROLLED, 2),
    operation("rename device", ENROLLED, 4),
    operation("remove device", ENROLLED, 4),
];

/// A device and its service.
pub(crate) struct World<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) url: &'a str,
    pub(crate) ca_file: Option<&'a Path>,
    pub(crate) service: &'a dyn Verifier,
}

impl<'a> World<'a> {
    pub(crate) fn new(folder: &'a Path, service: &'a Service) -> Self {
        Self { folder, url: &service.url, ca_file: None, service }
    }
}

impl World<'_> {
    pub(crate) fn init(&self, timeout: u64) {
        self.init_with(&json!({"network": {"requestTimeoutMs": timeout}}), &json!({}));
    }

    /// Initializes the library with these additional members.
    pub(crate) fn init_with(&self, more: &Value, credential: &Value) {
        expect(&execute("init", "", &self.config(more, credential)));
    }

    pub(crate) fn config(&self, more: &Value, credential: &Value) -> Value {
        let mut config = json!({
            "storage": { "path": self.folder.join("device") },
            "credential": { "inWeboURL": self.url, "macID": MAC_ID, "caFile": self.ca_file },
            "account": { "accessToken": TOKEN },
        });
        for (into, members) in [("", more), ("/credential", credential)] {
            let into = config.pointer_mut(into).unwrap().as_object_mut().unwrap();
            into.extend(members.as_object().unwrap().clone());
        }
        config
    }

    fn code(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("outbox.jsonl")).unwrap();
        // The program also sends notices, which have no code, at any time.
        let messages = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut codes = messages.map(|message| message["code"].as_str().unwrap().to_owned());
        codes.rfind(|code| !code.is_empty()).unwrap()
    }

    pub(crate) fn act(&self, step: &str) -> Value {
        let certify = |number: &str| get("smscode", json!({"type": "phoneNumberCertification", "phoneNumber": number}));
        let number = |action: &str, number: &str| {
            set("smscode", json!({"action": action, "smsCode": self.code(), "phoneNumber": number}))
        };
        let enroll = |code: &str| set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": code}));
        match step {
            "certify" => certify(PHONE),
            "certify other" => certify(OTHER_PHONE),
            "add" => number("addPhoneNumber", PHONE),
            "modify" => number("modifyPhoneNumber", OTHER_PHONE),
            "number" => get("trustedphonenumber", json!({})),
            "code" => get("smscode", json!({"type": "enrollment"})),
            "reset code" => get("smscode", json!({"type": "resetPIN"})),
            "accept" => set("smscode", json!({"action": "enrollment", "smsCode": self.code()})),
            "enroll" => enroll(&self.code()),
            "enroll accepted" => enroll(""),
            "enroll with number" => set(
                "enrollment",
                json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": self.code(), "phoneNumber": PHONE}),
            ),
            "blocked" => get("account", json!({"actionType": "strong", "type": "isAccountBlocked"})),
            "otp" => otp("1234"),
            "otp without PIN" => get("otp", json!({"action": "withoutPIN"})),
            "update" => set("pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "4321"})),
            "reset" => set("pincode", json!({"action": "reset", "pinCode": "4321", "smsCode": self.code()})),
            "remove" => set("enrollment", json!({"action": "remove"})),
            "devices" => get("devices", json!({})),
            "rename device" => change_device(&json!({"action": "rename", "name": "Phone", "pinCode": "1234"})),
            "remove device" => change_device(&json!({"action": "remove", "pinCode": "1234"})),
            other => panic!("{other}"),
        }
    }

    /// Goes on after an operation that returned this message: the user gets to a password that the
    /// service accepts, and lost no try on the way. Returns whether the PIN is the new one.
    pub(crate) fn goes_on(&self, step: &str, message: &Value, about: &str) -> bool {
        let pin = self.recover(step, message, about);
        let password = otp(pin);
        assert!(self.accepted(&password), "{about}: {message}, then {password}");
        let wrong = otp("9999");
        assert_eq!(wrong["error"]["info"]["attemptsLeft"], 4, "{about}: a try was charged for nothing: {wrong}");
        pin == "4321"
    }

    /// Returns whether this is a password that is accepted just once.
    fn accepted(&self, message: &Value) -> bool {
        let Some(password) = message["result"]["otp"].as_str() else { return false };
        self.service.accepts(password) && !self.service.accepts(password)
    }

    /// Does the user's next steps. Returns the PIN that is valid in the end.
    fn recover(&self, step: &str, message: &Value, about: &str) -> &'static str {
        match step {
            "update" | "reset" => {
                let new = otp("4321");
                return if new["status"] == "SUCCEEDED" { "4321" } else { "1234" };
            }
            "accept" => {
                // To show a code again is no second use of it.
                expect(&self.act("accept"));
                expect(&self.act("enroll accepted"));
            }
            "enroll" | "enroll with number" if !is_activated() => {
                // The same call again does the rest, except with a code that was used up without a
                // device.
                let again = self.act(step);
                assert!(
                    again["status"] == "SUCCEEDED" || again["error"]["code"] == 2305,
                    "{about}: {message}, then {again}"
                );
            }
            "modify" if self.act("number")["result"]["phoneNumber"] != OTHER_PHONE => {
                expect(&self.act("certify other"));
                expect(&self.act("modify"));
            }
            "number" => expect(&self.act("number")),
            "otp without PIN" => {
                let again = self.act(step);
                assert!(self.accepted(&again), "{about}: {message}, then {again}");
            }
            "devices" => expect(&self.act("devices")),
            "rename device" => {
                expect(&self.act("rename device"));
                assert_eq!(self.act("devices")["result"]["devices"][0]["name"], "Phone", "{about}: {message}");
            }
            "remove" | "remove device" => {
                // A device that was removed without a notice learns it now.
                let password = otp("1234");
                assert!(password["status"] == "SUCCEEDED" || !is_activated(), "{about}: {message}, then {password}");
            }
            _ => {}
        }
        if step == "modify" {
            assert_eq!(self.act("number")["result"]["phoneNumber"], OTHER_PHONE, "{about}");
        }
        self.get_enrolled();
        "1234"
    }

    /// Enrolls the device, whatever its state is.
    fn get_enrolled(&self) {
        if is_activated() {
            return;
        }
        let number = self.act("number");
        match number["error"]["code"].as_u64() {
            Some(2307) => {
                expect(&self.act("certify"));
                expect(&self.act("add"));
            }
            _ => expect(&number),
        }
        expect(&self.act("code"));
        expect(&self.act("enroll"));
    }

    /// Recovers after another byte was changed. The change may have made a key wrong, which only
    /// shows later. In the end a password is accepted, perhaps that of a new enrollment.
    pub(crate) fn gets_over(&self, about: &str) {
        let password = |pin| is_activated() && self.accepted(&otp(pin));
        // The device needs a synchronization if a key does not fit.
        if ["1234", "4321", "1234"].into_iter().any(password) {
            return;
        }
        expect(&self.act("remove"));
        self.get_enrolled();
        let password = otp("1234");
        assert!(self.accepted(&password), "{about}: {password}");
    }
}

pub(crate) fn is_activated() -> bool {
    let answer = get("account", json!({"actionType": "strong", "type": "isDeviceActivated"}));
    answer["result"]["isDeviceActivated"].as_bool().unwrap()
}

pub(crate) fn otp(pin: &str) -> Value {
    get("otp", json!({"action": "withPIN", "pinCode": pin}))
}

/// Changes the first device of the list. Returns the message of the list if there is none.
fn change_device(params: &Value) -> Value {
    let list = get("devices", json!({}));
    let Some(id) = list["result"]["devices"][0]["deviceId"].as_str() else { return list };
    let mut params = params.clone();
    params["deviceId"] = id.into();
    set("devices", params)
}

fn get(api: &str, params: Value) -> Value {
    execute("get", &format!("pims.authentication.{api}"), &params)
}

fn set(api: &str, params: Value) -> Value {
    execute("set", &format!("pims.authentication.{api}"), &params)
}
