//! A line from the terminal without an echo.
//!
//! The echo is off before the first prompt appears and until the command ends, so that no quick
//! user and no script is seen, also while the service is asked between two prompts. Ctrl-C gives
//! the echo back before the program ends, as does a signal that ends it. The crates that were tried
//! do neither: rpassword 7.5.4, and the `console` of dialoguer.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use zeroize::{Zeroize, Zeroizing};

/// Longest line, in bytes. The rest of a longer one is ignored.
pub(crate) const MAX_LINE: usize = 1024;

/// Key that ends or edits a line.
mod key {
    pub(super) const CTRL_C: u8 = 0x03;
    pub(super) const CTRL_D: u8 = 0x04;
    pub(super) const BACKSPACE: u8 = 0x08;
    pub(super) const CTRL_U: u8 = 0x15;
    pub(super) const CTRL_W: u8 = 0x17;
    pub(super) const DELETE: u8 = 0x7f;
}

/// Terminal whose echo is off.
struct Silent {
    terminal: File,
    /// The settings from before.
    before: Termios,
    /// The present settings.
    now: Termios,
}

/// The terminal, if its echo is off. Prompts and the watch over signals share it.
static SILENT: Mutex<Option<Silent>> = Mutex::new(None);

fn silent() -> MutexGuard<'static, Option<Silent>> {
    SILENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the terminal its echo back, if it is off.
pub(crate) fn restore() {
    if let Some(Silent { terminal, before, .. }) = silent().take() {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// Turns the echo off again, as it was before the program was stopped: the shell that stopped the
/// program gave the terminal its echo back.
pub(crate) fn silence_again() {
    if let Some(Silent { terminal, now, .. }) = &*silent() {
        let _ = tcsetattr(terminal, OptionalActions::Now, now);
    }
}

/// Terminal of this process during a prompt. Keys come one by one, Ctrl-C among them. When dropped,
/// lines and signals are as before, and the echo stays off.
struct Prompt {
    terminal: File,
    /// The settings between two prompts.
    between: Termios,
}

impl Prompt {
    fn begin() -> io::Result<Self> {
        let mut silent = silent();
        let (terminal, before) = match &*silent {
            Some(Silent { terminal, before, .. }) => (terminal.try_clone()?, before.clone()),
            None => {
                let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
                let before = tcgetattr(&terminal)?;
                (terminal, before)
            }
        };
        let mut between = before.clone();
        between.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        let mut during = between.clone();
        during.local_modes.remove(LocalModes::ICANON | LocalModes::ISIG);
        during.special_codes[SpecialCodeIndex::VMIN] = 1;
        during.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Flush, &during)?;
        // The watch waits for the lock, so it finds the settings.
        *silent = Some(Silent { terminal: terminal.try_clone()?, before, now: during });
        Ok(Self { terminal, between })
    }
}

impl Drop for Prompt {
    fn drop(&mut self) {
        // A signal may have given the echo back already.
        if let Some(silent) = &mut *silent() {
            silent.now = self.between.clone();
            let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.between);
        }
    }
}

/// Shows a prompt, and returns the line that the user enters. The echo is off from then on, until
/// [`restore`]. The error is `Interrupted` after Ctrl-C, and `UnexpectedEof` after Ctrl-D or the
/// end of the terminal.
pub(crate) fn read_line(prompt: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut shown = Prompt::begin()?;
    shown.terminal.write_all(prompt.as_bytes())?;
    let line = read(&mut shown.terminal);
    let _ = shown.terminal.write_all(b"\n");
    line
}

fn read(input: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    // The buffer never grows, so it leaves no copy.
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_LINE));
    let mut byte = Zeroizing::new([0]);
    loop {
        match input.read(&mut *byte) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        match byte[0] {
            b'\n' | b'\r' => return Ok(line),
            key::CTRL_C => return Err(io::ErrorKind::Interrupted.into()),
            key::CTRL_D if line.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            key::BACKSPACE | key::DELETE => remove_last(&mut line),
            // A secret is one word.
            key::CTRL_U | key::CTRL_W => line.zeroize(),
            control if control.is_ascii_control() => {}
            _ if line.len() == MAX_LINE => {}
            other => line.push(other),
        }
    }
}

/// Removes the last character of UTF-8.
fn remove_last(line: &mut Vec<u8>) {
    while let Some(byte) = line.pop() {
        let continues = byte & 0b1100_0000 == 0b1000_0000;
        if !continues {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(keys: &[u8]) -> Result<Vec<u8>, io::ErrorKind> {
        read(&mut &keys[..]).map(|line| line.to_vec()).map_err(|error| error.kind())
    }

    #[test]
    fn keys_edit_the_line() {
        assert_eq!(entered(b"12\x7f34\n"), Ok(b"134".to_vec()));
        assert_eq!(entered("1\u{e9}\x08\x082\r".as_bytes()), Ok(b"2".to_vec()));
        assert_eq!(entered(b"\x7f12\x15\x0434\n"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(entered(b"12\x1534\x04\x01\n"), Ok(b"34".to_vec()));
        assert_eq!(entered(b"12\x03"), Err(io::ErrorKind::Interrupted));
        assert_eq!(entered(b"12"), Err(io::ErrorKind::UnexpectedEof));
        assert_eq!(entered(&[&[b'1'; 2000][..], b"\n"].concat()).map(|line| line.len()), Ok(MAX_LINE));
    }
}
