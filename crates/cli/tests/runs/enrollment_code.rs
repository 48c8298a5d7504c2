//! A second device by the first one: `pims enrollment-code`.

use serde_json::{Value, json};

use crate::program::Setup;

/// Two folders with one embedded service, which lets a device enroll another one.
fn two() -> (Setup, Setup) {
    let (first, second) = (Setup::embedded(), Setup::embedded());
    for setup in [&first, &second] {
        let text = std::fs::read_to_string(setup.path("config.json")).unwrap();
        let mut configuration: Value = serde_json::from_str(&text).unwrap();
        configuration["embedded"] =
            json!({"database": first.path("authority.db"), "policy": {"activationByDevice": true}});
        setup.configure(&configuration);
    }
    first.enroll("1234");
    (first, second)
}

/// Returns the line that begins with this text, without it.
fn line_of(text: &str, begin: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(begin));
    line.unwrap_or_else(|| panic!("no {begin} in {text}")).to_owned()
}

#[test]
fn a_script_enrolls_a_second_device_by_the_first_one() {
    let (first, second) = two();
    let made = first.run(&["enrollment-code", "make"], "1234\n").ok();
    assert!(made.contains('█'), "{made}");
    let plain = first.run(&["enrollment-code", "make", "--no-picture"], "1234\n").ok();
    let code = plain.lines().next().unwrap();
    assert_eq!((code.len(), code.as_bytes()[5]), (11, b'-'), "{plain}");
    assert_eq!(first.run(&["enrollment-code", "state"], "").ok(), "state: waiting\n");

    let enrolled = second.run(&["enroll", "--no-request"], &format!("{}\n1234\n", code.to_lowercase())).ok();
    let fingerprint = line_of(&enrolled, "fingerprint: ");
    assert_eq!((fingerprint.len(), fingerprint.as_bytes()[4]), (9, b' '), "{enrolled}");
    assert!(second.run(&["otp"], "1234\n").failed(8).contains("(2311)"));
    let shown = first.run(&["enrollment-code", "state"], "").ok();
    assert_eq!(
        (line_of(&shown, "state: ").as_str(), line_of(&shown, "fingerprint: ")),
        ("entered", fingerprint.clone())
    );
    assert_eq!(line_of(&second.run(&["enrollment-code", "state"], "").ok(), "fingerprint: "), fingerprint);

    let (one, two) = fingerprint.split_once(' ').unwrap();
    first.run(&["enrollment-code", "confirm", one, two], "1234\n").ok();
    second.run(&["otp"], "1234\n").ok();
    assert!(first.run(&["enrollment-code", "reject", &format!("{one}{two}")], "1234\n").failed(8).contains("(2311)"));
    let state = first.run(&["--json", "enrollment-code", "state"], "").ok();
    let state: Value = serde_json::from_str(&state).unwrap();
    assert_eq!(state["result"]["state"], "confirmed");
}
