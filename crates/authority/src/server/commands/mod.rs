//! The commands of the program, one file each.

pub(super) mod account;
pub(super) mod audit;
pub(super) mod check;
mod dev;
pub(super) mod migrate;
pub(super) mod otp;
pub(super) mod serve;

use std::io::Write;

use super::config::{Config, Sms};
use super::gateway::Gateway;
use crate::{Actor, Authority, Options, Outbox, SmsGateway, SystemClock};

/// The service of a configuration.
pub(super) fn open(config: &Config, sms: Box<dyn SmsGateway>) -> Result<Authority, String> {
    Authority::open(Options {
        database: config.database.database(),
        master_key: config.master_key.clone(),
        policy: config.policy.clone(),
        sms,
        sms_retry: config.sms_retry,
        clock: Box::new(SystemClock),
    })
    .map(|authority| authority.acting_as(&Actor::Command, None))
    .map_err(|error| format!("{}: {error}", config.database.describe()))
}

/// The service for a command that sends no SMS.
pub(super) fn open_quietly(config: &Config) -> Result<Authority, String> {
    struct Nowhere;
    impl SmsGateway for Nowhere {
        fn send(&self, _: &crate::Sms) -> Result<(), crate::SmsError> {
            Err(crate::SmsError::new("this command sends nothing"))
        }
    }
    open(config, Box::new(Nowhere))
}

/// Where a configuration sends SMS.
pub(super) fn gateway(sms: &Sms) -> Result<Box<dyn SmsGateway>, String> {
    Ok(match sms {
        Sms::Outbox(file) => Box::new(Outbox::new(file)),
        Sms::Webhook(webhook) => Box::new(Gateway::new(webhook)?),
    })
}

/// A line on standard output. Who reads it may be gone.
pub(super) fn say(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| error.to_string())
}
