//! Prompts, at a pseudo terminal.

use std::process::Command;

use rexpect::session::{PtySession, spawn_command};

use crate::NUMBER;
use crate::program::{PROGRAM, Setup};

/// Limit of the time until an expected text, in milliseconds. Only a hanging program reaches it.
const LIMIT: u64 = 300_000;

/// Starts the program at a terminal with an echo, as users have it. rexpect's own has none. After
/// the program, the shell shows its status and the settings of the terminal.
fn start(setup: &Setup, arguments: &[&str]) -> PtySession {
    let program = setup.command(arguments);
    // The program leaves a signal alone that is ignored when it starts. So it must not be ignored
    // here, even if this test runs under nohup.
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT,QUIT,TERM", "sh"]);
    command.args(["-c", "trap : INT; stty echo; \"$0\" \"$@\"; echo ended=$?; stty -a"]).arg(PROGRAM).args(arguments);
    command.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
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
    let echoed = session.exp_string("sms-outbox.jsonl").unwrap();
    assert!(echoed.contains(NUMBER), "this terminal has no echo, so the test would see no secret: {echoed}");
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
    let mut session = start(&setup, &["otp"]);
    session.exp_string("PIN: ").unwrap();
    session.send_control('c').unwrap();
    let (_, ended) = session.exp_regex("ended=[0-9]+").unwrap();
    assert_eq!(ended, "ended=130");
    let settings = session.exp_eof().unwrap();
    for setting in ["echo", "icanon", "isig"] {
        assert!(settings.split_whitespace().any(|word| word == setting), "{settings}");
    }
}

#[test]
fn a_signal_at_a_prompt_gives_the_terminal_its_echo_back() {
    for (signal, status) in [("HUP", 129), ("INT", 130), ("QUIT", 131), ("TERM", 143)] {
        let setup = Setup::embedded();
        let file = setup.path("moved.json");
        let mut session = start(&setup, &["export", "--plain", "--output", file.to_str().unwrap()]);
        session.exp_string("PIN: ").unwrap();
        assert!(file.exists());
        let ended = Command::new("sh").args(["-c", &format!("kill -{signal} $1"), "sh", &program_of(&file)]).status();
        assert!(ended.unwrap().success());
        let (_, ended) = session.exp_regex("ended=[0-9]+").unwrap();
        assert_eq!(ended, format!("ended={status}"));
        let settings = session.exp_eof().unwrap();
        for setting in ["echo", "icanon", "isig"] {
            assert!(settings.split_whitespace().any(|word| word == setting), "{signal}: {settings}");
        }
        assert!(!file.exists(), "{signal}: an empty file stayed");
    }
}

/// The shell of a user gives the terminal its own modes when a program stops.
#[test]
fn a_prompt_that_goes_on_after_a_stop_shows_nothing() {
    // The screen has a random password, in which fewer digits may stand.
    const PIN: &str = "83619475";
    let setup = Setup::embedded();
    setup.enroll(PIN);
    let config = setup.path("config.json");
    let mut session = start(&setup, &["otp", "--config", config.to_str().unwrap()]);
    session.exp_string("PIN: ").unwrap();
    let script = "terminal=$(readlink /proc/$1/fd/0) && kill -STOP $1 && stty -F $terminal echo icanon isig && \
        kill -CONT $1 && until stty -F $terminal -a | grep -q -e '-echo '; do sleep 0.1; done";
    let done = Command::new("sh").args(["-c", script, "sh", &program_of(&config)]).status();
    assert!(done.unwrap().success());
    session.send_line(PIN).unwrap();
    let screen = session.exp_eof().unwrap();
    assert!(screen.contains("ended=0") && !screen.contains(PIN), "{screen}");
}

/// Returns the id of the program that has this argument.
fn program_of(argument: &std::path::Path) -> String {
    let argument = argument.to_str().unwrap();
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let is_program = |folder: &std::path::Path| {
        let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        words.next() == Some(PROGRAM.as_bytes()) && words.any(|word| word == argument.as_bytes())
    };
    let found = processes.map(|process| process.path()).find(|folder| is_program(folder));
    found.unwrap().file_name().unwrap().to_str().unwrap().to_owned()
}

#[test]
fn a_pin_of_another_form_is_asked_for_again_and_nothing_is_sent() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    let mut session = start(&setup, &["otp"]);
    answer(&mut session, "PIN: ", "12");
    let screen = answer(&mut session, "PIN: ", "1234");
    assert!(screen.contains("4 to 8 digits"), "{screen}");
    assert!(session.exp_eof().unwrap().contains("ended=0"));
}

#[test]
fn a_prompt_leaves_the_storage_to_others() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    let mut session = start(&setup, &["otp"]);
    session.exp_string("PIN: ").unwrap();
    assert!(setup.run(&["status"], "").ok().contains("enrolled: yes"));
    session.send_line("1234").unwrap();
    assert!(session.exp_eof().unwrap().contains("ended=0"));
}
