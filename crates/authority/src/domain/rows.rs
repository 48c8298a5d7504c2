//! The rows of the tables, in the form that the rules use. `storage` reads and writes them.

use inwebo::cvs::Purpose;

use crate::domain::message::Notice;
use crate::domain::policy::PinProof;

/// The account of a user.
#[derive(Clone)]
pub(crate) struct AccountRow {
    pub(crate) name: String,
    pub(crate) made_at: i64,
    /// The sealed PIN. `None` if the account has no PIN.
    pub(crate) pin: Option<Vec<u8>>,
    /// The number of wrong PINs that no right PIN forgave.
    pub(crate) pin_tries: u32,
    /// The number of wrong PINs since this PIN was set, forgiven ones included.
    pub(crate) pin_wrong: u32,
    /// The number of wrong PINs in the life of the account.
    pub(crate) wrong_pins: u32,
    /// The number of times that the PIN was set, changed or removed.
    pub(crate) pin_generation: u32,
    /// Keyed hashes of earlier PINs, the newest first.
    pub(crate) pin_history: Option<Vec<u8>>,
    /// True if wrong PINs or the rejection of a new device blocked it. A block that ends by itself
    /// leaves this as it is when it is over: [`TimedBlockRow`].
    pub(crate) blocked: bool,
    /// The trusted phone number.
    pub(crate) phone_number: Option<String>,
    /// The time at which that number replaced another. `None` if it is the first one.
    pub(crate) phone_changed_at: Option<i64>,
    /// The language that the account's app requested last, as a code of ISO 639.
    pub(crate) language: Option<String>,
    /// The number of times that the row was written.
    pub(crate) version: i64,
}

impl AccountRow {
    /// Makes the row of a new account: only its name is known.
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

/// The block of an account that ends by itself. The row stays until a right PIN, a reset or an
/// operator lifts the block, so that the next block is longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TimedBlockRow {
    pub(crate) account: String,
    /// The value of the account's `wrong_pins` after the wrong PIN that began the block.
    pub(crate) wrong_pins: u32,
    pub(crate) began_at: i64,
    /// Its length.
    pub(crate) seconds: u64,
}

/// A device that is not removed. Of a removed device only the id is kept, so that its client learns
/// of the removal.
#[derive(Clone)]
pub(crate) struct DeviceRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) made_at: i64,
    /// The time at which it last proved itself and changed something. `None` if that was never
    /// recorded.
    pub(crate) used_at: Option<i64>,
    pub(crate) serial: String,
    /// The name that the device gave itself, or the name that it was given later.
    pub(crate) name: String,
    /// The sealed K0.
    pub(crate) k0: Vec<u8>,
    /// The sealed K1.
    pub(crate) k1: Vec<u8>,
    /// The sealed K1 that replaces the present one once the device proves it.
    pub(crate) next_k1: Option<Vec<u8>>,
    /// The sealed service secret. `None` until the device makes one.
    pub(crate) secret: Option<Vec<u8>>,
    /// The number of times that its keys were delivered again.
    pub(crate) tsync: u32,
    /// The number of one-time passwords since K1 last evolved.
    pub(crate) since_evolution: u32,
    /// The day that `passwords_of_day` counts, in days since 1970 in UTC.
    pub(crate) day: i64,
    pub(crate) passwords_of_day: u32,
    /// The number of its own wrong PINs that no right PIN forgave.
    pub(crate) pin_tries: u32,
    /// The value of the account's `wrong_pins` when this device last proved PIN and K1.
    pub(crate) wrong_pins_told: u32,
    /// The time at which it last proved PIN and K1.
    pub(crate) proved_at: Option<i64>,
    /// True if it proved the present K1 under the present PIN. It has stored that K1.
    pub(crate) k1_proved: bool,
    /// The sealed K0 that replaces the present one once the device proves it.
    pub(crate) next_k0: Option<Vec<u8>>,
    /// The highest `lastsync` that it sent.
    pub(crate) sync_shown: u32,
    /// The time at which a second copy of it was last suspected.
    pub(crate) suspected_at: Option<i64>,
    /// True if no proof of it is accepted until an SMS code decides which copy stays.
    pub(crate) suspended: bool,
    /// The confirmation for which it waits: until then it does nothing. `None` if it works.
    pub(crate) pending: Option<Confirmation>,
    /// The number of times that the row was written.
    pub(crate) version: i64,
    pub(crate) challenges: ChallengeColumns,
}

