//! Disks that are full, read-only or without modes, files that are mount points, and torn records.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::world::*;

#[test]
fn a_record_that_was_torn_gives_way_to_the_one_before_it_and_the_log_says_so() {
    let enrolled = Enrolled::new();
    let record = enrolled.file("device.pims");
    let whole = fs::read(&record).unwrap();
    for (torn, aside) in [(&whole[..0], "device.pims.damaged"), (&whole[..whole.len() / 2], "device.pims.damaged.2")] {
        fs::write(&record, torn).unwrap();
        let said = Task::new().then(init(&config(&enrolled.storage()))).then(otp()).then(free()).run();
        said.iter().for_each(assert_succeeded);
        assert_eq!(fs::read(enrolled.file(aside)).unwrap(), torn);
        let log = logs(&enrolled.storage());
        let line = log.lines().find(|line| line.contains(&format!("kept as {aside},")));
        assert!(line.is_some_and(|line| line.contains(" ERROR the device state")), "{log}");
    }
}

#[test]
fn a_torn_record_without_one_before_it_is_2006_and_left_as_it_is() {
    let enrolled = Enrolled::new();
    fs::remove_file(enrolled.file("device.pims.previous")).unwrap();
    fs::write(enrolled.file("device.pims"), b"").unwrap();
    let said = Task::new().then(init(&config(&enrolled.storage()))).run();
    assert!(refusal(&said[0]).contains("device.pims does not open"), "{}", said[0]);
    assert_eq!(fs::read(enrolled.file("device.pims")).unwrap(), b"");
}

#[test]
fn a_file_that_is_a_mount_point_by_itself_is_told_at_init() {
    for name in ["device.pims", "device.pims.previous"] {
        let Some(task) = Task::with_mounts("single files") else { return };
        let enrolled = Enrolled::new();
        let (file, volume) = (enrolled.file(name), enrolled.parent().join("volume"));
        fs::copy(&file, &volume).unwrap();
        let (file, volume) = (file.to_str().unwrap(), volume.to_str().unwrap());
        let before = fs::read(file).unwrap();
        let task = task.then(program(&["mount", "--bind", volume, file])).then(init(&config(&enrolled.storage())));
        let task = task.then(program(&["umount", file])).then(init(&config(&enrolled.storage())));
        let said = task.then(otp()).run();
        let detail = refusal(&said[0]);
        assert!(detail.contains(file) && detail.contains("a bind mount of a single file"), "{detail}");
        assert_succeeded(&said[1]);
        assert_succeeded(&said[2]);
        assert!(name != "device.pims.previous" || fs::read(volume).unwrap() == before);
    }
}

#[test]
fn a_read_only_file_system_is_told_at_init() {
    let Some(task) = Task::with_mounts("read-only") else { return };
    let enrolled = Enrolled::new();
    let storage = enrolled.storage();
    let (config, folder) = (config(&storage), storage.to_str().unwrap());
    let task = task.then(program(&["mount", "--bind", folder, folder]));
    let task = task.then(program(&["mount", "-o", "remount,bind,ro", folder])).then(init(&config));
    let task = task.then(program(&["mount", "-o", "remount,bind,rw", folder]));
    let said = task.then(init(&config)).then(otp()).run();
    let detail = refusal(&said[0]);
    assert!(detail.contains(folder) && detail.contains("the file system is mounted read-only"), "{detail}");
    said[1..].iter().for_each(assert_succeeded);
}

/// Returns the operations that send requests.
fn sending() -> Vec<Value> {
    vec![
        otp_with("9999"),
        otp(),
        set("pims.authentication.pincode", json!({"action": "update", "oldPIN": PIN, "newPIN": "7301"})),
        get("pims.authentication.smscode", json!({"type": "resetPIN"})),
        set("pims.authentication.enrollment", json!({"action": "remove"})),
    ]
}

/// Checks that nothing was sent. `said` holds the messages of a wrong PIN, of [`sending`] while
/// nothing can be written, of a wrong PIN and of the right one.
fn check_nothing_was_sent(said: &[Value], cause: &str) {
    let left = said[0]["error"]["info"]["attemptsLeft"].as_u64().unwrap();
    let (refused, after) = said[1..].split_at(sending().len());
    for message in refused {
        assert!(refusal(message).contains(cause), "{message}");
    }
    // No try was charged and none forgiven. The device is enrolled, and its PIN is the old one.
    assert_eq!(after[0]["error"]["info"]["attemptsLeft"], left - 1, "{}", after[0]);
    assert_succeeded(&after[1]);
}

