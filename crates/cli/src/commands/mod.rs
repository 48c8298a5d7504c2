//! The commands.

mod approval;
mod call;
mod device;
mod devices;
mod doctor;
mod enroll;
mod enrollment_code;
mod init;
mod notices;
mod pin;
mod transfer;

use pims::config::Config;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::arguments::{Arguments, Command, Pin, Settings};
use crate::configuration;
use crate::failure::Failure;
use crate::generated;
use crate::library::Library;
use crate::output::{Style, printable};
use crate::status::Status;

const ACCOUNT: &str = "pims.authentication.account";
const ENROLLMENT: &str = "pims.authentication.enrollment";
const ENROLLMENT_CODE: &str = "pims.authentication.enrollmentcode";
const OTP: &str = "pims.authentication.otp";
const PIN_CODE: &str = "pims.authentication.pincode";
const SMS_CODE: &str = "pims.authentication.smscode";
const TOKEN: &str = "pims.authentication.token";

/// Parameters of an operation that `action` names.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Action<'a> {
    action: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sms_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<&'a str>,
}

impl Action<'_> {
    fn new(action: &'static str) -> Self {
        Self { action, sms_code: None, pin_code: None, phone_number: None }
    }
}

/// Parameters of a call without parameters.
#[derive(Serialize)]
struct Nothing {}

/// Runs a command.
pub(crate) fn run(arguments: Arguments, style: Style) -> Result<Status, Failure> {
    let Arguments { settings, command } = arguments;
    let prepared = || Prepared::new(&settings, style);
    match command {
        Command::Init(options) => init::run(&settings, &options, style)?,
        Command::Enroll(options) => enroll::run(&prepared()?, &options, style)?,
        Command::Otp(options) => pin::otp(&prepared()?, &options, style)?,
        Command::Pin(Pin::Change) => pin::change(&prepared()?, style)?,
        Command::Pin(Pin::Reset(options)) => pin::reset(&prepared()?, &options, style)?,
        Command::Status(options) => device::status(&prepared()?, &options, style)?,
        Command::Devices(options) => devices::run(&prepared()?, options.change.as_ref(), style)?,
        Command::EnrollmentCode(options) => enrollment_code::run(&prepared()?, &options, style)?,
        Command::Approval(options) => approval::run(&prepared()?, options.decision.as_ref(), style)?,
        Command::Notices => notices::run(&prepared()?, style)?,
        Command::Import(options) => transfer::import(&prepared()?, &options, style)?,
        Command::Export(options) => transfer::export(&prepared()?, &options, style)?,
        Command::Remove(options) => device::remove(&prepared()?, &options, style)?,
        Command::Logs(options) => device::logs(&prepared()?.open()?, &options, style)?,
        Command::Doctor => return doctor::run(&settings, style),
        Command::Call => return call::run(&settings),
        Command::Completions { shell } => generated::completions(shell, style)?,
        Command::Manual { folder } => generated::manual(&folder, style)?,
    }
    Ok(Status::Success)
}

/// Parameters with the selector `type` alone.
#[derive(Serialize)]
struct OfType {
    r#type: &'static str,
}

/// Configuration and access token, which are read and checked before the first prompt.
///
/// A command asks its user first, and opens the library then: the storage is locked while it is
/// open, and no other process should wait for a user.
struct Prepared {
    text: Zeroizing<String>,
    config: Config,
    token: Option<Zeroizing<String>>,
    style: Style,
}

impl Prepared {
    fn new(settings: &Settings, style: Style) -> Result<Self, Failure> {
        let text = configuration::read(settings)?;
        let config = Config::read(&text).map_err(|error| Failure::configuration(printable(error.detail())))?;
        Ok(Self { text, config, token: configuration::token(settings)?, style })
    }

    /// Opens the library, and hands the access token to it.
    fn open(&self) -> Result<Library, Failure> {
        #[derive(Serialize)]
        struct Token<'a> {
            r#type: &'static str,
            token: &'a str,
        }
        let library = Library::open(&self.text, self.style == Style::Text)?;
        if let Some(token) = &self.token {
            library.set(TOKEN, &Token { r#type: "cvs", token })?;
        }
        Ok(library)
    }
}
