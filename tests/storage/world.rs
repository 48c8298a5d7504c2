//! A task of steps, the process that does them, and the calls in them.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use pims::facade;
use serde_json::{Value, json};

pub(crate) const NUMBER: &str = "+33612345678";
pub(crate) const PIN: &str = "4936";
pub(crate) const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Returns the configuration of a storage.
pub(crate) fn config(path: &Path) -> Value {
    json!({"storage": {"path": path, "key": KEY}, "monitoring": {"logLevel": "medium"}})
}

pub(crate) fn init(config: &Value) -> Value {
    json!({"call": ["init", "", config.to_string()]})
}

pub(crate) fn get(api: &str, params: Value) -> Value {
    json!({"call": ["get", api, params.to_string()]})
}

pub(crate) fn set(api: &str, params: Value) -> Value {
    json!({"call": ["set", api, params.to_string()]})
}

pub(crate) fn free() -> Value {
    json!({"call": ["free", "", ""]})
}

/// Asks for a code, which the next step with `CODE` among its parameters uses.
pub(crate) fn certify() -> Value {
    get("pims.authentication.smscode", json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER}))
}

pub(crate) fn enroll() -> Value {
    set(
        "pims.authentication.enrollment",
        json!({"action": "enrollWithPhoneNumber", "pinCode": PIN, "smsCode": "CODE", "phoneNumber": NUMBER}),
    )
}

pub(crate) fn otp() -> Value {
    otp_with(PIN)
}

pub(crate) fn otp_with(pin: &str) -> Value {
    get("pims.authentication.otp", json!({"action": "withPIN", "pinCode": pin}))
}

pub(crate) fn configure(config: &Value) -> Value {
    set("pims.sdk.configuration", config.clone())
}

/// Runs a program, such as `mount`; it must succeed.
pub(crate) fn program(words: &[&str]) -> Value {
    json!({ "program": words })
}

pub(crate) fn rename(from: &Path, to: &Path) -> Value {
    json!({"rename": [from, to]})
}

/// Does one step, and prints the message of a call.
pub(crate) fn run(step: &Value) {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
    };
    if let Some(call) = step.get("call") {
        let [method, api, params] = texts(call).try_into().unwrap();
        let message = facade::execute(&method, &api, &params.replace("CODE", &code(&params)));
        println!("\nsaid {}", message.as_str());
    } else if let Some(words) = step.get("program") {
        let words = texts(words);
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    } else if let Some(paths) = step.get("rename") {
        let paths = texts(paths);
        fs::rename(&paths[0], &paths[1]).unwrap();
    } else if let Some(path) = step.get("folder") {
        fs::create_dir(path.as_str().unwrap()).unwrap();
    } else if let Some(path) = step.get("chdir") {
        std::env::set_current_dir(path.as_str().unwrap()).unwrap();
    } else if let Some(path) = step.get("outbox") {
        *OUTBOX.lock().unwrap() = Some(path.as_str().unwrap().into());
    } else if let Some(path) = step.get("fill") {
        fill(Path::new(path.as_str().unwrap()));
    } else if step.get("wait").is_some() {
        // Waits until the other end closes it.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    } else if let Some(path) = step.get("remove") {
        fs::remove_file(path.as_str().unwrap()).unwrap();
    } else {
        panic!("there is no such step: {step}");
    }
}

static OUTBOX: std::sync::Mutex<Option<PathBuf>> = std::sync::Mutex::new(None);

/// Returns the code of the last SMS, if the parameters use one.
fn code(params: &str) -> String {
    if !params.contains("CODE") {
        return String::new();
    }
    let path = OUTBOX.lock().unwrap().clone().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["code"].as_str().unwrap().to_owned()
}

/// Fills the disk of a file.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    while file.write_all(&[0x5a; 4096]).is_ok() {}
    while file.write_all(&[0x5a]).is_ok() {}
}

/// Steps that run in a process of their own.
pub(crate) struct Task {
    steps: Vec<Value>,
    mounts: bool,
}

impl Task {
    pub(crate) fn new() -> Self {
        Self { steps: Vec::new(), mounts: false }
    }

    /// Returns a task whose process has mounts of its own. Returns `None`, and prints that, if
    /// mounts need another user.
    pub(crate) fn with_mounts(tested: &str) -> Option<Self> {
        let root = fs::metadata("/proc/self").unwrap().uid() == 0;
        let can = root && Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
        if !can {
            skip(tested, "only root can mount");
            return None;
        }
        Some(Self { steps: Vec::new(), mounts: true })
    }

    pub(crate) fn then(mut self, step: Value) -> Self {
        self.steps.push(step);
        self
    }

    pub(crate) fn all(mut self, steps: impl IntoIterator<Item = Value>) -> Self {
        self.steps.extend(steps);
        self
    }

    /// Runs the task. Returns the messages of the calls, in their order.
    pub(crate) fn run(self) -> Vec<Value> {
        let calls = self.steps.iter().filter(|step| step.get("call").is_some()).count();
        let program = std::env::current_exe().unwrap();
        let mut command = match self.mounts {
            false => Command::new(&program),
            true => {
                let mut command = Command::new("unshare");
                command.arg("-m").arg(&program);
                command
            }
        };
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]);
        command.env("PIMS_STORAGE_CHILD", json!(self.steps).to_string()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
        let said: Vec<Value> = out
            .lines()
            .filter_map(|line| line.strip_prefix("said "))
            .map(|json| serde_json::from_str(json).unwrap())
            .collect();
        assert_eq!(said.len(), calls, "{out}");
        said
    }
}

/// Prints that a test was skipped, or fails if that is not accepted.
pub(crate) fn skip(tested: &str, why: &str) {
    assert!(std::env::var_os("PIMS_REQUIRE_ROOT").is_none_or(|value| value != "1"), "{why}");
    say_skipped(tested, why);
}

pub(crate) fn say_skipped(tested: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {tested}: {why}\n");
}

#[track_caller]
pub(crate) fn assert_succeeded(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

/// Asserts that the message is a 2006, and returns its detail.
#[track_caller]
pub(crate) fn refusal(message: &Value) -> &str {
    assert_eq!(message["error"]["code"], 2006, "{message}");
    message["error"]["detail"].as_str().unwrap()
}

pub(crate) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns the text of all logs of a storage.
pub(crate) fn logs(folder: &Path) -> String {
    let names = names_in(&folder.join("logs"));
    names.iter().map(|name| fs::read_to_string(folder.join("logs").join(name)).unwrap()).collect()
}

/// A storage in a folder of its own, with a device that is enrolled.
pub(crate) struct Enrolled {
    parent: tempfile::TempDir,
}

impl Enrolled {
    pub(crate) fn new() -> Self {
        let enrolled = Self { parent: tempfile::tempdir().unwrap() };
        let outbox = enrolled.storage().join("sms-outbox.jsonl");
        let task = Task::new().then(json!({"outbox": outbox})).then(init(&config(&enrolled.storage())));
        task.all([certify(), enroll(), otp(), otp(), free()]).run().iter().for_each(assert_succeeded);
        enrolled
    }

    pub(crate) fn parent(&self) -> &Path {
        self.parent.path()
    }

    pub(crate) fn storage(&self) -> PathBuf {
        self.parent.path().join("storage")
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.storage().join(name)
    }
}
