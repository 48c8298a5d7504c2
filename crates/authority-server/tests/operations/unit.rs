//! The systemd unit and the configuration beside it.

use crate::live::read;

#[test]
fn every_file_that_the_configuration_names_is_handed_to_the_service_by_the_unit() {
    let (configuration, unit) = (read("deploy/pims-authority.toml"), read("deploy/pims-authority.service"));
    let mut files = vec!["pims-authority.toml"];
    for line in configuration.lines().filter(|line| line.contains("file = \"")) {
        files.extend(line.split('"').nth(1));
    }
    assert!(files.len() >= 6, "{files:?}");
    for file in files {
        let credential = format!("LoadCredential={file}:/etc/pims-authority/{file}\n");
        assert!(unit.contains(&credential), "{credential}");
    }
}
