//! The facade from Rust: its life, panics, and any text that a caller passes.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pims::facade::{self, Method};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A lock for the one facade of the process: only one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Session {
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Session {
    fn begin() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let session = Self { folder: tempfile::tempdir().unwrap(), _turn: turn };
        let message = execute("init", "", &session.config());
        assert_eq!(message["status"], "SUCCEEDED", "{message}");
        session
    }

    fn config(&self) -> String {
        json!({"storage": {"path": self.folder.path()}, "monitoring": {"logLevel": "high"}}).to_string()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        facade::free();
    }
}

fn execute(method: &str, api: &str, params: &str) -> Value {
    serde_json::from_str(facade::execute(method, api, params).as_str()).unwrap()
}

/// Makes a call. Its messages come through the channel.
fn call(method: Method, api: &str, params: &str) -> Receiver<Value> {
    let (sender, receiver) = channel();
    let callback = Box::new(move |message: &facade::Message| {
        let _ = sender.send(serde_json::from_str(message.as_str()).unwrap());
    });
    facade::call(method, api, params, callback).unwrap();
    receiver
}

fn one(receiver: &Receiver<Value>) -> Value {
    receiver.recv_timeout(Duration::from_secs(60)).unwrap()
}

const ACTIVATED: &str = r#"{"actionType":"strong","type":"isDeviceActivated"}"#;
const ACCOUNT: &str = "pims.authentication.account";

#[test]
fn init_get_free_and_init_again() {
    let session = Session::begin();
    assert_eq!(one(&call(Method::Get, ACCOUNT, ACTIVATED))["result"], json!({"isDeviceActivated": false}));
    assert_eq!(execute("init", "", &session.config())["error"]["code"], 2007);
    facade::free();
    facade::free();
    assert_eq!(one(&call(Method::Get, ACCOUNT, ACTIVATED))["error"]["code"], 2001);
    assert_eq!(execute("get", ACCOUNT, ACTIVATED)["error"]["code"], 2001);
    assert_eq!(execute("init", "", &session.config())["status"], "SUCCEEDED");
}

