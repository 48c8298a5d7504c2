//! The device record: everything that a device must remember, and the written form of it.
//!
//! The record never contains the PIN. It contains K1 and the service secret under `kma` only. So an
//! attacker who opens the record still cannot tell a right PIN from a wrong one.

use inwebo::client::Device;
use inwebo::client::ServiceKeys;
use inwebo::client::activate::{PinMode, Prepared};
use inwebo::cvs::Purpose;
use inwebo::values::{K0, Modulus, SecVal, Serial, hex};
use inwebo::values::{SmsCode, Ticket};
use inwebo::word::Word;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::budget::Use;
use super::machine::{Event, Origin, State, Sync, next};

/// Version of the written form. Version 1 has no `activation.phone`.
const FORMAT: u32 = 2;

/// Oldest version that is read like the present one. A field that was added since then has a
/// meaning if it is missing.
const OLDEST_READABLE: u32 = 1;

/// State of this device for its account.
#[derive(Clone, Default)]
pub struct Record {
    /// The name of the account.
    pub account: String,
    /// The serial that the device uses until its enrollments are removed.
    pub serial: Option<Serial>,
    /// The enrollment, if there is one.
    pub enrollment: Option<Enrollment>,
    /// The activation with an SMS code that was accepted and waits for the PIN.
    pub activation: Option<Activation>,
    /// The tickets of the SMS codes that were requested last.
    pub tickets: Tickets,
    /// The operation that was about to begin when the record was written.
    pub intent: Option<Intent>,
    /// The last answer of the service about a block.
    pub block: Option<Block>,
    /// If true, the service answered `NOK:FORBIDDEN` to the last operation of the enrolled device,
    /// without a reason. The device may be dead, so it may be enrolled anew. Until that enrollment
    /// is finished, the activation stands beside the enrollment, and the device stays as it is.
    pub is_forbidden: bool,
    /// The use that counts against the limits of this device.
    pub used: Use,
    /// The number of the last notice that a subscriber of this device got. 0: none.
    pub last_notice: u64,
    /// If true, an older version of this library wrote the record, in a form of which only the
    /// account can be read. The record stays in the store until the account's enrollments are
    /// removed.
    pub outdated: bool,
}

/// Device, and the service's last verdict on it.
#[derive(Clone)]
pub struct Enrollment {
    /// The device.
    pub device: Device,
    /// The standing of the device.
    pub standing: Standing,
}

/// Last verdict of the service on an enrolled device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    /// The device works.
    Active,
    /// The device works as soon as it has synchronized.
    MustSynchronize,
    /// The account of the device is blocked.
    Blocked,
    /// The service does not know the device.
    Disabled,
}

/// Activation that has started.
#[derive(Clone)]
pub struct Activation {
    /// The code that the service accepted.
    pub code: SmsCode,
    /// The phone number that the enrollment registers, if it registers one.
    pub phone: Option<String>,
    /// The result of the setup step.
    pub prepared: Prepared,
    /// The end of the code's lifetime, in Unix milliseconds.
    pub expires_at: i64,
    /// If true, the finalize step was sent, or may have been sent.
    pub finalizing: bool,
}

/// Tolerance for a clock of the device that was ahead, in milliseconds.
const CLOCK_TOLERANCE: i64 = 60_000;

/// Longest lifetime of a code whose lifetime an earlier version did not store, in seconds.
const LONGEST_CODE: u32 = 24 * 60 * 60;

impl Activation {
    /// Returns whether the code may still be valid. If its end is more than its whole lifetime from
    /// now, a clock that was ahead has set that end. Then the code counts as expired.
    pub fn is_in_time(&self, now: i64) -> bool {
        let lifetime = i64::from(self.prepared.lifetime.unwrap_or(LONGEST_CODE)).saturating_mul(1000);
        now < self.expires_at && self.expires_at <= now.saturating_add(lifetime).saturating_add(CLOCK_TOLERANCE)
    }
}

/// Tickets that activations must show: the ticket of the latest code for each purpose. They are
/// kept until a device is enrolled, because the user may leave the application to read the SMS.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tickets {
    enrollment: Option<Ticket>,
    phone_number: Option<Ticket>,
}

