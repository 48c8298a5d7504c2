//! The reasons why a command ends without success.

use std::io;

use crate::answer::Answer;
use crate::status::Status;

/// Reason why a command ends without success.
pub(crate) enum Failure {
    /// The library refused a call. The answer is its message.
    Refused(Answer),
    /// The program itself cannot go on.
    Local {
        /// The exit status.
        status: Status,
        /// The cause, without a secret.
        cause: String,
    },
    /// The reader of the output closed it.
    ClosedPipe,
    /// The user pressed Ctrl-C at a prompt.
    Interrupted,
}

impl Failure {
    /// Creates the failure of a wrong command line or input.
    pub(crate) fn usage(cause: impl Into<String>) -> Self {
        Self::Local { status: Status::Usage, cause: cause.into() }
    }

    /// Creates the failure of a fault of the program itself.
    pub(crate) fn internal() -> Self {
        Self::Local { status: Status::Other, cause: "internal error".to_owned() }
    }

    /// Creates the failure of a configuration.
    pub(crate) fn configuration(cause: impl Into<String>) -> Self {
        Self::Local { status: Status::Configuration, cause: cause.into() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ClosedPipe,
            _ => Self::Local { status: Status::Other, cause: error.to_string() },
        }
    }
}