#[test]
fn a_mistyped_key_is_told_and_the_log_says_what_is_in_use() {
    let session = Session::begin();
    facade::free();
    let folder = session.folder.path();
    let init = |more: Value| {
        let mut config = json!({"storage": {"path": folder}, "monitoring": {"logLevel": "high"}});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        execute("init", "", &config.to_string())
    };
    let refused = init(json!({"credentail": {}}));
    assert_eq!(refused["error"]["code"], 2004);
    assert!(refused["error"]["detail"].as_str().unwrap().contains("it is spelled credential"), "{refused}");
    let remote = json!({
        "credential": {"inWeboURL": "https://pims.example:8443/x", "macID": "0123456789abcdef0123456789abcdef"},
        "network": {"proxy": "http://user:sesame@proxy.example:3128"},
        "billing": {"path": 1},
    });
    assert_eq!(init(remote)["status"], "SUCCEEDED");
    let misplaced = execute("set", "pims.sdk.configuration", r#"{"logLevel":"none"}"#);
    assert_eq!(misplaced["error"]["code"], 2004);
    let no_json = execute("set", "pims.sdk.configuration", "{'monitoring'}");
    assert_eq!(no_json["error"]["code"], 2102, "{no_json}");
    assert!(no_json["error"]["detail"].as_str().unwrap().contains("line 1, column 2"), "{no_json}");
    assert!(misplaced["error"]["detail"].as_str().unwrap().contains("logLevel belongs in monitoring"), "{misplaced}");
    let path = execute("get", "pims.sdk.log", "")["result"]["logPath"].as_str().unwrap().to_owned();
    let log = std::fs::read_to_string(path).unwrap();
    let storage = format!("service: pims.example:8443; storage: {}", folder.display());
    for line in [
        storage.as_str(),
        "pinned certificates: 0; proxy: proxy.example:3128",
        "billing: this key of the configuration is not known",
        "set pims.sdk.configuration: 2004 (logLevel: there is no such key at the top level",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log.contains("sesame") && !log.contains("user:"), "{log}");
}

#[test]
fn a_free_inside_a_callback_releases_the_facade_when_it_returns() {
    let session = Session::begin();
    let (sender, receiver) = channel();
    let callback = Box::new(move |_: &facade::Message| {
        facade::free();
        // The facade is closed: a call is answered at once, and no other facade can be made yet.
        let inner = execute("init", "", "{}");
        sender.send(inner["error"]["code"].clone()).unwrap();
    });
    facade::call(Method::Get, "pims.sdk.version", "", callback).unwrap();
    assert_eq!(receiver.recv_timeout(Duration::from_secs(60)).unwrap(), 2007);
    // Waits for the release that the callback has started.
    facade::free();
    assert_eq!(execute("init", "", &session.config())["status"], "SUCCEEDED");
}

#[test]
fn a_callback_that_panics_is_called_once_and_the_next_call_works() {
    let _session = Session::begin();
    let (sender, receiver) = channel();
    let callback = Box::new(move |_: &facade::Message| {
        sender.send(()).unwrap();
        panic!("on purpose, in a callback");
    });
    facade::call(Method::Get, "pims.sdk.version", "", callback).unwrap();
    assert_eq!(one(&call(Method::Get, "pims.sdk.version", ""))["status"], "SUCCEEDED");
    assert_eq!(receiver.try_iter().count(), 1);
}

#[cfg(feature = "test-hooks")]
#[test]
fn a_panic_inside_the_library_is_2000_and_the_next_call_works() {
    let _session = Session::begin();
    for place in ["validate", "view", "component"] {
        let params = json!({"type": place}).to_string();
        let messages = call(Method::Get, "pims.test.panic", &params);
        assert_eq!(one(&messages)["error"]["code"], 2000, "{place}");
        assert!(messages.recv().is_err(), "{place}: a second message");
        assert_eq!(execute("get", "pims.test.panic", &params)["error"]["code"], 2000, "{place}");
        assert_eq!(one(&call(Method::Get, ACCOUNT, ACTIVATED))["status"], "SUCCEEDED", "{place}");
    }
}

#[test]
fn a_subscription_is_one_an_api_and_ends_when_it_is_ended() {
    let _session = Session::begin();
    let params = r#"{"actionType":"strong","type":["isDeviceActivated","isAccountBlocked"]}"#;
    let events = call(Method::Subscribe, ACCOUNT, params);
    assert_eq!(one(&events)["status"], "SUCCEEDED");
    assert_eq!(one(&call(Method::Subscribe, ACCOUNT, params))["error"]["code"], 2005);
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, ""))["status"], "SUCCEEDED");
    assert!(events.recv().is_err(), "its callback was dropped with it");
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, ""))["status"], "SUCCEEDED");
    let again = call(Method::Subscribe, ACCOUNT, r#"{"actionType":"strong","type":"isDeviceActivated"}"#);
    assert_eq!(one(&again)["status"], "SUCCEEDED");
    for (bad, code) in [
        ("{}", 2101),
        (r#"{"type":[],"actionType":"strong"}"#, 2102),
        (r#"{"type":"otp","actionType":"strong"}"#, 2102),
        (r#"{"type":"isDeviceActivated"}"#, 2101),
        ("x", 2102),
    ] {
        assert_eq!(one(&call(Method::Subscribe, ACCOUNT, bad))["error"]["code"], code, "{bad}");
    }
    assert_eq!(one(&call(Method::Subscribe, "pims.sdk.version", "{}"))["error"]["code"], 2002);
}

/// Returns the parameters that end the subscription whose messages have the id of this one.
fn ending(message: &Value) -> String {
    json!({"transactionId": message["transactionId"]}).to_string()
}

#[test]
fn a_transaction_id_ends_its_own_subscription_and_no_other() {
    let _session = Session::begin();
    let events = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    let first = one(&events);
    // Ids of other messages end nothing: of the refused subscription, and of an ordinary call.
    let refused = one(&call(Method::Subscribe, ACCOUNT, ACTIVATED));
    assert_eq!(refused["error"]["code"], 2005);
    for other in [refused, one(&call(Method::Get, ACCOUNT, ACTIVATED))] {
        assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, &ending(&other)))["result"], Value::Null);
        assert_eq!(one(&call(Method::Subscribe, ACCOUNT, ACTIVATED))["error"]["code"], 2005);
    }
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, &ending(&first)))["status"], "SUCCEEDED");
    assert!(events.recv().is_err(), "its callback was dropped with it");

    // The id of a subscription that has ended ends no later one.
    let next = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    let second = one(&next);
    assert_eq!(second["status"], "SUCCEEDED");
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, &ending(&first)))["status"], "SUCCEEDED");
    assert_eq!(one(&call(Method::Subscribe, ACCOUNT, ACTIVATED))["error"]["code"], 2005);

    for (bad, code) in [
        (r#"{"transactionId":""}"#, 2102),
        (r#"{"transactionId":1}"#, 2102),
        (r#"{"transactionId":"953CFEFB-BC72"}"#, 2102),
        (r#"{"transactionId":["953cfefb-bc72"]}"#, 2102),
        (r#"{"transactionId":"953cfefb-bc72","type":"otp","actionType":"strong"}"#, 2102),
        (r#"{"transactionId":"953cfefb-bc72","type":"isDeviceActivated"}"#, 2101),
    ] {
        assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, bad))["error"]["code"], code, "{bad}");
    }
    assert_eq!(one(&call(Method::Subscribe, ACCOUNT, ACTIVATED))["error"]["code"], 2005);

    // `null` is as if it were missing.
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, r#"{"transactionId":null}"#))["status"], "SUCCEEDED");
    assert!(next.recv().is_err(), "its callback was dropped with it");
}

/// Keeps the facade's thread in a callback until the sender is dropped.
fn hold_thread() -> Sender<()> {
    let (release, wait) = channel::<()>();
    let (entered, is_in) = channel();
    let callback = Box::new(move |_: &facade::Message| {
        entered.send(()).unwrap();
        let _ = wait.recv();
    });
    facade::call(Method::Get, ACCOUNT, ACTIVATED, callback).unwrap();
    is_in.recv().unwrap();
    release
}

/// Makes calls until the queue is full.
fn fill_queue() {
    for _ in 0..facade::MAX_WAITING {
        facade::call(Method::Get, ACCOUNT, ACTIVATED, Box::new(|_| {})).unwrap();
    }
}

fn is_queue_full(method: Method, params: &str) -> bool {
    let callback = Box::new(|_: &facade::Message| panic!("it was not accepted"));
    facade::call(method, ACCOUNT, params, callback).is_err()
}

#[test]
fn the_end_of_a_subscription_never_meets_a_full_queue() {
    let _session = Session::begin();
    let events = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    let acknowledgment = one(&events);
    let release = hold_thread();
    fill_queue();
    assert!(is_queue_full(Method::Unsubscribe, "{}"));
    assert!(is_queue_full(Method::Unsubscribe, r#"{"transactionId":"00000000-0000"}"#));
    assert!(is_queue_full(Method::Unsubscribe, r#"{"transactionId":1}"#));
    assert!(is_queue_full(Method::Get, &ending(&acknowledgment)));
    let ended = call(Method::Unsubscribe, ACCOUNT, &ending(&acknowledgment));
    // One place is reserved: the queue grows no further.
    assert!(is_queue_full(Method::Unsubscribe, &ending(&acknowledgment)));
    drop(release);
    assert_eq!(one(&ended)["result"], Value::Null);
    assert!(events.recv().is_err(), "its callback was dropped with it");

    // The next subscription has a place of its own, which goes with it.
    let events = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    let acknowledgment = one(&events);
    assert_eq!(one(&call(Method::Unsubscribe, ACCOUNT, ""))["status"], "SUCCEEDED");
    let release = hold_thread();
    fill_queue();
    assert!(is_queue_full(Method::Unsubscribe, &ending(&acknowledgment)));
    drop(release);
}

#[test]
fn a_callback_ends_its_subscription_by_the_id_of_its_acknowledgment() {
    let _session = Session::begin();
    let (sender, told) = channel();
    // Both wait before the first one is acknowledged.
    let release = hold_thread();
    let callback = Box::new(move |message: &facade::Message| {
        let message: Value = serde_json::from_str(message.as_str()).unwrap();
        let other = json!({"transactionId": "00000000-0000"}).to_string();
        let _ = sender.send(execute("unsubscribe", ACCOUNT, &other));
        let _ = sender.send(execute("unsubscribe", ACCOUNT, &ending(&message)));
    });
    facade::call(Method::Subscribe, ACCOUNT, ACTIVATED, callback).unwrap();
    let next = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    drop(release);
    assert_eq!(one(&told)["status"], "SUCCEEDED");
    assert_eq!(one(&told)["status"], "SUCCEEDED");
    assert!(told.recv().is_err(), "its callback was dropped with it");
    let acknowledgment = one(&next);
    assert_eq!(acknowledgment["status"], "SUCCEEDED");

    // The same inside the acknowledgment, with the id of another subscription: it goes on.
    let (sender, told) = channel();
    let callback = Box::new(move |_: &facade::Message| {
        let _ = sender.send(execute("unsubscribe", ACCOUNT, r#"{"transactionId":"00000000-0000"}"#));
    });
    facade::call(Method::Get, ACCOUNT, ACTIVATED, callback).unwrap();
    assert_eq!(one(&told)["status"], "SUCCEEDED");
    assert_eq!(one(&call(Method::Subscribe, ACCOUNT, ACTIVATED))["error"]["code"], 2005);
    assert_eq!(execute("unsubscribe", ACCOUNT, &ending(&acknowledgment))["error"]["code"], 2002);
}

/// Returns the code of the last SMS.
fn last_code(session: &Session) -> String {
    let text = std::fs::read_to_string(session.folder.path().join("sms-outbox.jsonl")).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["code"].as_str().unwrap().to_owned()
}

fn authentication(method: &str, api: &str, params: Value) -> Value {
    execute(method, &format!("pims.authentication.{api}"), &params.to_string())
}

#[test]
fn a_reset_sets_a_pin_with_a_code_and_lifts_the_block() {
    let session = Session::begin();
    let expect = |message: Value| assert_eq!(message["status"], "SUCCEEDED", "{message}");
    let reset = |pin: &str, code: &str| {
        authentication("set", "pincode", json!({"action": "reset", "pinCode": pin, "smsCode": code}))
    };
    let otp = |pin: &str| authentication("get", "otp", json!({"action": "withPIN", "pinCode": pin}));
    let number = "+33612345678";
    assert_eq!(reset("4321", "123456")["error"]["code"], 2317);
    expect(authentication("get", "smscode", json!({"type": "phoneNumberCertification", "phoneNumber": number})));
    let add = json!({"action": "addPhoneNumber", "smsCode": last_code(&session), "phoneNumber": number});
    expect(authentication("set", "smscode", add));
    expect(authentication("get", "smscode", json!({"type": "enrollment"})));
    let enroll = json!({"action": "enroll", "pinCode": "1234", "smsCode": last_code(&session)});
    expect(authentication("set", "enrollment", enroll));
    for left in [4, 3, 2, 1] {
        assert_eq!(otp("9999")["error"]["info"]["attemptsLeft"], left);
    }
    assert_eq!(otp("9999")["error"]["code"], 2310);
    assert_eq!(otp("1234")["error"]["code"], 2317);
    expect(authentication("get", "smscode", json!({"type": "resetPIN"})));
    let code = last_code(&session);
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refused = reset("4321", wrong);
    assert_eq!((&refused["error"]["code"], &refused["error"]["info"]["attemptsLeft"]), (&2305.into(), &4.into()));
    let blocked = json!({"actionType": "strong", "type": "isAccountBlocked"});
    assert_eq!(authentication("get", "account", blocked.clone())["result"]["isAccountBlocked"], "PinBlocked");
    assert_eq!(reset("1234", &code)["error"]["code"], 2315);
    expect(reset("4321", &code));
    assert_eq!(authentication("get", "account", blocked)["result"]["isAccountBlocked"], "NotBlocked");
    assert_eq!(otp("1234")["error"]["code"], 2308);
    let password = otp("4321")["result"]["otp"].clone();
    let verify = json!({"action": "verify", "otp": password}).to_string();
    assert_eq!(execute("set", "pims.authority.otp", &verify)["result"]["verified"], true);
    assert_eq!(reset("5678", &code)["error"]["code"], 2305, "a code is used once");
}

/// Two devices of one account, used in turns: one process has one facade.
struct TwoDevices(Session);

impl TwoDevices {
    fn new() -> Self {
        let devices = Self(Session::begin());
        devices.take("phone");
        devices.enroll();
        devices.take("tablet");
        devices.enroll();
        devices
    }

    fn database(&self) -> std::path::PathBuf {
        self.0.folder.path().join("authority.db")
    }

    fn take(&self, device: &str) {
        facade::free();
        let storage = self.0.folder.path().join(device);
        let config = json!({"storage": {"path": storage}, "embedded": {"database": self.database()}});
        succeeded(&execute("init", "", &config.to_string()));
    }

    fn code(&self, device: &str) -> String {
        let text = std::fs::read_to_string(self.0.folder.path().join(device).join("sms-outbox.jsonl")).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    /// Enrolls the selected device: the phone first, which also registers the number.
    fn enroll(&self) {
        let number = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
        let device = if self.0.folder.path().join("tablet").exists() { "tablet" } else { "phone" };
        if device == "phone" {
            succeeded(&authentication("get", "smscode", number));
            let add = json!({"action": "addPhoneNumber", "smsCode": self.code(device), "phoneNumber": "+33612345678"});
            succeeded(&authentication("set", "smscode", add));
        }
        succeeded(&authentication("get", "smscode", json!({"type": "enrollment"})));
        let enroll = json!({"action": "enroll", "pinCode": "1234", "smsCode": self.code(device)});
        succeeded(&authentication("set", "enrollment", enroll));
    }

    fn unblock_as_operator(&self) {
        facade::free();
        let database = self.database();
        let key = authority::MasterKey::load_or_create_in(database.with_extension("key"), authority::Sharing::Refused);
        let authority = authority::Authority::open(authority::Options {
            database: authority::Database::Sqlite(authority::SqliteFile {
                path: database,
                sharing: authority::Sharing::Refused,
            }),
            master_key: key.unwrap().into(),
            policy: authority::Policy::default(),
            sms: Box::new(authority::Outbox::new(self.0.folder.path().join("sms.jsonl"))),
            sms_retry: None,
            clock: Box::new(authority::SystemClock),
        });
        let account = authority::AccountName::new("local").unwrap();
        assert_eq!(authority.unwrap().unblock(&account).unwrap(), authority::Unblock::Lifted);
    }
}

fn succeeded(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

fn otp(pin: &str) -> Value {
    authentication("get", "otp", json!({"action": "withPIN", "pinCode": pin}))
}

const BLOCKED: &str = r#"{"actionType":"strong","type":"isAccountBlocked"}"#;

/// Line of the log for a question of the library's own.
const ASKED: &str = "the service was asked about it";

/// Begins a session with an enrolled device. One wrong PIN blocks it for this number of seconds.
fn begin_with_block(seconds: u32, is_frozen: bool) -> Session {
    let session = Session::begin();
    facade::free();
    let policy = json!({"maxPinTries": 1, "pinBlockSeconds": seconds});
    let mut config: Value = serde_json::from_str(&session.config()).unwrap();
    config["embedded"] = json!({"policy": policy, "clockFrozen": is_frozen});
    succeeded(&execute("init", "", &config.to_string()));
    let number = "+33612345678";
    let certify = json!({"type": "phoneNumberCertification", "phoneNumber": number});
    succeeded(&authentication("get", "smscode", certify));
    let code = last_code(&session);
    let enroll = json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": number});
    succeeded(&authentication("set", "enrollment", enroll));
    session
}

/// Takes the next event of a subscription to the block.
fn event_of_block(events: &Receiver<Value>) -> String {
    let event = one(events);
    assert_eq!(event["status"], "RESULT", "{event}");
    event["result"]["isAccountBlocked"].as_str().unwrap().to_owned()
}

/// Subscribes to the block, and enters a wrong PIN.
fn subscribe_and_block() -> Receiver<Value> {
    let events = call(Method::Subscribe, ACCOUNT, BLOCKED);
    succeeded(&one(&events));
    assert_eq!(execute("get", ACCOUNT, BLOCKED)["result"]["isAccountBlocked"], "NotBlocked");
    assert_eq!(event_of_block(&events), "NotBlocked");
    assert_eq!(otp("9999")["error"]["code"], 2310);
    assert_eq!(event_of_block(&events), "PinBlocked");
    events
}

/// Returns how often the library asked the service about the end of a block by itself.
fn questions() -> usize {
    let path = execute("get", "pims.sdk.log", "{}")["result"]["logPath"].as_str().unwrap().to_owned();
    std::fs::read_to_string(path).unwrap().matches(ASKED).count()
}

#[test]
fn subscribers_hear_of_the_end_of_a_block_from_the_service() {
    let _session = begin_with_block(1, false);
    let events = subscribe_and_block();
    assert_eq!(event_of_block(&events), "NotBlocked");
    assert!(questions() >= 1);
    succeeded(&otp("1234"));
}

#[test]
fn the_clock_of_the_device_ends_no_block() {
    let _session = begin_with_block(1, true);
    let events = subscribe_and_block();
    // The clock of the service stands still: each answer is that the block is not over.
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while questions() < 2 {
        assert!(std::time::Instant::now() < deadline, "the library asks no second time");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(events.try_recv().is_err(), "an event without an answer of the service");
    let blocked = otp("1234");
    assert_eq!((&blocked["error"]["code"], &blocked["error"]["info"]["retryAfterSeconds"]), (&2317.into(), &1.into()));
    succeeded(&execute("set", "pims.sdk.configuration", r#"{"embedded":{"clockOffsetSeconds":1}}"#));
    assert_eq!(event_of_block(&events), "NotBlocked");
}

#[test]
fn without_a_subscriber_to_the_block_nobody_asks_about_its_end() {
    let _session = begin_with_block(1, false);
    let activated = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    succeeded(&one(&activated));
    assert_eq!(otp("9999")["error"]["code"], 2310);
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(questions(), 0);
    // A subscriber that comes later hears of the end at once.
    succeeded(&one(&call(Method::Unsubscribe, ACCOUNT, "")));
    let events = call(Method::Subscribe, ACCOUNT, BLOCKED);
    succeeded(&one(&events));
    assert_eq!(event_of_block(&events), "NotBlocked");
    assert_eq!(questions(), 1);
}

#[test]
fn a_facade_is_released_while_a_block_runs() {
    let _session = begin_with_block(86_400, false);
    let events = subscribe_and_block();
    let asked = execute("get", ACCOUNT, BLOCKED);
    assert_eq!(asked["result"]["isAccountBlocked"], "PinBlocked");
    let left = asked["info"]["retryAfterSeconds"].as_u64().unwrap();
    assert!((86_000..=86_400).contains(&left) && asked["info"]["blockedUntil"].is_i64(), "{asked}");
    facade::free();
    assert!(events.recv().is_err(), "its callback was dropped with the facade");
}

#[test]
fn a_block_that_another_device_or_an_operator_lifted_is_over_at_the_next_operation() {
    let devices = TwoDevices::new();
    let update = |old: &str, new: &str| {
        authentication("set", "pincode", json!({"action": "update", "oldPIN": old, "newPIN": new}))
    };
    let goes_on = |operation: &dyn Fn() -> Value| {
        devices.take("tablet");
        let events = call(Method::Subscribe, ACCOUNT, r#"{"actionType":"strong","type":["isAccountBlocked"]}"#);
        succeeded(&one(&events));
        succeeded(&operation());
        let event = one(&events);
        assert_eq!(
            (&event["status"], &event["result"]),
            (&"RESULT".into(), &json!({"isAccountBlocked": "NotBlocked"}))
        );
    };
    let block = |pin: &str| {
        devices.take("tablet");
        for _ in 0..5 {
            otp("9999");
        }
        let refused = otp(pin);
        assert_eq!(refused["error"]["code"], 2317, "{refused}");
        let detail = refused["error"]["detail"].as_str().unwrap();
        assert!(detail.contains("blocked"), "{refused}");
    };

    // The operator lifts the block.
    block("1234");
    devices.unblock_as_operator();
    goes_on(&|| otp("1234"));
    block("1234");
    devices.unblock_as_operator();
    goes_on(&|| update("1234", "2468"));

    // The user sets a new PIN on the phone and enters it on the tablet: no code, and no wrong PIN.
    for (before, after) in [("2468", "7777"), ("7777", "8888")] {
        block(before);
        devices.take("phone");
        succeeded(&authentication("get", "smscode", json!({"type": "resetPIN"})));
        let reset = json!({"action": "reset", "pinCode": after, "smsCode": devices.code("phone")});
        succeeded(&authentication("set", "pincode", reset));
        if after == "7777" { goes_on(&|| otp(after)) } else { goes_on(&|| update(after, "1357")) }
    }
}

#[test]
fn a_device_that_removes_itself_tells_its_subscriber_and_the_other_one_goes_on() {
    let devices = TwoDevices::new();
    let events = call(Method::Subscribe, ACCOUNT, ACTIVATED);
    succeeded(&one(&events));
    let list = authentication("get", "devices", json!({}));
    let listed = list["result"]["devices"].as_array().unwrap();
    let id = |own: bool| listed.iter().find(|device| device["thisDevice"] == own).unwrap()["deviceId"].clone();
    assert_eq!(listed.len(), 2);
    let remove = json!({"action": "remove", "deviceId": id(true), "pinCode": "1234"});
    succeeded(&authentication("set", "devices", remove.clone()));
    assert_eq!(one(&events)["result"], json!({"isDeviceActivated": false}));
    // The same call again has nothing to remove. The account itself may remove the other device.
    assert_eq!(authentication("set", "devices", remove)["error"]["label"], "Invalid deviceId parameter");
    assert_eq!(otp("1234")["error"]["code"], 2317);

    devices.take("phone");
    let list = authentication("get", "devices", json!({}));
    assert_eq!(list["result"]["devices"].as_array().unwrap().len(), 1);
    assert_eq!(list["result"]["devices"][0]["deviceId"], id(false));
    succeeded(&otp("1234"));
    // The short id of a device is a prefix of its id: one character less is no short id.
    let short = id(false).as_str().unwrap()[..7].to_owned();
    let refused = authentication("set", "devices", json!({"action": "remove", "deviceId": short, "pinCode": "1234"}));
    assert_eq!(refused["error"]["label"], "Invalid deviceId parameter");
}

#[test]
fn another_spelling_is_the_same_number_and_another_number_costs_no_try() {
    let session = Session::begin();
    let certify = |number: &str| {
        let asked =
            authentication("get", "smscode", json!({"type": "phoneNumberCertification", "phoneNumber": number}));
        assert_eq!(asked["status"], "SUCCEEDED", "{number:?}: {asked}");
        last_code(&session)
    };
    let number = |action: &str, code: &str, number: &str| {
        authentication("set", "smscode", json!({"action": action, "smsCode": code, "phoneNumber": number}))
    };
    let enroll = |code: &str, number: &str| {
        let enroll =
            json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": number});
        authentication("set", "enrollment", enroll)
    };
    let is_told = |message: &Value| {
        let error = &message["error"];
        assert_eq!(error["code"], 2305, "{message}");
        assert!(error["detail"].as_str().unwrap().contains("sent to another phone number"), "{message}");
        assert!(error["info"].get("attemptsLeft").is_none() && error["info"].get("nextAction").is_none(), "{message}");
    };
    for message in [number("addPhoneNumber", "123456", "+33612345678"), enroll("123456", "+33612345678")] {
        let error = &message["error"];
        assert_eq!(
            (&error["code"], &error["info"]["nextAction"]),
            (&2305.into(), &"requestSmsCode".into()),
            "{message}"
        );
        assert!(error["detail"].as_str().unwrap().starts_with("no SMS code was asked for"), "{message}");
    }
    let code = certify("+33\u{a0}(0)6\u{202f}12\u{a0}34\u{a0}56\u{a0}78");
    for _ in 0..6 {
        is_told(&number("addPhoneNumber", &code, "+33698765432"));
        is_told(&enroll(&code, "+33698765432"));
    }
    let bad = enroll(&code, "six");
    assert_eq!((&bad["error"]["code"], &bad["error"]["info"]["parameter"]), (&2102.into(), &Value::Null), "{bad}");
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(number("addPhoneNumber", wrong, "+33612345678")["error"]["info"]["attemptsLeft"], 4);
    let enrolled = enroll(&code, "\u{202a}0033 6-12-34-56-78\u{202c}\n");
    assert_eq!(enrolled["status"], "SUCCEEDED", "{enrolled}");
    let trusted = authentication("get", "trustedphonenumber", json!({}));
    assert_eq!(trusted["result"]["phoneNumber"], "+33612345678");
    let code = certify("+33 6 98.76.54.32");
    let modified = number("modifyPhoneNumber", &code, "+33 (0)6 98 76 54 32");
    assert_eq!(modified["status"], "SUCCEEDED", "{modified}");
    assert_eq!(certify("tel:+33-6-98-76-54-32").len(), 6);
}

#[test]
fn the_next_message_tells_of_wrong_pins() {
    let session = Session::begin();
    let expect = |message: Value| assert_eq!(message["status"], "SUCCEEDED", "{message}");
    let otp = |pin: &str| authentication("get", "otp", json!({"action": "withPIN", "pinCode": pin}));
    let number = "+33612345678";
    expect(authentication("get", "smscode", json!({"type": "phoneNumberCertification", "phoneNumber": number})));
    let add = json!({"action": "addPhoneNumber", "smsCode": last_code(&session), "phoneNumber": number});
    expect(authentication("set", "smscode", add));
    expect(authentication("get", "smscode", json!({"type": "enrollment"})));
    let enroll = json!({"action": "enroll", "pinCode": "1234", "smsCode": last_code(&session)});
    expect(authentication("set", "enrollment", enroll));
    let silent = otp("1234");
    assert!(silent.get("info").is_none(), "{silent}");
    for _ in 0..3 {
        assert!(otp("9999")["error"]["info"].get("wrongPinsSince").is_none());
    }
    let told = otp("1234");
    let note = &told["info"]["wrongPinsSince"];
    assert_eq!((&told["status"], &note["count"]), (&"SUCCEEDED".into(), &3.into()));
    assert!(note["since"].as_i64().is_some_and(|since| since > 1_700_000_000_000), "{told}");
    assert!(told["result"]["otp"].is_string());
    let silent = otp("1234");
    assert!(silent.get("info").is_none(), "{silent}");
    // An error of the same operation reports it, too.
    otp("9999");
    let same = json!({"action": "update", "oldPIN": "1234", "newPIN": "4321"});
    assert_eq!(authentication("set", "pincode", same)["info"]["wrongPinsSince"]["count"], 1);
}

#[test]
fn what_is_said_to_nobody_known_is_2002() {
    let _session = Session::begin();
    assert_eq!(execute("delete", "pims.sdk.version", "{}")["error"]["code"], 2002);
}

#[test]
fn any_text_gets_one_message_and_changes_nothing() {
    let session = Session::begin();
    let before = std::fs::read(session.folder.path().join("device.pims")).ok();
    let apis: Vec<_> = pims::api::ROUTES.iter().flat_map(|routes| routes.iter()).collect();
    let mut runner = proptest::test_runner::TestRunner::default();
    let strategy = (0..apis.len(), prop::collection::vec(any::<u8>(), 0..64), any::<bool>());
    runner
        .run(&strategy, |(place, bytes, wrapped)| {
            let api = apis[place];
            if api.api == "pims.test.panic" {
                return Ok(());
            }
            let text = String::from_utf8_lossy(&bytes);
            let params = if wrapped {
                json!({"action": api.operation, "type": api.operation, "actionType": text, "pinCode": text, "smsCode": text}).to_string()
            } else {
                text.into_owned()
            };
            let message = execute("set", api.api, &params);
            prop_assert!(message["status"] == "FAILED" || message["status"] == "SUCCEEDED");
            prop_assert_eq!(message["transactionId"].as_str().map(str::len), Some(13));
            Ok(())
        })
        .unwrap();
    assert_eq!(execute("get", ACCOUNT, ACTIVATED)["result"], json!({"isDeviceActivated": false}));
    assert_eq!(std::fs::read(session.folder.path().join("device.pims")).ok(), before);
}

/// Writes a record as an earlier version of the library wrote it.
fn leave_record(folder: &std::path::Path, record: &Value) {
    use pims::store::{RecordFile, RecordStore};
    RecordFile::open(folder, None).unwrap().save(record.to_string().as_bytes()).unwrap();
}

/// Returns the record in a folder, opened in the way of the library.
fn stored_record(folder: &std::path::Path) -> Value {
    use pims::store::{RecordFile, RecordStore};
    serde_json::from_slice(&RecordFile::open(folder, None).unwrap().load().unwrap().unwrap()).unwrap()
}

#[test]
fn init_upgrades_a_record_of_the_form_before() {
    let session = Session::begin();
    let folder = session.folder.path();
    authentication("get", "smscode", json!({"type": "phoneNumberCertification", "phoneNumber": "0612345678"}));
    let code = last_code(&session);
    let enrollment =
        json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": "0612345678"});
    assert_eq!(execute("set", "pims.authentication.enrollment", &enrollment.to_string())["result"], Value::Null);
    facade::free();
    let mut record = stored_record(folder);
    assert_eq!(record["format"], 2);
    record["format"] = json!(1);
    leave_record(folder, &record);

    assert_eq!(execute("init", "", &session.config())["status"], "SUCCEEDED");
    let otp = execute("get", "pims.authentication.otp", r#"{"action":"withPIN","pinCode":"1234"}"#);
    assert_eq!(otp["status"], "SUCCEEDED", "{otp}");
    facade::free();
    assert_eq!(stored_record(folder)["format"], 2);
}

#[test]
fn a_record_that_is_too_old_allows_its_removal_and_no_work_of_the_device() {
    let session = Session::begin();
    let folder = session.folder.path();
    facade::free();
    let old = json!({"format": 0, "account": "local", "keys": {"K0": "00"}});
    leave_record(folder, &old);

    assert_eq!(execute("init", "", &session.config())["status"], "SUCCEEDED");
    for (method, api, params) in [
        ("set", "smscode", json!({"action": "enrollment", "smsCode": "123456"})),
        ("set", "enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": "123456"})),
        ("set", "enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "})),
        (
            "set",
            "enrollment",
            json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": "123456", "phoneNumber": "0612345678"}),
        ),
        ("set", "pincode", json!({"action": "update", "oldPIN": "1234", "newPIN": "4321"})),
        ("set", "pincode", json!({"action": "reset", "pinCode": "1234", "smsCode": "123456"})),
        ("get", "otp", json!({"action": "withPIN", "pinCode": "1234"})),
        ("get", "otp", json!({"action": "withoutPIN"})),
    ] {
        let message = execute(method, &format!("pims.authentication.{api}"), &params.to_string());
        assert_eq!(message["error"]["code"], 2317, "{api} {params}: {message}");
        assert_eq!(message["error"]["info"]["nextAction"], "removeEnrollments", "{message}");
    }
    // The list of devices is the account's.
    succeeded(&authentication("get", "devices", json!({})));
    // Nothing was written over the record.
    facade::free();
    assert_eq!(stored_record(folder), old);

    assert_eq!(execute("init", "", &session.config())["status"], "SUCCEEDED");
    let removed = execute("set", "pims.authentication.enrollment", r#"{"action":"remove"}"#);
    assert_eq!(removed["status"], "SUCCEEDED", "{removed}");
    assert_eq!(execute("get", ACCOUNT, ACTIVATED)["result"], json!({"isDeviceActivated": false}));
    facade::free();
    assert_eq!(stored_record(folder)["format"], 2);
}

#[test]
fn a_record_of_another_account_is_told_however_old_it_is() {
    let session = Session::begin();
    facade::free();
    leave_record(session.folder.path(), &json!({"format": 0, "account": "somebody", "keys": {}}));
    assert_eq!(execute("init", "", &session.config())["error"]["code"], 2006);
}
