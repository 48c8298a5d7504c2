//! Kills the process at each durable step of an operation, starts it again, and goes on.
//!
//! Each scenario is prepared once. A process of its own then runs the operation and names its
//! durable steps. After that, for each step, another process runs the operation on a fresh copy of
//! the prepared folder and aborts at the step. The library must then open the folder in a state of
//! the table, and must let the user go on to a one-time password that the authority accepts. The
//! account may have one device only, so an enrollment that leaves a second device behind at the
//! service fails.
//!
//! Needs the feature `test-hooks`, which contains the crash points.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::{Value, json};

const PHONE: &str = "+33612345678";

fn main() -> ExitCode {
    if let Some(child) = std::env::var_os("PIMS_CRASH_CHILD") {
        run_child(child.to_str().unwrap());
        return ExitCode::SUCCESS;
    }
    // `cargo test NAME` names another test.
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !argument.contains("crash")) {
        return ExitCode::SUCCESS;
    }
    let scenarios: [Scenario; 13] = [
        Scenario { name: "enroll", prepare: &["phone", "code"], act: "enroll", recover: "go on enrolling", least: 20 },
        Scenario {
            name: "enroll by another device",
            prepare: &["phone", "code", "enroll", "make a code"],
            act: "enroll by device",
            recover: "go on enrolling by device",
            least: 20,
        },
        Scenario {
            name: "enroll with an approval",
            prepare: &["phone", "code", "enroll", "a code for another device"],
            act: "enroll for an approval",
            recover: "go on enrolling for an approval",
            least: 20,
        },
        Scenario {
            name: "notices",
            prepare: &["phone", "code", "enroll", "enroll another device for a notice"],
            act: "hear the notice",
            recover: "know of the notice",
            least: 4,
        },
        Scenario {
            name: "enroll with phone number",
            prepare: &["certify"],
            act: "enroll with number",
            recover: "go on enrolling with number",
            least: 20,
        },
        Scenario {
            name: "pin reset",
            prepare: &["phone", "code", "enroll", "reset code"],
            act: "reset",
            recover: "go on updating",
            least: 20,
        },
        Scenario {
            name: "pin update",
            prepare: &["phone", "code", "enroll"],
            act: "update",
            recover: "go on updating",
            least: 20,
        },
        Scenario {
            name: "evolution of K1",
            prepare: &["phone", "code", "enroll"],
            act: "otp",
            recover: "make an otp",
            least: 5,
        },
        Scenario {
            name: "import",
            prepare: &["phone", "code", "enroll", "move away"],
            act: "import",
            recover: "go on importing",
            least: 5,
        },
        Scenario {
            name: "remove",
            prepare: &["phone", "code", "enroll"],
            act: "remove",
            recover: "enroll anew",
            least: 10,
        },
        Scenario {
            name: "rename of a device",
            prepare: &["phone", "code", "enroll"],
            act: "rename the device",
            recover: "rename it again",
            least: 2,
        },
        Scenario {
            name: "removal of this device",
            prepare: &["phone", "code", "enroll"],
            act: "remove the device",
            recover: "enroll in its place",
            least: 10,
        },
        Scenario {
            name: "removal of a device by the account",
            prepare: &["phone", "code", "enroll", "move away"],
            act: "remove the device",
            recover: "enroll in its place",
            least: 2,
        },
    ];
    for scenario in &scenarios {
        scenario.run();
    }
    println!("test result: ok. {} passed; 0 failed", scenarios.len());
    ExitCode::SUCCESS
}

struct Scenario {
    name: &'static str,
    prepare: &'static [&'static str],
    act: &'static str,
    recover: &'static str,
    /// The least number of durable steps. With fewer, the crash points are not compiled in.
    least: usize,
}

