//! The duty to answer a call exactly once.

use super::{Message, panicked};
use crate::error::Error;
use crate::message::{Outcome, TransactionId};

/// Function that receives a message. It runs on the facade's thread, unless the documentation says
/// otherwise.
pub type Callback = Box<dyn FnMut(&Message) + Send>;

/// Call that must still be answered. Its callback is called in every case: if the call is dropped
/// without an answer, the answer is 2000.
pub(super) struct Reply {
    id: TransactionId,
    callback: Option<Callback>,
}

impl Reply {
    pub(super) fn new(callback: Callback) -> Self {
        Self { id: TransactionId::new(), callback: Some(callback) }
    }

    /// Returns the id of the call's messages.
    pub(super) fn id(&self) -> TransactionId {
        self.id
    }

    /// Answers the call.
    pub(super) fn send(self, outcome: &Outcome) {
        drop(self.acknowledge(outcome));
    }

    /// Answers the call and keeps its callback for the events of a subscription.
    pub(super) fn acknowledge(mut self, outcome: &Outcome) -> Option<Subscriber> {
        let message = Message::of_outcome(self.id, outcome);
        let mut callback = self.callback.take()?;
        callback(&message);
        Some(Subscriber { id: self.id, callback })
    }

    /// Gives up the duty, because the call was not accepted.
    pub(super) fn forget(mut self) {
        self.callback = None;
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(mut callback) = self.callback.take() {
            let error: Error = panicked();
            callback(&Message::of_outcome(self.id, &Err(error)));
        }
    }
}

/// The callback of a subscription.
pub(super) struct Subscriber {
    id: TransactionId,
    callback: Callback,
}

impl Subscriber {
    /// Sends an event.
    pub(super) fn deliver(&mut self, output: &crate::message::Output) {
        (self.callback)(&Message::of_event(self.id, output));
    }
}
