//! Distribution of many cases over several processes, each with a facade, and the folders with
//! which the cases begin.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use pims::facade;
use tempfile::TempDir;

use crate::expect;
use crate::operations::World;
use crate::service::Service;

/// The variable that tells a process its own cases: `number/count`.
const SHARD: &str = "PIMS_NETWORK_SHARD";

/// Runs each case of this test once, here or in another process of this program.
pub(crate) fn each<T>(test: &str, cases: &[T], run: impl Fn(&T)) {
    let mine = |number: usize, count: usize| cases.iter().skip(number).step_by(count);
    if let Ok(shard) = std::env::var(SHARD) {
        let (number, count) = shard.split_once('/').unwrap();
        let mut done = 0;
        for case in mine(number.parse().unwrap(), count.parse().unwrap()) {
            run(case);
            done += 1;
        }
        // A report that is not written is noticed as missing.
        let _ = writeln!(std::io::stdout(), "\n{}", report(done));
        return;
    }
    let count = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let others: Vec<_> = (1..count).map(|number| Other::start(test, &format!("{number}/{count}"))).collect();
    mine(0, count).for_each(run);
    for (number, other) in (1..).zip(others) {
        other.finish(&report(mine(number, count).count()));
    }
}

fn report(cases: usize) -> String {
    format!("cases that were run: {cases}")
}

/// A process for some of the cases. If the test fails, it waits for the process: a killed process
/// would leave the program that it started.
struct Other(Option<Child>);

impl Other {
    fn start(test: &str, shard: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", test, "--nocapture"]).env(SHARD, shard);
        Self(Some(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap()))
    }

    fn finish(mut self, report: &str) {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.lines().any(|line| line == report), "{said}");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Nobody reads the output any more, and the process must not wait for a reader.
            drop(child.stdout.take());
            let _ = child.wait();
        }
    }
}

/// Folders of a device and a database after these steps, each made once.
pub(crate) struct Templates<'a> {
    start: &'a dyn Fn(&Path) -> Service,
    made: BTreeMap<Vec<&'static str>, TempDir>,
}

impl<'a> Templates<'a> {
    pub(crate) fn new(start: &'a dyn Fn(&Path) -> Service) -> Self {
        Self { start, made: BTreeMap::new() }
    }

    /// Returns a copy of the folder after these steps.
    pub(crate) fn copy(&mut self, steps: &[&'static str]) -> TempDir {
        if let Some(made) = self.made.get(steps) {
            return copy_of(made.path());
        }
        let folder = match steps.split_last() {
            None => folder(),
            Some((_, before)) => self.copy(before),
        };
        let service = (self.start)(folder.path());
        let world = World::new(folder.path(), &service);
        world.init(30_000);
        if let Some(last) = steps.last() {
            expect(&world.act(last));
        }
        facade::free();
        drop(service);
        let copy = copy_of(folder.path());
        self.made.insert(steps.to_vec(), folder);
        copy
    }
}

/// Creates a folder, in memory if the system has such a file system: these tests test no disk.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

pub(crate) fn copy_of(from: &Path) -> TempDir {
    let copy = folder();
    copy_into(from, copy.path());
    copy
}

fn copy_into(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let path: PathBuf = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&path).unwrap();
            copy_into(&entry.path(), &path);
        } else {
            std::fs::copy(entry.path(), path).unwrap();
        }
    }
}