impl Scenario {
    fn run(&self) {
        let prepared = tempfile::tempdir().unwrap();
        for step in self.prepare {
            assert!(child(step, prepared.path(), &[]), "{}: {step}", self.name);
        }
        let steps = self.steps(prepared.path());
        assert!(steps.len() >= self.least, "{}: only {} durable steps: {steps:?}", self.name, steps.len());
        for (number, step) in steps.iter().enumerate() {
            let folder = copy_of(prepared.path());
            let at = (number + 1).to_string();
            let finished = child(self.act, folder.path(), &[("PIMS_CRASH_AT", &at)]);
            assert!(!finished, "{}: it did not crash at {step}", self.name);
            assert!(child(self.recover, folder.path(), &[]), "{}: after a crash at step {at}, {step}", self.name);
        }
        println!("test {} survives a crash at each of {} durable steps ... ok", self.name, steps.len());
    }

    /// Returns the names of the operation's durable steps.
    fn steps(&self, prepared: &Path) -> Vec<String> {
        let folder = copy_of(prepared);
        let log = folder.path().join("steps.log");
        assert!(child(self.act, folder.path(), &[("PIMS_CRASH_LOG", log.to_str().unwrap())]), "{}", self.name);
        std::fs::read_to_string(log).unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

/// Runs one step in a process of its own. Returns whether the step came to its end.
fn child(step: &str, folder: &Path, environment: &[(&str, &str)]) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .env("PIMS_CRASH_CHILD", step)
        .env("PIMS_CRASH_FOLDER", folder)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let panicked = String::from_utf8_lossy(&output.stderr).contains("panicked");
    assert!(!panicked, "{step}: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn copy_of(folder: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
        }
    }
    copy
}

fn run_child(step: &str) {
    let folder = std::env::var("PIMS_CRASH_FOLDER").unwrap();
    let (for_approval, for_notice) = (step.ends_with("for an approval"), step.ends_with("notice"));
    let max_devices = if step.ends_with("by device") || for_approval || for_notice { 2 } else { 1 };
    let policy = json!({
        "maxDevices": max_devices,
        "evolveK1Every": 1,
        "codesPerHour": 100,
        "activationByDevice": true,
        "activationApproval": for_approval,
        "deviceNotices": for_notice,
    });
    let config = json!({ "storage": { "path": folder }, "embedded": { "policy": policy } });
    expect(&execute("init", "", &config));
    let phone = Phone { outbox: Path::new(&folder).join("sms-outbox.jsonl") };
    match step {
        "phone" => phone.register(),
        "certify" => certify(),
        "reset code" => expect(&get("smscode", json!({"type": "resetPIN"}))),
        "reset" => expect(&set("pincode", json!({"action": "reset", "pinCode": "4321", "smsCode": phone.code()}))),
        "enroll with number" => phone.enroll_with_number(),
        "go on enrolling with number" => phone.go_on_enrolling_with_number(),
        "code" => expect(&get("smscode", json!({"type": "enrollment"}))),
        "enroll" => phone.enroll("1234"),
        "update" => expect(&update("1234", "4321")),
        "otp" => accepted(&otp("1234")),
        "make a code" => make_code(Path::new(&folder), &config),
        "enroll by device" => enroll_by_device(Path::new(&folder)),
        "go on enrolling by device" => go_on_enrolling_by_device(Path::new(&folder), &config),
        "a code for another device" => {
            put_aside(Path::new(&folder), &config);
            expect(&get("smscode", json!({"type": "enrollment"})));
        }
        "enroll for an approval" => phone.enroll("1234"),
        "go on enrolling for an approval" => phone.go_on_enrolling_for_approval(Path::new(&folder), &config),
        "enroll another device for a notice" => enroll_another_device(Path::new(&folder), &config),
        "hear the notice" => hear_notice(Path::new(&folder)),
        "know of the notice" => {
            if !was_told(Path::new(&folder)) {
                hear_notice(Path::new(&folder));
            }
            accepted(&otp("1234"));
        }
        "move away" => move_away(Path::new(&folder)),
        "import" => import(Path::new(&folder)),
        "go on importing" => {
            if !is_activated() {
                import(Path::new(&folder));
            }
            accepted(&otp("1234"));
        }
        "remove" => expect(&set("enrollment", json!({"action": "remove"}))),
        "go on enrolling" => phone.go_on_enrolling(),
        "go on updating" => go_on_updating(),
        "make an otp" => accepted(&otp("1234")),
        "enroll anew" => phone.enroll_anew(),
        "rename the device" => expect(&change_device("rename", "Phone")),
        "rename it again" => {
            expect(&change_device("rename", "Other phone"));
            assert_eq!(devices()[0]["name"], "Other phone");
            accepted(&otp("1234"));
        }
        "remove the device" => expect(&change_device("remove", "")),
        "enroll in its place" => phone.enroll_in_its_place(),
        other => panic!("there is no step {other}"),
    }
    expect(&execute("free", "", &json!({})));
}

