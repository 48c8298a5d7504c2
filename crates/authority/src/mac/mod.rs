//! The MAC service: what devices speak. One query in, one XML answer out.
//!
//! Each operation has a file of its own. A request is read in full before a transaction begins, so that a malformed one changes
//! nothing; a refusal ends its transaction well, so that what it charges is kept.

mod activate;
mod answer;
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

use std::sync::Arc;

use inwebo_values::{Kma, Pin, Serial};

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
}

/// Answers one request.
pub(crate) fn answer(
    around: &Surroundings<'_>,
    keys: &KeyHolder,
    caller: Option<&AccountName>,
    query: &str,
) -> Result<String, Failure> {
    let (action, judged) = match Query::parse(query) {
        Ok(query) => {
            let action = query.find("action").and_then(Action::read);
            let mac = Mac { around, keys, caller };
            (
                action.unwrap_or(Action::Setup),
                action.map_or(Err(Word::Syntax.into()), |action| mac.judge(action, &query)),
            )
        }
        Err(refusal) => (Action::Setup, Err(refusal.into())),
    };
    match judged {
        Ok(granted) => Ok(answer::write(action, &Ok(granted))),
        Err(Stop::Refused(refusal)) => Ok(answer::write(action, &Err(refusal))),
        Err(Stop::Failed(failure)) => Err(failure),
    }
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

    /// The keys that a block was encrypted to, if to any of this service.
    fn keys_of(&self, block: &[u8]) -> Result<Arc<ServiceKeys>, Stop> {
        let size = KeySize::of_block(block.len()).ok_or(Word::Syntax)?;
        let keys = self.keys.find(self.around.storage, self.around.vault, size);
        Ok(self.around.note_alteration(keys)?.ok_or(Word::Syntax)?)
    }
}

/// A PIN and its `kma` as a device sent them.
struct SentPin {
    pin: Pin,
    kma: Kma,
}

impl SentPin {
    /// Opens both; `kma` is still to be compared with the device's serial.
    fn read(mac: &Mac<'_>, query: &Query, kma_name: &str, pin_name: &str) -> Result<Self, Stop> {
        let encrypted_kma = query.encrypted(kma_name)?;
        let encrypted_pin = query.encrypted(pin_name)?;
        // Both are encrypted to the same key; what is not, does not open.
        let key = &mac.keys_of(&encrypted_kma)?.device;
        let kma = key.open(&encrypted_kma)?.ok_or(Word::Syntax)?;
        let kma = <[u8; 16]>::try_from(kma.as_slice()).map_err(|_| Word::Syntax)?;
        let pin = key.open(&encrypted_pin)?.ok_or(Word::Syntax)?;
        let pin = std::str::from_utf8(&pin).map_err(|_| Word::Syntax)?;
        Ok(Self { kma: Kma::new(kma), pin: Pin::new(pin).ok_or(Word::PinRefused)? })
    }

    /// Whether `kma` is what this PIN makes on the device of this serial.
    fn fits(&self, serial: &Serial) -> bool {
        self.kma == Kma::derive(&self.pin, serial)
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