#[test]
fn a_full_disk_is_told_at_init_and_before_anything_is_sent() {
    let Some(task) = Task::with_mounts("full disks") else { return };
    let folder = tempfile::tempdir().unwrap();
    let [disk, database] = ["disk", "db"].map(|name| folder.path().join(name));
    fs::create_dir(&disk).unwrap();
    fs::create_dir(&database).unwrap();
    let mut config = config(&disk.join("storage"));
    config["embedded"] = json!({"database": database.join("authority.db")});
    config["monitoring"] = json!({"logLevel": "none"});
    let filler = disk.join("filler");
    let (fill, empty) = (json!({ "fill": filler }), json!({ "remove": filler }));
    let path = disk.to_str().unwrap();
    let task = task.then(program(&["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path]));
    let task = task.then(json!({"outbox": disk.join("storage/sms-outbox.jsonl")}));
    let task = task.then(fill.clone()).then(init(&config)).then(empty.clone());
    let task = task.then(init(&config)).then(certify()).then(enroll()).then(otp_with("9999"));
    let task =
        task.then(fill.clone()).all(sending()).then(empty.clone()).then(otp_with("9999")).then(otp()).then(free());
    let said = task.then(fill).then(init(&config)).then(empty).then(init(&config)).then(otp()).run();
    let last = said.len() - 3;
    for message in [&said[0], &said[last]] {
        assert!(refusal(message).contains("the disk is full"), "{message}");
    }
    said[1..4].iter().for_each(assert_succeeded);
    check_nothing_was_sent(&said[4..last - 1], "the disk is full");
    said[last + 1..].iter().for_each(assert_succeeded);
}

/// Returns a task in whose process the folder is a file system that keeps no modes: all files have
/// `mode`. If `denied`, the file system refuses a change of the mode; otherwise it ignores the
/// change.
fn without_modes(folder: &std::path::Path, mode: &str, denied: bool) -> Option<Task> {
    let task = Task::with_mounts("file systems without modes")?;
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("bindfs") || !std::path::Path::new("/dev/fuse").exists() {
        say_skipped("file systems without modes", "there is no bindfs, or no /dev/fuse");
        return None;
    }
    let change = if denied { "--chmod-deny" } else { "--chmod-ignore" };
    let (path, perms) = (folder.to_str().unwrap(), format!("--perms={mode}:god-w:ud+x"));
    Some(task.then(program(&["bindfs", &perms, change, path, path])))
}

#[test]
fn a_file_system_without_modes_is_refused_by_the_first_init_where_a_key_file_would_be_made() {
    for denied in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let Some(task) = without_modes(folder.path(), "0644", denied) else { return };
        let config = json!({"storage": {"path": folder.path()}});
        let given = json!({"storage": {"path": folder.path(), "key": KEY}});
        let task = task.then(init(&config)).then(init(&config));
        let task = task.then(json!({"outbox": folder.path().join("sms-outbox.jsonl")}));
        let task = task.then(init(&given)).then(certify()).then(enroll()).then(otp()).then(free());
        let said = task.then(init(&given)).then(otp()).then(free()).run();
        for message in &said[..2] {
            let detail = refusal(message);
            assert!(detail.contains("file system (fuse.bindfs)") || detail.contains("file system (fuse)"), "{detail}");
            assert!(detail.contains("keeps no modes") && detail.contains("storage.key"), "{detail}");
        }
        // With a key of the host application there is no key file, neither of the device nor of the
        // authority.
        said[2..].iter().for_each(assert_succeeded);
        let names = names_in(folder.path());
        assert!(!names.iter().any(|name| name.ends_with(".key")), "{names:?}");
        // The folder was copied to a file system with modes.
        let said = Task::new().then(init(&given)).then(otp()).run();
        said.iter().for_each(assert_succeeded);
    }
}

#[test]
fn a_file_system_on_which_others_may_write_every_file_is_refused_by_the_first_init() {
    let folder = tempfile::tempdir().unwrap();
    let Some(task) = without_modes(folder.path(), "0666", false) else { return };
    let storage = |more: Value| {
        let mut storage = json!({"path": folder.path(), "key": KEY});
        storage.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "storage": storage })
    };
    let shared = storage(json!({"allowSharedFolder": true}));
    let task = task.then(init(&storage(json!({})))).then(init(&storage(json!({})))).then(init(&shared)).then(free());
    let said = task.then(init(&shared)).run();
    for message in &said[..2] {
        let detail = refusal(message);
        assert!(detail.contains("keeps no modes") && detail.contains("storage.allowSharedFolder"), "{detail}");
    }
    said[2..].iter().for_each(assert_succeeded);
}
