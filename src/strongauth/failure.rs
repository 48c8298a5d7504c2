//! The failure of an operation, before it becomes a code of the catalogue.

use inwebo::client::{BlockTimes, EngineError};
use inwebo::cvs::CvsRefusal;
use inwebo::word::Word;

use super::budget::Exhausted;
use super::machine::{Refusal, State};
use crate::store::StoreError;
use crate::transport::TransportError;

/// Reason why an operation failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The device's state does not allow it.
    #[error("the device's state, {}, does not allow this operation", .1.name())]
    State(Refusal, State),
    /// The account is blocked, which does not allow it. The service has just said when the block
    /// ends by itself.
    #[error("the account is blocked for {} more seconds", .1.retry_after_seconds)]
    StillBlocked(Refusal, BlockTimes),
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
    /// The operation of an enrolled device needs the PIN, and none was given.
    #[error("this device is enrolled, so it must prove its PIN")]
    PinMissing,
    /// The PIN may or may not have been changed: the request may have reached the service, but no
    /// usable answer came.
    #[error("it is not known whether the PIN was changed: {0}")]
    PinUncertain(Box<Failure>),
    /// A limit of this device refuses the operation. Nothing was sent.
    #[error(transparent)]
    Limit(#[from] Exhausted),
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

    /// Returns the times of the account's block, if the service said that it ends by itself.
    pub fn block_times(&self) -> Option<BlockTimes> {
        match self {
            Self::Engine(error) | Self::BadCode(error) => BlockTimes::of_refusal(error),
            Self::StillBlocked(_, times) => Some(*times),
            Self::PostSynchronization(inner) | Self::PinUncertain(inner) => inner.block_times(),
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

    /// Returns whether the service answered `NOK:FORBIDDEN` without a reason. Services say so to a
    /// device whose account was reset elsewhere.
    pub fn is_forbidden(&self) -> bool {
        matches!(
            self,
            Self::Engine(EngineError::Refused { word: Word::Forbidden, reason: None, retry_after_seconds: None, .. })
        )
    }

    /// Returns whether the service may have done what the request asked for. After a refusal it did
    /// nothing, nor did it if the request was not sent. If the answer was lost, it may have.
    pub(super) fn may_be_done(&self) -> bool {
        match self {
            Self::Engine(EngineError::Refused { .. }) | Self::BadCode(EngineError::Refused { .. }) | Self::Cvs(_) => {
                self.word() == Some(&Word::SynchroFailed)
            }
            Self::Transport(error) => error.may_be_done(),
            // The storage is checked before a request is sent.
            Self::State(..)
            | Self::StillBlocked(..)
            | Self::Store(_)
            | Self::MustSynchronize
            | Self::PinMissing
            | Self::Limit(_)
            | Self::Unfit(_)
            | Self::Entropy => false,
            Self::Engine(_) | Self::BadCode(_) | Self::PostSynchronization(_) | Self::PinUncertain(_) => true,
        }
    }

    /// Returns whether the service itself refused the request, with one of these words. Then
    /// nothing was done.
    pub(super) fn is_refusal_with(&self, words: &[Word]) -> bool {
        matches!(self, Self::Engine(EngineError::Refused { word, .. }) if words.contains(word))
    }
}
