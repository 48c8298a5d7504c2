//! Input: prompts on a terminal, lines of standard input elsewhere.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read, Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use inwebo::values::{EnrollmentCode, Pin, SmsCode};
use rustix::event::{PollFd, PollFlags, Timespec};
use zeroize::Zeroizing;

use crate::echo::{self, MAX_LINE};
use crate::failure::Failure;
use crate::signals;

/// Returns whether a user can answer prompts.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

/// Returns a secret: from a prompt without an echo, or the next line of standard input.
pub(crate) fn secret(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if is_interactive() { secret_of_terminal(prompt) } else { not_empty(&line(prompt)?, prompt) }
}

/// Returns a secret from a prompt on the terminal of this process, while standard input is a file.
pub(crate) fn secret_of_terminal(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    signals::watch();
    let line = echo::read_line(&format!("{prompt}: ")).map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::Interrupted,
        _ => no_input(prompt, &error),
    })?;
    not_empty(&text_of(line, prompt)?, prompt)
}

fn not_empty(line: &str, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    match line.trim() {
        "" => Err(Failure::usage(format!("nothing was entered for: {prompt}"))),
        text => Ok(Zeroizing::new(text.to_owned())),
    }
}

const PIN_FORM: &str = "a PIN has 4 to 8 digits";

/// Returns a PIN, whose form is checked before anything is sent.
pub(crate) fn pin(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    of_form(prompt, secret, is_pin, PIN_FORM)
}

/// Returns a PIN from the terminal of this process, while standard input is a file.
pub(crate) fn pin_of_terminal(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    of_form(prompt, secret_of_terminal, is_pin, PIN_FORM)
}

/// Returns an SMS code, or the code of another device. Its form is checked before it is sent.
pub(crate) fn sms_code() -> Result<Zeroizing<String>, Failure> {
    let fits = |text: &str| SmsCode::new(text).is_some() || EnrollmentCode::read(text).is_some();
    of_form("SMS code", secret, fits, "an SMS code has 4 to 12 letters or digits")
}

fn is_pin(text: &str) -> bool {
    Pin::new(text).is_some()
}

/// Returns a secret of a form. If standard input is a terminal, the user is asked again.
fn of_form(
    prompt: &str,
    ask: impl Fn(&str) -> Result<Zeroizing<String>, Failure>,
    fits: impl Fn(&str) -> bool,
    form: &str,
) -> Result<Zeroizing<String>, Failure> {
    loop {
        let secret = ask(prompt)?;
        if fits(&secret) {
            return Ok(secret);
        }
        if !is_interactive() {
            return Err(Failure::usage(form));
        }
        say(&format!("This does not fit: {form}."));
    }
}

/// Checks that standard input has not ended, before something is spent on a code that the input
/// does not have. It does not wait for input.
pub(crate) fn expect_input(prompt: &str) -> Result<(), Failure> {
    let input = standard_input()?;
    if is_interactive() {
        return Ok(());
    }
    let ended = || Failure::usage(format!("standard input ended before: {prompt}"));
    let mut ready = [PollFd::new(&input, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut ready, Some(&now)).map_err(|error| no_input(prompt, &error.into()))?;
    let events = ready[0].revents();
    if events.contains(PollFlags::HUP) && !events.contains(PollFlags::IN) {
        return Err(ended());
    }
    // A socket that has ended is ready to say so. Node.js starts a child with one.
    let kind = input.metadata()?;
    if events.contains(PollFlags::IN)
        && kind.file_type().is_socket()
        && rustix::io::ioctl_fionread(&input).is_ok_and(|bytes| bytes == 0)
    {
        return Err(ended());
    }
    // A file, and a device such as /dev/null, is always ready.
    let at = (&input).stream_position().unwrap_or(0);
    if (kind.is_file() && at >= kind.len()) || is_null(&kind) {
        return Err(ended());
    }
    Ok(())
}

/// Returns whether a file is /dev/null.
fn is_null(input: &Metadata) -> bool {
    std::fs::metadata("/dev/null")
        .is_ok_and(|null| input.rdev() == null.rdev() && input.file_type() == null.file_type())
}

/// Returns a new PIN. On a terminal the user enters it twice.
pub(crate) fn new_pin(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    loop {
        let pin = pin(prompt)?;
        if !is_interactive() || *pin == *secret(&format!("{prompt}, again"))? {
            return Ok(pin);
        }
        say("The two differ. Enter the new PIN once more.");
    }
}

/// Returns a text that the user sees while typing. An empty line is `default`.
pub(crate) fn text(prompt: &str, default: &str) -> Result<String, Failure> {
    echo::restore();
    if default.is_empty() {
        write!(io::stderr(), "{prompt}: ")?;
    } else {
        write!(io::stderr(), "{prompt} [{default}]: ")?;
    }
    let line = line(prompt)?;
    let text = line.trim();
    Ok(if text.is_empty() { default.to_owned() } else { text.to_owned() })
}

/// Returns whether the user agrees. Only a whole "yes" does.
pub(crate) fn agrees(question: &str) -> Result<bool, Failure> {
    text(&format!("{question} Type yes"), "").map(|answer| answer.eq_ignore_ascii_case("yes"))
}

/// Writes a line for the user on standard error. A command goes on if that fails: an SMS code may
/// be on its way.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Reads the next line of standard input. It is read byte by byte, so that no buffer keeps a
/// secret.
fn line(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    let mut input = standard_input()?;
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = Zeroizing::new([0]);
    loop {
        match input.read(&mut *byte) {
            Ok(0) if line.is_empty() => {
                return Err(Failure::usage(format!("standard input ended before: {prompt}")));
            }
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if line.len() == MAX_LINE => {
                return Err(Failure::usage(format!("the line is too long for: {prompt}")));
            }
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(no_input(prompt, &error)),
        }
    }
    text_of(line, prompt)
}

fn text_of(mut line: Zeroizing<Vec<u8>>, prompt: &str) -> Result<Zeroizing<String>, Failure> {
    match String::from_utf8(std::mem::take(&mut *line)) {
        Ok(line) => Ok(Zeroizing::new(line)),
        Err(error) => {
            drop(Zeroizing::new(error.into_bytes()));
            Err(Failure::usage(format!("the line is not UTF-8 for: {prompt}")))
        }
    }
}

/// Reads all of a source up to `limit` bytes. The error is a sentence about the source.
pub(crate) fn read_all(mut source: impl Read, limit: usize, name: &str) -> Result<Zeroizing<Vec<u8>>, String> {
    // One byte more shows that the source is longer. The buffer never grows, so it leaves no copy.
    let mut bytes = Zeroizing::new(vec![0; limit + 1]);
    let mut length = 0;
    loop {
        match source.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("{name} cannot be read: {error}")),
        }
        if length > limit {
            return Err(format!("{name} is longer than {limit} bytes"));
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// Returns standard input without a buffer.
pub(crate) fn standard_input() -> Result<File, Failure> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn no_input(prompt: &str, error: &io::Error) -> Failure {
    Failure::usage(format!("there is no input for: {prompt} ({error})"))
}
