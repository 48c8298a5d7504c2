//! The failure of an operation, before it becomes a code of the catalogue.

use inwebo::client::EngineError;
use inwebo::cvs::CvsRefusal;
use inwebo::word::Word;

use super::machine::{Refusal, State};
use crate::store::StoreError;
use crate::transport::TransportError;

/// Reason why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device's state does not allow it.
    #[error("the device's state, {}, does not allow this operation", .1.name())]
    State(Refusal, State),
    /// The service refused the request, or its answer cannot be used.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The service called an SMS code malformed. For the user who typed it, it is a wrong code.
    #[error(transparent)]
    BadCode(EngineError),
    /// No answer came.
    #[error(transparent)]
    Transport(TransportError),
    /// CVS refused the request.
    #[error("the service refused the request")]
    Cvs(CvsRefusal),
    /// The device's state could not be made durable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operation was done, but the synchronization that must follow failed.
    #[error("done, but the synchronization that must follow failed: {0}")]
    PostSynchronization(Box<Failure>),
    /// The device must synchronize first, and the operation has no PIN for that.
    #[error("the device must synchronize first, which needs the PIN")]
    MustSynchronize,
    /// The PIN may or may not have been changed: the request may have reached the service, but no
    /// usable answer came.
    #[error("it is not known whether the PIN was changed: {0}")]
    PinUncertain(Box<Failure>),
    /// The state of another client is not one of this configuration's application and service.
    #[error("the state does not fit: {0}")]
    Unfit(&'static str),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Entropy,
}

impl Failure {
    /// Returns the service's error word, if the failure has one.
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

    /// Converts a failure of a step that submitted an SMS code. A word about the syntax is about
    /// that code.
    pub(super) fn of_code(error: EngineError) -> Self {
        match error {
            EngineError::Refused { word: Word::Syntax, .. } => Self::BadCode(error),
            error => error.into(),
        }
    }

    /// Returns whether the service itself refused the request, with one of these words. Then
    /// nothing was done.
    pub(super) fn is_refusal_with(&self, words: &[Word]) -> bool {
        matches!(self, Self::Engine(EngineError::Refused { word, .. }) if words.contains(word))
    }
}
