//! The first minutes with the service: the commands that `serve --dev` prints work as printed, and
//! a second account needs one command.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::commands::{fails, says};
use crate::http;
use crate::world::{Setup, token};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pims-authority");

/// `serve --dev` on free ports. It ends when it is dropped.
pub(crate) struct Development {
    pub(crate) process: Child,
    /// The output.
    pub(crate) printed: String,
    pub(crate) folder: PathBuf,
}

impl Development {
    pub(crate) fn start(folder: &Path, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(PROGRAM);
        command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(folder);
        prepare(&mut command);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut printed = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        while lines.read_line(&mut printed).unwrap() > 0 && !printed.contains("It ends with Ctrl-C") {}
        assert!(printed.contains("It ends with Ctrl-C"), "it did not start: {printed}");
        Self { process, printed, folder: folder.to_owned() }
    }

    /// Returns the commands that it printed.
    pub(crate) fn commands(&self) -> Vec<&str> {
        let lines = self.printed.lines().skip_while(|line| !line.starts_with("Next, in another terminal"));
        lines.skip(1).map_while(|line| line.strip_prefix("  ")).collect()
    }

    /// Returns the URL of a line.
    pub(crate) fn url(&self, label: &str) -> &str {
        let line = self.printed.lines().find_map(|line| line.strip_prefix(&format!("  {label} "))).unwrap();
        line.split_whitespace().next().unwrap()
    }

    /// Returns the answer to a client without any trust in the certificate.
    pub(crate) fn ask(&self, method: &str, path: &str, token: &str, body: Option<&Value>) -> http::Reply {
        let tls = ureq::tls::TlsConfig::builder().disable_verification(true).build();
        let agent = http::config().tls_config(tls).http_status_as_error(false).build().into();
        let body = body.map(|body| body.to_string().into_bytes());
        http::send(&agent, method, &format!("{}{path}", self.url("service")), Some(token), body.as_deref()).unwrap()
    }
}