impl DeviceRow {
    /// Makes the row of a new device: only its id and its account are known.
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
            pending: None,
            version: 0,
            challenges: ChallengeColumns::default(),
        }
    }
}

/// The confirmation of a new device by another device of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// The device that made its enrollment code confirms it: the user compares fingerprints.
    ByMaker,
    /// Any other device approves it: the user enters the number that the new one shows.
    ByNumber,
}

/// The traits of a device's client, as the service observed them since the activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraitsRow {
    /// True if it must always prove its PIN for a one-time password: it did so once, or it
    /// activated while the policy wanted that from each.
    pub(crate) proves_pin: bool,
    /// The number of wrong K1s that it proved without a proof of its PIN, and that no password
    /// forgave.
    pub(crate) unproved_tries: u32,
    /// True if it took an evolution of K1.
    pub(crate) evolves: bool,
    /// The number of requests to evolve K1 that it let pass. One more than those that it may let
    /// pass: this was told.
    pub(crate) evolutions_passed: u32,
}

impl TraitsRow {
    /// Makes the traits of a new device. Only a device that activates while the policy permits it
    /// may ever omit the proof of its PIN.
    pub(crate) fn of_new_device(policy: PinProof) -> Self {
        Self { proves_pin: policy == PinProof::Each, unproved_tries: 0, evolves: false, evolutions_passed: 0 }
    }

    /// Makes the traits of a device without a row: an earlier release activated it, or the row was
    /// removed. They are the strict ones.
    pub(crate) const fn unknown() -> Self {
        Self { proves_pin: true, unproved_tries: 0, evolves: true, evolutions_passed: 0 }
    }
}

/// The challenges of a device, as its row stores them.
#[derive(Clone, Default)]
pub(crate) struct ChallengeColumns {
    pub(crate) text: Option<String>,
    /// The MAC of the text.
    pub(crate) mac: Option<Vec<u8>>,
}

/// The challenge that a device must answer to prove itself.
pub(crate) struct ChallengeRow {
    pub(crate) challenge: String,
    pub(crate) made_at: i64,
}

/// The purpose of a code, together with its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodePurpose {
    /// An SMS brings the code.
    Sms(Purpose),
    /// A device of the account shows the code, which enrolls another device.
    OfDevice,
}

impl CodePurpose {
    /// Returns its word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sms(purpose) => purpose.as_str(),
            Self::OfDevice => "deviceEnrollment",
        }
    }

    /// Reads the word in the database.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_of_device = text == Self::OfDevice.as_str();
        if is_of_device { Some(Self::OfDevice) } else { Purpose::parse(text).map(Self::Sms) }
    }
}

impl From<Purpose> for CodePurpose {
    fn from(purpose: Purpose) -> Self {
        Self::Sms(purpose)
    }
}

