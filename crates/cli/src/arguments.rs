//! The command line.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

/// Enrolls this machine as a device of an account, and makes one-time passwords.
///
/// Secrets are never arguments. On a terminal the program asks for them without an echo. Otherwise
/// it reads each one as a line of standard input. The page docs/cli.md has examples for scripts
/// and all exit statuses.
#[derive(Parser)]
#[command(name = "pims", version, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) settings: Settings,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Returns whether the output is JSON. `call` has JSON for each outcome.
    pub(crate) fn wants_json(&self) -> bool {
        self.settings.json || matches!(self.command, Command::Call)
    }
}

/// Returns whether a command line that cannot be read asks for JSON: by `--json`, or because its
/// command is `call`.
pub(crate) fn asks_for_json(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut command = None;
    let mut is_value = false;
    for argument in arguments.take_while(|argument| argument != "--") {
        let text = argument.to_string_lossy();
        match &*text {
            option if option == "--json" || option.starts_with("--json=") => return true,
            _ if is_value => is_value = false,
            "--folder" | "--config" | "--token-file" => is_value = true,
            option if option.starts_with('-') => {}
            _ if command.is_none() => command = Some(text == "call"),
            _ => {}
        }
    }
    command == Some(true)
}

impl Settings {
    /// Returns the program with the options that a user must repeat to reach the same device and
    /// account.
    pub(crate) fn program(&self) -> String {
        let mut program = "pims".to_owned();
        let options = [
            ("--folder", &self.folder, Some(FOLDER)),
            ("--config", &self.config, Some(CONFIG)),
            ("--token-file", &self.token_file, None),
        ];
        for (option, path, variable) in options {
            if let Some(path) = path
                && variable.and_then(std::env::var_os).as_deref() != Some(path.as_os_str())
            {
                program.push_str(&format!(" {option} {}", quoted(&path.to_string_lossy())));
            }
        }
        program
    }
}

/// Returns a word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%=".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

const FOLDER: &str = "PIMS_FOLDER";
const CONFIG: &str = "PIMS_CONFIG";

/// Reads a path. An empty one would stand for the folder in which the program was started.
fn path(text: &OsStr) -> Result<PathBuf, &'static str> {
    if text.is_empty() { Err("the path is empty") } else { Ok(text.into()) }
}

/// Returns the parser of a path.
fn a_path() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().try_map(|text| path(&text))
}

/// Options of every command.
#[derive(Args)]
pub(crate) struct Settings {
    /// Folder with the configuration (config.json) and the state of the device. Without it:
    /// $XDG_CONFIG_HOME/pims for the configuration, $XDG_DATA_HOME/pims for the state
    #[arg(long, global = true, env = FOLDER, value_parser = a_path(), value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) folder: Option<PathBuf>,
    /// Configuration file, in place of config.json in the folder
    #[arg(long, global = true, env = CONFIG, value_parser = a_path(), value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// File with the access token of the account. Only its owner may be able to read it
    #[arg(long, global = true, value_parser = a_path(), value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) token_file: Option<PathBuf>,
    /// Write one line of JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Write a configuration file
    Init(Init),
    /// Enroll this machine as a device, with an SMS code and a PIN
    Enroll(Enroll),
    /// Make a one-time password
    Otp(Otp),
    /// Change or reset the PIN of the account
    #[command(subcommand)]
    Pin(Pin),
    /// Show whether this device is enrolled, and with which service
    Status(StatusOptions),
    /// List the devices of the account, rename one, or remove one
    Devices(Devices),
    /// Let another device of the account enroll without an SMS, and confirm it
    #[command(subcommand)]
    EnrollmentCode(EnrollmentCode),
    /// Show whether a new device waits for an approval, approve it, or reject it
    Approval(Approval),
    /// List the events of the account: new devices, removed ones, a new PIN
    Notices,
    /// Import the enrollment of another client
    Import(Import),
    /// Export the enrollment of this device. The output contains a key in clear
    Export(Export),
    /// Remove all enrollments of the account, on every device
    Remove(Remove),
    /// Show the log files
    Logs(Logs),
    /// Check the configuration, the service, the storage and the clock
    Doctor,
    /// Read one JSON request from standard input, and write one JSON message
    ///
    /// The request is {"method":"get" or "set","api":"…","params":{…}}, as docs/api.md has them.
    Call,
    /// Write the completions of a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the man pages into a folder
    #[command(hide = true)]
    Manual {
        /// The folder, which must exist
        folder: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct Init {
    /// Use the embedded service, to try the program. It sends no SMS
    #[arg(long, conflicts_with_all = ["service", "mac_id"])]
    pub(crate) embedded: bool,
    /// URL of the inWebo service
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) service: Option<String>,
    /// Id of the application at the service, 32 hex digits
    #[arg(long, value_name = "ID")]
    pub(crate) mac_id: Option<String>,
    /// URL of the CVS service. Without it: the host of the inWebo service
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) cvs: Option<String>,
    /// Id of the client at CVS
    #[arg(long, value_name = "ID")]
    pub(crate) client_id: Option<String>,
    /// Brand of the account
    #[arg(long)]
    pub(crate) brand: Option<String>,
    /// Name of the account
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    /// File of PEM certificates: the roots to trust
    #[arg(long, value_parser = a_path(), value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) ca_file: Option<PathBuf>,
    /// Replace the configuration file that exists
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Args)]
pub(crate) struct Enroll {
    /// Only request the SMS code
    #[arg(long, conflicts_with = "no_request")]
    pub(crate) request_only: bool,
    /// Do not request an SMS code, because there is one already
    #[arg(long)]
    pub(crate) no_request: bool,
    /// Phone number to register, for an account without one
    #[arg(long, value_name = "NUMBER")]
    pub(crate) phone: Option<String>,
}

