//! The messages for one JavaScript thread, and the facades that it opened beside the default one.
//!
//! The library's threads put messages into the inbox and wake the JavaScript thread, without
//! waiting for it. A text stays in the inbox until JavaScript takes it, so that it is wiped also if
//! JavaScript ends before.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use napi::Status;
use napi::bindgen_prelude::Unknown;
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use pims::facade::{Callback, Message, Method};
use zeroize::Zeroizing;

use crate::facades;

/// Function that wakes the JavaScript thread. It is weak: it does not keep the program from ending.
/// The JavaScript of `lib/bridge.js` keeps it from ending while a message is awaited.
pub(crate) type Wake = ThreadsafeFunction<(), Unknown<'static>, (), Status, false, true>;

/// Message of a call, or the end of a subscription, which has no text.
pub(crate) struct Delivery {
    pub(crate) call: i64,
    pub(crate) text: Option<Zeroizing<String>>,
}

/// The inbox of one JavaScript thread.
pub(crate) struct Inbox {
    wake: Wake,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    deliveries: VecDeque<Delivery>,
    /// Numbers of the open facades that this thread opened, without the default one.
    opened: HashSet<i64>,
    /// The acknowledged subscriptions, by their calls.
    subscriptions: HashMap<i64, Subscription>,
    /// If true, the JavaScript thread has ended.
    is_closed: bool,
}

struct Subscription {
    facade: i64,
    api: String,
    transaction: String,
}

impl Inbox {
    pub(crate) fn new(wake: Wake) -> Arc<Self> {
        Arc::new(Self { wake, state: Mutex::default() })
    }

    /// Takes the next delivery, in the order of their arrival.
    pub(crate) fn take(&self) -> Option<Delivery> {
        self.lock().deliveries.pop_front()
    }

    /// Returns the callback of a call.
    pub(crate) fn callback_of(self: &Arc<Self>, call: i64) -> Callback {
        let inbox = self.clone();
        Box::new(move |message| inbox.deliver(call, message))
    }

    /// Returns the callback of a subscription. When the library drops it, the subscription is over,
    /// and JavaScript is told.
    pub(crate) fn subscriber(self: &Arc<Self>, call: i64, facade: i64, api: &str) -> Callback {
        let mut subscriber = Subscriber { inbox: self.clone(), call, facade, api: api.into(), is_acknowledged: false };
        Box::new(move |message| subscriber.receive(message))
    }

    /// Records a facade that this thread opened. If the thread has ended meanwhile, returns false:
    /// the caller closes the facade.
    pub(crate) fn add(&self, facade: i64) -> bool {
        let mut state = self.lock();
        !state.is_closed && {
            state.opened.insert(facade);
            true
        }
    }

    /// Forgets a facade that was closed.
    pub(crate) fn remove(&self, facade: i64) {
        self.lock().opened.remove(&facade);
    }

    /// Closes the facades that this thread opened and ends its other subscriptions, because the
    /// thread ends. Messages that come later are dropped.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let State { deliveries, opened, subscriptions, .. } = std::mem::take(&mut *state);
        state.is_closed = true;
        drop(state);
        drop(deliveries);
        for subscription in subscriptions.into_values().filter(|one| !opened.contains(&one.facade)) {
            let params = end_of(&subscription.transaction);
            // If the queue is full, the end has a reserved place in it. If the facade was closed,
            // nothing is left to end.
            let _ =
                facades::call(subscription.facade, Method::Unsubscribe, &subscription.api, &params, Box::new(|_| ()));
        }
        opened.into_iter().for_each(facades::close);
    }

    fn deliver(&self, call: i64, message: &Message) {
        self.put(call, Some(Zeroizing::new(message.as_str().to_owned())));
    }

    /// Adds a delivery. The thread is woken for the first one: it takes all that are there.
    fn put(&self, call: i64, text: Option<Zeroizing<String>>) {
        let mut state = self.lock();
        if state.is_closed {
            return;
        }
        state.deliveries.push_back(Delivery { call, text });
        if state.deliveries.len() == 1 {
            drop(state);
            // This fails only if the thread is ending.
            self.wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Receiver of a subscription's messages.
struct Subscriber {
    inbox: Arc<Inbox>,
    call: i64,
    facade: i64,
    api: String,
    is_acknowledged: bool,
}

impl Subscriber {
    fn receive(&mut self, message: &Message) {
        if !self.is_acknowledged {
            self.is_acknowledged = true;
            self.acknowledge(message);
        }
        self.inbox.deliver(self.call, message);
    }

    /// Records the subscription. If its JavaScript thread has ended, ends it.
    fn acknowledge(&self, message: &Message) {
        let Some(transaction) = accepted(message) else { return };
        let mut state = self.inbox.lock();
        if state.is_closed {
            drop(state);
            facades::end_inside(self.facade, &self.api, &end_of(transaction));
            return;
        }
        let subscription =
            Subscription { facade: self.facade, api: self.api.clone(), transaction: transaction.to_owned() };
        state.subscriptions.insert(self.call, subscription);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.inbox.lock().subscriptions.remove(&self.call);
        self.inbox.put(self.call, None);
    }
}

/// Returns the transaction id of a message that reports a success. Every message begins with them,
/// see docs/c-abi.md.
fn accepted(message: &Message) -> Option<&str> {
    let (id, rest) = message.as_str().strip_prefix(r#"{"transactionId":""#)?.split_once('"')?;
    rest.starts_with(r#","status":"SUCCEEDED""#).then_some(id)
}

fn end_of(transaction: &str) -> String {
    format!(r#"{{"transactionId":"{transaction}"}}"#)
}
