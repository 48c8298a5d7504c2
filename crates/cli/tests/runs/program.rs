//! The program, run in a folder of its own.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::NUMBER;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pims");

/// Folder of the program for one test.
pub(crate) struct Setup {
    folder: tempfile::TempDir,
}

/// Run that has ended.
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the standard output of a run that succeeded.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Returns the standard error of a run that ended with this status, and without a result.
    pub(crate) fn failed(self, status: i32) -> String {
        assert_eq!((self.status, self.stdout.as_str()), (status, ""), "{}", self.stderr);
        self.stderr
    }
}

impl Setup {
    /// Creates an empty folder.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// Creates a folder with a configuration for the embedded service.
    pub(crate) fn embedded() -> Self {
        let setup = Self::empty();
        setup.run(&["init", "--embedded", "--username", "jane"], "").ok();
        setup
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a configuration file.
    pub(crate) fn configure(&self, configuration: &Value) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(self.path("config.json"), configuration.to_string()).unwrap();
        fs::set_permissions(self.path("config.json"), fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PIMS_FOLDER", self.folder.path()).env("HOME", self.folder.path()).args(arguments);
        command
    }

    /// Runs the program with this standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Run {
        Self::finish(self.command(arguments), input)
    }

    /// Runs a command with this standard input.
    pub(crate) fn finish(mut command: Command, input: &str) -> Run {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        // A program that ends without reading closes the pipe.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        Run::of(child.wait_with_output().unwrap())
    }

    /// Runs the program with /dev/null as its standard input.
    pub(crate) fn run_with_null_input(&self, arguments: &[&str]) -> Run {
        Run::of(self.command(arguments).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs the program. The reader of its output is gone from the start.
    pub(crate) fn run_with_closed_output(&self, arguments: &[&str]) -> Run {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = self.command(arguments);
        let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output();
        Run::of(output.unwrap())
    }

    /// Answers one request by `pims call`.
    pub(crate) fn call(&self, request: &Value) -> Value {
        serde_json::from_str(&self.run(&["call"], &request.to_string()).stdout).unwrap()
    }

    /// Enrolls the device of an account without a phone number, as a script does.
    pub(crate) fn enroll(&self, pin: &str) {
        self.run(&["enroll", "--request-only", "--phone", NUMBER], "").ok();
        let input = format!("{}\n{pin}\n", self.sms_code());
        self.run(&["enroll", "--no-request", "--phone", NUMBER], &input).ok();
    }

    /// Returns the code of the last SMS.
    pub(crate) fn sms_code(&self) -> String {
        let outbox = fs::read_to_string(self.path("state/sms-outbox.jsonl")).unwrap();
        let sms: Value = serde_json::from_str(outbox.lines().last().unwrap()).unwrap();
        sms["code"].as_str().unwrap().to_owned()
    }
}
