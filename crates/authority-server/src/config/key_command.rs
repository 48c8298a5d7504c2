//! A command that writes a master key to its standard output. It reads the key from a key
//! management service, a hardware module or an encrypted file.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};
use zeroize::Zeroizing;

use authority::{MASTER_KEY_INPUT as INPUT, MasterKey};

/// Largest number of bytes of standard error that an error shows.
const MAX_STDERR: usize = 1024;

/// The value of `PATH` if the service itself has none.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Interval at which the service checks whether a command that closed its output has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Runs a command and returns the key that it writes, in one of the forms of a key file. No shell
/// is involved. The command runs in `folder`, has `PATH` and no other variable, and its standard
/// input is empty. At the end of `timeout` it is killed, with the processes that it started.
///
/// # Errors
///
/// The cause, with the text that the command wrote to standard error, and never with the text on
/// its standard output.
pub(super) fn master_key(id: u32, command: &[String], folder: &Path, timeout: Duration) -> Result<MasterKey, String> {
    let [program, arguments @ ..] = command else { return Err("must name a program".into()) };
    if !Path::new(program).is_absolute() {
        return Err(format!("`{program}` must be an absolute path"));
    }
    let with_program = |error: io::Error| format!("{program}: {error}");
    let mut child = RunningCommand::start(program, arguments, folder).map_err(with_program)?;
    let deadline = Instant::now() + timeout;
    let mut output = Box::new(Zeroizing::new([0; INPUT]));
    let mut stderr = Vec::new();
    let read = child.read(&mut output, &mut stderr, deadline).map_err(with_program)?;
    let status = if read.is_some() { child.wait(deadline).map_err(with_program)? } else { None };
    let (Some(length), Some(status)) = (read, status) else {
        let seconds = timeout.as_secs();
        return Err(with_stderr(format!("{program} did not end within {seconds} seconds"), &stderr));
    };
    if !status.success() {
        return Err(with_stderr(format!("{program}: {status}"), &stderr));
    }
    let key = output.get(..length).and_then(|output| MasterKey::from_input(id, output));
    key.ok_or_else(|| with_stderr(format!("{program} wrote neither 64 hex digits nor 32 bytes"), &stderr))
}

/// Appends the text from the command's standard error, as one line of printable characters.
fn with_stderr(message: String, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    if words.is_empty() { message } else { format!("{message}: {}", words.join(" ")) }
}

/// A command that is running. It is killed when the value is dropped.
struct RunningCommand {
    child: Child,
    ended: bool,
}

impl RunningCommand {
    fn start(program: &str, arguments: &[String], folder: &Path) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| PATH.into()));
        if !folder.as_os_str().is_empty() {
            command.current_dir(folder);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // The command has a process group of its own, so that a timeout also kills the processes
        // that it started.
        let child = command.process_group(0).spawn()?;
        Ok(Self { child, ended: false })
    }

    /// Reads both outputs to their ends. Returns the number of bytes written to `output`, or one
    /// more than it can hold if there were more. Returns `None` at the deadline.
    fn read(&mut self, output: &mut [u8; INPUT], stderr: &mut Vec<u8>, deadline: Instant) -> io::Result<Option<usize>> {
        let (mut out, mut err) = (self.child.stdout.take(), self.child.stderr.take());
        let mut length = 0;
        while out.is_some() || err.is_some() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let [from_out, from_err] = readable(out.as_ref(), err.as_ref(), left)?;
            if let Some(pipe) = out.as_mut().filter(|_| from_out) {
                let mut more = Zeroizing::new([0]);
                let room = output.get_mut(length..).filter(|room| !room.is_empty());
                match pipe.read(room.unwrap_or(&mut *more))? {
                    // Further bytes are ignored: the output is too long already.
                    0 => out = None,
                    read => length = (length + read).min(INPUT + 1),
                }
            }
            if let Some(pipe) = err.as_mut().filter(|_| from_err) {
                let mut piece = [0; 256];
                match pipe.read(&mut piece)? {
                    0 => err = None,
                    read => {
                        let room = MAX_STDERR.saturating_sub(stderr.len());
                        stderr.extend_from_slice(&piece[..read.min(room)]);
                    }
                }
            }
        }
        Ok(Some(length))
    }

    /// Waits for the end of the command. Returns `None` at the deadline.
    fn wait(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.ended = true;
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }
}

