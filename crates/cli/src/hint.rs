//! The commands that a user can run after an error.

use crate::answer::Refusal;
use crate::arguments::{Arguments, Command, Pin};

/// Command that failed, as far as its hints differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failed {
    Enroll,
    EnrollWithNumber,
    ResetPin,
    PasswordWithoutPin,
    Import,
    Other,
}

/// Next step of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A command of the program, with its use.
    Run(&'static str, &'static str),
    /// Advice without a command.
    Do(&'static str),
}

/// Hints for one run of the program.
pub(crate) struct Hints {
    program: String,
    failed: Failed,
}

impl Hints {
    /// Creates the hints for a command line.
    pub(crate) fn of(arguments: &Arguments) -> Self {
        let failed = match &arguments.command {
            Command::Enroll(options) if options.phone.is_some() => Failed::EnrollWithNumber,
            Command::Enroll(_) => Failed::Enroll,
            Command::Pin(Pin::Reset(_)) => Failed::ResetPin,
            Command::Otp(options) if options.without_pin => Failed::PasswordWithoutPin,
            Command::Import(_) => Failed::Import,
            _ => Failed::Other,
        };
        Self { program: arguments.settings.program(), failed }
    }

    /// Returns the next step after an error.
    pub(crate) fn next_step(&self, refusal: &Refusal) -> Option<String> {
        if refusal.is_in_use() {
            return Some("try again when the other process has ended".to_owned());
        }
        let is_enrolled = refusal.detail.contains("\"replace\":true");
        let step = step(self.failed, refusal.info.next_action.as_deref(), refusal.code, is_enrolled)?;
        Some(match step {
            Step::Run(command, purpose) => format!("{} {command} {purpose}", self.program),
            Step::Do(advice) => advice.to_owned(),
        })
    }
}

/// Returns the next step. `is_enrolled` says that an import met an enrollment.
fn step(failed: Failed, action: Option<&str>, code: u16, is_enrolled: bool) -> Option<Step> {
    Some(match (action, failed, code) {
        (_, Failed::Import, 2317) if is_enrolled => Step::Run("import --replace FILE", "replaces the enrollment"),
        (Some("retryPin"), Failed::Enroll, _) => {
            Step::Run("enroll --no-request", "asks for the code and the PIN again")
        }
        (Some("retryPin"), Failed::EnrollWithNumber, _) => {
            Step::Run("enroll --no-request --phone NUMBER", "asks for the code and the PIN again")
        }
        (Some("retryPin"), Failed::PasswordWithoutPin, _) => {
            Step::Run("otp", "makes a password with the PIN, which synchronizes this device")
        }
        (Some("retryPin"), ..) => Step::Do("run the command again with the right PIN"),
        (Some("requestSmsCode"), Failed::EnrollWithNumber, _) => {
            Step::Run("enroll --phone NUMBER", "requests a new SMS code")
        }
        (Some("requestSmsCode"), Failed::ResetPin, 2305 | 2306) => Step::Run("pin reset", "requests a new SMS code"),
        (Some("requestSmsCode"), ..) => Step::Run("enroll", "requests a new SMS code"),
        (Some("removeEnrollments"), ..) => Step::Run("remove", "ends all enrollments of the account"),
        (Some("removeDevice"), ..) => Step::Run("devices", "lists the devices: remove one of them, then enroll again"),
        (Some("resetPin"), ..) => Step::Run("pin reset", "sets a new PIN with an SMS code"),
        (Some("authenticate"), ..) => Step::Do("give a fresh access token with the option --token-file FILE"),
        (Some("update"), ..) => Step::Do("install a newer version of pims"),
        (Some("enroll"), ..) | (None, _, 2312) => Step::Run("enroll", "enrolls this device"),
        (None, Failed::Enroll, 2307) => Step::Run("enroll --phone NUMBER", "registers a number, too"),
        (None, _, 2004 | 2006) => Step::Run("doctor", "checks the configuration and the storage"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use pims::error::Code;

    use super::*;

    const FAILED: [Failed; 6] = [
        Failed::Enroll,
        Failed::EnrollWithNumber,
        Failed::ResetPin,
        Failed::PasswordWithoutPin,
        Failed::Import,
        Failed::Other,
    ];

    #[test]
    fn each_command_that_a_hint_names_can_be_run() {
        let actions = pims::error::NextAction::ALL.map(pims::error::NextAction::as_str);
        for failed in FAILED {
            for action in actions.map(Some).into_iter().chain([None]) {
                for code in Code::ALL {
                    for is_enrolled in [false, true] {
                        if let Some(Step::Run(command, _)) = step(failed, action, *code as u16, is_enrolled) {
                            let line = ["pims"].into_iter().chain(command.split(' '));
                            assert!(Arguments::try_parse_from(line).is_ok(), "{command}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_hint_fits_the_command_that_failed_and_its_folder() {
        let hint = |line: &str, action: Option<&str>, code: u16, detail: &str| {
            let arguments = Arguments::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{error}"));
            let mut refusal = Refusal { code, detail: detail.to_owned(), ..Refusal::default() };
            refusal.info.next_action = action.map(str::to_owned);
            Hints::of(&arguments).next_step(&refusal).unwrap_or_default()
        };
        for (line, action, code, expected) in [
            ("pims --folder try otp", Some("enroll"), 2317, "pims --folder try enroll "),
            ("pims otp", Some("retryPin"), 2308, "run the command again"),
            ("pims otp --without-pin", Some("retryPin"), 2316, "pims otp "),
            ("pims enroll --no-request", Some("requestSmsCode"), 2306, "pims enroll requests"),
            ("pims enroll", Some("retryPin"), 2308, "pims enroll --no-request "),
            ("pims pin reset --no-request", Some("requestSmsCode"), 2306, "pims pin reset "),
            ("pims pin reset", Some("requestSmsCode"), 2317, "pims enroll "),
            ("pims pin reset", None, 2307, ""),
            ("pims enroll", None, 2307, "pims enroll --phone "),
        ] {
            let found = hint(line, action, code, "");
            assert!(found.starts_with(expected) && found.is_empty() == expected.is_empty(), "{line}: {found}");
        }
        let found = hint("pims import f", Some("enroll"), 2317, "an import with \"replace\":true replaces it");
        assert!(found.starts_with("pims import --replace FILE"), "{found}");
    }
}