/// The phone that receives the SMS.
struct Phone {
    outbox: std::path::PathBuf,
}

impl Phone {
    fn code(&self) -> String {
        let text = std::fs::read_to_string(&self.outbox).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    fn register(&self) {
        certify();
        let add = json!({"action": "addPhoneNumber", "smsCode": self.code(), "phoneNumber": PHONE});
        expect(&set("smscode", add));
    }

    fn enroll(&self, pin: &str) {
        expect(&set("smscode", json!({"action": "enrollment", "smsCode": self.code()})));
        expect(&set("enrollment", json!({"action": "enroll", "pinCode": pin, "smsCode": " "})));
    }

    fn enroll_with_number(&self) {
        let code = self.code();
        let enroll =
            json!({"action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": PHONE});
        expect(&set("enrollment", enroll));
    }

    /// Makes the same call again, which does the rest: the number is registered if and only if the
    /// device is enrolled.
    fn go_on_enrolling_with_number(&self) {
        if !is_activated() {
            self.enroll_with_number();
        }
        assert_eq!(get("trustedphonenumber", json!({}))["result"]["phoneNumber"], PHONE);
        accepted(&otp("1234"));
    }

    /// Goes on like a user whose app died during an enrollment: submits the code again, and asks
    /// for another code if that one is used up.
    fn go_on_enrolling(&self) {
        if !is_activated() {
            let again = set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "}));
            if code_of(&again) == Some(2311) {
                self.enroll("1234");
            } else {
                expect(&again);
            }
        }
        accepted(&otp("1234"));
    }

    /// Goes on with an enrollment that was cut off. The other device then approves this one by the
    /// number that this one shows.
    fn go_on_enrolling_for_approval(&self, folder: &Path, config: &Value) {
        if !is_activated() {
            let again = set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "}));
            if code_of(&again) == Some(2311) {
                self.enroll("1234");
            } else {
                expect(&again);
            }
        }
        let state = || {
            let state = get("approval", json!({}));
            expect(&state);
            state["result"].clone()
        };
        let own = state();
        assert_eq!(own["state"], "waiting", "{own}");
        assert_eq!(code_of(&otp("1234")), Some(2311));
        put_aside(folder, config);
        let shown = state();
        assert_eq!(shown["state"], "asked", "{shown}");
        let approve = json!({
            "action": "approve",
            "deviceId": shown["deviceId"],
            "number": own["number"],
            "pinCode": "1234",
        });
        expect(&set("approval", approve));
        put_aside(folder, config);
        accepted(&otp("1234"));
    }

    /// Enrolls after the removal of the only device, which was cut off. The account has one place.
    fn enroll_in_its_place(&self) {
        let password = otp("1234");
        if code_of(&password).is_none() {
            accepted(&password);
            expect(&change_device("remove", ""));
        }
        assert!(!is_activated());
        expect(&get("smscode", json!({"type": "enrollment"})));
        expect(&set("smscode", json!({"action": "enrollment", "smsCode": self.code()})));
        let enroll = || set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "}));
        let enrolled = enroll();
        if code_of(&enrolled) == Some(2310) {
            // The device is still there. The code stays good.
            assert_eq!(enrolled["error"]["info"]["nextAction"], "removeDevice", "{enrolled}");
            expect(&change_device("remove", ""));
            expect(&enroll());
        } else {
            expect(&enrolled);
        }
        assert_eq!(devices().len(), 1);
        accepted(&otp("1234"));
    }

    /// Enrolls after a removal that was cut off, in whichever state the device is.
    fn enroll_anew(&self) {
        let password = otp("1234");
        if code_of(&password).is_none() {
            // Nothing was removed yet: it is removed now.
            accepted(&password);
            expect(&set("enrollment", json!({"action": "remove"})));
        }
        assert!(!is_activated());
        expect(&get("smscode", json!({"type": "enrollment"})));
        self.enroll("5678");
        accepted(&otp("5678"));
    }
}

/// Returns the devices of the account.
fn devices() -> Vec<Value> {
    let answer = get("devices", json!({}));
    expect(&answer);
    answer["result"]["devices"].as_array().unwrap().clone()
}

/// Changes the only device of the account.
fn change_device(action: &str, name: &str) -> Value {
    let devices = devices();
    assert_eq!(devices.len(), 1);
    let id = &devices[0]["deviceId"];
    set("devices", json!({"action": action, "deviceId": id, "name": name, "pinCode": "1234"}))
}

fn certify() {
    expect(&get("smscode", json!({"type": "phoneNumberCertification", "phoneNumber": PHONE})));
}

/// Makes an enrollment code. Puts the record of this device aside: another device is to enter the
/// code.
fn make_code(folder: &Path, config: &Value) {
    let made = get("enrollmentcode", json!({"action": "make", "pinCode": "1234"}));
    expect(&made);
    std::fs::write(folder.join("code.txt"), made["result"]["code"].as_str().unwrap()).unwrap();
    put_aside(folder, config);
}

/// Makes the device whose record lies aside the one of this folder, and puts this one aside.
fn put_aside(folder: &Path, config: &Value) {
    expect(&execute("free", "", &json!({})));
    exchange_devices(folder);
    expect(&execute("init", "", config));
}

/// Exchanges the record of this device and the one that was put aside.
fn exchange_devices(folder: &Path) {
    for record in ["device.pims", "device.pims.previous"] {
        let (here, aside, between) =
            (folder.join(record), folder.join(format!("aside-{record}")), folder.join("between"));
        let _ = std::fs::remove_file(&between);
        let _ = std::fs::rename(&here, &between);
        let _ = std::fs::rename(&aside, &here);
        let _ = std::fs::rename(&between, &aside);
    }
}

fn enroll_by_device(folder: &Path) {
    let code = std::fs::read_to_string(folder.join("code.txt")).unwrap();
    expect(&set("smscode", json!({"action": "enrollment", "smsCode": code})));
    expect(&set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "})));
}

/// Goes on with an enrollment that was cut off. The other device then confirms this one.
fn go_on_enrolling_by_device(folder: &Path, config: &Value) {
    if !is_activated() {
        let again = set("enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": " "}));
        if code_of(&again) == Some(2311) {
            enroll_by_device(folder);
        } else {
            expect(&again);
        }
    }
    let state = || {
        let state = get("enrollmentcode", json!({"action": "state"}));
        expect(&state);
        state["result"].clone()
    };
    let own = state();
    assert_eq!(own["state"], "entered", "{own}");
    assert_eq!(code_of(&otp("1234")), Some(2311));
    put_aside(folder, config);
    let shown = state();
    assert_eq!((&shown["state"], &shown["fingerprint"]), (&json!("entered"), &own["fingerprint"]));
    let fingerprint = &shown["fingerprint"];
    expect(&set("enrollmentcode", json!({"action": "confirm", "fingerprint": fingerprint, "pinCode": "1234"})));
    put_aside(folder, config);
    accepted(&otp("1234"));
}

