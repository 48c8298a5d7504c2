//! A second device that the first one approves, and the events of the account: `pims approval` and
//! `pims notices`.

use serde_json::{Value, json};

use crate::program::Setup;

/// Two folders with one embedded service, which wants an approval of a new device.
fn two() -> (Setup, Setup) {
    let (first, second) = (Setup::embedded(), Setup::embedded());
    for setup in [&first, &second] {
        let policy = json!({"activationApproval": true, "deviceNotices": true});
        configure(setup, &json!({"database": first.path("authority.db"), "policy": policy}));
    }
    first.enroll("1234");
    (first, second)
}

fn configure(setup: &Setup, embedded: &Value) {
    let text = std::fs::read_to_string(setup.path("config.json")).unwrap();
    let mut configuration: Value = serde_json::from_str(&text).unwrap();
    configuration["embedded"] = embedded.clone();
    setup.configure(&configuration);
}

/// Enrolls a device that then waits. Returns its number.
fn waits(second: &Setup) -> String {
    second.run(&["enroll", "--request-only"], "").ok();
    let enrolled = second.run(&["enroll", "--no-request"], &format!("{}\n1234\n", second.sms_code())).ok();
    let number = line_of(&enrolled, "number: ");
    assert!(number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()), "{enrolled}");
    assert!((1..=300).contains(&line_of(&enrolled, "seconds left: ").parse::<u64>().unwrap()), "{enrolled}");
    number
}

/// Returns the line that begins with this text, without it.
fn line_of(text: &str, begin: &str) -> String {
    let line = text.lines().find_map(|line| line.strip_prefix(begin));
    line.unwrap_or_else(|| panic!("no {begin} in {text}")).to_owned()
}

/// Returns a number that differs from this one.
fn another(number: &str) -> String {
    format!("{:02}", (number.parse::<u32>().unwrap() + 1) % 100)
}

#[test]
fn a_script_approves_a_second_device_by_its_number() {
    let (first, second) = two();
    assert_eq!(first.run(&["approval"], "").ok(), "state: none\n");
    let refused = first.run(&["approval", "approve", "47"], "1234\n").failed(8);
    assert!(refused.contains("no new device waits"), "{refused}");
    let refused = first.run(&["approval", "reject", "--json"], "");
    let message: Value = serde_json::from_str(&refused.stdout).unwrap();
    assert_eq!((refused.status, &message["error"]["code"]), (8, &json!(2311)), "{message}");

    let number = waits(&second);
    assert!(second.run(&["otp"], "1234\n").failed(8).contains("(2311)"));
    let shown = second.run(&["approval"], "").ok();
    assert_eq!((line_of(&shown, "state: ").as_str(), line_of(&shown, "number: ")), ("waiting", number.clone()));
    let refused = second.run(&["approval", "approve", &number], "1234\n").failed(8);
    assert!(refused.contains("on another device"), "{refused}");

    let shown = first.run(&["approval"], "").ok();
    assert_eq!(line_of(&shown, "state: "), "asked");
    assert!(!shown.contains("number") && line_of(&shown, "name: ").contains("libpims on"), "{shown}");
    // A mistyped number is not sent, and a wrong PIN does not end the device.
    first.run(&["approval", "approve", "4"], "1234\n").failed(2);
    assert!(first.run(&["approval", "approve", &number], "4321\n").failed(6).contains("tries left: 4"));
    let id = line_of(&shown, "device: ");
    let approved = first.run(&["approval", "approve", &number, "--device", &id], "1234\n").ok();
    assert_eq!(approved, "the new device is approved\n");
    second.run(&["otp"], "1234\n").ok();
    assert_eq!(first.run(&["approval"], "").ok(), "state: none\n");

    // The first device approved the second one itself. The new PIN is news for it.
    assert_eq!(first.run(&["notices"], "").ok(), "the account has no notices\n");
    second.run(&["pin", "change"], "1234\n4321\n").ok();
    let listed = first.run(&["notices"], "").ok();
    assert!(listed.lines().count() == 2 && listed.contains("pinChange"), "{listed}");
    let listed: Value = serde_json::from_str(&first.run(&["notices", "--json"], "").ok()).unwrap();
    assert_eq!(listed["result"]["notices"][0]["event"], "pinChange", "{listed}");
}

#[test]
fn a_wrong_number_ends_the_new_device_alone() {
    let (first, second) = two();
    let number = waits(&second);
    let refused = first.run(&["approval", "approve", &another(&number)], "1234\n").failed(8);
    assert!(refused.contains("(2311)"), "{refused}");
    second.run(&["otp"], "1234\n").failed(8);
    first.run(&["otp"], "1234\n").ok();
    // The device can be enrolled again.
    let number = waits(&second);
    first.run(&["approval", "approve", &number], "1234\n").ok();
    second.run(&["otp"], "1234\n").ok();
}

#[test]
fn a_rejection_ends_the_new_device_and_blocks_the_account_until_the_pin_is_reset() {
    let (first, second) = two();
    let number = waits(&second);
    assert!(first.run(&["approval", "reject"], "").ok().contains("the account is blocked"));
    second.run(&["otp"], "1234\n").failed(8);
    first.run(&["otp"], "1234\n").failed(7);
    first.run(&["approval", "approve", &number], "1234\n").failed(8);
    first.run(&["pin", "reset", "--request-only"], "").ok();
    first.run(&["pin", "reset", "--no-request"], &format!("{}\n5678\n", first.sms_code())).ok();
    first.run(&["otp"], "5678\n").ok();
}

#[test]
fn a_service_that_does_not_offer_them_is_told_as_such() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    for arguments in [&["notices"][..], &["approval"], &["approval", "reject"]] {
        assert!(setup.run(arguments, "").failed(2).contains("(2002)"), "{arguments:?}");
    }
}