impl Tickets {
    /// Returns the ticket of the latest code for a purpose.
    pub fn get(&self, purpose: Purpose) -> Option<&Ticket> {
        match purpose {
            Purpose::Enrollment => self.enrollment.as_ref(),
            Purpose::PhoneNumberCertification => self.phone_number.as_ref(),
            Purpose::ResetPin => None,
        }
    }

    /// Stores the ticket of a new code, or removes the ticket if the new code has none. Returns
    /// whether anything changed.
    pub fn put(&mut self, purpose: Purpose, ticket: Option<Ticket>) -> bool {
        let slot = match purpose {
            Purpose::Enrollment => &mut self.enrollment,
            Purpose::PhoneNumberCertification => &mut self.phone_number,
            // No activation uses such a code.
            Purpose::ResetPin => return false,
        };
        let changed = *slot != ticket;
        *slot = ticket;
        changed
    }
}

/// Change on both sides, stored before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Intent {
    /// The account's PIN is being changed or reset.
    ChangePin,
    /// The account's enrollments are being removed, or this device's alone.
    Remove,
}

/// Known state of the account's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Block {
    /// The account is not blocked.
    NotBlocked,
    /// Too many wrong PINs were entered.
    PinBlocked,
    /// The account has the most devices that it may have.
    AccountBlocked,
}

impl Record {
    /// Returns the state of the machine's table for this record.
    pub fn state(&self, now: i64) -> State {
        if self.outdated {
            return State::Upgradable;
        }
        let standing = self.enrollment.as_ref().map(|enrollment| enrollment.standing);
        match (standing, &self.activation) {
            (Some(Standing::Active), _) => State::Activated(Sync::Done),
            (Some(Standing::MustSynchronize), _) => State::Activated(Sync::Due),
            (Some(Standing::Blocked), _) => State::Blocked,
            (None, Some(activation)) if activation.is_in_time(now) => State::ActivationStarted(Origin::NotActivated),
            (Some(Standing::Disabled), Some(activation)) if activation.is_in_time(now) => {
                State::ActivationStarted(Origin::Disabled)
            }
            (Some(Standing::Disabled), _) => State::Disabled,
            (None, _) => State::NotActivated,
        }
    }

    /// Returns the state that decides whether an enrollment may begin or go on. A device that the
    /// service forbids its operations may be dead, so it counts as disabled here.
    pub fn state_for_enrollment(&self, now: i64) -> State {
        match self.state(now) {
            State::Activated(_) | State::Blocked if self.is_forbidden => match &self.activation {
                Some(activation) if activation.is_in_time(now) => State::ActivationStarted(Origin::Disabled),
                _ => State::Disabled,
            },
            state => state,
        }
    }

    /// Records whether the service forbids the enrolled device its operations. If it does not, an
    /// enrollment that was started in place of the device ends, unless its last step is sent: the
    /// service may be about to replace the device. Returns whether anything changed.
    pub fn set_forbidden(&mut self, is_forbidden: bool) -> bool {
        let changed = std::mem::replace(&mut self.is_forbidden, is_forbidden) != is_forbidden;
        if changed && !is_forbidden {
            self.activation = self.activation.take().filter(|activation| activation.finalizing);
        }
        changed
    }

    /// Returns the device if it is enrolled and the service has not ended its enrollment.
    pub fn enrolled_device(&self) -> Option<&Device> {
        let enrollment = self.enrollment.as_ref()?;
        let is_enrolled = !self.outdated && enrollment.standing != Standing::Disabled;
        is_enrolled.then_some(&enrollment.device)
    }

    /// Replaces the device of the enrollment. Its standing stays.
    pub fn replace_device(&mut self, device: Device) {
        if let Some(enrollment) = &mut self.enrollment {
            enrollment.device = device;
        }
    }

