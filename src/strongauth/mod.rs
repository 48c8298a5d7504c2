//! The StrongAuthentication component, which runs the operations.
//!
//! [`StrongAuthentication`] holds the device record. It asks the [`machine`] whether an operation
//! may begin, lets the protocol engine ([`inwebo::client`]) create the requests, sends them through
//! a [`Transport`], and stores the results. It knows neither JSON nor callbacks. One thread uses it
//! at a time.
//!
//! | file | operations |
//! | --- | --- |
//! | `budget` | none: the limits that this device keeps by itself |
//! | `enroll` | an SMS code is accepted, the enrollment is finished |
//! | `pin` | the PIN is changed or reset; the device synchronizes |
//! | `otp` | one-time passwords |
//! | `import` | the enrollment of another client is imported; the enrollment is exported |
//! | `permit` | none: the values on which the operations above run |
//! | `account` | SMS codes are requested, phone numbers, the block, the removal |
//! | `devices` | the devices of the account: the list, another name, the removal of one |
//! | `enrollment_code` | a code that enrolls another device, and the confirmation of that device |
//! | `notices` | the events of the account |
//! | `approval` | the approval of a new device |

mod account;
mod approval;
pub mod budget;
mod devices;
mod enroll;
mod enrollment_code;
mod failure;
mod import;
pub mod machine;
mod notices;
mod otp;
mod permit;
mod pin;
pub mod record;

use std::cell::Cell;
use std::sync::Arc;

use inwebo::values::{Modulus, ServiceSecret};
use zeroize::Zeroizing;

pub use approval::ApprovalStatus;
pub use enroll::PendingDevice;
pub use enrollment_code::CodeStatus;
pub use failure::Failure;
pub use import::FactoryKey;
pub use notices::NewNotices;

use crate::log;
use crate::store::{RecordStore, StoreError};
use crate::transport::{Transport, TransportError};
use budget::Limits;
use inwebo::client::otp::Granted;
use inwebo::client::{Answer, BlockTimes, Client, Device, EngineError, Request, Seed, WrongPins};
use inwebo::cvs::{CvsAnswer, CvsRequest};
use inwebo::word::Word;
use machine::{Event, State};
use record::{Block, DecodeError, Decoded, Intent, Record, Standing};

/// Source of time and randomness, which the caller provides.
pub trait Host: Send + std::marker::Sync {
    /// Returns the time, in Unix milliseconds.
    fn now(&self) -> i64;

    /// Fills `bytes` with randomness fit for keys.
    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure>;
}

/// Parts of the component.
pub struct Parts {
    /// The application, as the service knows it.
    pub client: Client,
    /// The name of the account.
    pub account: String,
    /// The factory key that the configuration pins.
    pub factory_key: Option<Modulus>,
    /// The limits that this device keeps by itself.
    pub limits: Limits,
    /// The way to the service.
    pub transport: Arc<dyn Transport>,
    /// The storage of the record.
    pub store: Box<dyn RecordStore>,
    /// The source of time and randomness.
    pub host: Arc<dyn Host>,
}

/// Reason why the component cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The storage cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record belongs to another account.
    #[error(
        "the device state is the enrollment of another account than account.username; give each account a storage.path of its own"
    )]
    OtherAccount,
}

/// State of the account whose changes are a subscriber's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// `isDeviceActivated`
    pub activated: bool,
    /// `isAccountBlocked`, as last known.
    pub block: Option<Block>,
}

/// StrongAuthentication component.
pub struct StrongAuthentication {
    client: Client,
    factory_key: Option<Modulus>,
    limits: Limits,
    transport: Arc<dyn Transport>,
    store: Box<dyn RecordStore>,
    host: Arc<dyn Host>,
    record: Record,
    /// The record in the store. If `save` fails, `record` becomes equal to it again.
    durable: Record,
    /// If true, a write failed, and it is not known which of the two records the store has.
    write_failed: bool,
    /// The wrong PINs that the service has reported since the last message.
    wrong_pins: Cell<Option<WrongPins>>,
    /// The last answer since [`Self::take_block_times`] that said that the account is blocked: its
    /// times, if the block ends by itself. The record has none: a clock of the device that decided
    /// about a block could be wrong.
    block_times: Cell<Option<Option<BlockTimes>>>,
}

impl StrongAuthentication {
    /// Opens the component with the record of its store.
    pub fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts { client, account, factory_key, limits, transport, mut store, host } = parts;
        let loaded = load(&*store)?;
        // A record that cannot be replaced later is an error now, before anything is sent.
        store.check_replaceable()?;
        let record = match loaded {
            Some(Decoded { record, upgraded }) if record.account == account => {
                if upgraded {
                    store.save(&record.encode())?;
                    log::lifecycle!("the device state was of an older form and was upgraded");
                }
                record
            }
            // A record that is too old to name its account belongs to the account of this storage.
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
        let (wrong_pins, block_times) = (Cell::default(), Cell::default());
        Ok(Self {
            client,
            factory_key,
            limits,
            transport,
            store,
            host,
            record,
            durable,
            write_failed: false,
            wrong_pins,
            block_times,
        })
    }

