//! The lock of a storage reports its holder.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use pims::store::{Sharing, StorageLock};
use serde_json::json;

use super::world::*;

#[test]
fn a_lock_that_another_process_holds_names_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let storage = folder.path().join("storage");
    let holds = json!([init(&config(&storage)), json!({"wait": true})]).to_string();
    // The process ends when its input ends.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "child", "--nocapture"]).env("PIMS_STORAGE_CHILD", holds);
    let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("said ") {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0);
    }
    let said = Task::new().then(init(&config(&storage))).run();
    let expected = format!("pims.lock is held by another process, number {}", holder.id());
    assert!(refusal(&said[0]).ends_with(&expected), "{}", said[0]);
    drop(holder.stdin.take());
    lines.read_to_string(&mut line).unwrap();
    holder.wait().unwrap();
    assert_succeeded(&Task::new().then(init(&config(&storage))).run()[0]);
}

#[test]
fn a_lock_that_this_process_holds_is_told_as_its_own() {
    let folder = tempfile::tempdir().unwrap();
    // Another facade, and another copy of the library, take the lock in the same way.
    let held = StorageLock::take(folder.path(), Sharing::Refused).unwrap();
    let refused = StorageLock::take(folder.path(), Sharing::Refused).err().unwrap().to_string();
    assert!(
        refused.contains("held by this very process: another facade, or another copy of the library, has it open"),
        "{refused}"
    );
    drop(held);
    StorageLock::take(folder.path(), Sharing::Refused).unwrap();
}
