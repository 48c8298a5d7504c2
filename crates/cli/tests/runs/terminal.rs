//! Prompts, at a pseudo terminal.

use rexpect::session::{PtySession, spawn_command};

use crate::NUMBER;
use crate::program::Setup;

/// Limit of the time until an expected text, in milliseconds. Only a hanging program reaches it.
const LIMIT: u64 = 300_000;

fn start(setup: &Setup, arguments: &[&str]) -> PtySession {
    let mut command = setup.command(arguments);
    command.env("TERM", "xterm");
    spawn_command(command, Some(LIMIT)).unwrap()
}

/// Answers a prompt, and returns the text that was on the terminal before the answer.
fn answer(session: &mut PtySession, prompt: &str, line: &str) -> String {
    let before = session.exp_string(prompt).unwrap();
    session.send_line(line).unwrap();
    before
}

#[test]
fn a_user_enrolls_at_a_terminal_and_no_secret_is_on_it() {
    let setup = Setup::embedded();
    let mut screen = String::new();
    let mut session = start(&setup, &["enroll"]);
    answer(&mut session, "Phone number with its country code: ", NUMBER);
    session.exp_string("sms-outbox.jsonl").unwrap();
    session.exp_string("SMS code: ").unwrap();
    let code = setup.sms_code();
    session.send_line(&code).unwrap();
    for (prompt, pin) in [("digits: ", "7391"), (", again: ", "7392"), ("digits: ", "7391"), (", again: ", "7391")] {
        screen.push_str(&answer(&mut session, prompt, pin));
    }
    screen.push_str(&session.exp_eof().unwrap());
    assert!(screen.contains("The two differ") && screen.contains("this device is enrolled"), "{screen}");

    let mut session = start(&setup, &["otp"]);
    screen.push_str(&answer(&mut session, "PIN: ", "7393"));
    screen.push_str(&session.exp_eof().unwrap());
    assert!(screen.contains("(2308)") && screen.contains('\x1b'), "{screen}");
    for secret in [code.as_str(), "7391", "7392", "7393"] {
        assert!(!screen.contains(secret), "{screen}");
    }
}

#[test]
fn a_terminal_without_colour_gets_none() {
    let setup = Setup::embedded();
    let mut command = setup.command(&["doctor"]);
    command.env("TERM", "xterm").env("NO_COLOR", "1");
    let screen = spawn_command(command, Some(LIMIT)).unwrap().exp_eof().unwrap();
    assert!(screen.contains("storage") && !screen.contains('\x1b'), "{screen}");
}

#[test]
fn a_removal_needs_a_whole_yes() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    let mut session = start(&setup, &["remove"]);
    answer(&mut session, "Type yes: ", "y");
    assert!(session.exp_eof().unwrap().contains("nothing was removed"));
    assert!(setup.run(&["status"], "").ok().contains("enrolled: yes"));
}

#[test]
fn an_interrupted_prompt_gives_the_terminal_its_echo_back() {
    let setup = Setup::embedded();
    let program = crate::program::PROGRAM;
    let mut command = std::process::Command::new("sh");
    command.env("PIMS_FOLDER", setup.path("")).env("TERM", "xterm");
    command.args(["-c", &format!("trap : INT; {program} otp; echo ended=$?; stty -a")]);
    let mut session = spawn_command(command, Some(LIMIT)).unwrap();
    session.exp_string("PIN: ").unwrap();
    session.send_control('c').unwrap();
    let (_, ended) = session.exp_regex("ended=[0-9]+").unwrap();
    assert_ne!(ended, "ended=0");
    let settings = session.exp_eof().unwrap();
    assert!(settings.contains(" echo "), "{settings}");
}
