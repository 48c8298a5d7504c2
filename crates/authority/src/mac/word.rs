//! The error words, and what stands between a step and its answer.

use crate::failure::{Failure, StorageError};

/// The error words of the exchange that this service says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Code,
    Syntax,
    Access,
    Blocked,
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
}

impl From<Word> for Refusal {
    fn from(word: Word) -> Self {
        Self { word, attempts_left: None }
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
