//! The StrongAuthentication component: what runs an operation.
//!
//! [`StrongAuthentication`] holds the device record, asks the [`machine`] whether an operation may
//! begin, lets the protocol engine ([`inwebo::client`]) make the requests, sends them through a
//! [`Transport`], and writes down what it learns. It knows neither JSON nor callbacks. It is used
//! by one thread at a time.
//!
//! | file | operations |
//! | --- | --- |
//! | `enroll` | an SMS code is accepted, the enrollment is finished |
//! | `pin` | the PIN is changed or reset; the device synchronizes |
//! | `otp` | one-time passwords |
//! | `permit` | none: the values that the operations above run on |
//! | `account` | codes are asked for, phone numbers, the block, the removal |

mod account;
mod enroll;
mod failure;
pub mod machine;
mod otp;
mod permit;
mod pin;
pub mod record;

use std::cell::Cell;
use std::sync::Arc;

use inwebo::values::{Modulus, ServiceSecret};
use zeroize::Zeroizing;

pub use failure::Failure;

use crate::log;
use crate::store::{RecordStore, StoreError};
use crate::transport::{Transport, TransportError};
use inwebo::client::{Client, Device, EngineError, Request, Seed, WrongPins};
use inwebo::cvs::{CvsAnswer, CvsRequest};
use inwebo::word::Word;
use machine::{Event, State};
use record::{Block, DecodeError, Decoded, Intent, Record, Standing};

/// Time and randomness, from outside.
pub trait Host: Send + std::marker::Sync {
    /// The time, in Unix milliseconds.
    fn now(&self) -> i64;

    /// Fills `bytes` with randomness fit for keys.
    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure>;
}

/// What the component is made of.
pub struct Parts {
    /// The application at the service.
    pub client: Client,
    /// Whose account it is.
    pub account: String,
    /// The factory key that the configuration pins.
    pub factory_key: Option<Modulus>,
    /// The way to the service.
    pub transport: Arc<dyn Transport>,
    /// Where the record is kept.
    pub store: Box<dyn RecordStore>,
    /// Time and randomness.
    pub host: Arc<dyn Host>,
}

/// Why the component cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The storage.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record is of another account.
    #[error(
        "the device state is the enrollment of another account than account.username; give each account a storage.path of its own"
    )]
    OtherAccount,
}

/// What a subscriber is told when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// `isDeviceActivated`
    pub activated: bool,
    /// `isAccountBlocked`, as last known.
    pub block: Option<Block>,
}

/// The component.
pub struct StrongAuthentication {
    client: Client,
    factory_key: Option<Modulus>,
    transport: Arc<dyn Transport>,
    store: Box<dyn RecordStore>,
    host: Arc<dyn Host>,
    record: Record,
    /// The record as the store has it. A write that fails takes the other one back to it.
    durable: Record,
    /// A write failed: which of the two records the store has is not known.
    unsettled: bool,
    /// What the answers since the last message told of wrong PINs.
    wrong_pins: Cell<Option<WrongPins>>,
}

