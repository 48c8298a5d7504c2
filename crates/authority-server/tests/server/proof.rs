//! The proof that an activation must show, over HTTP.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use authority::{AccountName, Purpose};
use inwebo::values::hex;
use serde_json::json;

use crate::device::{Answer, Device, Keys, Scene, activation, pin, serial, setup};
use crate::http::Reply;
use crate::world::{CVS, Client, Setup, World};

fn begin(world: &World, shown: &[(&str, &str)]) -> Reply {
    world.ask("GET", &format!("/iwws/MAC?{}", setup("activate", "", shown)), None, None)
}

/// Returns the code of a new SMS, and the answer to the request for it.
fn code(world: &World, account: &AccountName) -> (String, serde_json::Value) {
    let reply = world.cvs("POST", "smsCode", account.as_str(), Some(&json!({"type": "enrollment"})));
    assert_eq!(reply.status, 200, "{}", reply.text);
    (world.last_code(), reply.json())
}

/// Activates a device whose requests show this proof, without a token, and makes a password with
/// it.
fn activate(exchange: &Client, code: &str, shown: &str) {
    let keys = Keys::read(&Answer::of(exchange, None, &format!("{}{shown}", setup("activate", "", &[("code", code)]))));
    let (serial, chosen) = (serial(), pin("1234"));
    let request = format!("{}{shown}", activation(&keys, code, &chosen, &serial, None));
    let answer = Answer::of(exchange, None, &request).ok();
    let (mut device, wanted) = Device::read(&answer, answer.get("id"), &serial, &chosen, &keys.factory);
    device.register(exchange, &wanted, "1234").ok();
    device.made(exchange, "1234");
}

#[test]
fn without_a_token_an_activation_is_refused_to_clients_of_http_and_of_the_exchange() {
    let world = World::new();
    let alice = world.account("alice");
    let (code, answer) = code(&world, &alice);
    assert_eq!(answer, json!({}));
    assert_eq!(code.len(), 6);
    for entered in [code.as_str(), "000000"] {
        let reply = begin(&world, &[("code", entered)]);
        assert_eq!((reply.status, reply.header("www-authenticate")), (401, "Bearer"));
        assert_eq!(reply.header("content-type"), "text/xml; charset=UTF-8");
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ActionSetup><err>NOK:TOKEN</err></ActionSetup>";
        assert_eq!(reply.text, xml);
    }
    Device::activate_with(&world, &alice, &code, "1234");
}

#[test]
fn a_ticket_of_cvs_is_enough_where_it_is_asked_for() {
    let world = Setup::new().set("activation.proof", "ticket").start();
    let alice = world.account("alice");
    let (code, answer) = code(&world, &alice);
    let ticket = answer["ticket"].as_str().unwrap();
    assert_eq!((ticket.len(), answer.as_object().unwrap().len()), (22, 1));
    assert!(begin(&world, &[("code", &code)]).text.contains("<err>NOK:CODE</err>"));
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let reply = begin(&world, &[("code", wrong), ("ticket", ticket)]);
    assert!(reply.text.contains("<err>NOK:CODE</err><attemptsLeft>4</attemptsLeft>"), "{}", reply.text);
    activate(&world.client, &code, &format!("&ticket={ticket}"));
    // The ticket is nowhere in clear.
    for file in std::fs::read_dir(world.path()).unwrap() {
        let content = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!content.windows(ticket.len()).any(|part| part == ticket.as_bytes()));
    }
    assert!(!world.log.text().contains(ticket) && !world.log.text().contains(&hex::encode(ticket.as_bytes())));
    // A client that shows the account's token needs none.
    Device::activate(&world, &alice, "1234");
}

#[test]
fn an_open_activation_shows_nothing_but_a_long_code() {
    let world = Setup::new().set("activation.proof", "open").start();
    let alice = world.account("alice");
    let (code, answer) = code(&world, &alice);
    assert_eq!((answer, code.len()), (json!({}), 10));
    activate(&world.client, &code.to_lowercase(), "");
    let reset = world.sent_code(&alice, Purpose::ResetPin);
    Device::activate(&world, &alice, "1234").reset_pin(&world.client, &reset, "4321").ok();
}

#[test]
fn check_and_start_refuse_short_codes_of_open_activations() {
    for (key, value, told) in
        [("activation.code_letters", 9, "activation.code_letters"), ("policy.code_digits", 6, "policy.code_digits")]
    {
        let setup =
            || Setup::new().set("limits.wrong_codes_per_minute", 60).set("activation.proof", "open").set(key, value);
        for command in ["check", "serve"] {
            let output = setup().command(&[command]).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(1), "{command}: {said}");
            assert!(said.contains(told), "{command}: {said}");
        }
    }
    let good = Setup::new().set("limits.wrong_codes_per_minute", 60).set("activation.proof", "open");
    let output = good.command(&["check"]).output().unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"the configuration is good\n"[..]));
    let output = good.set("limits.wrong_codes_per_minute", 100_000).command(&["check"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("warning: limits.wrong_codes_per_minute"));
}

/// A service for development in this folder. It ends when it is dropped.
struct Development {
    process: Child,
    url: String,
}

impl Development {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pims-authority"));
        command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(folder);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let told = lines.take_while(|line| !line.contains("It ends with Ctrl-C"));
        let url = told.filter_map(|line| Some(line.trim().strip_prefix("service")?.trim().to_owned())).last();
        Self { process, url: url.unwrap() }
    }
}

impl Drop for Development {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_service_for_development_is_open_also_in_a_folder_of_an_earlier_release() {
    let folder = tempfile::tempdir().unwrap();
    drop(Development::start(folder.path()));
    let config = folder.path().join("pims-authority.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let section = "[activation]\nproof = \"open\"\n";
    assert!(text.contains(section));
    // Without TLS the test needs no certificate.
    let plain: String =
        text.lines().filter(|line| !line.contains("_file = \"certificate")).map(|line| format!("{line}\n")).collect();
    let token = std::fs::read_to_string(folder.path().join("demo.token")).unwrap();
    let number = "+33612345678";
    for (round, text) in [plain.clone(), plain.replace(section, "")].into_iter().enumerate() {
        std::fs::write(&config, text).unwrap();
        let service = Development::start(folder.path());
        let client = Client { url: service.url.clone(), agent: crate::http::agent() };
        let code = |body: serde_json::Value| {
            let url = format!("{}{CVS}/smsCode", service.url);
            let reply = crate::http::send(&client.agent, "POST", &url, Some(&token), Some(body.to_string().as_bytes()));
            let reply = reply.unwrap();
            assert_eq!((reply.status, reply.text.as_str()), (200, "{}"));
            let outbox = std::fs::read_to_string(folder.path().join("sms-outbox.jsonl")).unwrap();
            let last: serde_json::Value = serde_json::from_str(outbox.lines().last().unwrap()).unwrap();
            last["code"].as_str().unwrap().to_owned()
        };
        if round == 0 {
            let certified = code(json!({"type": "phoneNumberCertification", "phoneNumber": number}));
            let body = json!({"smsCode": certified, "phoneNumber": number}).to_string();
            let url = format!("{}{CVS}/trustedPhoneNumber", service.url);
            let reply = crate::http::send(&client.agent, "POST", &url, Some(&token), Some(body.as_bytes())).unwrap();
            assert_eq!(reply.status, 200, "{}", reply.text);
        }
        activate(&client, &code(json!({"type": "enrollment"})), "");
    }
}
