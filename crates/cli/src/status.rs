//! The exit statuses. docs/cli.md has the same table; a test compares the two.

use std::process::ExitCode;

use pims::error::Code;

/// Exit status of the program. Each one tells a script what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// The command succeeded.
    Success = 0,
    /// An internal error, or an error that no other status describes.
    Other = 1,
    /// The command line or an input is wrong. clap ends the program with the same status.
    Usage = 2,
    /// The configuration or the storage cannot be used.
    Configuration = 3,
    /// The service did not answer, or could not serve the request, or another process uses the
    /// storage. A later try may succeed.
    Service = 4,
    /// The service wants an access token, or a fresh one.
    Authenticate = 5,
    /// The PIN or the SMS code was refused.
    Refused = 6,
    /// The account is blocked.
    Blocked = 7,
    /// The state of the device or of the account does not allow the command.
    State = 8,
    /// A check of `pims doctor` failed.
    Unhealthy = 9,
    /// The user pressed Ctrl-C at a prompt. A shell shows this status for SIGINT, too.
    Interrupted = 130,
    /// The reader of the output closed it. A shell shows this status for SIGPIPE, too.
    ClosedPipe = 141,
}

impl Status {
    /// Returns the status for an error of the library.
    pub(crate) fn of(code: u16) -> Self {
        let is = |code: &&Code| **code as u16;
        let Some(code) = Code::ALL.iter().find(|known| is(known) == code) else { return Self::Other };
        match code {
            Code::MissingParameter | Code::InvalidParameter | Code::NotSupported => Self::Usage,
            Code::ConfigurationInvalid
            | Code::CoreNotConfigured
            | Code::NotConfigured
            | Code::NotLoaded
            | Code::NotInitialized
            | Code::AlreadyInitialized
            | Code::PinningFailed => Self::Configuration,
            Code::Timeout | Code::NoInternet | Code::InvalidReturn | Code::ServerError => Self::Service,
            Code::NeedAuthentication | Code::NeedStrongAuthentication => Self::Authenticate,
            Code::CodeInvalid | Code::CodeExpired | Code::AccessRefused | Code::PinReused => Self::Refused,
            Code::AccountBlocked => Self::Blocked,
            Code::NoPhoneNumber
            | Code::WrongState
            | Code::DeviceUnknown
            | Code::Forbidden
            | Code::PhoneNumberRegistered
            | Code::NeedsOtherTool
            | Code::PostSynchronization => Self::State,
            Code::Unknown | Code::Duplicate | Code::VersionError | Code::NoService | Code::Deprecated => Self::Other,
        }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_each_code_in_the_row_of_its_status() {
        let page = include_str!("../../../docs/cli.md");
        for code in Code::ALL {
            let number = (*code as u16).to_string();
            let status = format!("| {} |", Status::of(*code as u16) as u8);
            let rows: Vec<_> = page.lines().filter(|row| row.starts_with("| ") && row.contains(&number)).collect();
            let [row] = rows[..] else { panic!("{number} is in these rows: {rows:?}") };
            assert!(row.starts_with(&status), "{number}: {row}");
        }
        assert_eq!(Status::of(1), Status::Other);
    }
}
