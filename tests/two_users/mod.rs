//! A folder with two users in it. Neither is the user of the tests.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The user whose files are attacked.
pub(crate) const VICTIM: u32 = 61_001;
/// The user that was there before.
pub(crate) const NEIGHBOUR: u32 = 61_002;

const PRECIOUS: &str = "what is precious";

/// The time after which a test gives up a process of the victim, which could wait for ever for the
/// other end of a FIFO.
const HANG_TIMEOUT: Duration = Duration::from_secs(300);

/// A folder of root with a home of the victim, `home`, and a folder that the neighbour shares with
/// everybody, `shared`.
pub(crate) struct World {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl World {
    /// Creates a world. Returns `None`, and prints that, if this process is not root's.
    pub(crate) fn new(tested: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        if owner(folder.path()) != 0 {
            let why = "only root can become two users";
            assert!(std::env::var_os("PIMS_REQUIRE_ROOT").is_none_or(|value| value != "1"), "{why}");
            let _ = writeln!(std::io::stderr(), "\nSKIPPED: {tested}. {why}\n");
            return None;
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // The program of this test may be in a folder that other users cannot reach.
        let program = folder.path().join("program");
        copy_program(&std::env::current_exe().unwrap(), &program);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let world = Self { folder, program };
        world.make_folder(&world.home(), VICTIM, 0o700);
        world.file(&world.precious(), VICTIM, 0o600, PRECIOUS);
        world.make_folder(&world.shared(), NEIGHBOUR, 0o777);
        Some(world)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn shared(&self) -> PathBuf {
        self.folder.path().join("shared")
    }

    /// Returns the shared folder, with nothing in it.
    pub(crate) fn empty_shared(&self) -> PathBuf {
        fs::remove_dir_all(self.shared()).unwrap();
        self.make_folder(&self.shared(), NEIGHBOUR, 0o777);
        self.shared()
    }

    pub(crate) fn precious(&self) -> PathBuf {
        self.home().join("precious")
    }

    pub(crate) fn assert_precious(&self) {
        assert_eq!(fs::read_to_string(self.precious()).unwrap(), PRECIOUS);
        assert_eq!(mode(&self.precious()), 0o600);
    }

    pub(crate) fn folder(&self, name: &str, owner: u32, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        self.make_folder(&path, owner, mode);
        path
    }

    pub(crate) fn make_folder(&self, path: &Path, owner: u32, mode: u32) {
        if !path.exists() {
            fs::create_dir(path).unwrap();
        }
        chown(path, Some(owner), Some(owner)).unwrap();
        self.set_mode(path, mode);
    }

    pub(crate) fn file(&self, path: &Path, owner: u32, mode: u32, content: &str) {
        fs::write(path, content).unwrap();
        chown(path, Some(owner), Some(owner)).unwrap();
        self.set_mode(path, mode);
    }

    pub(crate) fn set_mode(&self, path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Makes a link that belongs to the neighbour.
    pub(crate) fn link(&self, path: &Path, target: &Path) {
        symlink(target, path).unwrap();
        std::os::unix::fs::lchown(path, Some(NEIGHBOUR), Some(NEIGHBOUR)).unwrap();
    }

    pub(crate) fn fifo(&self, path: &Path) {
        assert!(Command::new("mkfifo").arg("--mode=666").arg(path).status().unwrap().success());
    }

    /// Runs the test `child` of this program as the victim, with a task. Returns its output.
    pub(crate) fn as_victim(&self, task: &Value) -> Vec<Value> {
        let mut command = Command::new(&self.program);
        command.args(["--exact", "child", "--nocapture", "--test-threads=1"]).env("PIMS_FILES_CHILD", task.to_string());
        let (said, success) = self.run(command);
        assert!(success, "{said}");
        said.lines()
            .filter_map(|line| line.strip_prefix("said "))
            .map(|json| serde_json::from_str(json).unwrap())
            .collect()
    }

    /// Runs a program as the victim. Returns its output, and whether it succeeded.
    pub(crate) fn run(&self, command: Command) -> (String, bool) {
        let success = wait(self.spawn(command));
        (fs::read_to_string(self.folder.path().join("said")).unwrap(), success)
    }

    /// Starts a program as the victim.
    pub(crate) fn spawn(&self, mut command: Command) -> Child {
        let file = fs::File::create(self.folder.path().join("said")).unwrap();
        command.uid(VICTIM).gid(VICTIM).current_dir(self.home()).env("HOME", self.home());
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        loop {
            match command.spawn() {
                // A child that another test has just forked still holds the copy of the program
                // open for writing. It lets go of it when it runs its own program.
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                started => return started.unwrap(),
            }
        }
    }
}

/// Copies a program that is to be run at once. Another process does it: a child that another test
/// forks meanwhile would keep a copy of ours open for writing, and such a file cannot be run.
pub(crate) fn copy_program(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-p").args([from, to]).status().unwrap().success());
}

fn wait(mut child: Child) -> bool {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if begin.elapsed() > HANG_TIMEOUT {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

pub(crate) fn owner(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().uid()
}