/// Enrolls a second device of the account, in a folder of its own, which the later steps do not
/// need. The first device gets a notice of it.
fn enroll_another_device(folder: &Path, config: &Value) {
    let storage = folder.join("another");
    let mut config = config.clone();
    config["storage"]["path"] = json!(storage);
    config["embedded"]["database"] = json!(folder.join("authority.db"));
    let opened = execute("open", "", &config);
    expect(&opened);
    let another = pims::facade::Handle::from_number(opened["result"]["facade"].as_u64().unwrap());
    let call = |method: &str, api: &str, params: Value| {
        let message = another.execute(method, &format!("pims.authentication.{api}"), &params.to_string());
        expect(&serde_json::from_str(message.as_str()).unwrap());
    };
    call("get", "smscode", json!({"type": "enrollment"}));
    let code = Phone { outbox: storage.join("sms-outbox.jsonl") }.code();
    call("set", "enrollment", json!({"action": "enroll", "pinCode": "1234", "smsCode": code}));
    assert!(another.close());
}

/// Subscribes to the notices, and keeps the one of the other device as an app does that shows it.
/// Comes to its end once the library has stored that it was told.
fn hear_notice(folder: &Path) {
    let (sender, told) = std::sync::mpsc::channel();
    let shown = folder.join("shown.txt");
    let callback = Box::new(move |message: &pims::facade::Message| {
        let message: Value = serde_json::from_str(message.as_str()).unwrap();
        if message["result"]["notices"][0]["event"] == "newDevice" {
            std::fs::write(&shown, "newDevice").unwrap();
            sender.send(()).unwrap();
        }
    });
    let params = json!({"actionType": "strong", "type": "notices"}).to_string();
    pims::facade::call(pims::facade::Method::Subscribe, "pims.authentication.account", &params, callback).unwrap();
    told.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
    // The next call runs when the library's thread is done with the notice.
    let (sender, next) = std::sync::mpsc::channel();
    let callback = Box::new(move |_: &pims::facade::Message| sender.send(()).unwrap());
    pims::facade::call(pims::facade::Method::Get, "pims.sdk.version", "", callback).unwrap();
    next.recv_timeout(std::time::Duration::from_secs(60)).unwrap();
}

