//! Output: results on standard output, all else on standard error.

use std::io::Write;

use pims::error::{Code, Error};
use pims::message::{Message, TransactionId};

use crate::answer::{Answer, Info, Refusal};
use crate::failure::Failure;
use crate::status::Status;

/// Form of the output.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Text for people.
    Text,
    /// One line of JSON for programs.
    Json,
}

/// Colours of a word. They are seen on a terminal only, and not if NO_COLOR is set.
pub(crate) const RED: &str = "\x1b[1;31m";
pub(crate) const GREEN: &str = "\x1b[32m";
pub(crate) const YELLOW: &str = "\x1b[33m";
pub(crate) const PLAIN: &str = "\x1b[0m";

impl Style {
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }

    /// Writes the outcome of a command: `text` for people, or the library's message.
    pub(crate) fn write(self, text: &str, answer: &Answer) -> Result<(), Failure> {
        match self {
            Self::Text => {
                warn(&answer.info());
                if text.is_empty() { Ok(()) } else { line(text) }
            }
            Self::Json => line(answer.as_str()),
        }
    }

    /// Writes a result that the program put together, in the form of the library's messages.
    pub(crate) fn write_result(self, text: &str, result: &serde_json::Value) -> Result<(), Failure> {
        match self {
            Self::Text => line(text),
            Self::Json => line(&serde_json::json!({"status": "SUCCEEDED", "result": result}).to_string()),
        }
    }
}

/// Writes a line on standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut output = anstream::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()?;
    Ok(())
}

/// Warns of wrong PINs that the user may not have entered.
fn warn(info: &Info) {
    if let Some(wrong) = &info.wrong_pins_since {
        let _ = writeln!(
            anstream::stderr(),
            "{YELLOW}note:{PLAIN} {} wrong PINs were entered for this account since this device last proved the right one",
            wrong.count
        );
    }
}

/// Reports why a command ended, and returns the exit status.
pub(crate) fn report(failure: &Failure, style: Style) -> Status {
    match failure {
        Failure::ClosedPipe => Status::ClosedPipe,
        Failure::Interrupted => Status::Interrupted,
        Failure::Local { status, cause } => {
            match style {
                Style::Text => error(cause),
                Style::Json => drop(line(message(*status, cause).as_str())),
            }
            *status
        }
        Failure::Refused(answer) => {
            let refusal = answer.refusal();
            match style {
                Style::Text => explain(&refusal),
                Style::Json => drop(line(answer.as_str())),
            }
            Status::of(refusal.code)
        }
    }
}

/// Returns the message of a failure of the program itself, in the form of the library's messages.
fn message(status: Status, cause: &str) -> Message {
    let error = match status {
        Status::Usage => Error::invalid("input", cause.to_owned()),
        Status::Configuration => Error::new(Code::ConfigurationInvalid).with_detail(cause.to_owned()),
        _ => Error::new(Code::Unknown).with_detail(cause.to_owned()),
    };
    Message::of_outcome(TransactionId::new(), &Err(error))
}

fn error(cause: &str) {
    let _ = writeln!(anstream::stderr(), "{RED}pims:{PLAIN} {}", printable(cause));
}

/// Writes an error of the library: its code, its cause, and what to do.
fn explain(refusal: &Refusal) {
    error(&refusal.cause());
    let mut hints = Vec::new();
    hints.extend(refusal.info.attempts_left.map(|left| format!("tries left: {left}")));
    hints.extend(refusal.info.retry_after_seconds.map(|seconds| format!("try again in {seconds} seconds")));
    hints.extend(next_step(refusal).map(str::to_owned));
    for hint in hints {
        let _ = writeln!(anstream::stderr(), "      {hint}");
    }
    warn(&refusal.info);
}

/// Returns what the user can do after an error.
fn next_step(refusal: &Refusal) -> Option<&'static str> {
    Some(match (refusal.info.next_action.as_deref(), refusal.code) {
        (Some("retryPin"), _) => "run the command again with the right PIN",
        (Some("requestSmsCode"), _) => "run the command again: it asks for a new SMS code",
        (Some("removeEnrollments"), _) => "pims remove ends all enrollments of the account",
        (Some("resetPin"), _) => "pims pin reset sets a new PIN with an SMS code",
        (Some("authenticate"), _) => "give a fresh access token: pims --token-file FILE …",
        (Some("update"), _) => "install a newer version of pims",
        (Some("enroll"), _) | (None, 2312) => "pims enroll enrolls this device",
        (None, 2307) => "pims enroll --phone NUMBER registers a number, too",
        (None, 2004 | 2006) => "pims doctor checks the configuration and the storage",
        _ => return None,
    })
}

/// Returns a text of others without control characters, which could change the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}
