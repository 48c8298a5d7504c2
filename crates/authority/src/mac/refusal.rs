//! Refusals: error words, with the further values of the answer.

use inwebo::word::Word;

use crate::domain::pin::Block;
use crate::failure::{Failure, StorageError};

/// The refusal of a request. Its charges are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) word: Word,
    /// The number of PIN or code tries that are left (ours).
    pub(super) attempts_left: Option<u32>,
    /// The reason, if the word alone does not give it (ours).
    pub(super) reason: Option<Reason>,
    /// The seconds until the same request can be granted (ours).
    pub(super) retry_after_seconds: Option<u64>,
    /// The end of the account's block, in milliseconds since 1970, if it ends by itself (ours).
    pub(super) blocked_until: Option<i64>,
}

/// The reason of a refusal beyond its word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The new PIN has too few digits.
    TooShort,
    /// The new PIN is one of those that attackers try first.
    CommonPin,
    /// A second copy of the device is suspected: an SMS code must say which one stays.
    SecondCopy,
    /// The account has no SMS code of this purpose.
    NoCode,
    /// The device made its maximum number of one-time passwords today.
    DailyLimit,
    /// The policy permits the devices no one-time password at all.
    NoPasswords,
    /// The PIN has seen all the wrong PINs that it may: only a new PIN lifts the block.
    PinBudget,
    /// The request for a one-time password proves no PIN, and the policy requires the proof.
    PinNotProved,
    /// The device that made the enrollment code has not confirmed this device.
    NotConfirmed,
    /// No device of the account has approved this device.
    NotApproved,
    /// The new device shows another number: it is ended.
    WrongNumber,
    /// No device waits for a confirmation by this one.
    NothingToConfirm,
    /// Another device than the named one waits for the confirmation.
    OtherDevice,
}

impl Reason {
    /// Returns the text of the child `reason`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::TooShort => "tooShort",
            Self::CommonPin => "commonPin",
            Self::SecondCopy => "secondCopy",
            Self::NoCode => "noCode",
            Self::DailyLimit => "dailyLimit",
            Self::NoPasswords => "noPasswords",
            Self::PinBudget => "pinBudget",
            Self::PinNotProved => "pinNotProved",
            Self::NotConfirmed => "notConfirmed",
            Self::NotApproved => "notApproved",
            Self::WrongNumber => "wrongNumber",
            Self::NothingToConfirm => "nothingToConfirm",
            Self::OtherDevice => "otherDevice",
        }
    }
}

impl Refusal {
    /// Returns the refusal with a word and the reason for it.
    pub(super) fn with_reason(word: Word, reason: Reason) -> Self {
        Self { reason: Some(reason), ..word.into() }
    }
}

impl From<Block> for Refusal {
    fn from(block: Block) -> Self {
        match block {
            Block::Tries => Word::NokBlocked.into(),
            Block::Budget => Self::with_reason(Word::NokBlocked, Reason::PinBudget),
            Block::Timed(left) => Self {
                retry_after_seconds: Some(left.seconds()),
                blocked_until: Some(left.until),
                ..Word::NokBlocked.into()
            },
        }
    }
}

impl From<Block> for StepError {
    fn from(block: Block) -> Self {
        Self::Refused(block.into())
    }
}

impl From<Word> for Refusal {
    fn from(word: Word) -> Self {
        Self { word, attempts_left: None, reason: None, retry_after_seconds: None, blocked_until: None }
    }
}

/// The early end of a step.
pub(super) enum StepError {
    /// The request is refused. The step is kept.
    Refused(Refusal),
    /// The service failed. The step is undone.
    Failed(Failure),
}

impl From<Refusal> for StepError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Word> for StepError {
    fn from(word: Word) -> Self {
        Self::Refused(word.into())
    }
}

impl From<Failure> for StepError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StorageError> for StepError {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}
