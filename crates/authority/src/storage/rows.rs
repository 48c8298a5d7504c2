//! The rows of the tables, as the rules know them.

use inwebo::cvs::Purpose;

use crate::sms::Notice;

/// A person's account.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) made_at: i64,
    /// Sealed; `None` where none was chosen.
    pub(crate) pin: Option<Vec<u8>>,
    /// Wrong PINs that no right one forgave.
    pub(crate) pin_tries: u32,
    /// Wrong PINs in the life of this PIN, forgiven ones too.
    pub(crate) pin_wrong: u32,
    /// Wrong PINs in the life of the account.
    pub(crate) wrong_pins: u32,
    /// How often the PIN was set, changed or removed.
    pub(crate) pin_generation: u32,
    /// Keyed hashes of earlier PINs, the newest first.
    pub(crate) pin_history: Option<Vec<u8>>,
    pub(crate) blocked: bool,
    /// The trusted phone number.
    pub(crate) phone_number: Option<String>,
    /// When that number replaced another; `None` where it is the first one.
    pub(crate) phone_changed_at: Option<i64>,
    /// The language that its app asked for last, as a code of ISO 639.
    pub(crate) language: Option<String>,
    /// How often the row was written.
    pub(crate) version: i64,
}

impl AccountRow {
    /// An account of which nothing is known but the name.
    pub(crate) fn new(name: &str, now: i64) -> Self {
        let name = name.to_owned();
        Self {
            name,
            made_at: now,
            pin: None,
            pin_tries: 0,
            pin_wrong: 0,
            wrong_pins: 0,
            pin_generation: 0,
            pin_history: None,
            blocked: false,
            phone_number: None,
            phone_changed_at: None,
            language: None,
            version: 0,
        }
    }
}

/// A device that is not removed. Of a removed one only the id is kept, so that it can be told to be gone.
#[derive(Clone)]
pub(crate) struct DeviceRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) made_at: i64,
    /// When it last proved itself and changed something; `None` where that was never written.
    pub(crate) used_at: Option<i64>,
    pub(crate) serial: String,
    /// What the device calls itself.
    pub(crate) name: String,
    /// Sealed.
    pub(crate) k0: Vec<u8>,
    /// Sealed.
    pub(crate) k1: Vec<u8>,
    /// Sealed: what K1 becomes once the device proves it.
    pub(crate) next_k1: Option<Vec<u8>>,
    /// Sealed: the service secret; `None` until the device made one.
    pub(crate) secret: Option<Vec<u8>>,
    /// How often its keys were handed out again.
    pub(crate) tsync: u32,
    /// One-time passwords since K1 last evolved.
    pub(crate) since_evolution: u32,
    /// The day, counted from 1970 in UTC, that `passwords_of_day` is about.
    pub(crate) day: i64,
    pub(crate) passwords_of_day: u32,
    /// Its own wrong PINs that no right one forgave.
    pub(crate) pin_tries: u32,
    /// `wrong_pins` of the account when this device last proved PIN and K1.
    pub(crate) wrong_pins_told: u32,
    /// When it last proved PIN and K1.
    pub(crate) proved_at: Option<i64>,
    /// It proved the K1 that counts, under the PIN that counts: it keeps that K1.
    pub(crate) k1_proved: bool,
    /// Sealed: what K0 becomes once the device proves it.
    pub(crate) next_k0: Option<Vec<u8>>,
    /// The highest `lastsync` that it showed.
    pub(crate) sync_shown: u32,
    /// When a second copy of it was last suspected.
    pub(crate) suspected_at: Option<i64>,
    /// It may prove nothing until an SMS code says which copy stays.
    pub(crate) suspended: bool,
    /// How often the row was written.
    pub(crate) version: i64,
}

