//! Refusals: the error words with what goes beside them.

use inwebo::word::Word;

use crate::domain::pin::Block;
use crate::failure::{Failure, StorageError};

/// A request that is not granted. What was charged for it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
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

impl Refusal {
    /// Returns the refusal with a word and the reason for it.
    pub(super) fn because(word: Word, reason: Reason) -> Self {
        Self { reason: Some(reason), ..word.into() }
    }
}

impl From<Block> for Refusal {
    fn from(block: Block) -> Self {
        match block {
            Block::Tries => Word::Blocked.into(),
            Block::Budget => Word::BudgetSpent.into(),
        }
    }
}

impl From<Block> for Stop {
    fn from(block: Block) -> Self {
        Self::Refused(block.into())
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
