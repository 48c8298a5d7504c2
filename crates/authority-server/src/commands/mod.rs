//! The commands of the program, one file each.

pub(super) mod account;
pub(super) mod audit;
pub(super) mod check;
mod dev;
pub(super) mod health;
pub(super) mod list;
pub(super) mod migrate;
pub(super) mod otp;
pub(super) mod serve;

use std::io::Write;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::config::{Config, Sms};
use super::gateway::Gateway;
use super::hardening;
use authority::{Actor, Authority, Clock, OpenError, Options, Outbox, SmsGateway, SystemClock};

/// Opens the service of a configuration.
pub(super) fn open(config: &Config, sms: Box<dyn SmsGateway>, clock: Box<dyn Clock>) -> Result<Authority, String> {
    Authority::open(Options {
        database: config.database.database(),
        master_key: config.master_key.clone(),
        policy: config.policy.clone(),
        sms,
        sms_retry: config.sms_retry,
        clock,
    })
    .map(|authority| authority.acting_as(&Actor::Command, None))
    .map_err(|error| {
        let hint = match &error {
            OpenError::File(error) if private_files::is_of_folder(error) => {
                "; or allow it with files.allow_shared_folders"
            }
            _ => "",
        };
        format!("{}: {error}{hint}", config.database.describe())
    })
}

/// Opens the service for a command that sends no SMS.
pub(super) fn open_without_sms(config: &Config) -> Result<Authority, String> {
    // Often an operator's shell does not permit locked memory, and the command ends soon. So there
    // is no warning.
    hardening::lock_memory(config.lock_memory)?;
    struct NoSms;
    impl SmsGateway for NoSms {
        fn send(&self, _: &authority::Sms) -> Result<(), authority::SmsError> {
            Err(authority::SmsError::new("this command sends nothing"))
        }
    }
    open(config, Box::new(NoSms), Box::new(SystemClock))
}

/// Returns the SMS gateway of a configuration.
pub(super) fn gateway(sms: &Sms) -> Result<Box<dyn SmsGateway>, String> {
    Ok(match sms {
        Sms::Outbox(file, sharing) => Box::new(Outbox::new(file).in_folder(*sharing)),
        Sms::Webhook(webhook) => Box::new(Gateway::new(webhook)?),
    })
}

/// Writes a line to standard error. An error is ignored, because there is no other place to report
/// it; the macros would panic.
pub(super) fn print_error(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes a line to standard output. Fails if the reader has closed it.
pub(super) fn print_line(line: &str) -> Result<(), String> {
    write(&format!("{line}\n"))
}

/// Writes text to standard output. Fails if the reader has closed it.
fn write(text: &str) -> Result<(), String> {
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| error.to_string())
}

/// Returns a time of the database (milliseconds since 1970) in the form of RFC 3339 in UTC.
fn time(millis: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(millis.div_euclid(1000)).ok();
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_else(|| millis.to_string())
}

/// Returns a number with its noun: `1 row`, `2 rows`.
fn with_noun(number: u64, noun: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{ending}")
}
