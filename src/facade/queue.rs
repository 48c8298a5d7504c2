//! The calls that wait, in the order in which they were accepted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::reply::Reply;
use super::{MAX_WAITING, lock};
use crate::api::Method;
use crate::message::TransactionId;

/// How long the worker looks for the next call before it sleeps. A caller that has just had its answer often calls again at once, and
/// waking a thread costs more than this, on another core that went idle several times as much.
const LOOK_FOR: Duration = Duration::from_micros(15);

/// A call that was accepted.
pub(super) struct Job {
    pub(super) method: Method,
    pub(super) api: Box<str>,
    pub(super) params: Zeroizing<String>,
    pub(super) reply: Reply,
}

/// Why a call was not accepted.
pub(super) enum Rejected {
    Full(Job),
    Closed(Job),
}

/// What the worker is to do next.
pub(super) enum Next {
    /// Tell that the facade is there, where somebody waits for that.
    Begin(Option<Reply>),
    /// Run a call.
    Run(Job),
    /// Tell subscribers what another thread changed.
    News,
    /// Answer a call that had not begun when the facade was closed.
    Refuse(Job),
    /// End: nothing waits any more.
    End,
}

/// A bounded queue, which never blocks who pushes.
pub(super) struct Queue {
    state: Mutex<State>,
    on_change: Condvar,
    /// Something happened since the worker last looked: lets it look without the lock.
    changed: AtomicBool,
}

#[derive(Default)]
struct State {
    begin: Option<Option<Reply>>,
    begun: bool,
    jobs: VecDeque<Job>,
    /// The subscription whose end is accepted also when the queue is full.
    reserved_for: Option<TransactionId>,
    news: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), on_change: Condvar::new(), changed: AtomicBool::new(false) }
    }

    /// Lets the worker begin; its first message is that of `reply`.
    pub(super) fn begin(&self, reply: Reply) {
        self.change(|state| state.begin = Some(Some(reply)));
    }

    /// Lets the worker begin without a message.
    pub(super) fn begin_silently(&self) {
        self.change(|state| state.begin = Some(None));
    }

    /// Accepts a call, or gives it back.
    pub(super) fn push(&self, job: Job) -> Result<(), Rejected> {
        self.accept(job, |state| state.jobs.len() < MAX_WAITING)
    }

    /// Accepts the end of a subscription, or gives it back. The first one finds the reserved place.
    pub(super) fn push_end_of(&self, id: TransactionId, job: Job) -> Result<(), Rejected> {
        self.accept(job, |state| {
            state.jobs.len() < MAX_WAITING || state.reserved_for.take_if(|reserved| *reserved == id).is_some()
        })
    }

    fn accept(&self, job: Job, has_place: impl FnOnce(&mut State) -> bool) -> Result<(), Rejected> {
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Rejected::Closed(job));
        }
        if !has_place(&mut state) {
            return Err(Rejected::Full(job));
        }
        state.jobs.push_back(job);
        drop(state);
        self.notify();
        Ok(())
    }

    /// Reserves one place beyond the limit: for the end of this subscription, which begins.
    pub(super) fn reserve_end_of(&self, id: TransactionId) {
        lock(&self.state).reserved_for = Some(id);
    }

    /// Gives the reserved place up: the subscription has ended.
    pub(super) fn give_place_up(&self) {
        lock(&self.state).reserved_for = None;
    }

    /// Tells the worker that there is something for subscribers.
    pub(super) fn wake(&self) {
        self.change(|state| state.news = true);
    }

    /// Accepts no more calls, and begins none of those that wait: they are refused in their turn.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Whether it accepts no more calls.
    pub(super) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.state));
        self.notify();
    }

    fn notify(&self) {
        self.changed.store(true, Ordering::Release);
        self.on_change.notify_one();
    }

    /// What comes next. Waits until there is something.
    pub(super) fn next(&self) -> Next {
        self.look();
        let mut state = lock(&self.state);
        loop {
            self.changed.store(false, Ordering::Release);
            if let Some(next) = state.next() {
                return next;
            }
            state = self.on_change.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Spins for a moment, without the lock.
    fn look(&self) {
        let begin = Instant::now();
        while !self.changed.load(Ordering::Acquire) && begin.elapsed() < LOOK_FOR {
            std::hint::spin_loop();
        }
    }
}

impl State {
    fn next(&mut self) -> Option<Next> {
        if let Some(begin) = self.begin.take() {
            self.begun = true;
            return Some(Next::Begin(begin));
        }
        // The message of `init` comes before all others, also where another thread already called.
        if !self.begun {
            return None;
        }
        if std::mem::take(&mut self.news) {
            return Some(Next::News);
        }
        match (self.jobs.pop_front(), self.closed) {
            (Some(job), false) => Some(Next::Run(job)),
            (Some(job), true) => Some(Next::Refuse(job)),
            (None, false) => None,
            (None, true) => Some(Next::End),
        }
    }
}
