//! Why an operation did not succeed, before it becomes a code of the catalogue.

use inwebo::client::EngineError;
use inwebo::cvs::CvsRefusal;
use inwebo::word::Word;

use super::machine::{Refusal, State};
use crate::store::StoreError;
use crate::transport::TransportError;

/// Why an operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device's state does not allow it.
    #[error("the device's state, {}, does not allow this operation", .1.name())]
    State(Refusal, State),
    /// The service refused it, or its answer cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The service called an SMS code malformed: to the person who typed it, it is a wrong one.
    #[error(transparent)]
    BadCode(EngineError),
    /// There was no answer.
    #[error(transparent)]
    Transport(TransportError),
    /// CVS refused it.
    #[error("the service refused the request")]
    Cvs(CvsRefusal),
    /// The device's state could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was done, but the synchronization that must follow failed.
    #[error("done, but the synchronization that must follow failed: {0}")]
    PostSynchronization(Box<Failure>),
    /// The device must synchronize first, and there is no PIN to do it with.
    #[error("the device must synchronize first, which needs the PIN")]
    MustSynchronize,
    /// The PIN may or may not have been changed: the service took the request, but its answer was lost.
    #[error("it is not known whether the PIN was changed: {0}")]
    PinUncertain(Box<Failure>),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Entropy,
}

impl Failure {
    /// The service's error word, where this is one.
    pub fn word(&self) -> Option<&Word> {
        match self {
            Self::Engine(EngineError::Refused { word, .. }) | Self::BadCode(EngineError::Refused { word, .. }) => {
                Some(word)
            }
            Self::Cvs(CvsRefusal::Word { word, .. }) => Some(word),
            Self::PostSynchronization(inner) | Self::PinUncertain(inner) => inner.word(),
            _ => None,
        }
    }

    /// A failure of a step that showed a code: a word on the syntax is about that code.
    pub(super) fn of_code(error: EngineError) -> Self {
        match error {
            EngineError::Refused { word: Word::Syntax, .. } => Self::BadCode(error),
            error => error.into(),
        }
    }

    /// The service itself said no: nothing was done.
    pub(super) fn is_refusal_with(&self, words: &[Word]) -> bool {
        matches!(self, Self::Engine(EngineError::Refused { word, .. }) if words.contains(word))
    }
}
