//! The errors that the development console of `serve --dev` makes: each of its buttons leads this
//! library to the code beside the button. The service is the program `pims-authority`.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use pims::facade;
use serde_json::{Value, json};

const NUMBER: &str = "+33612345678";

/// `serve --dev`, with a session in its console. It ends when it is dropped.
struct Console {
    process: Child,
    printed: String,
    /// The console's address and port.
    host: String,
    cookie: String,
}

/// A button of the page: its fault, its code, the request that it is for, and the modes that it can
/// be for.
#[derive(Debug)]
struct Button {
    fault: String,
    code: u64,
    described: String,
    modes: Vec<String>,
}

impl Console {
    fn start(program: &Path, folder: &Path) -> Self {
        let mut command = Command::new(program);
        command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(folder);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        let mut printed = String::new();
        while lines.read_line(&mut printed).unwrap() > 0 && !printed.contains("It ends with Ctrl-C") {}
        let address = printed.lines().next().unwrap_or_default().strip_prefix("Open in a browser: http://").unwrap();
        let (host, entry) = address.split_once('/').unwrap();
        let mut console = Self { process, printed: printed.clone(), host: host.to_owned(), cookie: String::new() };
        let entered = console.send("GET", &format!("/{entry}"), "");
        let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
        cookie.split(';').next().unwrap().clone_into(&mut console.cookie);
        console
    }

    /// Sends a request to the console. Returns the whole answer.
    fn send(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            self.host,
            self.cookie,
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn buttons(&self) -> Vec<Button> {
        let page = self.send("GET", "/errors", "");
        let rows = page.split("data-test=\"code\" data-code=\"").skip(1);
        rows.flat_map(|row| {
            let code = row.split('"').next().unwrap().parse().unwrap();
            row.split("data-fault=\"").skip(1).map(move |form| Button {
                fault: form.split('"').next().unwrap().to_owned(),
                code,
                described: form.split("<span id=").nth(1).unwrap().split("</span>").next().unwrap().to_owned(),
                modes: form
                    .split("<option value=\"")
                    .skip(2)
                    .map(|option| option.split('"').next().unwrap().to_owned())
                    .collect(),
            })
        })
        .collect()
    }

    fn arm(&self, button: &Button, mode: Option<&str>) {
        let page = self.send("GET", "/errors", "");
        let csrf = page.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let mode = mode.map_or_else(String::new, |mode| format!("&mode={mode}"));
        let answer = self.send("POST", "/fault", &format!("csrf={csrf}&fault={}{mode}", button.fault));
        assert!(answer.starts_with("HTTP/1.1 303 "), "{button:?}: {answer}");
    }

    fn is_armed(&self) -> bool {
        self.send("GET", "/errors", "").contains("data-test=\"armed\"")
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn execute(method: &str, api: &str, params: &Value) -> Value {
    serde_json::from_str(facade::execute(method, api, &params.to_string()).as_str()).unwrap()
}

fn succeeded(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

/// Returns the code of the last SMS.
fn last_code(folder: &Path) -> String {
    let sms = std::fs::read_to_string(folder.join("sms-outbox.jsonl")).unwrap();
    let last: Value = serde_json::from_str(sms.lines().last().unwrap()).unwrap();
    last["code"].as_str().unwrap().to_owned()
}

/// Runs the operation whose first request of this kind a fault is for.
fn run(button: &Button, mode: Option<&str>) -> Value {
    const SMS_CODE: &str = "pims.authentication.smscode";
    let number = |action: &str| json!({"action": action, "smsCode": "ABCDE23456", "phoneNumber": NUMBER});
    let described = button.described.replace(['\u{2068}', '\u{2069}'], "");
    let (_, described) = described.split_once('>').unwrap();
    match (mode, described) {
        (Some("activate"), _) => execute("set", SMS_CODE, &json!({"action": "enrollment", "smsCode": "ABCDE23456"})),
        (Some("password"), _) => {
            let pins = json!({"action": "update", "oldPIN": "1234", "newPIN": "4321"});
            execute("set", "pims.authentication.pincode", &pins)
        }
        (Some(_), _) => execute("get", "pims.authentication.otp", &json!({"action": "withPIN", "pinCode": "1234"})),
        (None, text) if text.starts_with("POST") && text.contains("/smsCode") => {
            execute("get", SMS_CODE, &json!({"type": "enrollment"}))
        }
        (None, text) if text.starts_with("POST") => execute("set", SMS_CODE, &number("addPhoneNumber")),
        (None, text) if text.starts_with("PUT") => execute("set", SMS_CODE, &number("modifyPhoneNumber")),
        (None, _) => execute("get", "pims.authentication.trustedphonenumber", &json!({})),
    }
}

/// Arms each fault, and runs an operation into it. Its code must be the one beside the button.
fn each_leads_to_its_code(console: &Console, faults: &[(&Button, Option<&str>)]) {
    for (button, mode) in faults {
        console.arm(button, *mode);
        let message = run(button, *mode);
        assert_eq!(message["error"]["code"], button.code, "{button:?}: {message}");
        assert!(!console.is_armed(), "{button:?} fires once");
    }
}

fn program() -> Option<PathBuf> {
    let found = std::env::var_os("PIMS_TEST_AUTHORITY").map(PathBuf::from);
    if found.is_none() {
        let why = "PIMS_TEST_AUTHORITY does not name the program pims-authority";
        assert!(std::env::var_os("PIMS_REQUIRE_AUTHORITY").is_none_or(|value| value != "1"), "{why}");
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: the faults of the development console. {why}\n");
    }
    found
}

#[test]
fn each_button_leads_to_the_code_beside_it() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let service = folder.path().join("service");
    let console = Console::start(&program, &service);
    let given = console.printed.lines().find(|line| line.starts_with("  {\"credential\"")).unwrap();
    let mut config: Value = serde_json::from_str(given).unwrap();
    let token = std::fs::read_to_string(service.join("demo.token")).unwrap();
    config["account"] = json!({"accessToken": token});
    config["storage"] = json!({"path": folder.path().join("device")});
    config["network"] = json!({"requestTimeoutMs": 5000});
    succeeded(&execute("init", "", &config));

    let buttons = console.buttons();
    assert!(buttons.len() > 25, "{buttons:?}");
    let is_for = |button: &Button, mode: &str| button.modes.iter().any(|known| known == mode);
    let activations: Vec<_> =
        buttons.iter().filter(|button| is_for(button, "activate") && !is_for(button, "otp")).collect();
    assert!(activations.len() >= 4, "{activations:?}");
    each_leads_to_its_code(&console, &activations.iter().map(|button| (*button, Some("activate"))).collect::<Vec<_>>());

    let certify = json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER});
    succeeded(&execute("get", "pims.authentication.smscode", &certify));
    let enroll = json!({
        "action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": last_code(&service), "phoneNumber": NUMBER,
    });
    succeeded(&execute("set", "pims.authentication.enrollment", &enroll));
    // The library forgets a device that the service does not know: this fault comes last.
    let (last, others): (Vec<_>, Vec<_>) = buttons
        .iter()
        .filter(|button| button.modes.is_empty() || !is_for(button, "activate") || is_for(button, "otp"))
        .map(|button| match button.modes.as_slice() {
            [] => (button, None),
            _ if is_for(button, "otp") => (button, Some("otp")),
            _ => (button, Some("password")),
        })
        .partition(|(button, _)| button.code == 2312);
    assert!(others.len() > 20 && last.len() == 1);
    each_leads_to_its_code(&console, &others);
    each_leads_to_its_code(&console, &last);
    facade::free();
}
