//! The approval of a new device, and the notices of the account, through facades and the embedded
//! service: the whole way, and every error by its cause.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use pims::facade::{self, Handle, Method};
use serde_json::{Value, json};

const ACCOUNT: &str = "pims.authentication.account";

/// An account, whose devices are facades of this process over one database.
struct Account {
    folder: tempfile::TempDir,
    policy: Value,
}

/// A device of the account.
struct Device {
    handle: Handle,
    storage: PathBuf,
}

impl Account {
    fn new(policy: Value) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), policy }
    }

    fn open(&self, name: &str) -> Device {
        self.open_later(name, 0)
    }

    /// Opens a device. Its clock and that of its service are this many seconds ahead.
    fn open_later(&self, name: &str, seconds: u32) -> Device {
        let storage = self.folder.path().join(name);
        let database = self.folder.path().join("authority.db");
        let config = json!({
            "storage": {"path": storage},
            "embedded": {"database": database, "policy": self.policy, "clockOffsetSeconds": seconds},
            "monitoring": {"logLevel": "high"},
        });
        let opened: Value = serde_json::from_str(facade::execute("open", "", &config.to_string()).as_str()).unwrap();
        succeeded(&opened);
        Device { handle: Handle::from_number(opened["result"]["facade"].as_u64().unwrap()), storage }
    }

    /// Opens the first device and enrolls it. It registers the number of the account.
    fn first(&self, name: &str) -> Device {
        let device = self.open(name);
        let certify = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
        succeeded(&device.get("smscode", certify));
        let enroll = json!({
            "action": "enrollWithPhoneNumber",
            "pinCode": "1234",
            "smsCode": device.sms_code(),
            "phoneNumber": "+33612345678",
        });
        let enrolled = device.set("enrollment", enroll);
        succeeded(&enrolled);
        assert_eq!(enrolled["result"], Value::Null, "nobody could approve the first device");
        device
    }
}

impl Device {
    fn execute(&self, method: &str, api: &str, params: &Value) -> Value {
        serde_json::from_str(self.handle.execute(method, api, &params.to_string()).as_str()).unwrap()
    }

    fn get(&self, api: &str, params: Value) -> Value {
        self.execute("get", &format!("pims.authentication.{api}"), &params)
    }

    fn set(&self, api: &str, params: Value) -> Value {
        self.execute("set", &format!("pims.authentication.{api}"), &params)
    }

    /// Returns the code of the last SMS with one.
    fn sms_code(&self) -> String {
        let text = std::fs::read_to_string(self.storage.join("sms-outbox.jsonl")).unwrap();
        let code = |line| serde_json::from_str::<Value>(line).unwrap()["code"].as_str().map(str::to_owned);
        text.lines().rev().find_map(code).unwrap()
    }

    /// Asks for an SMS code and enrolls with it.
    fn enroll(&self) -> Value {
        succeeded(&self.get("smscode", json!({"type": "enrollment"})));
        self.set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": self.sms_code()}))
    }