impl Drop for Development {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a line as a user pastes it, in another folder than the service's.
pub(crate) fn paste(line: &str) -> Output {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.current_dir(elsewhere.path()).args(["-c", &format!("set -e\n{line}")]).output().unwrap()
}

#[test]
fn the_commands_that_a_development_service_prints_work_as_printed() {
    let folder = tempfile::tempdir().unwrap();
    // A user's folder can have any name.
    let service = Development::start(&folder.path().join("it's $mine; \"new\""), |_| {});
    let commands = service.commands();
    assert_eq!(commands.len(), 3, "{}", service.printed);
    assert!(commands[0].contains(PROGRAM) || commands[0].contains("pims-authority"), "{}", commands[0]);
    let outputs: Vec<String> = commands
        .iter()
        .map(|command| {
            let output = paste(command);
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    assert!(outputs[0].starts_with("ACCOUNT  PHONE NUMBER"), "{}", outputs[0]);
    assert_eq!(outputs[1], "", "no SMS yet");
    assert!(outputs[2].starts_with("{\"audit\":["), "{}", outputs[2]);

    // The SMS of an account, and the account itself, are there after a restart.
    let demo = std::fs::read_to_string(service.folder.join("demo.token")).unwrap();
    let number = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
    let path = "/applications/cvs/v4/mobile/smsCode?client_id=test";
    assert_eq!(service.ask("POST", path, &demo, Some(&number)).status, 200);
    let sms: Value = serde_json::from_slice(&paste(commands[1]).stdout).unwrap();
    assert!(sms["code"].is_string());
    let listed = String::from_utf8(paste(commands[0]).stdout).unwrap();
    assert!(listed.lines().any(|line| line.starts_with("demo ")), "{listed}");
    assert!(String::from_utf8(paste(commands[2]).stdout).unwrap().contains("account.created"));
}

#[test]
fn a_development_service_has_operators_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let service = Development::start(folder.path(), |_| {});
    let mode = std::fs::metadata(folder.path().join("operator.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let agent = http::config().http_status_as_error(false).build().into();
    let ask = |path: &str, token: Option<&str>| {
        http::send(&agent, "GET", &format!("{}{path}", service.url("operators")), token, None).unwrap()
    };
    assert!(ask("/metrics", None).text.contains("pims_authority_build_info{version="));
    let token = std::fs::read_to_string(folder.path().join("operator.token")).unwrap();
    assert_eq!(ask("/admin/v1/accounts", None).status, 401);
    assert_eq!(ask("/admin/v1/accounts", Some(&token)).status, 200);
}

#[test]
fn a_port_that_another_program_has_does_not_stop_a_development_service() {
    let folder = tempfile::tempdir().unwrap();
    drop(Development::start(folder.path(), |_| {}));
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port_in_use = other.local_addr().unwrap().to_string();
    let config = folder.path().join("pims-authority.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let (before, admin) = text.split_once("[admin]\n").unwrap();
    std::fs::write(&config, format!("{before}[admin]\n{}", admin.replacen("127.0.0.1:0", &port_in_use, 1))).unwrap();
    let service = Development::start(folder.path(), |_| {});
    assert!(!service.url("operators").ends_with(&port_in_use), "{}", service.printed);
}

#[test]
fn a_development_service_needs_no_configuration_and_takes_none_from_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    for other in ["/nowhere/pims-authority.toml", ""] {
        drop(Development::start(folder.path(), |command| {
            command.env("PIMS_AUTHORITY_CONFIG", other);
        }));
    }
    // A file on the command line contradicts it, at any place.
    for arguments in [
        &["-c", "x.toml", "serve", "--dev"][..],
        &["serve", "--dev", "--config", "x.toml"],
        &["serve", "-cx.toml", "--dev"],
    ] {
        let output = Command::new(PROGRAM).env_clear().current_dir(folder.path()).args(arguments).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {printed}");
        assert!(printed.contains("'--dev' cannot be used with '--config <FILE>'"), "{printed}");
    }
}

/// Returns the token in the output of `account add --token`.
fn printed_account(printed: &str, account: &str) -> String {
    let line = printed.lines().last().unwrap();
    let given: Value = serde_json::from_str(line.trim()).unwrap_or_else(|error| panic!("{error}: {printed}"));
    assert_eq!(given["account"]["username"], account, "{printed}");
    given["account"]["accessToken"].as_str().unwrap().to_owned()
}

#[test]
fn an_account_with_a_token_can_sign_in_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Development::start(folder.path(), |_| {});
    let list = service.commands()[0];
    let add = |arguments: &str| paste(&list.replace("account list", &format!("account add {arguments}")));
    let output = add("'zoë o'\\''neil' --token");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let zoe = printed_account(&String::from_utf8(output.stdout).unwrap(), "zoë o'neil");
    let response_to =
        |token: &str| service.ask("GET", "/applications/cvs/v4/mobile/trustedPhoneNumber?client_id=test", token, None);
    // An unknown account is answered 401; this account is known, and has no number.
    assert_eq!(response_to("another-token-that-is-long-enough").status, 401);
    assert_ne!(response_to(&zoe).status, 401, "{}", response_to(&zoe).text);
    // The earlier accounts are still known, also after a restart of the service.
    let demo = std::fs::read_to_string(folder.path().join("demo.token")).unwrap();
    assert_ne!(response_to(&demo).status, 401);
    drop(service);
    let service = Development::start(folder.path(), |_| {});
    for token in [&zoe, &demo] {
        let path = "/applications/cvs/v4/mobile/trustedPhoneNumber?client_id=test";
        assert_ne!(service.ask("GET", path, token, None).status, 401);
    }
}

#[test]
fn the_configuration_keeps_its_text_and_its_mode_when_it_gets_a_token() {
    let setup = Setup::development();
    let path = setup.folder.path().join("config.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let world = setup.again().start();
    // An account that exists already gets its token; one that has a token keeps it.
    let added = setup.command(&["account", "add", "dora"]).output().unwrap();
    let hint = String::from_utf8(added.stderr).unwrap();
    assert!(added.status.success() && hint.contains("dora has no token") && hint.contains("--token"), "{hint}");
    let added = setup.command(&["account", "add", "alice"]).output().unwrap();
    assert!(added.status.success() && added.stderr.is_empty(), "alice has a token");
    let printed = says(&setup, &["account", "add", "dora", "--token"]);
    assert!(printed.contains("was an account already"), "{printed}");
    let dora = printed_account(&printed, "dora");
    let after = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = after.lines().filter(|line| !line.starts_with("dora = ")).collect();
    assert_eq!(lines, before.lines().collect::<Vec<_>>());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o640);
    for name in ["dora", "alice"] {
        let printed = fails(&setup, &["account", "add", name, "--token"], "");
        assert!(printed.contains(&format!("{name} has a token already")), "{printed}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    let path = "/applications/cvs/v4/mobile/trustedPhoneNumber?client_id=test";
    for (token, known) in [(dora.as_str(), true), (&token("alice"), true), ("no-token-of-anybody", false)] {
        assert_eq!(world.ask("GET", path, Some(token), None).status != 401, known);
    }
}

#[test]
fn a_configuration_that_got_worse_takes_no_token_away() {
    let setup = Setup::development();
    let world = setup.again().start();
    let path = setup.folder.path().join("config.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let response_to = |token: &str| {
        world.ask("GET", "/applications/cvs/v4/mobile/trustedPhoneNumber?client_id=test", Some(token), None)
    };
    let more = format!("{good}erin = \"the-token-of-erin\"\n");
    for bad in ["[tokens.static\n".to_owned(), format!("{good}erin = 7\n")] {
        std::fs::write(&path, bad).unwrap();
        assert_eq!(response_to("the-token-of-erin").status, 401);
        assert_ne!(response_to(&token("alice")).status, 401);
    }
    // A file that others can read does not count, as at the start.
    std::fs::write(&path, &more).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(response_to("the-token-of-erin").status, 401);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_ne!(response_to("the-token-of-erin").status, 401);
    // SIGHUP forgets the entries that were removed from it.
    std::fs::write(&path, &good).unwrap();
    world.signal("-HUP");
    crate::world::poll(|| (response_to("the-token-of-erin").status == 401).then_some(())).expect("SIGHUP is heard");
    assert_ne!(response_to(&token("alice")).status, 401);
}

#[test]
fn production_makes_no_token() {
    let setup = Setup::production();
    let path = setup.folder.path().join("config.toml");
    let before = std::fs::read_to_string(&path).unwrap();
    let printed = fails(&setup, &["account", "add", "dora", "--token"], "");
    assert!(printed.contains("--token is for development") && printed.contains("tokens.issuer"), "{printed}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    assert_eq!(says(&setup, &["account", "list", "--json"]), "{\"accounts\":[]}\n", "nothing was added");
    // If a variable has the tokens, those of the file would not count.
    let setup = Setup::development().set("tokens.static", format!("{{ alice = \"{}\" }}", token("alice")));
    let printed = fails(&setup, &["account", "add", "dora", "--token"], "");
    assert!(printed.contains("an environment variable has the tokens"), "{printed}");
}