/// Returns whether the user saw the notice before the crash.
fn was_told(folder: &Path) -> bool {
    folder.join("shown.txt").exists()
}

/// Exports the enrollment, and removes the device's record.
fn move_away(folder: &Path) {
    let answer = set("enrollment", json!({"action": "export", "pinCode": "1234", "plain": true}));
    expect(&answer);
    std::fs::write(folder.join("state.json"), answer["result"]["state"].as_str().unwrap()).unwrap();
    for record in ["device.pims", "device.pims.previous"] {
        let _ = std::fs::remove_file(folder.join(record));
    }
}

fn import(folder: &Path) {
    let state = std::fs::read_to_string(folder.join("state.json")).unwrap();
    expect(&set("enrollment", json!({"action": "import", "format": "pims", "state": state, "pinCode": "1234"})));
}

/// Goes on after a change of the PIN that was cut off. Either PIN may be valid, and one of them is.
/// Then the PIN can be changed again.
fn go_on_updating() {
    assert!(is_activated());
    let new = otp("4321");
    let current = if code_of(&new).is_none() {
        accepted(&new);
        "4321"
    } else {
        assert_eq!(code_of(&new), Some(2308), "{new}");
        accepted(&otp("1234"));
        "1234"
    };
    expect(&update(current, "1111"));
    accepted(&otp("1111"));
}

fn is_activated() -> bool {
    let answer = get("account", json!({"actionType": "strong", "type": "isDeviceActivated"}));
    answer["result"]["isDeviceActivated"].as_bool().unwrap()
}

fn update(old: &str, new: &str) -> Value {
    set("pincode", json!({"action": "update", "oldPIN": old, "newPIN": new}))
}

fn otp(pin: &str) -> Value {
    get("otp", json!({"action": "withPIN", "pinCode": pin}))
}

/// Asserts that the authority accepts the password once.
fn accepted(answer: &Value) {
    expect(answer);
    let otp = answer["result"]["otp"].as_str().unwrap();
    for verified in [true, false] {
        let verdict = execute("set", "pims.authority.otp", &json!({"action": "verify", "otp": otp}));
        assert_eq!(verdict["result"]["verified"], verified, "{verdict}");
    }
}

fn get(api: &str, params: Value) -> Value {
    execute("get", &format!("pims.authentication.{api}"), &params)
}

fn set(api: &str, params: Value) -> Value {
    execute("set", &format!("pims.authentication.{api}"), &params)
}

fn execute(method: &str, api: &str, params: &Value) -> Value {
    let message = pims::facade::execute(method, api, &params.to_string());
    serde_json::from_str(message.as_str()).unwrap()
}

fn expect(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

fn code_of(message: &Value) -> Option<u64> {
    message["error"]["code"].as_u64()
}
