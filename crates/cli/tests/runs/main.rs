//! Whole runs of the program, against the embedded service and against answers of a loopback port.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod approval;
mod doctor;
mod enrollment_code;
mod program;
mod terminal;
mod transfer;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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
fn the_devices_of_the_account_are_listed_renamed_and_removed() {
    let setup = Setup::embedded();
    assert_eq!(setup.run(&["devices"], "").ok(), "the account has no devices\n");
    setup.enroll("1234");
    let list = setup.run(&["devices"], "").ok();
    let row = list.lines().nth(1).unwrap().to_owned();
    assert!(list.lines().count() == 2 && row.contains("libpims on") && row.ends_with("this device"), "{list}");
    let id = row.split(' ').next().unwrap();

    assert_eq!(setup.run(&["devices", "rename", id, " Ana's <phone> "], "1234\n").ok(), "the device was renamed\n");
    assert!(setup.run(&["devices"], "").ok().contains("Ana's <phone>"));
    let refused = setup.run(&["devices", "rename", id, "Phone"], "4321\n").failed(6);
    assert!(refused.contains("(2308)") && refused.contains("tries left: 4"), "{refused}");
    let refused = setup.run(&["devices", "rename", id, "two\nlines"], "1234\n").failed(2);
    assert!(refused.contains("(2102)"), "{refused}");
    let unknown = setup.run(&["devices", "remove", "--yes", "00000000"], "1234\n").failed(2);
    assert!(unknown.contains("(2102)") && unknown.contains("no device of this account"), "{unknown}");

    setup.run(&["devices", "remove", id], "1234\n").failed(2);
    setup.run(&["devices", "remove", "--yes", id], "").failed(2);
    assert_eq!(setup.run(&["devices", "remove", "--yes", id], "1234\n").ok(), "the device was removed\n");
    assert_eq!(setup.run(&["status"], "").ok().lines().next(), Some("enrolled: no"));
    assert_eq!(setup.run(&["devices", "--json"], "").ok().lines().count(), 1);
    assert_eq!(setup.run(&["devices"], "").ok(), "the account has no devices\n");
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
    assert_eq!((status, &message["result"]), (0, &json!({"devices": []})));
    let (status, message) = line(&["otp", "--json"], "1234\n");
    assert_eq!((status, &message["error"]["code"]), (8, &json!(2317)), "{message}");
    let (status, message) = line(&["otp", "--json"], "");
    assert_eq!((status, &message["error"]["code"]), (2, &json!(2102)), "{message}");
    let (status, message) = line(&["doctor", "--json"], "");
    assert_eq!(status, 0, "{message}");
}

#[test]
fn json_is_one_message_for_each_outcome() {
    // So long that no random digits of an answer are it by chance.
    const PIN: &str = "83619475";
    let setup = Setup::embedded();
    setup.enroll(PIN);
    let output = setup.path("moved.json").to_str().unwrap().to_owned();
    let manual = setup.path("").to_str().unwrap().to_owned();
    for (arguments, input, status) in [
        (&["otp", "--jso"][..], "", 2),
        (&["--json"], "", 2),
        (&["otp", "--bad"], "", 2),
        (&["--json=1", "otp"], "", 2),
        (&["otp", PIN], "", 2),
        (&["otpp"], "", 2),
        (&["export"], "83619475\n", 2),
        (&["completions", "csh"], "", 2),
        (&["completions", "bash"], "", 0),
        (&["manual", &manual], "", 0),
        (&["--help"], "", 0),
        (&["otp", "--version"], "", 0),
        (&["logs"], "", 0),
        (&["logs", "--show"], "", 0),
        (&["status"], "", 0),
        (&["doctor"], "", 0),
        (&["notices"], "", 2),
        (&["approval"], "", 2),
        (&["approval", "approve", "4"], "", 2),
        (&["otp"], "83619475\n", 0),
        (&["otp"], "12\n", 2),
        (&["pin", "change"], "83619475\n4321\n", 0),
        (&["pin", "reset", "--request-only"], "", 0),
        (&["pin", "reset"], "", 2),
        (&["enroll"], "", 2),
        (&["remove"], "", 2),
        (&["init", "--embedded", "--username", "jane"], "", 3),
        (&["export", "--plain"], "4321\n", 0),
        (&["export", "--plain", "--output", &output], "4321\n", 0),
        (&["import", &output], "4321\n", 8),
        (&["--folder", ""], "", 2),
    ] {
        let run = setup.run(&[&["--json"][..], arguments].concat(), input);
        assert_eq!(
            (run.status, run.stdout.lines().count()),
            (status, 1),
            "{arguments:?}: {}{}",
            run.stdout,
            run.stderr
        );
        let message: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(message["status"], if status == 0 { "SUCCEEDED" } else { "FAILED" }, "{arguments:?}: {message}");
        assert!(!run.stdout.contains(PIN), "{arguments:?}: {message}");
    }
    let run = setup.run(&["call", "--bad"], "");
    let message: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((run.status, &message["error"]["code"], run.stderr.as_str()), (2, &json!(2102), ""));
}