#[derive(Subcommand)]
pub(crate) enum EnrollmentCode {
    /// Make a code for the other device, and show it as a QR code
    Make {
        /// Show the code without its picture
        #[arg(long)]
        no_picture: bool,
    },
    /// Show the state of the code, and the fingerprint of the device that entered it
    State,
    /// Let the device with this fingerprint work, after you have compared it on both devices
    Confirm {
        /// The 8 digits that both devices show
        #[arg(required = true, num_args = 1..=2)]
        fingerprint: Vec<String>,
    },
    /// End the device with this fingerprint
    Reject {
        /// The 8 digits that the state shows
        #[arg(required = true, num_args = 1..=2)]
        fingerprint: Vec<String>,
    },
}

#[derive(Args)]
pub(crate) struct Approval {
    /// Without it: show whether a device waits
    #[command(subcommand)]
    pub(crate) decision: Option<Decision>,
}

#[derive(Subcommand)]
pub(crate) enum Decision {
    /// Let the new device work. A wrong number ends it
    Approve {
        /// The two digits that the new device shows
        number: String,
        /// Id of the new device. Without it: the one that waits
        #[arg(long, value_name = "ID")]
        device: Option<String>,
    },
    /// End the new device and block the account, because you did not enroll it
    Reject {
        /// Id of the new device. Without it: the one that waits
        #[arg(long, value_name = "ID")]
        device: Option<String>,
    },
}

#[derive(Args)]
pub(crate) struct Otp {
    /// Make the password without a PIN, if the service allows it
    #[arg(long)]
    pub(crate) without_pin: bool,
}

#[derive(Subcommand)]
pub(crate) enum Pin {
    /// Change the PIN
    Change,
    /// Set a new PIN with an SMS code
    Reset(Reset),
}

#[derive(Args)]
pub(crate) struct Reset {
    /// Only request the SMS code
    #[arg(long, conflicts_with = "no_request")]
    pub(crate) request_only: bool,
    /// Do not request an SMS code, because there is one already
    #[arg(long)]
    pub(crate) no_request: bool,
}

#[derive(Args)]
pub(crate) struct Devices {
    /// Without it: list the devices
    #[command(subcommand)]
    pub(crate) change: Option<DeviceChange>,
}

#[derive(Subcommand)]
pub(crate) enum DeviceChange {
    /// Rename a device of the account
    Rename {
        /// Id of the device, as the list shows it
        id: String,
        /// New name, of 1 to 64 characters
        name: String,
    },
    /// Remove one device of the account, this one or another
    Remove {
        /// Id of the device, as the list shows it
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Args)]
pub(crate) struct StatusOptions {
    /// Ask the service whether the account is blocked
    #[arg(long)]
    pub(crate) online: bool,
}

#[derive(Args)]
pub(crate) struct Import {
    /// File with the state of the other client, or - for standard input. Then the PIN is asked on
    /// the terminal
    #[arg(value_parser = a_path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Format of the file: pickle, homey-json, e3008-json, kotlin-json, pims or auto
    #[arg(long, default_value = "auto")]
    pub(crate) format: String,
    /// Replace the enrollment that this device has
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Args)]
pub(crate) struct Export {
    /// Confirm that the output contains a key in clear
    #[arg(long, required = true)]
    pub(crate) plain: bool,
    /// New file for the output, with the mode 0600. Without it: standard output
    #[arg(long, value_parser = a_path(), value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Remove {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct Logs {
    /// Show the content of the newest file
    #[arg(long)]
    pub(crate) show: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_seen_on_a_command_line_that_cannot_be_read() {
        let asks = |line: &str| asks_for_json(line.split(' ').map(OsString::from));
        for line in ["--json", "otp --json 1", "--folder x --json", "call --bad", "--folder x call", "--bad call 1"] {
            assert!(asks(line), "{line}");
        }
        for line in ["otp", "otp -- --json", "--folder call otp", "--folder=x otp call", ""] {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn a_word_for_a_shell_is_quoted_if_it_must_be() {
        assert_eq!(quoted("/a/b-c.d"), "/a/b-c.d");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
