//! An open storage whose folder, working directory or mount changes, and disks that cannot hold
//! one.
//!
//! Each facade runs in a process of its own, the test [`child`], which does the steps of a task:
//! calls, and changes of its surroundings. Mounts are made in a namespace of the child and need
//! root. Elsewhere these tests print that they were skipped, or fail if `PIMS_REQUIRE_ROOT=1`.

#![cfg(all(target_os = "linux", feature = "embedded"))]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod changes;
mod disks;
mod locks;
mod world;

use serde_json::Value;

/// The process of a facade. [`world::Task`] runs it; alone it does nothing.
#[test]
fn child() {
    let Some(task) = std::env::var_os("PIMS_STORAGE_CHILD") else { return };
    let steps: Vec<Value> = serde_json::from_str(task.to_str().unwrap()).unwrap();
    steps.iter().for_each(world::run);
}