    /// Continues with another configuration of the service. The record and its store stay.
    pub fn reconnect(
        &mut self,
        client: Client,
        factory_key: Option<Modulus>,
        limits: Limits,
        transport: Arc<dyn Transport>,
        host: Arc<dyn Host>,
    ) {
        (self.client, self.factory_key, self.limits) = (client, factory_key, limits);
        (self.transport, self.host) = (transport, host);
    }

    /// Replaces the record in memory with the record in the store.
    pub fn reload(&mut self) -> Result<(), StoreError> {
        self.record = match load(&*self.store)? {
            Some(Decoded { record, .. }) if !record.outdated => record,
            // Only the account of such a record is known.
            Some(_) => return Ok(()),
            None => Record { account: std::mem::take(&mut self.record.account), ..Record::default() },
        };
        (self.durable, self.write_failed) = (self.record.clone(), false);
        Ok(())
    }

    /// Takes the wrong PINs that the service has reported since the last call. The next message
    /// must report them.
    pub fn take_wrong_pins(&mut self) -> Option<WrongPins> {
        self.wrong_pins.take()
    }

    /// Takes the last answer since the last call that said that the account is blocked: its times,
    /// if the block ends by itself.
    pub fn take_block_times(&mut self) -> Option<Option<BlockTimes>> {
        self.block_times.take()
    }

    /// Returns the times of a block that ends by itself, if the service told them since the last
    /// message, and the account is blocked.
    pub fn block_times(&self) -> Option<BlockTimes> {
        self.block_times.get().flatten().filter(|_| self.record.block == Some(Block::PinBlocked))
    }

    /// Returns the state of the device.
    pub fn state(&self) -> State {
        self.record.state(self.host.now())
    }

    /// Returns the state of the account for subscribers.
    pub fn account_view(&self) -> AccountView {
        AccountView { activated: self.state().is_activated(), block: self.record.block }
    }

    /// Asks the service for its time. See [`Transport::date`].
    pub fn service_date(&self) -> Result<Option<String>, TransportError> {
        self.transport.date()
    }

    /// Returns an error if the open storage is not the one at its path any more: later changes
    /// would be lost.
    pub fn check_storage(&self) -> Result<(), StoreError> {
        self.store.check()?;
        self.transport.check()
    }

    /// Runs one step of the MAC exchange. Sends nothing if the answer could not be stored.
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, Failure> {
        self.check_storage()?;
        let xml = self.transport.mac(request)?;
        if let Some(warning) = Answer::warning(&xml) {
            log::warning!("the service did it and warns: {warning}");
        }
        if let Some(wrong) = WrongPins::read(&xml) {
            let before = self.wrong_pins.get();
            self.wrong_pins.set(Some(before.map_or(wrong, |before| before.and(wrong))));
        }
        if let Some(times) = BlockTimes::read(&xml) {
            self.block_times.set(Some(times));
        }
        Ok(xml)
    }

    /// Sends one request to CVS. Sends nothing if the answer could not be stored.
    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, Failure> {
        self.check_storage()?;
        match self.transport.cvs(request)? {
            CvsAnswer::Refused(refusal) => Err(Failure::Cvs(refusal)),
            answer => Ok(answer),
        }
    }

    /// Returns the factory key that an answer must name: the configured key, else the key with
    /// which the device was enrolled.
    fn pinned(&self) -> Option<&Modulus> {
        let enrolled = self.record.enrollment.as_ref().map(|enrollment| &enrollment.device.factory);
        self.factory_key.as_ref().or(enrolled)
    }

    /// Puts the device and its standing into the record.
    fn set_enrollment(&mut self, device: Device, standing: Standing) {
        self.record.enrollment = Some(record::Enrollment { device, standing });
    }

    /// Makes the record durable. If that fails, the record becomes equal to the durable one again:
    /// no request and no decision may depend on data that a restart would lose. A record that could
    /// not be read is never overwritten.
    fn save(&mut self) -> Result<(), Failure> {
        self.write().inspect_err(|_| self.record = self.durable.clone())
    }

    /// Makes the record durable. If that fails, the record stays as it is. This is for data that
    /// the service has given and would give again.
    fn write(&mut self) -> Result<(), Failure> {
        if self.record.outdated {
            return Ok(());
        }
        self.write_failed = true;
        self.store.save(&self.record.encode())?;
        (self.durable, self.write_failed) = (self.record.clone(), false);
        Ok(())
    }