/// The latest code of an account for a purpose.
#[derive(Clone)]
pub(crate) struct CodeRow {
    pub(crate) account: String,
    pub(crate) purpose: CodePurpose,
    /// The number that the code was sent to. If a device shows the code: the id of that device.
    pub(crate) phone_number: String,
    pub(crate) hash: [u8; 32],
    /// The number of the master key of the hash. It is 0 if an earlier release made the hash.
    pub(crate) key_id: u32,
    pub(crate) expires_at: i64,
    /// The number of wrong tries.
    pub(crate) tries: u32,
    /// The number of wrong PINs that were entered with the code.
    pub(crate) pin_tries: u32,
    /// True if the code is void: it was not sent, or it was withdrawn. Its tries still count.
    pub(crate) withdrawn: bool,
    /// The time at which the setup step of an activation last accepted it.
    pub(crate) setup_at: Option<i64>,
    /// The use of the code, if it was used.
    pub(crate) used: Option<CodeUse>,
    /// The number of times that the row was written.
    pub(crate) version: i64,
    /// The hash of the ticket that was issued with the code, under the same master key.
    pub(crate) ticket: Option<[u8; 32]>,
}

/// The use of a code.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum CodeUse {
    /// The activation of this device.
    Activated { serial: String, device: String },
    /// A use that is complete at once.
    Done,
}

/// A one-time password that was granted.
pub(crate) struct PasswordRow {
    pub(crate) account: String,
    pub(crate) hash: [u8; 32],
    /// The number of the master key of the hash. It is 0 if an earlier release made the hash.
    pub(crate) key_id: u32,
    pub(crate) device: String,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
}

/// A refresh token that was granted.
#[derive(Clone)]
pub(crate) struct TokenRow {
    pub(crate) hash: [u8; 32],
    /// The number of the master key of the hash.
    pub(crate) key_id: u32,
    pub(crate) account: String,
    /// The id that a token and all its successors share.
    pub(crate) family: String,
    /// The time at which the first token of the family was granted. `None` if an earlier release
    /// granted it.
    pub(crate) family_made_at: Option<i64>,
    /// The device whose password the family came from. `None` if an earlier release granted it.
    pub(crate) device: Option<String>,
    /// The account's `pin_generation` when the family began.
    pub(crate) pin_generation: Option<u32>,
    pub(crate) expires_at: i64,
    pub(crate) used: bool,
    /// The number of times that the row was written.
    pub(crate) version: i64,
}

/// An SMS that the gateway has not accepted yet.
pub(crate) struct MessageRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) kind: MessageKind,
    /// The sealed message.
    pub(crate) message: Vec<u8>,
    /// The number of tries, including one that is in progress.
    pub(crate) attempts: u32,
    /// The time of the next try. A process that tries the message moves this time beyond the
    /// longest duration of a try.
    pub(crate) due_at: i64,
    pub(crate) expires_at: i64,
}

/// The purpose of a message in the queue, and the code that it depends on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// The message carries the code with this hash. It is worth nothing once the account holds
    /// another code.
    Code { purpose: Purpose, hash: [u8; 32] },
    /// The message reports an event.
    Notice(Notice),
}

/// An event of an account, as its devices are told of it.
pub(crate) struct EventRow {
    /// Its number within the account, from 1.
    pub(crate) number: i64,
    /// The word of the event.
    pub(crate) event: String,
    pub(crate) at: i64,
    /// The id of the device that the event is about, if it is about one.
    pub(crate) device: Option<String>,
    /// The name that this device had.
    pub(crate) name: Option<String>,
}

/// An action of an operator that waits for the approval by another operator.
#[derive(Clone)]
pub(crate) struct ProposalRow {
    pub(crate) id: String,
    pub(crate) account: String,
    pub(crate) action: ProposedAction,
    pub(crate) reason: String,
    /// The actor that proposed it, in the form of the audit trail.
    pub(crate) made_by: String,
    pub(crate) made_at: i64,
}

/// The action of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProposedAction {
    Unblock,
    RemoveDevice {
        /// The whole id of the device.
        id: String,
    },
}

/// One of the service's own RSA keys.
pub(crate) struct ServiceKeyRow {
    pub(crate) name: &'static str,
    /// The sealed primes.
    pub(crate) primes: Vec<u8>,
    /// The text for devices: the modulus, sealed by the factory key, in hex. It is public.
    pub(crate) announced: String,
}