impl Drop for RunningCommand {
    fn drop(&mut self) {
        if !self.ended {
            // If the process is gone already, the signal fails, and that does no harm.
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Waits until a pipe is readable or closed, or until the time is over.
fn readable(out: Option<&impl AsFd>, err: Option<&impl AsFd>, left: Duration) -> io::Result<[bool; 2]> {
    let mut pipes: Vec<PollFd<'_>> = Vec::with_capacity(2);
    pipes.extend(out.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    pipes.extend(err.map(|pipe| PollFd::new(pipe, PollFlags::IN)));
    let left = Timespec::try_from(left).map_err(io::Error::other)?;
    match poll(&mut pipes, Some(&left)) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok([false; 2]),
        Err(error) => return Err(error.into()),
    }
    let mut ready = pipes.iter().map(|pipe| !pipe.revents().is_empty());
    let mut next = |there: bool| there && ready.next().unwrap_or_default();
    Ok([next(out.is_some()), next(err.is_some())])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Longer than any command of these tests takes on a slow machine.
    const LONG_TIMEOUT: Duration = Duration::from_secs(120);

    fn run(script: &str, timeout: Duration) -> Result<MasterKey, String> {
        let command = ["/bin/sh", "-c", script].map(str::to_owned);
        master_key(7, &command, Path::new("/"), timeout)
    }

    fn stderr(script: &str) -> String {
        run(script, LONG_TIMEOUT).err().unwrap()
    }

    #[test]
    fn a_key_comes_in_the_forms_of_a_key_file() {
        let hex = "printf 5a%.0s $(seq 32)";
        let raw = "printf Z%.0s $(seq 32)";
        for script in [hex, &format!("{hex}; echo"), &format!("{hex}; printf '\\r\\n'"), raw] {
            let key = run(script, LONG_TIMEOUT).unwrap();
            assert!(key == MasterKey::new(7, [0x5a; 32]), "{script}");
        }
        // The key arrives in pieces, while the command also writes to standard error.
        let slow = "printf 5a%.0s $(seq 16); echo working >&2; sleep 0.05; printf 5a%.0s $(seq 16)";
        assert!(run(slow, LONG_TIMEOUT).unwrap() == MasterKey::new(7, [0x5a; 32]));
    }

    #[test]
    fn output_that_is_no_key_is_refused_and_not_shown() {
        for script in ["true", "printf 5a%.0s $(seq 31)", "printf 5a%.0s $(seq 33)", "printf 5a%.0s $(seq 100000)"] {
            let error = stderr(script);
            assert!(
                error.contains("neither 64 hex digits nor 32 bytes") && !error.contains("5a5a"),
                "{script}: {error}"
            );
        }
    }

    #[test]
    fn a_command_that_fails_says_why() {
        let error = stderr("printf 5a%.0s $(seq 32); printf 'no such\\nkey\\033[1m' >&2; exit 3");
        assert_eq!(error, "/bin/sh: exit status: 3: no such key [1m");
        let long = stderr("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1");
        assert!(long.len() < MAX_STDERR + 100, "{}", long.len());
        let command = ["/does/not/exist".to_owned()];
        let error = master_key(1, &command, Path::new("/"), LONG_TIMEOUT).err().unwrap();
        assert!(error.starts_with("/does/not/exist: "), "{error}");
        for command in [vec![], vec!["sh".to_owned()]] {
            assert!(master_key(1, &command, Path::new("/"), LONG_TIMEOUT).is_err());
        }
    }

    #[test]
    fn a_command_has_no_environment_but_its_path_and_reads_nothing() {
        let error = stderr("/usr/bin/env >&2; cat >&2; exit 1");
        let names: Vec<&str> =
            error.split_whitespace().filter_map(|word| word.split_once('=')).map(|(n, _)| n).collect();
        // The shell adds variables of its own.
        assert!(names.contains(&"PATH"), "{error}");
        assert!(names.iter().all(|name| matches!(*name, "PATH" | "PWD" | "OLDPWD" | "SHLVL" | "_")), "{error}");
    }

    #[test]
    fn a_command_that_does_not_end_is_killed_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("children");
        let script = format!("sleep 1000 & echo $! $$ >{}; wait", file.display());
        // A machine may be too slow to start them in time: then the test allows more time. The time
        // is always less than the sleep.
        let started = [1, 10, 100].into_iter().any(|seconds| {
            let error = run(&script, Duration::from_secs(seconds)).err().unwrap();
            assert!(error.contains(&format!("did not end within {seconds} second")), "{error}");
            std::fs::read_to_string(&file).is_ok_and(|children| children.ends_with('\n'))
        });
        assert!(started);
        let gone = |pid: &str| match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) => stat.rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")),
            Err(_) => true,
        };
        let children = std::fs::read_to_string(file).unwrap();
        for pid in children.split_whitespace() {
            let start = Instant::now();
            while !gone(pid) && start.elapsed() < LONG_TIMEOUT {
                std::thread::sleep(POLL_INTERVAL);
            }
            assert!(gone(pid), "{pid}");
        }
        // A command that closes its output and stays is killed as well.
        let error = run("exec >&- 2>&-; sleep 1000", Duration::from_secs(1)).err().unwrap();
        assert!(error.contains("did not end"), "{error}");
    }
}
