//! Folders and files that another user prepared.
//!
//! Each test makes a world with two users. The victim runs the library in a process of its own. The
//! neighbour was there before. The tests must run as root to become these users. Elsewhere they
//! print that they were skipped, or fail if `PIMS_REQUIRE_ROOT=1`.

#![cfg(all(unix, feature = "embedded"))]
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../two_users/mod.rs"]
#[allow(dead_code, reason = "the tests of the service need more of it")]
mod two_users;

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use pims::store::{RecordFile, RecordStore, Sharing, StorageLock};
use serde_json::{Value, json};
use two_users::{NEIGHBOUR, VICTIM, World};

/// The victim's process. `World::as_victim` runs it; alone it does nothing.
#[test]
fn child() {
    let Some(task) = std::env::var_os("PIMS_FILES_CHILD") else { return };
    let task: Value = serde_json::from_str(task.to_str().unwrap()).unwrap();
    if let Some(folder) = task["save"].as_str() {
        let lock = StorageLock::take(Path::new(folder), Sharing::Allowed);
        let saved = lock
            .and_then(|lock| RecordFile::in_locked(lock, None))
            .and_then(|mut record_file| record_file.save(b"a record"));
        println!("\nsaid {}", json!({ "saved": saved.map_err(|error| error.to_string()) }));
        return;
    }
    let text = |message: pims::facade::Message| -> Value { serde_json::from_str(message.as_str()).unwrap() };
    println!("\nsaid {}", text(pims::facade::execute("init", "", &task["config"].to_string())));
    let params = json!({ "type": "phoneNumberCertification", "phoneNumber": "+33612345678" });
    println!("\nsaid {}", text(pims::facade::execute("get", "pims.authentication.smscode", &params.to_string())));
    pims::facade::free();
}

/// Returns the victim's messages of `pims_init` and of a request for an SMS.
fn run(world: &World, folder: &Path, allow: bool) -> (Value, Value) {
    run_with(world, &json!({ "path": folder, "allowSharedFolder": allow }))
}

fn run_with(world: &World, storage: &Value) -> (Value, Value) {
    let config = json!({ "storage": storage, "monitoring": { "logLevel": "high", "newLogFile": "day" } });
    let said = world.as_victim(&json!({ "config": config }));
    (said[0].clone(), said[1].clone())
}

fn refusal(message: &Value) -> &str {
    assert_eq!(message["error"]["code"], 2006, "{message}");
    message["error"]["detail"].as_str().unwrap()
}

fn save(world: &World) -> Result<(), String> {
    let said = world.as_victim(&json!({ "save": world.shared() }));
    serde_json::from_value(said[0]["saved"].clone()).unwrap()
}

#[test]
fn a_folder_that_others_can_change_is_refused_and_nothing_is_made_in_it() {
    let Some(world) = World::new("folders") else { return };
    let (home, shared) = (world.home(), world.shared());
    for (folder, owner, mode) in [
        (shared.clone(), NEIGHBOUR, 0o777),
        (world.folder("strangers", NEIGHBOUR, 0o755), NEIGHBOUR, 0o755),
        (world.folder("roots", 0, 0o777), 0, 0o777),
        (home.join("open"), VICTIM, 0o777),
        (home.join("group"), VICTIM, 0o770),
        (home.join("sticky"), VICTIM, 0o1777),
    ] {
        world.make_folder(&folder, owner, mode);
        let detail = refusal(&run(&world, &folder, false).0).to_owned();
        assert!(detail.contains(&folder.display().to_string()), "{detail}");
        assert!(detail.contains("storage.allowSharedFolder"), "{detail}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{folder:?}");
    }
    // A folder of the victim inside a folder in which other users can exchange it.
    for (parent, owner, mode) in [(shared.join("in"), VICTIM, 0o777), (shared.join("theirs"), NEIGHBOUR, 0o755)] {
        world.make_folder(&parent, owner, mode);
        let folder = parent.join("storage");
        world.make_folder(&folder, VICTIM, 0o700);
        assert!(refusal(&run(&world, &folder, false).0).contains(&parent.display().to_string()));
    }
    for (folder, mode) in [(home.join("mine"), 0o755), (home.join("private"), 0o700)] {
        world.make_folder(&folder, VICTIM, mode);
        assert_eq!(run(&world, &folder, false).0["status"], "SUCCEEDED", "{folder:?}");
    }
    // The library's own, and one below a sticky folder such as /tmp.
    let sticky = world.folder("tmp", 0, 0o1777);
    for folder in [home.join("new/a/b"), sticky.join("new")] {
        assert_eq!(run(&world, &folder, false).0["status"], "SUCCEEDED", "{folder:?}");
        assert_eq!(two_users::mode(&folder), 0o700);
    }
}

