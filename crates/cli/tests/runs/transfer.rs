//! `pims import` and `pims export`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use crate::program::Setup;

/// Returns a second device of the account, which uses the same embedded service.
fn second(first: &Setup) -> Setup {
    let setup = Setup::empty();
    setup.configure(&json!({
        "account": {"username": "jane"},
        "storage": {"path": setup.path("state")},
        "embedded": {"database": first.path("state/authority.db")},
    }));
    setup
}

#[test]
fn an_enrollment_moves_to_another_folder() {
    let first = Setup::embedded();
    first.enroll("1234");
    let file = first.path("moved.json");
    let path = file.to_str().unwrap();
    first.run(&["export", "--output", path], "1234\n").failed(2);
    first.run(&["export", "--plain", "--output", path], "4321\n").failed(6);
    assert!(!file.exists());
    first.run(&["export", "--plain", "--output", path], "1234\n").ok();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    first.run(&["export", "--plain", "--output", path], "1234\n").failed(2);

    let other = second(&first);
    let refused = other.run(&["import", path], "4321\n").failed(6);
    assert!(refused.contains("(2308)"), "{refused}");
    assert!(other.run(&["status"], "").ok().contains("enrolled: no"));
    let state = fs::read(&file).unwrap();
    let imported = other.run(&["import", path, "--format", "pims"], "1234\n").ok();
    assert!(imported.contains("note: the other client"), "{imported}");
    assert_eq!(fs::read(&file).unwrap(), state, "the file was changed");
    assert!(other.run(&["status"], "").ok().contains("enrolled: yes"));
    other.run(&["otp"], "1234\n").ok();

    let refused = other.run(&["import", path], "1234\n").failed(8);
    assert!(refused.contains("(2317)"), "{refused}");
    other.run(&["import", path, "--replace"], "1234\n").ok();
}

#[test]
fn a_file_that_is_no_state_is_refused_and_nothing_of_it_is_shown() {
    let setup = Setup::embedded();
    let file = setup.path("state-of-another");
    let path = file.to_str().unwrap();
    for content in [
        &b""[..],
        b"secret-text",
        b"{\"format\":\"pims-enrollment\",\"version\":1,\"k0\":\"secret-text\"}",
        b"\x80\x04\x8c\x0bsecret-textR.",
        b"\xff\xfesecret-text",
        &[b'x'; 70_000],
    ] {
        fs::write(&file, content).unwrap();
        let refused = setup.run(&["import", path], "1234\n").failed(2);
        assert!(!refused.contains("secret-text"), "{refused}");
    }
    assert!(setup.run(&["status"], "").ok().contains("enrolled: no"));
}
