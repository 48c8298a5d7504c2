//! The context of an operation: its request, and the state that all operations share.

use std::cell::Cell;
use std::sync::Arc;

use inwebo::word::Word;

use super::answer::Granted;
use super::refusal::{Refusal, StepError};
use crate::account::AccountName;
use crate::domain::policy::{KeySize, Policy};
use crate::failure::Failure;
use crate::service_keys::{KeyCache, ServiceKeys};
use crate::step::{Context, Step};

/// The service that passwords are made for, with the name from the recorded exchanges.
pub(super) const SERVICE_ID: &str = "7001";
pub(super) const SERVICE_NAME: &str = "PIMS";

/// The id with which the service requests a service secret.
pub(super) const SECRET_ID: &str = "9001";

/// The result of an operation's step.
pub(super) type MacResult = Result<Granted, StepError>;

/// One request and the state that it needs.
pub(super) struct MacContext<'a> {
    pub(super) ctx: &'a Context<'a>,
    pub(super) keys: &'a KeyCache,
    pub(super) caller: Option<&'a AccountName>,
    /// True if a block of the request was opened.
    pub(super) opened_blocks: Cell<bool>,
}

impl MacContext<'_> {
    /// Refuses a mode that the policy does not offer, in the way in which an unknown mode is
    /// refused.
    pub(super) fn require_offered(&self, is_offered: impl FnOnce(&Policy) -> bool) -> Result<(), Refusal> {
        if is_offered(&self.ctx.policy) { Ok(()) } else { Err(Word::Syntax.into()) }
    }

    /// Runs a step in one transaction. The transaction is kept unless the service fails.
    pub(super) fn step<T>(
        &self,
        name: &'static str,
        mut step: impl FnMut(&Step<'_>) -> Result<T, StepError>,
    ) -> Result<T, StepError> {
        let result: Result<T, Refusal> = self.ctx.step(name, |rows| match step(rows) {
            Ok(value) => Ok(Ok(value)),
            Err(StepError::Refused(refusal)) => Ok(Err(refusal)),
            Err(StepError::Failed(failure)) => Err(failure),
        })?;
        Ok(result?)
    }

    /// Returns the keys that the service announces.
    pub(super) fn keys(&self) -> Result<Arc<ServiceKeys>, Failure> {
        let keys = self.keys.get(self.ctx, self.ctx.policy.device_key_bits);
        self.ctx.audit_alteration(keys)
    }

    /// Returns the keys of the size of a block, if this service has any.
    pub(super) fn keys_of(&self, size: KeySize) -> Result<Arc<ServiceKeys>, StepError> {
        let keys = self.keys.find(self.ctx, size);
        Ok(self.ctx.audit_alteration(keys)?.ok_or(Word::Syntax)?)
    }
}

/// Adds the keys that a setup step announces.
pub(super) fn announce_keys(granted: Granted, keys: &ServiceKeys, pin_mode: PinMode) -> Granted {
    granted
        .with("Kiw", keys.device_announced.as_str())
        .with("Kfact", keys.factory_announced.as_str())
        .with("pinmode", pin_mode.as_str())
}

/// The PIN that the user must enter.
#[derive(Clone, Copy)]
pub(super) enum PinMode {
    /// The present PIN of the account.
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