impl StrongAuthentication {
    /// Opens the component on what its store holds.
    pub fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts { client, account, factory_key, transport, mut store, host } = parts;
        let loaded = load(&*store)?;
        // What cannot be written later is told now, before anything was sent.
        store.check_replaceable()?;
        let record = match loaded {
            Some(Decoded { record, upgraded }) if record.account == account => {
                if upgraded {
                    store.save(&record.encode())?;
                    log::lifecycle!("the device state was of an older form and was upgraded");
                }
                record
            }
            // What is too old to name its account is whose storage it lies in.
            Some(Decoded { record: Record { outdated: true, account: unnamed, .. }, .. }) if unnamed.is_empty() => {
                Record { account, outdated: true, ..Record::default() }
            }
            Some(Decoded { record, .. }) if may_be_enrolled(&record) => return Err(OpenError::OtherAccount),
            _ => Record { account, ..Record::default() },
        };
        if record.outdated {
            log::warning!(
                "the device state is of an older form that cannot be upgraded: remove the enrollments, then enroll anew"
            );
        }
        let durable = record.clone();
        let wrong_pins = Cell::default();
        Ok(Self { client, factory_key, transport, store, host, record, durable, unsettled: false, wrong_pins })
    }

    /// Goes on with another configuration of the service. The record and its store stay.
    pub fn reconnect(
        &mut self,
        client: Client,
        factory_key: Option<Modulus>,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
    ) {
        (self.client, self.factory_key) = (client, factory_key);
        (self.transport, self.host) = (transport, host);
    }

    /// Forgets what is in memory for what is in the store.
    pub fn reload(&mut self) -> Result<(), StoreError> {
        self.record = match load(&*self.store)? {
            Some(Decoded { record, .. }) if !record.outdated => record,
            // Nothing but its account is known of it.
            Some(_) => return Ok(()),
            None => Record { account: std::mem::take(&mut self.record.account), ..Record::default() },
        };
        (self.durable, self.unsettled) = (self.record.clone(), false);
        Ok(())
    }

    /// Takes what the service told of wrong PINs since this was last asked: the next message is to
    /// tell it.
    pub fn take_wrong_pins(&mut self) -> Option<WrongPins> {
        self.wrong_pins.take()
    }

    /// The device's state.
    pub fn state(&self) -> State {
        self.record.state(self.host.now())
    }

    /// What a subscriber sees.
    pub fn account_view(&self) -> AccountView {
        AccountView { activated: self.state().is_activated(), block: self.record.block }
    }

    /// One step of the MAC exchange. Nothing is sent whose answer could not be written down.
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, Failure> {
        self.store.check()?;
        let xml = self.transport.mac(request)?;
        if let Some(wrong) = WrongPins::read(&xml) {
            let before = self.wrong_pins.get();
            self.wrong_pins.set(Some(before.map_or(wrong, |before| before.and(wrong))));
        }
        Ok(xml)
    }

    /// One request to CVS.
    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, Failure> {
        self.store.check()?;
        match self.transport.cvs(request)? {
            CvsAnswer::Refused(refusal) => Err(Failure::Cvs(refusal)),
            answer => Ok(answer),
        }
    }

    /// The factory key that an answer must name: the configured one, else the one that the device
    /// was enrolled with.
    fn pinned(&self) -> Option<&Modulus> {
        let enrolled = self.record.enrollment.as_ref().map(|enrollment| &enrollment.device.factory);
        self.factory_key.as_ref().or(enrolled)
    }

    /// Puts the device and its standing into the record.
    fn set_enrollment(&mut self, device: Device, standing: Standing) {
        self.record.enrollment = Some(record::Enrollment { device, standing });
    }

    /// Makes the record durable, or takes it back to what is: nothing is shown to the service, and
    /// nothing is decided, by what a restart would not know. One that could not be read is never
    /// written over.
    fn save(&mut self) -> Result<(), Failure> {
        self.write().inspect_err(|_| self.record = self.durable.clone())
    }

    /// Makes the record durable. Where that fails, it stays as it is: for what the service told and
    /// would tell again.
    fn write(&mut self) -> Result<(), Failure> {
        if self.record.outdated {
            return Ok(());
        }
        self.unsettled = true;
        self.store.save(&self.record.encode())?;
        (self.durable, self.unsettled) = (self.record.clone(), false);
        Ok(())
    }

    /// Begins an operation: after a write that failed, the record is written once more before
    /// anything is sent. The failed write may have reached the disk, and nothing may be shown to
    /// the service that is older than what a restart would find. What the service told stays in
    /// memory.
    fn begin(&mut self) -> Result<(), Failure> {
        if self.unsettled { self.write() } else { Ok(()) }
    }

    /// Applies an event to the record and makes it durable.
    fn apply_and_save(&mut self, event: Event) -> Result<(), Failure> {
        if self.record.apply(event, self.host.now()) { self.save() } else { Ok(()) }
    }

    /// Fresh seeds for two encryptions.
    fn seeds(&self) -> Result<[Seed; 2], Failure> {
        Ok([self.random_bytes()?, self.random_bytes()?])
    }

    /// Returns a fresh service secret.
    fn new_secret(&self) -> Result<ServiceSecret, Failure> {
        self.random_bytes().map(ServiceSecret::new)
    }

    fn random_bytes<const N: usize>(&self) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.host.random(&mut bytes)?;
        Ok(bytes)
    }

    /// Ends an operation: writes down what the service said of the account and the device.
    fn record_outcome<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let word = outcome.as_ref().err().and_then(Failure::word);
        let changed = word.is_some_and(|word| self.record.apply_verdict(Err(word), self.host.now()));
        // The operation failed already; where this cannot be written either, the service will say
        // it again.
        if changed && let Err(Failure::Store(error)) = self.write() {
            log::warning!("the device state could not be written: {error}");
        }
        outcome
    }

    /// Begins an operation, and finishes what was begun before a crash or a lost answer, so far as
    /// no PIN is needed for it: `status` tells what became of it.
    fn repair(&mut self) -> Result<(), Failure> {
        self.begin()?;
        let Some(intent) = self.record.intent else { return Ok(()) };
        let state = self.state();
        if intent == Intent::ChangePin && state != State::Blocked {
            // The mark *must synchronize* stands: the next operation with a PIN resolves it.
            return Ok(());
        }
        let answer = match &self.record.enrollment {
            Some(enrollment) => self.ask_status(&enrollment.device)?,
            None => Ok(()),
        };
        match answer {
            // That was known of a disabled one before: then it does not say that anything was
            // removed.
            Err(Word::NoDevice) if intent == Intent::Remove && state.is_activated() => self.forget_enrollment(),
            said => {
                self.record.apply_verdict(said.as_ref().copied(), self.host.now());
            }
        }
        self.record.intent = None;
        self.save()
    }

    /// What the service says of the device: `Ok`, or its word.
    fn ask_status(&self, device: &Device) -> Result<Result<(), Word>, Failure> {
        use inwebo::client::status;
        let xml = self.mac(&status::setup(&self.client, device))?;
        match status::read(&xml) {
            Ok(()) => Ok(Ok(())),
            Err(EngineError::Refused { word, .. }) => Ok(Err(word)),
            Err(error) => Err(error.into()),
        }
    }

    /// Back to nothing but the account's name.
    fn forget_enrollment(&mut self) {
        self.record = Record { account: std::mem::take(&mut self.record.account), ..Record::default() };
    }
}

/// Whether the service may have a device of this record: an activation whose last step was sent may
/// be an enrollment already.
fn may_be_enrolled(record: &Record) -> bool {
    record.outdated
        || record.enrollment.is_some()
        || record.activation.as_ref().is_some_and(|activation| activation.finalizing)
}

/// The record that a store holds.
fn load(store: &dyn RecordStore) -> Result<Option<Decoded>, StoreError> {
    let Some(bytes) = store.load()? else { return Ok(None) };
    Record::decode(&bytes).map(Some).map_err(|error| match error {
        DecodeError::Damaged => StoreError::Sealed(store.path()),
        DecodeError::Newer => StoreError::Newer(store.path()),
    })
}

impl From<TransportError> for Failure {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}