#[test]
fn a_hint_names_the_command_with_the_folder_of_the_user() {
    let setup = Setup::embedded();
    let folder = setup.path("").to_str().unwrap().trim_end_matches('/').to_owned();
    let mut command = setup.command(&["--folder", &folder, "otp"]);
    command.env_remove("PIMS_FOLDER");
    let refused = Setup::finish(command, "1234\n").failed(8);
    assert!(refused.contains(&format!("pims --folder {folder} enroll ")), "{refused}");
    let refused = setup.run(&["otp"], "1234\n").failed(8);
    assert!(refused.contains("  pims enroll "), "{refused}");
    let token = setup.path("token");
    fs::write(&token, "token").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let refused = setup.run(&["otp", "--token-file", token.to_str().unwrap()], "1234\n").failed(8);
    assert!(refused.contains(&format!("  pims --token-file {} enroll ", token.display())), "{refused}");
}

#[test]
fn a_configuration_says_where_the_state_is() {
    let setup = Setup::empty();
    for (text, fault) in
        [("", "is empty"), (" \n", "is empty"), ("{}", "add \"storage\""), (r#"{"storage":{}}"#, "add")]
    {
        setup.configure(&json!({}));
        fs::write(setup.path("config.json"), text).unwrap();
        let refused = setup.run(&["status"], "").failed(3);
        assert!(refused.contains(fault), "{text}: {refused}");
        let doctor = setup.run(&["doctor"], "");
        assert!(doctor.status == 9 && doctor.stdout.contains(fault), "{text}: {}", doctor.stdout);
    }
    assert!(setup.run(&["status"], "").failed(3).contains(setup.path("state").to_str().unwrap()));
    // Files that are too long or no text have the status of their kind.
    fs::write(setup.path("config.json"), " ".repeat(300_000)).unwrap();
    setup.run(&["status"], "").failed(3);
    let setup = Setup::embedded();
    let token = setup.path("token");
    fs::write(&token, b"\xff").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    setup.run(&["status", "--token-file", token.to_str().unwrap()], "").failed(2);
}

#[test]
fn a_pin_is_reset_on_an_enrolled_device_alone_and_a_blocked_account_has_one_status() {
    let setup = Setup::embedded();
    let refused = setup.run(&["pin", "reset", "--request-only"], "").failed(8);
    assert!(refused.contains("not enrolled"), "{refused}");
    assert!(!setup.path("state/sms-outbox.jsonl").exists());
    setup.enroll("1234");
    for _ in 0..4 {
        setup.run(&["otp"], "9999\n").failed(6);
    }
    for _ in 0..3 {
        setup.run(&["otp"], "9999\n").failed(7);
    }
}

#[test]
fn an_output_that_cannot_be_written_does_not_hide_that_the_command_was_carried_out() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = setup.command(&["pin", "change"]);
    command.stdin(std::process::Stdio::piped()).stdout(full).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"1234\n5678\n").unwrap();
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.code() == Some(1) && told.contains("the command was carried out"), "{told}");
    setup.run(&["otp"], "5678\n").ok();
}

#[test]
fn an_argument_that_has_no_place_is_not_shown() {
    let setup = Setup::embedded();
    for arguments in [&["otp", "83619475"][..], &["83619475"]] {
        let refused = setup.run(arguments, "").failed(2);
        assert!(!refused.contains("8361") && refused.contains("--help"), "{refused}");
    }
    assert!(setup.run(&["otpp"], "").failed(2).contains("'otp'"));
}

#[test]
fn an_sms_is_requested_only_if_the_input_can_have_its_code() {
    let setup = Setup::embedded();
    let outbox = setup.path("state/sms-outbox.jsonl");
    let ended = setup.run_with_null_input(&["enroll", "--phone", NUMBER]).failed(2);
    assert!(ended.contains("standard input ended before: SMS code"), "{ended}");
    assert!(!outbox.exists());
    // Node.js gives a child a socket.
    let (input, other) = std::os::unix::net::UnixStream::pair().unwrap();
    drop(other);
    let mut command = setup.command(&["enroll", "--phone", NUMBER]);
    let ended = command.stdin(std::os::fd::OwnedFd::from(input)).output().unwrap();
    assert_eq!(ended.status.code(), Some(2), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!outbox.exists());
    setup.enroll("1234");
    let count = || fs::read_to_string(&outbox).unwrap().lines().count();
    let before = count();
    setup.run_with_null_input(&["pin", "reset"]).failed(2);
    assert_eq!(count(), before);
    // A code or a PIN of another form is not sent: the code stays usable.
    setup.run(&["pin", "reset", "--request-only"], "").ok();
    let code = setup.sms_code();
    for input in ["12\n5678\n".to_owned(), format!("{code}\n56\n"), format!("{code}\n")] {
        setup.run(&["pin", "reset", "--no-request"], &input).failed(2);
    }
    setup.run(&["pin", "reset", "--no-request"], &format!("{code}\n5678\n")).ok();
}