    /// Makes the record durable at the end of an operation, whose outcome is known. A failed write
    /// is logged: the next operation writes the record first ([`Self::begin`]).
    fn write_or_warn(&mut self) {
        self.write().unwrap_or_else(|error| log::warning!("the device state could not be written: {error}"));
    }

    /// Begins an operation. After a failed write, the record is written once more before anything
    /// is sent. The failed write may have reached the disk, and the service must see nothing older
    /// than the record that a restart would find. Data from the service stays in memory.
    fn begin(&mut self) -> Result<(), Failure> {
        if self.write_failed {
            self.check_storage()?;
            self.write()?;
        }
        Ok(())
    }

    /// Applies an event to the record and makes it durable.
    fn apply_and_save(&mut self, event: Event) -> Result<(), Failure> {
        if self.record.apply(event, self.host.now()) { self.save() } else { Ok(()) }
    }

    /// Returns fresh seeds for two encryptions.
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

    /// Ends an operation: stores the service's verdict on the account and the device. Returns
    /// `outcome` as it is.
    fn record_outcome<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let word = outcome.as_ref().err().and_then(Failure::word);
        let changed = word.is_some_and(|word| self.record.apply_verdict(Err(word), self.host.now()));
        if changed {
            self.write_or_warn();
        }
        outcome
    }

    /// Ends an operation of the enrolled device: also stores whether the service forbids the device
    /// its operations. A success proves that the device is not dead.
    fn record_device_outcome<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        let is_forbidden = match &outcome {
            Ok(_) => false,
            Err(failure) => self.record.is_forbidden || failure.is_forbidden(),
        };
        if self.record.set_forbidden(is_forbidden) {
            self.write_or_warn();
        }
        self.record_outcome(outcome)
    }

    /// Begins an operation. Also finishes an operation that a crash or a lost answer interrupted,
    /// as far as that needs no PIN: `status` tells its outcome.
    fn repair(&mut self) -> Result<(), Failure> {
        self.begin()?;
        let Some(intent) = self.record.intent else { return Ok(()) };
        let state = self.state();
        if intent == Intent::ChangePin && state != State::Blocked {
            // The standing `MustSynchronize` stays. The next operation with a PIN resolves it.
            return Ok(());
        }
        let answer = match &self.record.enrollment {
            Some(enrollment) => self.request_status(&enrollment.device)?,
            None => Ok(()),
        };
        match answer {
            // If the device was disabled before, this word was known already. Then it does not mean
            // that the enrollments were removed.
            Err(Word::NoDevice) if intent == Intent::Remove && state.is_activated() => self.forget_enrollment(),
            verdict => {
                self.record.apply_verdict(verdict.as_ref().copied(), self.host.now());
            }
        }
        self.record.intent = None;
        self.save()
    }

    /// Returns the service's verdict on the device: `Ok`, or an error word.
    fn request_status(&self, device: &Device) -> Result<Result<(), Word>, Failure> {
        use inwebo::client::status;
        let xml = self.mac(&status::setup(&self.client, device))?;
        match status::read(&xml) {
            Ok(()) => Ok(Ok(())),
            Err(EngineError::Refused { word, .. }) => Ok(Err(word)),
            Err(error) => Err(error.into()),
        }
    }

    /// Resets the record to the account's name alone.
    fn forget_enrollment(&mut self) {
        self.record = self.record.without_enrollment();
    }

    /// Returns an error if this device made as many passwords as it may. Sends nothing.
    fn check_password_limit(&mut self) -> Result<(), Failure> {
        if self.limits.passwords_per_day.is_none() {
            return Ok(());
        }
        let now = self.host.now();
        if self.record.used.settle(now) {
            self.save()?;
        }
        Ok(self.record.used.check_password(self.limits, now)?)
    }

    /// Counts a password and makes that durable, before its request is sent.
    fn count_password(&mut self) -> Result<(), Failure> {
        if self.limits.passwords_per_day.is_none() {
            return Ok(());
        }
        self.record.used.count_password(self.host.now());
        self.save()
    }

    /// Sends a request that makes a password, which counts. If the service did not make one, or
    /// wants the operation once more, the count is taken back.
    fn make_counted(&mut self, request: &Request) -> Result<Granted, Failure> {
        self.count_password()?;
        let granted = self.mac(request).and_then(|xml| Ok(Granted::read(&xml)?));
        let is_none = match &granted {
            Ok(granted) => granted.again,
            Err(failure) => !failure.may_be_done(),
        };
        if is_none && self.limits.passwords_per_day.is_some() {
            self.record.used.return_password();
            self.write_or_warn();
        }
        granted
    }
}

/// Returns whether the service may have a device of this record. An activation whose last step was
/// sent may be an enrollment already.
fn may_be_enrolled(record: &Record) -> bool {
    record.outdated
        || record.enrollment.is_some()
        || record.activation.as_ref().is_some_and(|activation| activation.finalizing)
}

/// Loads the record of a store.
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