    /// Enrolls, and waits for an approval. Returns the number that the device shows.
    fn enroll_pending(&self) -> String {
        let enrolled = self.enroll();
        succeeded(&enrolled);
        let result = &enrolled["result"];
        assert_eq!((&result["confirmed"], &result["lifetimeSeconds"]), (&json!(false), &json!(300)), "{enrolled}");
        assert_eq!(result.as_object().unwrap().len(), 3, "{enrolled}");
        let number = result["number"].as_str().unwrap();
        assert!(number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()), "{enrolled}");
        number.to_owned()
    }

    fn otp(&self) -> Value {
        self.get("otp", json!({"action": "withPIN", "pinCode": "1234"}))
    }

    /// Asserts that the device makes a password that the service accepts.
    fn works(&self) {
        let made = self.otp();
        succeeded(&made);
        let verify = json!({"action": "verify", "otp": made["result"]["otp"]});
        assert_eq!(self.execute("set", "pims.authority.otp", &verify)["result"]["verified"], true);
    }

    fn approval(&self) -> Value {
        let state = self.get("approval", json!({}));
        succeeded(&state);
        state["result"].clone()
    }

    /// Returns the device that waits, as this device sees it.
    fn asked(&self) -> String {
        let state = self.approval();
        assert_eq!((&state["state"], &state["number"]), (&json!("asked"), &Value::Null), "{state}");
        state["deviceId"].as_str().unwrap().to_owned()
    }

    fn approve(&self, device: &str, number: &str, pin: &str) -> Value {
        self.set("approval", json!({"action": "approve", "deviceId": device, "number": number, "pinCode": pin}))
    }

    fn reject(&self, device: &str) -> Value {
        self.set("approval", json!({"action": "reject", "deviceId": device}))
    }

    fn change_pin(&self, old: &str, new: &str) {
        succeeded(&self.set("pincode", json!({"action": "update", "oldPIN": old, "newPIN": new})));
    }

    fn notices(&self) -> Vec<Value> {
        let answer = self.get("notices", json!({}));
        succeeded(&answer);
        answer["result"]["notices"].as_array().unwrap().clone()
    }

    /// Subscribes to a topic. Returns the events that follow the acknowledgment.
    fn subscribe(&self, topics: Value) -> Receiver<Value> {
        let (sender, receiver) = channel();
        let callback = Box::new(move |message: &facade::Message| {
            let _ = sender.send(serde_json::from_str(message.as_str()).unwrap());
        });
        let params = json!({"actionType": "strong", "type": topics}).to_string();
        self.handle.call(Method::Subscribe, ACCOUNT, &params, callback).unwrap();
        succeeded(&one(&receiver));
        receiver
    }

    /// Waits for the earlier events: the message of a later call comes after them.
    fn let_events_pass(&self) {
        let (sender, receiver) = channel();
        let callback = Box::new(move |_: &facade::Message| sender.send(()).unwrap());
        self.handle.call(Method::Get, "pims.sdk.version", "", callback).unwrap();
        receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    }

    /// Lets the library ask at once what it asks again and again.
    fn ask_now(&self) {
        succeeded(&self.execute("set", "pims.sdk.configuration", &json!({})));
    }

    /// Returns how often the log says this.
    fn logged(&self, line: &str) -> usize {
        let path = self.execute("get", "pims.sdk.log", &json!({}))["result"]["logPath"].as_str().unwrap().to_owned();
        std::fs::read_to_string(path).unwrap().matches(line).count()
    }

    /// Waits until the log says this so often.
    fn wait_for_log(&self, line: &str, count: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.logged(line) < count {
            assert!(Instant::now() < deadline, "the log does not say {count} times: {line}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.let_events_pass();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.handle.close();
    }
}

fn one(receiver: &Receiver<Value>) -> Value {
    receiver.recv_timeout(Duration::from_secs(60)).unwrap()
}

/// Returns the result of the next event.
fn event(receiver: &Receiver<Value>) -> Value {
    let event = one(receiver);
    assert_eq!(event["status"], "RESULT", "{event}");
    event["result"].clone()
}

fn succeeded(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

/// Checks the code of an error, and that its detail says this.
fn is_refused(message: &Value, code: u16, part: &str) {
    assert_eq!(message["error"]["code"], code, "{message}");
    assert!(message["error"]["detail"].as_str().unwrap_or_default().contains(part), "{message}");
}

fn none() -> Value {
    json!({"state": "none", "deviceId": null, "name": null, "since": null, "number": null, "lifetimeSeconds": null})
}

fn other_than(number: &str) -> &'static str {
    if number == "00" { "01" } else { "00" }
}

fn with_approval() -> Account {
    Account::new(json!({"activationApproval": true, "codesPerHour": 100}))
}

#[test]
fn a_new_device_works_once_another_one_approved_it_by_the_number() {
    let account = with_approval();
    let phone = account.first("phone");
    assert_eq!(phone.approval(), none());
    let tablet = account.open("tablet");
    let number = tablet.enroll_pending();

    let waiting = tablet.approval();
    assert_eq!((&waiting["state"], &waiting["number"]), (&json!("waiting"), &json!(number)));
    assert!(waiting["lifetimeSeconds"].as_u64().is_some_and(|left| (1..=300).contains(&left)), "{waiting}");
    assert_eq!(waiting["deviceId"], Value::Null);
    let refused = tablet.otp();
    is_refused(&refused, 2311, "this device waits for its approval");
    assert!(refused["error"]["info"].get("nextAction").is_none(), "{refused}");
    is_refused(&tablet.enroll(), 2317, "enrolled already");

    let shown = phone.approval();
    assert!(shown["name"].is_string() && shown["since"].as_u64().is_some_and(|since| since > 1_700_000_000_000));
    let device = phone.asked();
    is_refused(&tablet.approve(&device, &number, "1234"), 2311, "waits for its approval");
    let wrong = phone.approve(&device, &number, "9999");
    is_refused(&wrong, 2308, "the PIN is wrong");
    assert_eq!(wrong["error"]["info"]["attemptsLeft"], 4);
    is_refused(&phone.approve("00000000", &number, "1234"), 2311, "another one does");
    let approved = phone.approve(&device, &number, "1234");
    assert_eq!((&approved["status"], &approved["result"]), (&json!("SUCCEEDED"), &Value::Null));

    tablet.works();
    phone.works();
    assert_eq!((phone.approval(), tablet.approval()), (none(), none()));
    is_refused(&phone.approve(&device, &number, "1234"), 2311, "no device waits for an approval");
    assert_eq!(tablet.logged(&format!("\"{number}\"")), 0, "the log has the number");
}

#[test]
fn a_wrong_number_ends_the_new_device_and_nothing_else() {
    let account = with_approval();
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let number = tablet.enroll_pending();
    let device = phone.asked();
    is_refused(&phone.approve(&device, other_than(&number), "1234"), 2311, "the service ended it");
    is_refused(&tablet.otp(), 2312, "enroll it again");
    is_refused(&phone.approve(&device, &number, "1234"), 2311, "no device waits for an approval");
    phone.works();
    // The tablet enrolls again, and is another device for an approval.
    let number = tablet.enroll_pending();
    succeeded(&phone.approve(&phone.asked(), &number, "1234"));
    tablet.works();
}

#[test]
fn a_rejected_device_ends_and_the_account_is_blocked_until_its_pin_is_new() {
    let account = with_approval();
    let (phone, thief) = (account.first("phone"), account.open("thief"));
    let number = thief.enroll_pending();
    let device = phone.asked();
    let events = phone.subscribe(json!("isAccountBlocked"));
    succeeded(&phone.reject(&device));
    assert_eq!(event(&events), json!({"isAccountBlocked": "PinBlocked"}));
    assert_eq!(thief.otp()["status"], "FAILED");
    is_refused(&phone.otp(), 2317, "blocked");
    is_refused(&phone.approve(&device, &number, "1234"), 2317, "blocked");
    assert_eq!(phone.approval(), none());
    is_refused(&phone.reject(&device), 2311, "no device waits for an approval");

    succeeded(&phone.get("smscode", json!({"type": "resetPIN"})));
    let reset = json!({"action": "reset", "pinCode": "4321", "smsCode": phone.sms_code()});
    succeeded(&phone.set("pincode", reset));
    succeeded(&phone.get("otp", json!({"action": "withPIN", "pinCode": "4321"})));
    assert_eq!(thief.get("otp", json!({"action": "withPIN", "pinCode": "4321"}))["status"], "FAILED");
}

#[test]
fn a_device_that_nobody_approves_in_time_ends() {
    let account = with_approval();
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let number = tablet.enroll_pending();
    let device = phone.asked();
    drop((phone, tablet));
    let (phone, tablet) = (account.open_later("phone", 301), account.open_later("tablet", 301));
    assert_eq!(phone.approval(), none());
    is_refused(&phone.approve(&device, &number, "1234"), 2311, "its time is over");
    is_refused(&tablet.otp(), 2312, "enroll it again");
    phone.works();
}

#[test]
fn a_device_with_stale_keys_synchronizes_and_approves() {
    let account = with_approval();
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let number = tablet.enroll_pending();
    succeeded(&phone.approve(&phone.asked(), &number, "1234"));
    phone.change_pin("1234", "5678");
    phone.change_pin("5678", "1234");
    let watch = account.open("watch");
    let number = watch.enroll_pending();
    succeeded(&tablet.approve(&tablet.asked(), &number, "1234"));
    watch.works();
}

#[test]
fn subscribers_hear_of_each_change_of_the_approval_once() {
    let account = with_approval();
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    const ASKED: &str = "the service was asked for approval";
    // The first answer is no event if no device waits.
    let events = phone.subscribe(json!(["approval", "isAccountBlocked"]));
    phone.wait_for_log(ASKED, 1);
    let number = tablet.enroll_pending();
    phone.ask_now();
    let shown = event(&events);
    assert_eq!(shown["approval"]["state"], "asked", "{shown}");
    let device = shown["approval"]["deviceId"].as_str().unwrap().to_owned();
    assert_eq!(shown.as_object().unwrap().len(), 1);

    // The new device hears of its own wait, with its number.
    let own = tablet.subscribe(json!(["approval"]));
    let waiting = event(&own);
    assert_eq!((&waiting["approval"]["state"], &waiting["approval"]["number"]), (&json!("waiting"), &json!(number)));

    // The same state is no event, although less time is left.
    let asked = phone.logged(ASKED);
    phone.ask_now();
    phone.wait_for_log(ASKED, asked + 1);
    assert!(events.try_recv().is_err(), "an event without a change");
    succeeded(&phone.approve(&device, &number, "1234"));
    phone.ask_now();
    assert_eq!(event(&events), json!({"approval": none()}));
    tablet.ask_now();
    assert_eq!(event(&own), json!({"approval": none()}));
}

#[test]
fn a_device_that_waits_again_is_told_its_new_number() {
    let account = with_approval();
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let events = tablet.subscribe(json!("approval"));
    let mut known = None;
    // Two numbers of a hundred may be the same one by chance.
    loop {
        let number = tablet.enroll_pending();
        if known.as_ref() != Some(&number) {
            let waiting = event(&events);
            assert_eq!(waiting["approval"]["number"], json!(number), "{waiting}");
        }
        if known.as_ref().is_some_and(|known| *known != number) {
            return;
        }
        is_refused(&phone.approve(&phone.asked(), other_than(&number), "1234"), 2311, "the service ended it");
        is_refused(&tablet.otp(), 2312, "");
        known = Some(number);
    }
}

#[test]
fn a_device_hears_of_what_others_did_and_not_of_its_own_acts() {
    let account = Account::new(json!({"deviceNotices": true}));
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    assert_eq!(phone.notices(), Vec::<Value>::new());
    succeeded(&tablet.enroll());
    tablet.change_pin("1234", "4321");
    let notices = phone.notices();
    let events: Vec<_> = notices.iter().map(|notice| notice["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["pinChange", "newDevice"], "the newest first");
    let new = &notices[1];
    assert_eq!(new["deviceId"].as_str().map(str::len), Some(8), "{new}");
    assert!(new["name"].is_string() && new["at"].as_i64().is_some_and(|at| at > 1_700_000_000_000), "{new}");
    assert_eq!(new.as_object().unwrap().len(), 4, "{new}");
    assert!(tablet.notices().iter().all(|notice| notice["event"] != "pinChange"), "its own act");

    // The list is the same each time. A subscriber gets each notice once, the oldest first.
    assert_eq!(phone.notices(), notices);
    let told = event(&phone.subscribe(json!("notices")));
    let mut oldest_first = notices;
    oldest_first.reverse();
    assert_eq!(told, json!({"notices": oldest_first}));
    drop(phone);

    const ASKED: &str = "the service was asked for notices: 0 are new";
    let phone = account.open("phone");
    let events = phone.subscribe(json!(["notices", "isDeviceActivated"]));
    phone.wait_for_log(ASKED, 1);
    assert!(events.try_recv().is_err(), "a notice was told again after a restart");
    tablet.change_pin("4321", "1234");
    phone.ask_now();
    let told = event(&events);
    assert_eq!(told["notices"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told["notices"][0]["event"], "pinChange");
    let asked = phone.logged(ASKED);
    phone.ask_now();
    phone.wait_for_log(ASKED, asked + 1);
    assert!(events.try_recv().is_err(), "a notice was told twice");
}

#[test]
fn a_notice_whose_callback_panicked_is_told_again() {
    let account = Account::new(json!({"deviceNotices": true}));
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    succeeded(&tablet.enroll());
    let (sender, told) = channel();
    let mut is_first = true;
    let callback = Box::new(move |message: &facade::Message| {
        let message: Value = serde_json::from_str(message.as_str()).unwrap();
        if message["status"] == "RESULT" {
            sender.send(message["result"].clone()).unwrap();
            assert!(!std::mem::take(&mut is_first), "on purpose, in a callback");
        }
    });
    let params = json!({"actionType": "strong", "type": "notices"}).to_string();
    phone.handle.call(Method::Subscribe, ACCOUNT, &params, callback).unwrap();
    let first = one(&told);
    phone.ask_now();
    assert_eq!(one(&told), first, "it may not have been shown");
    phone.ask_now();
    phone.wait_for_log("the service was asked for notices: 0 are new", 1);
    assert!(told.try_recv().is_err());
}

#[test]
fn a_rejected_device_and_the_block_are_notices_for_the_other_devices() {
    let account = Account::new(json!({"deviceNotices": true, "activationApproval": true, "codesPerHour": 100}));
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let number = tablet.enroll_pending();
    is_refused(&tablet.get("notices", json!({})), 2311, "waits for its approval");
    succeeded(&phone.approve(&phone.asked(), &number, "1234"));
    let thief = account.open("thief");
    thief.enroll_pending();
    succeeded(&phone.reject(&phone.asked()));
    let events: Vec<_> = tablet.notices().iter().map(|notice| notice["event"].as_str().unwrap().to_owned()).collect();
    for expected in ["deviceRejected", "block"] {
        assert!(events.iter().any(|event| event == expected), "{expected}: {events:?}");
    }
}

#[test]
fn a_subscription_waits_for_the_enrollment_of_its_device() {
    let account = Account::new(json!({"deviceNotices": true}));
    let (phone, tablet) = (account.first("phone"), account.open("tablet"));
    let events = tablet.subscribe(json!(["notices", "isDeviceActivated"]));
    tablet.wait_for_log("the service is not asked for notices: the device is not enrolled", 1);
    succeeded(&tablet.enroll());
    assert_eq!(event(&events), json!({"isDeviceActivated": true}));
    tablet.wait_for_log("the service was asked for notices", 1);
    phone.change_pin("1234", "4321");
    tablet.ask_now();
    // Its own activation may be told first.
    while event(&events)["notices"].as_array().unwrap().iter().all(|notice| notice["event"] != "pinChange") {}
}

#[test]
fn a_service_that_offers_neither_is_asked_once_a_subscription_or_configuration() {
    let account = Account::new(json!({}));
    let phone = account.first("phone");
    is_refused(&phone.get("notices", json!({})), 2002, "does not offer this operation");
    is_refused(&phone.get("approval", json!({})), 2002, "does not offer this operation");
    is_refused(&phone.approve("0a1b2c3d", "47", "1234"), 2002, "does not offer this operation");
    is_refused(&phone.reject("0a1b2c3d"), 2002, "does not offer this operation");
    let events = phone.subscribe(json!(["approval", "notices"]));
    for count in 1..=2 {
        for topic in ["approval", "notices"] {
            phone.wait_for_log(&format!("asked for {topic}, and does not offer that"), count);
        }
        phone.ask_now();
    }
    assert!(events.try_recv().is_err());
    phone.works();
}

#[test]
fn each_error_has_its_cause() {
    let account = with_approval();
    let phone = account.first("phone");
    let set = |params: Value| phone.set("approval", params);
    let labelled = |message: Value, label: &str| assert_eq!(message["error"]["label"], label, "{message}");
    labelled(set(json!({})), "Missing action parameter");
    is_refused(&set(json!({"action": "forget"})), 2102, "\"approve\", \"reject\"");
    labelled(set(json!({"action": "approve", "number": "47", "pinCode": "1234"})), "Missing deviceId parameter");
    labelled(set(json!({"action": "approve", "deviceId": "0a1b2c3d", "pinCode": "1234"})), "Missing number parameter");
    labelled(set(json!({"action": "approve", "deviceId": "0a1b2c3d", "number": "47"})), "Missing pinCode parameter");
    labelled(set(json!({"action": "reject"})), "Missing deviceId parameter");
    for number in [json!("7"), json!("147"), json!(7), json!("x7"), json!(true)] {
        let message = set(json!({"action": "approve", "deviceId": "0a1b2c3d", "number": number, "pinCode": "1234"}));
        labelled(message.clone(), "Invalid number parameter");
        is_refused(&message, 2102, "expected the two digits that the new device shows");
    }
    labelled(phone.approve("0a1b", "47", "1234"), "Invalid deviceId parameter");
    labelled(phone.approve("0a1b2c3d", "47", "12"), "Invalid pinCode parameter");
    is_refused(&phone.approve("0a1b2c3d", "47", "1234"), 2311, "no device waits for an approval");
    is_refused(&phone.reject("0a1b2c3d"), 2311, "no device waits for an approval");

    let tablet = account.open("tablet");
    for message in [
        tablet.get("notices", json!({})),
        tablet.get("approval", json!({})),
        tablet.approve("0a1b2c3d", "47", "1234"),
        tablet.reject("0a1b2c3d"),
    ] {
        is_refused(&message, 2317, "not enrolled");
    }
    phone.works();
}