#[test]
fn a_path_that_is_not_utf_8_is_used_or_refused() {
    let setup = Setup::empty();
    let odd = |name: &[u8]| setup.path("").join(OsStr::from_bytes(name));
    let run = |arguments: &[&OsStr], input: &str| {
        let mut command = setup.command(&[]);
        command.env_remove("PIMS_FOLDER").args(arguments);
        Setup::finish(command, input)
    };
    let [folder, config] = [odd(b"f\xff"), odd(b"c\xff.json")];
    let init = ["init", "--embedded", "--username", "jane", "--json"].map(OsStr::new);
    let refused = run(&[&[OsStr::new("--folder"), folder.as_os_str()][..], &init].concat(), "");
    assert_eq!(refused.status, 2, "{}{}", refused.stdout, refused.stderr);
    let written = run(&[&[OsStr::new("--config"), config.as_os_str()][..], &init].concat(), "");
    assert_eq!(written.status, 0, "{}{}", written.stdout, written.stderr);
    assert!(config.exists());
    for rest in [&["status"][..], &["doctor"], &["import", "-"], &["export", "--plain"], &["logs"]] {
        let mut arguments = vec![OsStr::new("--config"), config.as_os_str()];
        arguments.extend(rest.iter().map(OsStr::new));
        arguments.extend([OsStr::new("--token-file"), folder.as_os_str()]);
        let run = run(&arguments, "");
        assert!(run.status <= 9 && !run.stderr.contains("panic"), "{rest:?}: {}", run.stderr);
    }
    const SERVICE: [&str; 6] =
        ["init", "--service", "https://example.com", "--mac-id", "0123456789abcdef0123456789abcdef", "--ca-file"];
    let bad = OsStr::from_bytes(b"\xff");
    for arguments in [&["init", "--username"][..], &["enroll", "--phone"], &SERVICE, &["import"]] {
        let mut arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        arguments.push(bad);
        let run = run(&arguments, "");
        assert!((2..=3).contains(&run.status) && !run.stderr.contains("panic"), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_relative_home_is_refused_and_a_relative_folder_of_xdg_is_ignored() {
    let setup = Setup::empty();
    let home = setup.path("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).unwrap();
    let run = |home: &str, variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = setup.command(arguments);
        command.env_remove("PIMS_FOLDER").env("HOME", home).current_dir(setup.path(""));
        command.envs(variables.iter().copied());
        Setup::finish(command, "")
    };
    let init = ["init", "--embedded", "--username", "jane"];
    let refused = run("home", &[], &init).failed(3);
    assert!(refused.contains("HOME is no absolute path"), "{refused}");
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    let home_path = home.to_str().unwrap();
    run(home_path, &[("XDG_CONFIG_HOME", "conf"), ("XDG_DATA_HOME", "data")], &init).ok();
    assert!(home.join(".config/pims/config.json").exists() && !setup.path("conf").exists());
    let config = fs::read_to_string(home.join(".config/pims/config.json")).unwrap();
    assert!(config.contains(&format!("{home_path}/.local/share/pims")), "{config}");
    let root = run("/", &[], &["--folder", "/", "status"]).failed(3);
    assert!(root.contains("there is no /config.json"), "{root}");
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
        (r#"["get","pims.sdk.version",{}]"#, 2, 2102),
        (r#"{"method":"get","api":"pims.sdk.version","more":1}"#, 2, 2102),
        (r#"{"method":"free","api":""}"#, 2, 2102),
        (r#"{"method":"get","api":"pims.sdk.versoin"}"#, 2, 2002),
        (r#"{"method":"g\u0065t","api":"pims.sdk.vers\u006fin\n"}"#, 2, 2002),
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

#[test]
fn the_first_example_of_the_page_runs_as_it_is_written() {
    let page = include_str!("../../../../docs/cli.md");
    let (_, section) = page.split_once("## Try it without a service").unwrap();
    let (_, rest) = section.split_once("```sh\n").unwrap();
    let (script, _) = rest.split_once("```").unwrap();
    let setup = Setup::empty();
    let programs = Path::new(program::PROGRAM).parent().unwrap();
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(setup.path("")).env_clear().env("HOME", setup.path(""));
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let printed = Setup::finish(command, "").ok();
    let password = printed.lines().last().unwrap();
    assert!(
        (1..=8).contains(&password.len()) && password.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{printed}"
    );
}
