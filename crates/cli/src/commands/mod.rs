//! The commands.

mod call;
mod device;
mod doctor;
mod enroll;
mod init;
mod pin;
mod transfer;

use serde::Serialize;

use crate::arguments::{Arguments, Command, Pin, Settings};
use crate::configuration;
use crate::failure::Failure;
use crate::generated;
use crate::library::Library;
use crate::output::Style;
use crate::status::Status;

const ACCOUNT: &str = "pims.authentication.account";
const ENROLLMENT: &str = "pims.authentication.enrollment";
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

/// Runs a command.
pub(crate) fn run(arguments: Arguments, style: Style) -> Result<Status, Failure> {
    let Arguments { settings, command } = arguments;
    let open = || open(&settings, style);
    match command {
        Command::Init(options) => init::run(&settings, &options, style)?,
        Command::Enroll(options) => enroll::run(&open()?, &options, &settings, style)?,
        Command::Otp(options) => pin::otp(&open()?, &options, style)?,
        Command::Pin(Pin::Change) => pin::change(&open()?, style)?,
        Command::Pin(Pin::Reset(options)) => pin::reset(&open()?, &options, &settings, style)?,
        Command::Status(options) => device::status(&open()?, &options, &settings, style)?,
        Command::Devices => device::devices(&open()?, style)?,
        Command::Import(options) => transfer::import(&open()?, &options, style)?,
        Command::Export(options) => transfer::export(&open()?, &options, style)?,
        Command::Remove(options) => device::remove(&open()?, &options, style)?,
        Command::Logs(options) => device::logs(&open()?, &options, style)?,
        Command::Doctor => return doctor::run(&settings, style),
        Command::Call => return call::run(&settings),
        Command::Completions { shell } => generated::completions(shell)?,
        Command::Manual { folder } => generated::manual(&folder)?,
    }
    Ok(Status::Success)
}

/// Parameters with the selector `type` alone.
#[derive(Serialize)]
struct OfType {
    r#type: &'static str,
}

/// Opens the library with the configuration file and the access token.
fn open(settings: &Settings, style: Style) -> Result<Library, Failure> {
    let library = Library::open(&configuration::read(settings)?, style == Style::Text)?;
    give_token(&library, settings)?;
    Ok(library)
}

/// Hands the access token to the library, if a file with it is named.
fn give_token(library: &Library, settings: &Settings) -> Result<(), Failure> {
    #[derive(serde::Serialize)]
    struct Token<'a> {
        r#type: &'static str,
        token: &'a str,
    }
    if let Some(token) = configuration::token(settings)? {
        library.set(TOKEN, &Token { r#type: "cvs", token: &token })?;
    }
    Ok(())
}
