//! `pims_init` upgrades storage folders that commit fb07e63 wrote.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use pims::facade;
use serde_json::{Value, json};

/// A lock for the one facade of the process: only one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

struct Session {
    folder: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Session {
    /// Creates the facade over a copy of a folder.
    fn begin(name: &str) -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fb07e63").join(name);
        for file in fs::read_dir(from).unwrap() {
            copy(&file.unwrap().path(), folder.path());
        }
        let session = Self { folder, _turn: turn };
        let message = execute("init", "", &json!({"storage": {"path": session.folder.path()}}));
        assert_eq!(message["status"], "SUCCEEDED", "{message}");
        session
    }

    /// Returns the code of the last SMS.
    fn code(&self) -> String {
        let outbox = fs::read_to_string(self.folder.path().join("sms-outbox.jsonl")).unwrap();
        let last: Value = serde_json::from_str(outbox.lines().last().unwrap()).unwrap();
        last["code"].as_str().unwrap().to_owned()
    }

    fn files(&self) -> Vec<PathBuf> {
        fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path()).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        facade::free();
    }
}

/// Copies a file as the library wrote it: for its owner alone.
fn copy(file: &Path, folder: &Path) {
    let copy = folder.join(file.file_name().unwrap());
    fs::copy(file, &copy).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn execute(method: &str, api: &str, params: &Value) -> Value {
    let api = if api.is_empty() { String::new() } else { format!("pims.{api}") };
    serde_json::from_str(facade::execute(method, &api, &params.to_string()).as_str()).unwrap()
}

fn done(method: &str, api: &str, params: &Value) -> Value {
    let message = execute(method, api, params);
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
    message["result"].clone()
}

fn refused(method: &str, api: &str, params: &Value) -> Value {
    let message = execute(method, api, params);
    assert_eq!(message["status"], "FAILED", "{message}");
    message["error"].clone()
}

fn is_activated() -> Value {
    let asked = json!({"actionType": "strong", "type": "isDeviceActivated"});
    done("get", "authentication.account", &asked)["isDeviceActivated"].clone()
}

fn password(pin: &str) -> Value {
    json!({"action": "withPIN", "pinCode": pin})
}

#[test]
fn an_enrolled_device_goes_on() {
    let session = Session::begin("enrolled");
    assert_eq!(is_activated(), true);
    assert_eq!(refused("get", "authentication.otp", &password("1234"))["code"], 2308);
    let made = done("get", "authentication.otp", &password("4826"))["otp"].clone();
    let verify = json!({"action": "verify", "otp": made});
    assert_eq!(done("set", "authority.otp", &verify)["verified"], true);
    assert_eq!(done("set", "authority.otp", &verify)["verified"], false);
    let change = json!({"action": "update", "oldPIN": "4826", "newPIN": "7391"});
    done("set", "authentication.pincode", &change);
    done("get", "authentication.otp", &password("7391"));
    done("set", "authentication.enrollment", &json!({"action": "remove"}));
    assert_eq!(is_activated(), false);
    assert!(session.files().len() > 3);
}

#[test]
fn a_device_that_waits_for_its_pin_asks_for_another_code_and_enrolls() {
    let session = Session::begin("waiting");
    assert_eq!(is_activated(), false);
    let enroll = |code: &str| json!({"action": "enroll", "pinCode": "1234", "smsCode": code});
    assert_eq!(refused("set", "authentication.enrollment", &enroll(" "))["code"], 2311);
    let number = done("get", "authentication.trustedphonenumber", &json!({}));
    assert_eq!(number["phoneNumber"], "+33612345678");
    done("get", "authentication.smscode", &json!({"type": "enrollment"}));
    done("set", "authentication.enrollment", &enroll(&session.code()));
    assert_eq!(is_activated(), true);
    done("get", "authentication.otp", &password("1234"));
}
