//! The MAC service: what devices speak. One query in, one XML answer out.
//!
//! Each operation has a file of its own. A request is read in full before a transaction begins, so that a malformed one changes
//! nothing; a refusal ends its transaction well, so that what it charges is kept.

mod activate;
mod answer;
mod awaited;
mod choice;
mod otp;
mod party;
mod password;
mod proof;
mod query;
mod remove;
mod reset;
mod secret;
mod status;
mod synchro;
mod word;

use std::cell::Cell;
use std::sync::Arc;

use crate::account::AccountName;
use crate::failure::Failure;
use crate::service_keys::{KeyHolder, KeySize, ServiceKeys};
use crate::step::{Step, Surroundings};
use answer::{Action, Granted};
pub(crate) use party::reseal_device;
use query::Query;
use word::{Refusal, Stop, Word};

/// The service that passwords are made for, as the recorded exchanges name it.
const SERVICE_ID: &str = "7001";
const SERVICE_NAME: &str = "PIMS";

/// Under what the service asks for a service secret.
const SECRET_ID: &str = "9001";

/// How an operation's step ends.
type Judged = Result<Granted, Stop>;

/// One request and what it needs.
struct Mac<'a> {
    around: &'a Surroundings<'a>,
    keys: &'a KeyHolder,
    caller: Option<&'a AccountName>,
    /// Whether a block of the request was opened.
    opened_blocks: Cell<bool>,
}

/// An answer of the exchange, and what it cost.
#[derive(Clone)]
pub struct Exchanged {
    /// The answer, XML.
    pub xml: String,
    /// Whether the service opened RSA blocks of the request. That is work: a host limits how often a
    /// client may have it done in vain.
    pub opened_blocks: bool,
}

/// Answers one request.
pub(crate) fn answer(
    around: &Surroundings<'_>,
    keys: &KeyHolder,
    caller: Option<&AccountName>,
    query: &str,
) -> Result<Exchanged, Failure> {
    let mac = Mac { around, keys, caller, opened_blocks: Cell::new(false) };
    let (action, judged) = match Query::parse(query) {
        Ok(query) => {
            let action = query.find("action").and_then(Action::read);
            (
                action.unwrap_or(Action::Setup),
                action.map_or(Err(Word::Syntax.into()), |action| mac.judge(action, &query)),
            )
        }
        Err(refusal) => (Action::Setup, Err(refusal.into())),
    };
    let judged = match judged {
        Ok(granted) => Ok(granted),
        Err(Stop::Refused(refusal)) => Err(refusal),
        Err(Stop::Failed(failure)) => return Err(failure),
    };
    Ok(Exchanged { xml: answer::write(action, &judged), opened_blocks: mac.opened_blocks.get() })
}

impl Mac<'_> {
    fn judge(&self, action: Action, query: &Query) -> Judged {
        let mode = query.need("mode")?;
        query.check_common(mode != "ms")?;
        match (mode, action) {
            ("activate", Action::Setup) => activate::setup(self, query),
            ("activate", Action::Finalize) => activate::finalize(self, query),
            ("ms", Action::Finalize) => secret::finalize(self, query),
            ("otp", Action::Setup) => otp::setup(self, query),
            ("otp", Action::Finalize) => otp::finalize(self, query),
            ("synchro", Action::Setup) => synchro::setup(self, query),
            ("synchro", Action::Finalize) => synchro::finalize(self, query),
            ("password", Action::Setup) => password::setup(self, query),
            ("password", Action::Finalize) => password::finalize(self, query),
            ("reset", Action::Setup) => reset::setup(self, query),
            ("reset", Action::Finalize) => reset::finalize(self, query),
            ("remove", Action::Setup) => remove::setup(self, query),
            ("remove", Action::Finalize) => remove::finalize(self, query),
            ("status", Action::Setup) => status::setup(self, query),
            _ => Err(Word::Syntax.into()),
        }
    }

    /// Runs a step in one transaction, which is kept unless the service fails.
    fn step<T>(&self, what: &'static str, mut step: impl FnMut(&Step<'_>) -> Result<T, Stop>) -> Result<T, Stop> {
        let judged: Result<T, Refusal> = self.around.step(what, |rows| match step(rows) {
            Ok(value) => Ok(Ok(value)),
            Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
            Err(Stop::Failed(failure)) => Err(failure),
        })?;
        Ok(judged?)
    }

    /// The keys that are announced.
    fn keys(&self) -> Result<Arc<ServiceKeys>, Failure> {
        let keys = self.keys.get(self.around.storage, self.around.vault, self.around.policy.device_key_bits);
        self.around.note_alteration(keys)
    }

    /// The keys of the size that a block has, if this service has any.
    fn keys_of(&self, size: KeySize) -> Result<Arc<ServiceKeys>, Stop> {
        let keys = self.keys.find(self.around.storage, self.around.vault, size);
        Ok(self.around.note_alteration(keys)?.ok_or(Word::Syntax)?)
    }
}

/// The keys that a setup step announces.
fn announce_keys(granted: Granted, keys: &ServiceKeys, pin_mode: PinMode) -> Granted {
    granted
        .with("Kiw", keys.device_announced.as_str())
        .with("Kfact", keys.factory_announced.as_str())
        .with("pinmode", pin_mode.as_str())
}

/// Which PIN the person is to enter.
#[derive(Clone, Copy)]
enum PinMode {
    /// The account's present one.
    Current,
    /// A new one.
    New,
}

impl PinMode {
    fn as_str(self) -> &'static str {
        match self {
            Self::Current => "1",
            Self::New => "2",
        }
    }
}
