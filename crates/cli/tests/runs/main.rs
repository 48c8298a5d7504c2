//! Whole runs of the program, against the embedded service and against answers of a loopback port.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod doctor;
mod program;
mod terminal;
mod transfer;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use program::Setup;
use serde_json::{Value, json};

const NUMBER: &str = "+33612345678";

#[test]
fn a_script_enrolls_makes_passwords_changes_and_resets_the_pin_and_removes_the_device() {
    let setup = Setup::embedded();
    assert_eq!(setup.run(&["status"], "").ok().lines().next(), Some("enrolled: no"));
    setup.enroll("1234");
    assert_eq!(setup.run(&["status"], "").ok().lines().next(), Some("enrolled: yes"));
    assert_eq!(setup.run(&["status", "--online"], "").ok().lines().nth(1), Some("account: NotBlocked"));

    let password = setup.run(&["otp"], "1234\n").ok();
    let password = password.trim_end();
    assert!((1..=8).contains(&password.len()) && password.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let verified = setup.call(&json!({"method": "set", "api": "pims.authority.otp",
        "params": {"action": "verify", "otp": password}}));
    assert_eq!(verified["result"]["verified"], true, "{verified}");

    setup.run(&["pin", "change"], "1234\n5678\n").ok();
    let refused = setup.run(&["otp"], "1234\n").failed(6);
    assert!(refused.contains("(2308)") && refused.contains("tries left: 4"), "{refused}");
    setup.run(&["otp"], "5678\n").ok();

    setup.run(&["pin", "reset", "--request-only"], "").ok();
    setup.run(&["pin", "reset", "--no-request"], &format!("{}\n9753\n", setup.sms_code())).ok();
    setup.run(&["otp", "--json"], "9753\n").ok();

    setup.run(&["remove"], "").failed(2);
    setup.run(&["remove", "--yes"], "").ok();
    assert_eq!(setup.run(&["status"], "").ok().lines().next(), Some("enrolled: no"));
}

#[test]
fn json_is_one_line_of_the_form_of_the_library_for_success_and_failure() {
    let setup = Setup::embedded();
    let line = |arguments: &[&str], input: &str| {
        let run = setup.run(arguments, input);
        assert_eq!(run.stdout.lines().count(), 1, "{arguments:?}: {}", run.stdout);
        (run.status, serde_json::from_str::<Value>(&run.stdout).unwrap())
    };
    let (status, message) = line(&["status", "--json"], "");
    assert_eq!((status, &message["result"]["isDeviceActivated"]), (0, &Value::Bool(false)));
    assert_eq!(message["result"]["service"], "embedded");
    let (status, message) = line(&["devices", "--json"], "");
    assert_eq!((status, message["result"].as_array().unwrap().len()), (0, 1));
    let (status, message) = line(&["otp", "--json"], "1234\n");
    assert_eq!((status, &message["error"]["code"]), (8, &json!(2317)), "{message}");
    let (status, message) = line(&["otp", "--json"], "");
    assert_eq!((status, &message["error"]["code"]), (2, &json!(2102)), "{message}");
    let (status, message) = line(&["doctor", "--json"], "");
    assert_eq!(status, 0, "{message}");
}

#[test]
fn one_request_gets_one_message_whatever_it_is() {
    let setup = Setup::embedded();
    let run = setup.run(&["call"], r#"{"method":"get","api":"pims.sdk.version"}"#);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""));
    let message: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(message["result"]["versionCore"], env!("CARGO_PKG_VERSION"));

    for (request, status, code) in [
        ("", 2, 2102),
        ("{}", 2, 2102),
        ("[1]", 2, 2102),
        (r#"{"method":"get","api":"pims.sdk.version","more":1}"#, 2, 2102),
        (r#"{"method":"free","api":""}"#, 2, 2102),
        (r#"{"method":"get","api":"pims.sdk.versoin"}"#, 2, 2002),
        (r#"{"method":"get","api":"pims.authentication.otp","params":{"action":"withPIN"}}"#, 2, 2101),
        (r#"{"method":"get","api":"pims.authentication.otp","params":{"action":"withPIN","pinCode":"1234"}}"#, 8, 2317),
        (&format!(r#"{{"method":"get","api":"{}"}}"#, "x".repeat(300_000)), 2, 2102),
    ] {
        let run = setup.run(&["call"], request);
        assert_eq!((run.status, run.stdout.lines().count()), (status, 1), "{request}: {}", run.stdout);
        let message: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!((&message["status"], &message["error"]["code"]), (&json!("FAILED"), &json!(code)), "{request}");
    }
    let nowhere = Setup::empty();
    let run = nowhere.run(&["call"], r#"{"method":"get","api":"pims.sdk.version"}"#);
    let message: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &message["error"]["code"]), (3, &json!(2004)), "{message}");
}

#[test]
fn a_configuration_is_its_owners_alone_and_is_not_replaced_without_a_word() {
    let setup = Setup::embedded();
    let file = setup.path("config.json");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read_to_string(&file).unwrap();
    let refused = setup.run(&["init", "--embedded", "--username", "other"], "").failed(3);
    assert!(refused.contains("--force"), "{refused}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    setup.run(&["init", "--embedded", "--username", "other", "--force"], "").ok();
    assert!(fs::read_to_string(&file).unwrap().contains("other"));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = setup.run(&["status"], "").failed(3);
    assert!(refused.contains("config.json"), "{refused}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    setup.run(&["status"], "").ok();
}

#[test]
fn a_configuration_of_a_service_is_checked_before_it_is_written() {
    let setup = Setup::empty();
    let missing = setup.run(&["init", "--service", "https://example.com"], "").failed(2);
    assert!(missing.contains("--mac-id"), "{missing}");
    let bad = setup.run(&["init", "--service", "http://example.com", "--mac-id", "00"], "").failed(2);
    assert!(bad.contains("credential."), "{bad}");
    assert!(!setup.path("config.json").exists());
    let id = "0123456789abcdef0123456789abcdef";
    let written = ["init", "--service", "https://example.com", "--mac-id", id, "--brand", "Peugeot"];
    setup.run(&written, "").ok();
    let text = fs::read_to_string(setup.path("config.json")).unwrap();
    let config: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(config["credential"]["macID"], id);
    assert_eq!(config["environnement"], "Production");
}

#[test]
fn no_secret_is_printed_or_logged() {
    const PIN: &str = "83619475";
    const WRONG: &str = "83619476";
    const TOKEN: &str = "eyJ.secret-token-of-the-test";
    let setup = Setup::embedded();
    fs::write(setup.path("token"), format!("{TOKEN}\n")).unwrap();
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    setup.enroll(PIN);
    let token = setup.path("token").to_string_lossy().into_owned();
    let mut seen = String::new();
    for (arguments, input) in [
        (&["otp", "--token-file", &token][..], format!("{WRONG}\n")),
        (&["otp", "--json"], format!("{WRONG}\n")),
        (&["pin", "change"], format!("{WRONG}\n{PIN}\n")),
        (&["pin", "change"], format!("{PIN}\n{PIN}\n")),
        (&["call"], format!(r#"{{"method":"get","api":"pims.authentication.otp","params":{{"pinCode":{PIN}x}}}}"#)),
        (&["logs", "--show"], String::new()),
        (&["doctor"], String::new()),
    ] {
        let run = setup.run(arguments, &input);
        seen.push_str(&run.stdout);
        seen.push_str(&run.stderr);
    }
    assert!(seen.contains("2308") && seen.contains("2315"), "{seen}");
    for secret in [PIN, WRONG, TOKEN] {
        assert!(!seen.contains(secret), "{secret} is in: {seen}");
    }
}

#[test]
fn a_token_file_that_others_can_read_is_refused() {
    let setup = Setup::embedded();
    fs::write(setup.path("token"), "token").unwrap();
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o644)).unwrap();
    let token = setup.path("token").to_string_lossy().into_owned();
    setup.run(&["status", "--token-file", &token], "").failed(2);
    fs::set_permissions(setup.path("token"), fs::Permissions::from_mode(0o600)).unwrap();
    setup.run(&["status", "--token-file", &token], "").ok();
}

#[test]
fn a_closed_pipe_ends_the_program_without_a_word() {
    let setup = Setup::embedded();
    for arguments in [&["status"][..], &["status", "--json"], &["completions", "bash"], &["doctor"]] {
        let run = setup.run_with_closed_output(arguments);
        assert_eq!((run.status, run.stderr.as_str()), (141, ""), "{arguments:?}");
    }
}

#[test]
fn a_wrong_command_line_and_missing_input_end_with_2() {
    let setup = Setup::embedded();
    for arguments in [&["enrol"][..], &[], &["otp", "--pin", "1234"], &["otp", "1234"], &["export"]] {
        setup.run(arguments, "").failed(2);
    }
    let ended = setup.run(&["otp"], "").failed(2);
    assert!(ended.contains("standard input ended before: PIN"), "{ended}");
    setup.run(&["otp"], "\n").failed(2);
    setup.run(&["otp"], &"1".repeat(2000)).failed(2);
    setup.run(&["import", "/nowhere/state"], "1234\n").failed(2);
}

#[test]
fn nothing_is_coloured_in_a_pipe() {
    let setup = Setup::embedded();
    for arguments in [&["doctor"][..], &["otp"], &["status"], &["--help"]] {
        let run = setup.run(arguments, "1234\n");
        assert!(!run.stdout.contains('\x1b') && !run.stderr.contains('\x1b'), "{arguments:?}");
    }
}

#[test]
fn completions_and_man_pages_name_the_commands() {
    let setup = Setup::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = setup.run(&["completions", shell], "").ok();
        for word in ["enroll", "doctor", "request-only"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let folder = setup.path("man");
    fs::create_dir(&folder).unwrap();
    setup.run(&["manual", folder.to_str().unwrap()], "").ok();
    for page in ["pims.1", "pims-enroll.1", "pims-pin-reset.1", "pims-call.1"] {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        assert!(text.contains(".SH NAME"), "{page}");
    }
}

#[test]
fn the_page_has_each_command() {
    let page = include_str!("../../../../docs/cli.md");
    let help = Setup::empty().run(&["--help"], "").ok();
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names: Vec<_> = commands.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"doctor"), "{help}");
    for name in names.into_iter().filter(|name| *name != "help") {
        assert!(page.contains(&format!("| `{name}")), "docs/cli.md has no row for {name}");
    }
}
