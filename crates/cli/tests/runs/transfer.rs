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

#[test]
fn a_file_that_cannot_be_written_costs_no_password() {
    let setup = Setup::embedded();
    setup.enroll("1234");
    let folder = setup.path("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    fs::write(setup.path("present"), "").unwrap();
    for output in ["open/new", "present", "config.json/new", "state"] {
        let path = setup.path(output);
        // The PIN is not read: there is none.
        let refused = setup.run(&["export", "--plain", "--output", path.to_str().unwrap()], "").failed(2);
        assert!(!refused.contains("standard input ended"), "{output}: {refused}");
    }
    assert_eq!(fs::read(setup.path("present")).unwrap(), b"");
    let path = setup.path("new");
    setup.run(&["export", "--plain", "--output", path.to_str().unwrap()], "").failed(2);
    assert!(!path.exists(), "an empty file stayed");
}

#[test]
fn a_pickle_is_imported_up_to_the_size_that_the_library_reads() {
    let setup = Setup::embedded();
    let file = setup.path("otp.bin");
    // The pickle has an end, and bytes after it.
    for (length, reason) in [(65_536, "bytes follow the end"), (65_537, "65536 bytes")] {
        let mut pickle = b"\x80\x04N.".to_vec();
        pickle.resize(length, 0xff);
        fs::write(&file, pickle).unwrap();
        let refused = setup.run(&["import", file.to_str().unwrap()], "1234\n").failed(2);
        assert!(refused.contains(reason), "{length}: {refused}");
    }
}