    /// Applies an event, if the event alone is enough for that: it changes the standing or removes
    /// data, but adds none. Returns whether anything changed.
    pub fn apply(&mut self, event: Event, now: i64) -> bool {
        let before = self.state(now);
        let after = next(before, event);
        if before == after {
            return false;
        }
        match after {
            State::NotActivated if event == Event::Removed => {
                *self = self.without_enrollment();
            }
            // The code has expired. The serial stays, so that the next enrollment replaces a device
            // that the service may have created after all.
            State::NotActivated => self.activation = None,
            // An enrollment that was started in place of a forbidden device goes on.
            State::Disabled => {
                self.activation = self.activation.take().filter(|_| event == Event::DeviceUnknown);
                self.set_standing(Standing::Disabled);
            }
            State::Blocked => self.set_standing(Standing::Blocked),
            State::Activated(Sync::Done) => self.set_standing(Standing::Active),
            State::Activated(Sync::Due) => self.set_standing(Standing::MustSynchronize),
            State::ActivationStarted(_) | State::Upgradable => return false,
        }
        true
    }

    /// Returns a record of the same account, with no more than the use that counts against the
    /// limits.
    pub fn without_enrollment(&self) -> Self {
        Self { account: self.account.clone(), used: self.used.clone(), ..Self::default() }
    }

    /// Applies the service's verdict on the account and the device: `Ok`, or an error word. Returns
    /// whether the record changed.
    pub fn apply_verdict(&mut self, verdict: Result<(), &Word>, now: i64) -> bool {
        if self.outdated {
            // The record stays as it is until it is removed.
            return false;
        }
        let (event, block) = match verdict {
            Ok(()) => (Event::AccountUnblocked, Some(Block::NotBlocked)),
            Err(Word::MaxDevices) => (Event::AccountUnblocked, Some(Block::AccountBlocked)),
            Err(Word::Blocked) => (Event::AccountBlocked, Some(Block::PinBlocked)),
            Err(Word::NoDevice) => (Event::DeviceUnknown, None),
            // The other words are about this one request.
            Err(_) => return false,
        };
        let moved = self.apply(event, now);
        std::mem::replace(&mut self.block, block) != block || moved
    }

    fn set_standing(&mut self, standing: Standing) {
        if let Some(enrollment) = &mut self.enrollment {
            enrollment.standing = standing;
        }
    }

    /// Returns the record as bytes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        // The capacity is so large that the text never moves, and no move leaves a copy behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // Writing text and numbers to memory cannot fail.
        let _ = serde_json::to_writer(&mut *bytes, &Stored::from(self));
        bytes
    }

    /// Reads the bytes of [`Record::encode`], of this version or an older one.
    pub fn decode(bytes: &[u8]) -> Result<Decoded, DecodeError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
            #[serde(default)]
            account: String,
        }
        let Version { format, account } = serde_json::from_slice(bytes).map_err(|_| DecodeError::Damaged)?;
        if format > FORMAT {
            return Err(DecodeError::Newer);
        }
        let stored = if format < OLDEST_READABLE { None } else { serde_json::from_slice(bytes).ok() };
        let record = stored.and_then(Stored::into_record);
        match record {
            Some(record) if format == FORMAT => Ok(Decoded { record, upgraded: false }),
            Some(record) => Ok(Decoded { record, upgraded: true }),
            None if format == FORMAT => Err(DecodeError::Damaged),
            None => Ok(Decoded { record: Self { account, outdated: true, ..Self::default() }, upgraded: false }),
        }
    }
}

/// Record that was read from bytes.
pub struct Decoded {
    /// The record.
    pub record: Record,
    /// If true, the record was in an older form and now has the present one. It should be saved.
    pub upgraded: bool,
}

/// Reason why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes do not have the form of their version.
    Damaged,
    /// A newer version wrote the bytes.
    Newer,
}

type Secret = Zeroizing<String>;

/// Written form: JSON, with bytes as hex. It exists only while a record is read or written.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    format: u32,
    account: String,
    serial: Option<String>,
    device: Option<StoredDevice>,
    standing: Option<Standing>,
    activation: Option<StoredActivation>,
    intent: Option<Intent>,
    block: Option<Block>,
    // A version that does not know these fields reads the rest. Then the user must request another
    // code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enrollment_ticket: Option<Secret>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certification_ticket: Option<Secret>,
    // A version that does not know these fields drops them when it writes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    forbidden: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    password_times: Vec<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    activations: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    last_notice: u64,
}

fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    *number == N::default()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredDevice {
    id: String,
    serial: String,
    last_sync: String,
    service: String,
    factory: String,
    k0: Secret,
    k1_under_kma: Secret,
    secret_under_kma: Option<Secret>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredActivation {
    code: Secret,
    #[serde(default)]
    phone: Option<String>,
    factory: String,
    device_key: String,
    pin_mode: u8,
    expires_at: i64,
    /// The whole lifetime of the code, in seconds. Earlier versions neither write nor need it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lifetime: Option<u32>,
    finalizing: bool,
}

impl From<&Record> for Stored {
    fn from(record: &Record) -> Self {
        Self {
            format: FORMAT,
            account: record.account.clone(),
            serial: record.serial.as_ref().map(|serial| serial.as_str().to_owned()),
            device: record.enrollment.as_ref().map(|enrollment| (&enrollment.device).into()),
            standing: record.enrollment.as_ref().map(|enrollment| enrollment.standing),
            activation: record.activation.as_ref().map(Into::into),
            intent: record.intent,
            block: record.block,
            enrollment_ticket: stored_ticket(record.tickets.enrollment.as_ref()),
            certification_ticket: stored_ticket(record.tickets.phone_number.as_ref()),
            forbidden: record.is_forbidden,
            password_times: record.used.passwords().to_vec(),
            activations: record.used.activations(),
            last_notice: record.last_notice,
        }
    }
}

fn stored_ticket(ticket: Option<&Ticket>) -> Option<Secret> {
    ticket.map(|ticket| Zeroizing::new(ticket.reveal().to_owned()))
}

impl From<&Device> for StoredDevice {
    fn from(device: &Device) -> Self {
        Self {
            id: device.id.clone(),
            serial: device.serial.as_str().to_owned(),
            last_sync: device.last_sync.clone(),
            service: device.service.clone(),
            factory: hex::encode(&device.factory.to_bytes()),
            k0: device.k0.text(),
            k1_under_kma: hex::encode_secret(&device.hidden_k1),
            secret_under_kma: device.secval.as_ref().map(SecVal::text),
        }
    }
}

impl From<&Activation> for StoredActivation {
    fn from(activation: &Activation) -> Self {
        Self {
            code: Zeroizing::new(activation.code.as_str().to_owned()),
            phone: activation.phone.clone(),
            factory: hex::encode(&activation.prepared.keys.factory.to_bytes()),
            device_key: hex::encode(&activation.prepared.keys.device.to_bytes()),
            pin_mode: match activation.prepared.pin_mode {
                PinMode::None => 0,
                PinMode::Current => 1,
                PinMode::New => 2,
                PinMode::Biometric => 8,
            },
            expires_at: activation.expires_at,
            lifetime: activation.prepared.lifetime,
            finalizing: activation.finalizing,
        }
    }
}

impl Stored {
    fn into_record(self) -> Option<Record> {
        let enrollment = match (self.device, self.standing) {
            (Some(device), Some(standing)) => Some(Enrollment { device: device.into_device()?, standing }),
            (None, None) => None,
            _ => return None,
        };
        Some(Record {
            account: self.account,
            serial: optional(self.serial, |serial| Serial::parse(&serial))?,
            enrollment,
            activation: optional(self.activation, StoredActivation::into_activation)?,
            tickets: Tickets {
                enrollment: optional(self.enrollment_ticket, |ticket| Ticket::new(&ticket))?,
                phone_number: optional(self.certification_ticket, |ticket| Ticket::new(&ticket))?,
            },
            intent: self.intent,
            block: self.block,
            is_forbidden: self.forbidden,
            used: Use::new(self.password_times, self.activations),
            last_notice: self.last_notice,
            outdated: false,
        })
    }
}

impl StoredDevice {
    fn into_device(self) -> Option<Device> {
        Some(Device {
            id: self.id,
            serial: Serial::parse(&self.serial)?,
            last_sync: self.last_sync,
            service: self.service,
            factory: Modulus::from_hex(&self.factory).ok()?,
            k0: K0::new(hex::decode_array(&self.k0)?),
            hidden_k1: hex::decode_array(&self.k1_under_kma)?,
            secval: optional(self.secret_under_kma, |secret| hex::decode_array(&secret).map(SecVal::new))?,
        })
    }
}

impl StoredActivation {
    fn into_activation(self) -> Option<Activation> {
        let keys = ServiceKeys {
            factory: Modulus::from_hex(&self.factory).ok()?,
            device: Modulus::from_hex(&self.device_key).ok()?,
        };
        let pin_mode = match self.pin_mode {
            0 => PinMode::None,
            1 => PinMode::Current,
            2 => PinMode::New,
            8 => PinMode::Biometric,
            _ => return None,
        };
        Some(Activation {
            code: SmsCode::new(&self.code)?,
            phone: self.phone,
            prepared: Prepared { keys, pin_mode, lifetime: self.lifetime },
            expires_at: self.expires_at,
            finalizing: self.finalizing,
        })
    }
}

/// Converts a value that may be missing. Returns `None` if the value is present and cannot be
/// converted.
fn optional<T, U>(value: Option<T>, convert: impl FnOnce(T) -> Option<U>) -> Option<Option<U>> {
    match value {
        Some(value) => convert(value).map(Some),
        None => Some(None),
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine::{Operation, permit};
    use super::*;

    pub(crate) fn sample() -> Record {
        let modulus = Modulus::from_bytes(&[0xff; 128]).unwrap();
        let serial = Serial::new([1; 8], [2; 16]);
        Record {
            account: "local".into(),
            serial: Some(serial.clone()),
            enrollment: Some(Enrollment {
                device: Device {
                    id: "973d95c599fffbe9".into(),
                    serial,
                    last_sync: "7".into(),
                    service: "7001".into(),
                    factory: modulus.clone(),
                    k0: K0::new([3; 16]),
                    hidden_k1: [4; 16],
                    secval: Some(SecVal::new([5; 16])),
                },
                standing: Standing::Disabled,
            }),
            activation: Some(Activation {
                code: SmsCode::new("2424").unwrap(),
                phone: Some("0612345678".into()),
                prepared: Prepared {
                    keys: ServiceKeys { factory: modulus.clone(), device: modulus },
                    pin_mode: PinMode::Current,
                    lifetime: None,
                },
                expires_at: 1000,
                finalizing: true,
            }),
            tickets: Tickets { enrollment: Ticket::new("AAAAAAAAAAAAAAAAAAAA-_"), phone_number: Ticket::new("b") },
            intent: Some(Intent::ChangePin),
            block: Some(Block::PinBlocked),
            is_forbidden: true,
            used: Use::new(vec![8, 9], 7),
            last_notice: 6,
            outdated: false,
        }
    }

    fn decode(bytes: &[u8]) -> Decoded {
        Record::decode(bytes).unwrap_or_else(|error| panic!("{error:?}"))
    }

    #[test]
    fn a_record_survives_being_written_and_read() {
        for record in [Record::default(), sample()] {
            let bytes = record.encode();
            let again = decode(&bytes);
            assert!(!again.upgraded);
            assert_eq!(*bytes, *again.record.encode());
        }
    }

    #[test]
    fn a_record_of_the_first_form_is_upgraded() {
        let now = String::from_utf8(sample().encode().to_vec()).unwrap();
        let first = now.replace("\"format\":2", "\"format\":1").replace("\"phone\":\"0612345678\",", "");
        assert!(!first.contains("phone"));
        let Decoded { mut record, upgraded } = decode(first.as_bytes());
        assert!(upgraded && !record.outdated);
        record.activation.as_mut().unwrap().phone = Some("0612345678".into());
        assert_eq!(record.encode().as_slice(), now.as_bytes());
    }

    #[test]
    fn tickets_leave_the_form_as_it_was_for_versions_that_do_not_know_them() {
        let with = sample();
        let text = String::from_utf8(with.encode().to_vec()).unwrap();
        assert!(text.contains(&format!("\"format\":{FORMAT}")) && text.contains("enrollmentTicket"));
        let without = Record { tickets: Tickets::default(), ..with.clone() }.encode();
        let without = String::from_utf8(without.to_vec()).unwrap();
        assert!(!without.contains("icket"));
        let Decoded { record, upgraded } = decode(without.as_bytes());
        assert!(!upgraded && record.tickets.get(Purpose::Enrollment).is_none());
        let Decoded { record, .. } = decode(text.as_bytes());
        assert!(record.tickets == with.tickets);
    }

    #[test]
    fn a_record_without_use_is_read_and_its_removal_keeps_the_use() {
        let text = String::from_utf8(sample().encode().to_vec()).unwrap();
        let fields = ",\"forbidden\":true,\"passwordTimes\":[8,9],\"activations\":7,\"lastNotice\":6";
        let Decoded { record, upgraded } = decode(text.replace(fields, "").as_bytes());
        assert!(text.contains(fields) && !upgraded && !record.is_forbidden && record.used == Use::default());
        assert_eq!(record.last_notice, 0);
        assert!(!String::from_utf8(record.encode().to_vec()).unwrap().contains("lastNotice"));
        let mut record = sample();
        assert!(record.apply(Event::Removed, 0));
        assert_eq!(record.last_notice, 0);
        assert!(record.used == sample().used && !record.is_forbidden && record.enrollment.is_none());
    }

    #[test]
    fn an_older_record_that_cannot_be_read_any_more_is_upgradable_until_it_is_removed() {
        for old in
            ["{\"format\":1,\"account\":\"local\",\"device\":{}}", "{\"format\":0,\"account\":\"local\",\"keys\":[]}"]
        {
            let Decoded { mut record, upgraded } = decode(old.as_bytes());
            assert!(!upgraded);
            assert_eq!((record.account.as_str(), record.state(0)), ("local", State::Upgradable));
            for event in Event::ALL {
                assert_eq!(record.apply(event, 0), event == Event::Removed, "{event:?}");
                assert_eq!(record.state(0), next(State::Upgradable, event));
                record.outdated = true;
            }
        }
    }

    #[test]
    fn a_newer_record_is_distinguished_from_a_damaged_one() {
        assert_eq!(Record::decode(b"{\"format\":3}").err(), Some(DecodeError::Newer));
        for bad in ["", "{}", "{\"format\":2}", "[]", "{\"format\":2,\"account\":\"a\",\"device\":{}}"] {
            assert_eq!(Record::decode(bad.as_bytes()).err(), Some(DecodeError::Damaged), "{bad}");
        }
    }

    #[test]
    fn a_started_activation_ends_with_its_code_and_falls_back() {
        let mut record = sample();
        assert_eq!(record.state(999), State::ActivationStarted(Origin::Disabled));
        assert_eq!(record.state(1000), State::Disabled);
        record.enrollment = None;
        assert_eq!(record.state(999), State::ActivationStarted(Origin::NotActivated));
        assert_eq!(record.state(1000), State::NotActivated);
    }

    #[test]
    fn a_started_activation_does_not_outlast_its_code_where_the_clock_was_wrong() {
        let year = 365 * 24 * 3600 * 1000_i64;
        let mut record = sample();
        let start = |record: &mut Record, now: i64, lifetime| {
            let activation = record.activation.as_mut().unwrap();
            (activation.expires_at, activation.prepared.lifetime) = (now + 600_000, lifetime);
        };
        let is_started = |record: &Record, now| record.state(now) == State::ActivationStarted(Origin::Disabled);
        for lifetime in [Some(600), None] {
            // The clock was ahead by a year when the code was accepted.
            start(&mut record, year, lifetime);
            assert!(is_started(&record, year) && !is_started(&record, 0), "{lifetime:?}");
            // The clock was behind by a year, and is right later.
            start(&mut record, 0, lifetime);
            assert!(is_started(&record, 0) && !is_started(&record, year), "{lifetime:?}");
        }
        // If a clock is set back by some seconds, it is being corrected.
        start(&mut record, 30_000, Some(600));
        assert!(is_started(&record, 0));
        let again = decode(&record.encode()).record;
        assert_eq!(again.activation.unwrap().prepared.lifetime, Some(600));
    }

    #[test]
    fn a_forbidden_device_counts_as_disabled_for_an_enrollment_alone() {
        let mut record = sample();
        record.enrollment.as_mut().unwrap().standing = Standing::Active;
        assert_eq!(record.state(999), State::Activated(Sync::Done));
        assert_eq!(record.state_for_enrollment(999), State::ActivationStarted(Origin::Disabled));
        assert_eq!(record.state_for_enrollment(1000), State::Disabled);
        assert!(!record.set_forbidden(true) && record.activation.is_some());
        // The last step of the enrollment was sent: it may still be done.
        assert!(record.activation.as_ref().is_some_and(|activation| activation.finalizing));
        assert!(record.set_forbidden(false) && record.activation.is_some());
        assert!(record.set_forbidden(true));
        record.activation.as_mut().unwrap().finalizing = false;
        assert!(record.set_forbidden(false) && record.activation.is_none());
        assert_eq!(record.state_for_enrollment(0), State::Activated(Sync::Done));
        record.enrollment.as_mut().unwrap().standing = Standing::Blocked;
        assert_eq!(record.state_for_enrollment(0), State::Blocked);
        assert!(record.set_forbidden(true));
        assert_eq!(record.state_for_enrollment(0), State::Disabled);
    }

    #[test]
    fn an_operation_of_the_device_is_permitted_only_where_the_record_has_one() {
        let mut records = vec![Record { outdated: true, ..Record::default() }];
        for standing in [Standing::Active, Standing::MustSynchronize, Standing::Blocked, Standing::Disabled] {
            for is_started in [false, true] {
                let mut record = sample();
                record.enrollment.as_mut().unwrap().standing = standing;
                record.activation = record.activation.filter(|_| is_started);
                records.push(Record { enrollment: None, ..record.clone() });
                records.push(record);
            }
        }
        for record in records {
            let state = record.state(0);
            assert_eq!(record.enrolled_device().is_some(), matches!(state, State::Activated(_) | State::Blocked));
            for operation in [Operation::UpdatePin, Operation::ResetPin, Operation::MakeOtp, Operation::Export] {
                let is_permitted = permit(state, operation).is_ok();
                assert!(!is_permitted || record.enrolled_device().is_some(), "{operation:?} in {state:?}");
            }
            if permit(state, Operation::EnrollStarted).is_ok() {
                assert!(record.activation.is_some() && record.serial.is_some(), "{state:?}");
            }
        }
    }

    #[test]
    fn an_event_moves_the_record_exactly_as_the_machine_says() {
        let with = |standing: Option<Standing>, activation: bool| {
            let mut record = sample();
            match standing {
                Some(standing) => record.enrollment.as_mut().unwrap().standing = standing,
                None => record.enrollment = None,
            }
            if !activation {
                record.activation = None;
            }
            record
        };
        // The events of an enrollment, an import and an accepted code are not enough: other code
        // puts their data into the record.
        let simple =
            Event::ALL.into_iter().filter(|e| !matches!(e, Event::CodeAccepted | Event::Enrolled | Event::Imported));
        for event in simple {
            for standing in [
                None,
                Some(Standing::Active),
                Some(Standing::MustSynchronize),
                Some(Standing::Blocked),
                Some(Standing::Disabled),
            ] {
                for activation in [false, true] {
                    let mut record = with(standing, activation);
                    let before = record.state(0);
                    let mut after = next(before, event);
                    if after == State::Disabled && event == Event::DeviceUnknown && activation {
                        // The enrollment that was started in place of the device goes on.
                        after = next(after, Event::CodeAccepted);
                    }
                    let changed = record.apply(event, 0);
                    assert_eq!(record.state(0), after, "{event:?} in {before:?}");
                    assert_eq!(changed, before != record.state(0));
                }
            }
        }
    }
}