#[test]
fn files_that_a_neighbour_put_there_are_neither_followed_nor_filled() {
    let Some(world) = World::new("planted") else { return };
    let shared = world.shared();
    // The names of the first release, and names of today.
    world.link(&shared.join("device.pims.new"), &world.precious());
    world.file(&shared.join("storage.key.new"), NEIGHBOUR, 0o666, "");
    world.link(&shared.join("device.pims.0123456789abcdef"), &world.precious());
    save(&world).unwrap();
    world.assert_precious();
    for name in ["device.pims", "storage.key", "pims.lock"] {
        assert_eq!(two_users::owner(&shared.join(name)), VICTIM, "{name}");
        assert_eq!(two_users::mode(&shared.join(name)), 0o600, "{name}");
    }
    assert!(!shared.join("storage.key.new").exists());
}

/// The kinds of file that a neighbour can put in the place of a file.
const PLANTED: [&str; 7] = ["link", "dangling link", "hard link", "open file", "closed file", "fifo", "folder"];

fn plant(world: &World, kind: &str, path: &Path) {
    match kind {
        "link" => world.link(path, &world.precious()),
        "dangling link" => world.link(path, &world.home().join("made")),
        "hard link" => fs::hard_link(world.precious(), path).unwrap(),
        "open file" => world.file(path, NEIGHBOUR, 0o666, ""),
        "closed file" => world.file(path, NEIGHBOUR, 0o600, ""),
        "fifo" => world.fifo(path),
        _ => world.make_folder(path, NEIGHBOUR, 0o777),
    }
}

#[test]
fn whatever_stands_in_the_place_of_a_file_is_refused() {
    let Some(world) = World::new("places") else { return };
    for name in ["pims.lock", "storage.key", "device.pims", "authority.key", "authority.db", "authority.db-wal"] {
        for kind in PLANTED {
            let shared = world.empty_shared();
            plant(&world, kind, &shared.join(name));
            let key = (name == "device.pims").then(|| "A".repeat(43) + "=");
            let (init, _) = run_with(&world, &json!({ "path": shared, "allowSharedFolder": true, "key": key }));
            let detail = refusal(&init);
            assert!(detail.contains(name) || detail.contains("authority"), "{kind} {name}: {detail}");
            world.assert_precious();
            assert!(!world.home().join("made").exists(), "{kind} {name}");
        }
    }
    // The only file that a running library creates.
    for kind in PLANTED {
        let shared = world.empty_shared();
        let outbox = shared.join("sms-outbox.jsonl");
        plant(&world, kind, &outbox);
        let (init, code) = run(&world, &shared, true);
        assert_eq!(init["status"], "SUCCEEDED", "{kind}: {init}");
        assert_eq!(code["status"], "FAILED", "{kind}: {code}");
        world.assert_precious();
        assert!(!world.home().join("made").exists(), "{kind}");
        if kind.ends_with("file") {
            assert_eq!(fs::read_to_string(&outbox).unwrap(), "", "{kind}");
        }
    }
}

#[test]
fn a_log_does_not_follow_a_link() {
    let Some(world) = World::new("logs") else { return };
    let days = |folder: &Path| {
        for day in 0..2 {
            let day = time::OffsetDateTime::from(SystemTime::now()) + time::Duration::days(day);
            let name = format!("pims-{:04}{:02}{:02}.log", day.year(), u8::from(day.month()), day.day());
            world.link(&folder.join(name), &world.precious());
        }
    };
    let logs = world.empty_shared().join("logs");
    world.make_folder(&logs, NEIGHBOUR, 0o777);
    days(&logs);
    assert_eq!(run(&world, &world.shared(), true).0["status"], "SUCCEEDED");
    world.assert_precious();

    let elsewhere = world.home().join("elsewhere");
    world.make_folder(&elsewhere, VICTIM, 0o700);
    world.link(&world.empty_shared().join("logs"), &elsewhere);
    assert_eq!(run(&world, &world.shared(), true).0["status"], "SUCCEEDED");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}

#[test]
fn a_file_of_ours_that_others_may_read_is_closed_to_them_and_one_that_they_may_write_is_refused() {
    let Some(world) = World::new("modes") else { return };
    let folder = world.home().join("storage");
    assert_eq!(run(&world, &folder, false).1["status"], "SUCCEEDED");
    let names = ["pims.lock", "authority.db", "sms-outbox.jsonl"];
    for name in names {
        world.set_mode(&folder.join(name), 0o644);
    }
    let (init, code) = run(&world, &folder, false);
    assert_eq!((&init["status"], &code["status"]), (&json!("SUCCEEDED"), &json!("SUCCEEDED")), "{init} {code}");
    for name in names {
        assert_eq!(two_users::mode(&folder.join(name)), 0o600, "{name}");
    }
    for (name, mode) in
        [("pims.lock", 0o666), ("authority.db", 0o660), ("storage.key", 0o644), ("authority.key", 0o640)]
    {
        world.set_mode(&folder.join(name), mode);
        refusal(&run(&world, &folder, false).0);
        world.set_mode(&folder.join(name), 0o600);
    }
    assert_eq!(run(&world, &folder, false).0["status"], "SUCCEEDED");
}
