//! Output: results on standard output, all else on standard error.

use std::io::{ErrorKind, Write};

use clap::error::{ContextKind, ContextValue, ErrorKind as Mistake};
use pims::error::{Code, Error};
use pims::message::{Message, TransactionId};

use crate::answer::{Answer, Info, Refusal};
use crate::arguments;
use crate::failure::Failure;
use crate::hint::Hints;
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

    /// Writes that a command without a result is done.
    pub(crate) fn write_done(self) -> Result<(), Failure> {
        match self {
            Self::Text => Ok(()),
            Self::Json => line(r#"{"status":"SUCCEEDED","result":null}"#),
        }
    }

    /// Writes a result that the program put together, in the form of the library's messages.
    pub(crate) fn write_result(self, text: &str, result: &serde_json::Value) -> Result<(), Failure> {
        match self {
            Self::Text if text.is_empty() => Ok(()),
            Self::Text => line(text),
            Self::Json => line(&serde_json::json!({"status": "SUCCEEDED", "result": result}).to_string()),
        }
    }
}

/// Writes a line on standard output.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut output = anstream::stdout().lock();
    writeln!(output, "{text}").and_then(|()| output.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::Local {
            status: Status::Other,
            cause: format!("the command was carried out, but its output cannot be written: {error}"),
        },
    })
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
pub(crate) fn report(failure: &Failure, style: Style, hints: &Hints) -> Status {
    match failure {
        Failure::ClosedPipe => Status::ClosedPipe,
        Failure::Interrupted => {
            if style == Style::Json {
                drop(line(message(Status::Interrupted, "the user ended the program at a prompt").as_str()));
            }
            Status::Interrupted
        }
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
                Style::Text => explain(&refusal, hints),
                Style::Json => drop(line(answer.as_str())),
            }
            refusal.status()
        }
    }
}

/// Reports a command line that cannot be read, or shows the help or the version that it asks for.
/// The message of an error shows no value: it may be a secret that stands in the wrong place.
pub(crate) fn not_parsed(error: &clap::Error) -> Status {
    let is_answer = matches!(error.kind(), Mistake::DisplayHelp | Mistake::DisplayVersion);
    let status = if is_answer { Status::Success } else { Status::Usage };
    if !arguments::asks_for_json(std::env::args_os().skip(1)) {
        let printed = if shows_value(error) {
            let cause = error.kind().as_str().unwrap_or_default();
            writeln!(anstream::stderr(), "{RED}error:{PLAIN} {cause}\n\nFor more information, try '--help'.")
        } else {
            error.print()
        };
        let is_closed = |error: &std::io::Error| error.kind() == ErrorKind::BrokenPipe;
        return if printed.is_err_and(|error| is_closed(&error)) { Status::ClosedPipe } else { status };
    }
    let written = if is_answer {
        let text = error.render().to_string();
        Style::Json.write_result("", &serde_json::json!({ "text": text.trim_end() }))
    } else {
        let cause = error.kind().as_str().unwrap_or("the command line cannot be read");
        let options = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::String(name)) if name.starts_with('-') => {
                format!(": {}", name.split('=').next().unwrap_or_default())
            }
            Some(ContextValue::Strings(names)) if error.kind() == Mistake::MissingRequiredArgument => {
                format!(": {}", names.join(", "))
            }
            _ => String::new(),
        };
        line(message(Status::Usage, &format!("{cause}{options}")).as_str())
    };
    if matches!(written, Err(Failure::ClosedPipe)) { Status::ClosedPipe } else { status }
}

/// Returns whether the text of an error shows a value that may be a secret: an argument that has no
/// place, or a command that is no word.
fn shows_value(error: &clap::Error) -> bool {
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.as_str(),
        _ => "",
    };
    let is_word = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    match error.kind() {
        Mistake::UnknownArgument => !text(ContextKind::InvalidArg).starts_with('-'),
        Mistake::InvalidSubcommand => !is_word(text(ContextKind::InvalidSubcommand)),
        _ => false,
    }
}

/// Returns the message of a failure of the program itself, in the form of the library's messages.
fn message(status: Status, cause: &str) -> Message {
    let error = match status {
        Status::Usage => Error::invalid("input", cause.to_owned()),
        Status::State => Error::new(Code::WrongState).with_detail(cause.to_owned()),
        Status::Configuration => Error::new(Code::ConfigurationInvalid).with_detail(cause.to_owned()),
        _ => Error::new(Code::Unknown).with_detail(cause.to_owned()),
    };
    Message::of_outcome(TransactionId::new(), &Err(error))
}

fn error(cause: &str) {
    let _ = writeln!(anstream::stderr(), "{RED}pims:{PLAIN} {}", printable(cause));
}

/// Writes an error of the library: its code, its cause, and what to do.
fn explain(refusal: &Refusal, hints_of_run: &Hints) {
    error(&refusal.cause());
    let mut hints = Vec::new();
    hints.extend(refusal.info.attempts_left.map(|left| format!("tries left: {left}")));
    hints.extend(refusal.info.retry_after_seconds.map(|seconds| format!("try again in {seconds} seconds")));
    hints.extend(hints_of_run.next_step(refusal));
    for hint in hints {
        let _ = writeln!(anstream::stderr(), "      {hint}");
    }
    warn(&refusal.info);
}

/// Returns a text of others without control characters, which could change the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}
