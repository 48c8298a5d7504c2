//! The error words, and what stands between a step and its answer.

use crate::domain::pin::Block;
use crate::failure::{Failure, StorageError};

/// The error words of the exchange that this service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Code,
    Syntax,
    Access,
    Blocked,
    /// The account is blocked until its PIN is reset.
    BudgetSpent,
    State,
    NoDevice,
    NoService,
    PinReused,
    Forbidden,
    PinRefused,
    Timeout,
    MaxDevices,
    /// Ours.
    Desynchronized,
    /// Ours.
    PhoneRegistered,
    /// Ours: the number of an activation is no phone number.
    Phone,
    /// Ours: the code of an activation was sent to another number. No try was charged.
    OtherNumber,
    /// Ours: an activation must show the account's token.
    Token,
}

impl Word {
    /// As it stands in `err`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Code => "NOK:CODE",
            Self::Syntax => "NOK:SN",
            Self::Access => "NOK:ACCESS",
            Self::Blocked => "NOK_BLOCKED",
            Self::BudgetSpent => "NOK:NOK_BLOCKED",
            Self::State => "NOK:STATE",
            Self::NoDevice => "NOK:NODEVICE",
            Self::NoService => "NOK:NOSRV",
            Self::PinReused => "NOK:PINREUSED",
            Self::Forbidden => "NOK:FORBIDDEN",
            Self::PinRefused => "NOK:PINREFUSED",
            Self::Timeout => "NOK:TIMEOUT",
            Self::MaxDevices => "NOK:MAXNBTOOLS",
            Self::Desynchronized => "NOK:DESYNCHRONIZED",
            Self::PhoneRegistered => "NOK:PHONEREGISTERED",
            Self::Phone => "NOK:PHONE",
            Self::OtherNumber => "NOK:OTHERNUMBER",
            Self::Token => "NOK:TOKEN",
        }
    }
}

/// A request that is not granted. What was charged for it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) word: Word,
    /// What is left of PIN or code tries (ours).
    pub(super) attempts_left: Option<u32>,
    /// What the word alone does not tell (ours).
    pub(super) reason: Option<Reason>,
    /// After how many seconds the same request is granted again (ours).
    pub(super) retry_after_seconds: Option<u64>,
}

/// What the word of a refusal alone does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// The new PIN has too few digits.
    TooShort,
    /// The new PIN is one of those that are tried first.
    CommonPin,
    /// A second copy of the device is suspected: an SMS code must say which one stays.
    SecondCopy,
    /// The account has no SMS code of this purpose.
    NoCode,
    /// The device made as many one-time passwords today as it may.
    DailyLimit,
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
        }
    }
}

impl Word {
    pub(super) fn because(self, reason: Reason) -> Refusal {
        Refusal { reason: Some(reason), ..self.into() }
    }
}

impl From<Block> for Word {
    fn from(block: Block) -> Self {
        match block {
            Block::Tries => Self::Blocked,
            Block::Budget => Self::BudgetSpent,
        }
    }
}

impl From<Word> for Refusal {
    fn from(word: Word) -> Self {
        Self { word, attempts_left: None, reason: None, retry_after_seconds: None }
    }
}

/// Why a step ended early.
pub(super) enum Stop {
    /// With an answer; the step is kept.
    Refused(Refusal),
    /// The service is broken; the step is undone.
    Failed(Failure),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Word> for Stop {
    fn from(word: Word) -> Self {
        Self::Refused(word.into())
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Failed(error.into())
    }
}
