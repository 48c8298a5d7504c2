//! The request that an operation answers, and what the operations share.

use std::cell::Cell;
use std::sync::Arc;

use inwebo::word::Word;

use super::answer::Granted;
use super::refusal::{Refusal, Stop};
use crate::account::AccountName;
use crate::failure::Failure;
use crate::policy::KeySize;
use crate::service_keys::{KeyHolder, ServiceKeys};
use crate::step::{Step, Surroundings};

/// The service that passwords are made for, as the recorded exchanges name it.
pub(super) const SERVICE_ID: &str = "7001";
pub(super) const SERVICE_NAME: &str = "PIMS";

/// Under what the service asks for a service secret.
pub(super) const SECRET_ID: &str = "9001";

/// How an operation's step ends.
pub(super) type Judged = Result<Granted, Stop>;

/// One request and what it needs.
pub(super) struct Mac<'a> {
    pub(super) around: &'a Surroundings<'a>,
    pub(super) keys: &'a KeyHolder,
    pub(super) caller: Option<&'a AccountName>,
    /// Whether a block of the request was opened.
    pub(super) opened_blocks: Cell<bool>,
}

impl Mac<'_> {
    /// Runs a step in one transaction, which is kept unless the service fails.
    pub(super) fn step<T>(
        &self,
        what: &'static str,
        mut step: impl FnMut(&Step<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let judged: Result<T, Refusal> = self.around.step(what, |rows| match step(rows) {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(failure)) => Err(failure),
        })?;
        Ok(judged?)
    }

    /// The keys that are announced.
    pub(super) fn keys(&self) -> Result<Arc<ServiceKeys>, Failure> {
        let keys = self.keys.get(self.around.storage, self.around.vault, self.around.policy.device_key_bits);
        self.around.note_alteration(keys)
    }

    /// The keys of the size that a block has, if this service has any.
    pub(super) fn keys_of(&self, size: KeySize) -> Result<Arc<ServiceKeys>, Stop> {
        let keys = self.keys.find(self.around.storage, self.around.vault, size);
        Ok(self.around.note_alteration(keys)?.ok_or(Word::Syntax)?)
    }
}

/// The keys that a setup step announces.
pub(super) fn announce_keys(granted: Granted, keys: &ServiceKeys, pin_mode: PinMode) -> Granted {
    granted
        .with("Kiw", keys.device_announced.as_str())
        .with("Kfact", keys.factory_announced.as_str())
        .with("pinmode", pin_mode.as_str())
}

/// Which PIN the person is to enter.
#[derive(Clone, Copy)]
pub(super) enum PinMode {
    /// The account's present one.
    Current,
    /// A new one.
    New,
}

impl PinMode {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Current => "1",
            Self::New => "2",
        }
    }
}
