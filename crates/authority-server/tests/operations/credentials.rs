//! The master key as systemd passes it.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::live::{ALICE, PROGRAM, write};

#[test]
fn a_master_key_that_a_group_may_read_is_taken_from_the_folder_of_credentials_alone() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "master.key", &"ab".repeat(32));
    std::fs::set_permissions(folder.path().join("master.key"), std::fs::Permissions::from_mode(0o440)).unwrap();
    let text = format!(
        "development = true\n[listen]\naddress = \"127.0.0.1:0\"\n[database]\nurl = \"sqlite:a.db\"\n[master_key]\nhex_file = \"master.key\"\n\
         [sms]\ngateway = \"outbox\"\noutbox_file = \"o\"\n{ALICE}"
    );
    write(folder.path(), "pims-authority.toml", &text);
    let check = |credentials: Option<&Path>| {
        let mut command = Command::new(PROGRAM);
        // The variable names the file. It is no key of the configuration.
        command.arg("check").env("PIMS_AUTHORITY_CONFIG", folder.path().join("pims-authority.toml"));
        match credentials {
            Some(folder) => command.env("CREDENTIALS_DIRECTORY", folder),
            None => command.env_remove("CREDENTIALS_DIRECTORY"),
        };
        command.output().unwrap()
    };
    assert!(check(Some(folder.path())).status.success(), "{:?}", check(Some(folder.path())));
    let elsewhere = tempfile::tempdir().unwrap();
    for credentials in [None, Some(elsewhere.path())] {
        let refused = check(credentials);
        assert_eq!(refused.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("open to others"), "{refused:?}");
    }
}
