//! Folders and files of the service that another user prepared.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use authority::MasterKey;

use crate::two_users::{NEIGHBOUR, VICTIM, World, mode, owner};

/// Returns `serve --dev` in the folder that the neighbour shares with everybody.
fn serve(world: &World, allow: bool) -> Command {
    let program = world.folder("bin", 0, 0o755).join("pims-authority");
    crate::two_users::copy_program(Path::new(env!("CARGO_BIN_EXE_pims-authority")), &program);
    let mut command = Command::new(program);
    command.env_clear().args(["serve", "--dev", "--port", "0", "--folder"]).arg(world.shared());
    if allow {
        command.env("PIMS_AUTHORITY_FILES_ALLOW_SHARED_FOLDERS", "true");
    }
    command
}

#[test]
fn a_development_folder_that_others_can_change_is_refused() {
    let Some(world) = World::new("serve --dev in a shared folder") else { return };
    let (said, success) = world.run(serve(&world, false));
    assert!(!success && said.contains("belongs to user 61002"), "{said}");
    assert!(said.contains("PIMS_AUTHORITY_FILES_ALLOW_SHARED_FOLDERS=true"), "{said}");
    assert_eq!(fs::read_dir(world.shared()).unwrap().count(), 0);
}

#[test]
fn a_configuration_that_a_neighbour_put_there_is_not_believed() {
    let Some(world) = World::new("a planted configuration") else { return };
    let config = world.shared().join("pims-authority.toml");
    let mine = world.home().join("mine.toml");
    world.file(&mine, VICTIM, 0o600, "");
    let plant: [(&str, &dyn Fn()); 4] = [
        ("belongs to user 61002", &|| world.file(&config, NEIGHBOUR, 0o644, "")),
        ("a symbolic link", &|| world.link(&config, &mine)),
        ("2 names", &|| fs::hard_link(&mine, &config).unwrap()),
        ("not a regular file", &|| world.fifo(&config)),
    ];
    for (why, plant) in plant {
        plant();
        let (said, success) = world.run(serve(&world, true));
        assert!(!success && said.contains(why), "{why}: {said}");
        fs::remove_file(&config).unwrap();
    }
}

#[test]
fn a_development_service_writes_through_no_link_and_into_no_file_of_a_neighbour() {
    let Some(world) = World::new("planted files of serve --dev") else { return };
    let file = |name: &str| -> PathBuf { world.shared().join(name) };
    world.link(&file("certificate.key"), &world.precious());
    fs::hard_link(world.precious(), file("certificate.pem")).unwrap();
    for token in ["demo.token", "operator.token"] {
        world.file(&file(token), NEIGHBOUR, 0o666, "");
    }
    world.link(&file("authority.key.0123456789abcdef"), &world.precious());
    let mut child = world.spawn(serve(&world, true));
    let begin = Instant::now();
    while !file("pims-authority.toml").exists() {
        assert!(child.try_wait().unwrap().is_none() && begin.elapsed() < Duration::from_secs(300));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.assert_precious();
    let tokens = ["demo.token", "operator.token"];
    for name in ["certificate.key", "certificate.pem", "authority.key", "pims-authority.toml"].into_iter().chain(tokens)
    {
        assert_eq!((owner(&file(name)), mode(&file(name))), (VICTIM, 0o600), "{name}");
    }
}

#[test]
fn a_master_key_of_another_user_is_refused() {
    let Some(world) = World::new("a planted master key") else { return };
    let path = world.home().join("master.key");
    world.file(&path, VICTIM, 0o600, &"07".repeat(32));
    // Root could read the key, and the victim could change it.
    assert_eq!(MasterKey::load(&path, 1).err().unwrap().kind(), std::io::ErrorKind::PermissionDenied);
    // A secret that is mounted is reached by a link.
    let key = world.folder("etc", 0, 0o755).join("master.key");
    world.file(&key, 0, 0o600, &"07".repeat(32));
    let link = world.folder("etc", 0, 0o755).join("link");
    std::os::unix::fs::symlink(&key, &link).unwrap();
    MasterKey::load(&link, 1).unwrap();
}