impl DeviceRow {
    /// A device that has nothing yet but a name in its account.
    pub(crate) fn new(id: &str, account: &str, now: i64) -> Self {
        Self {
            id: id.to_owned(),
            account: account.to_owned(),
            made_at: now,
            used_at: None,
            serial: String::new(),
            name: String::new(),
            k0: Vec::new(),
            k1: Vec::new(),
            next_k1: None,
            secret: None,
            tsync: 0,
            since_evolution: 0,
            day: 0,
            passwords_of_day: 0,
            pin_tries: 0,
            wrong_pins_told: 0,
            proved_at: None,
            k1_proved: false,
            next_k0: None,
            sync_shown: 0,
            suspected_at: None,
            suspended: false,
            version: 0,
        }
    }
}

/// What a device has to prove itself over.
pub(crate) struct ChallengeRow {
    pub(crate) challenge: String,
    pub(crate) made_at: i64,
}

/// The SMS code that an account was sent last for a purpose.
#[derive(Clone)]
pub(crate) struct CodeRow {
    pub(crate) account: String,
    pub(crate) purpose: Purpose,
    /// The number that it was sent to.
    pub(crate) phone_number: String,
    pub(crate) hash: [u8; 32],
    /// The master key of the hash; 0 where a release before that was kept made it.
    pub(crate) key_id: u32,
    pub(crate) expires_at: i64,
    /// Wrong tries.
    pub(crate) tries: u32,
    /// Wrong PINs that were entered with it.
    pub(crate) pin_tries: u32,
    /// It is void: not sent, or dropped. Its tries still count.
    pub(crate) withdrawn: bool,
    /// When the setup step of an activation took it last.
    pub(crate) setup_at: Option<i64>,
    /// What it was used for.
    pub(crate) used: Option<CodeUse>,
    /// How often the row was written.
    pub(crate) version: i64,
    /// The hash of the ticket that the request for it was answered with, under the same master key.
    pub(crate) ticket: Option<[u8; 32]>,
}

/// What a code was used for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum CodeUse {
    /// It activated this device.
    Activated { serial: String, device: String },
    /// Anything that is done at once.
    Done,
}

/// A one-time password that was granted.
pub(crate) struct PasswordRow {
    pub(crate) account: String,
    pub(crate) hash: [u8; 32],
    /// The master key of the hash; 0 where a release before that was kept made it.
    pub(crate) key_id: u32,
    pub(crate) device: String,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
}

/// A refresh token that was granted.
#[derive(Clone)]
pub(crate) struct TokenRow {
    pub(crate) hash: [u8; 32],
    /// The master key of the hash.
    pub(crate) key_id: u32,
    pub(crate) account: String,
    /// What all tokens that follow one another have in common.
    pub(crate) family: String,
    /// When the first token of the family was granted; `None` where an earlier release granted it.
    pub(crate) family_made_at: Option<i64>,
    /// The device whose password the family came from; `None` where an earlier release granted it.
    pub(crate) device: Option<String>,
    /// The account's `pin_generation` at that time.
    pub(crate) pin_generation: Option<u32>,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
    /// How often the row was written.
    pub(crate) version: i64,
}

/// An SMS that the gateway has not taken yet.
pub(crate) struct MessageRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) kind: MessageKind,
    /// Sealed.
    pub(crate) message: Vec<u8>,
    /// How often it was or is being tried.
    pub(crate) attempts: u32,
    /// When it may be tried next. Whoever tries it puts that beyond the time that a try takes.
    pub(crate) due_at: i64,
    pub(crate) expires_at: i64,
}

/// What a message in the queue is for, and what it depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// It brings the code of this hash: it is worth nothing once the account holds another.
    Code { purpose: Purpose, hash: [u8; 32] },
    /// It tells of an event.
    Notice(Notice),
}

/// One of the service's own RSA keys.
pub(crate) struct ServiceKeyRow {
    pub(crate) name: &'static str,
    /// Sealed.
    pub(crate) primes: Vec<u8>,
    /// What devices get: the modulus, sealed by the factory key, in hex. Public.
    pub(crate) announced: String,
}
