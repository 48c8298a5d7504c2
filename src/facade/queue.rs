//! The calls that wait, in the order in which they were accepted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::reply::Reply;
use super::{MAX_WAITING, lock};
use crate::api::Method;
use crate::message::{Output, TransactionId};

/// Time for which the worker spins before it sleeps. A caller that has just received its answer
/// often calls again at once. Waking a thread costs more than this time, and several times as much
/// on another core that is idle.
const SPIN_DURATION: Duration = Duration::from_micros(15);

/// Accepted call.
pub(super) struct Job {
    pub(super) method: Method,
    pub(super) api: Box<str>,
    pub(super) params: Zeroizing<String>,
    pub(super) reply: Reply,
}

/// Rejected call, with the reason: the queue is full, or closed.
pub(super) enum Rejected {
    Full(Job),
    Closed(Job),
}

/// Next action of the worker.
pub(super) enum Next {
    /// Report that the facade exists, if a caller waits for that.
    Begin(Option<(Reply, Output)>),
    /// Run a call.
    Run(Job),
    /// Report to subscribers the changes that another thread made.
    ReportChanges,
    /// Ask the service whether the account's block is over: its time is over, and a subscriber
    /// waits for that.
    AskAboutBlock,
    /// Refuse a call that had not begun when the facade was closed.
    Refuse(Job),
    /// End, because nothing waits any more.
    End,
}

/// Bounded queue. A call that finds no place is returned and does not block.
pub(super) struct Queue {
    state: Mutex<State>,
    on_change: Condvar,
    /// If true, something has happened since the worker last looked. The worker reads this without
    /// the lock.
    changed: AtomicBool,
}

#[derive(Default)]
struct State {
    begin: Option<Option<(Reply, Output)>>,
    begun: bool,
    jobs: VecDeque<Job>,
    /// The subscription whose end is accepted even if the queue is full.
    reserved_for: Option<TransactionId>,
    /// If true, the account has changes that subscribers have not received.
    has_account_changes: bool,
    /// The time at which the account's block ends by itself, until the service was asked.
    block_end: Option<Instant>,
    /// If true, the end of a block is an event of the subscription.
    awaits_block_end: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), on_change: Condvar::new(), changed: AtomicBool::new(false) }
    }

    /// Lets the worker begin. Its first action is to answer `reply` with `output`.
    pub(super) fn begin(&self, reply: Reply, output: Output) {
        self.change(|state| state.begin = Some(Some((reply, output))));
    }

    /// Lets the worker begin without a message.
    pub(super) fn begin_silently(&self) {
        self.change(|state| state.begin = Some(None));
    }

    /// Accepts a call, or returns it.
    pub(super) fn push(&self, job: Job) -> Result<(), Rejected> {
        self.accept(job, |state| state.jobs.len() < MAX_WAITING)
    }

    /// Accepts the end of a subscription, or returns it. The first one can use the reserved place.
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

    /// Begins a subscription: reserves one place beyond the limit, for its end. Lets the worker
    /// wait for the end of a block if that is an event of the subscription.
    pub(super) fn begin_subscription(&self, id: TransactionId, awaits_block_end: bool) {
        let mut state = lock(&self.state);
        (state.reserved_for, state.awaits_block_end) = (Some(id), awaits_block_end);
    }

    /// Gives up the reserved place, and the wait for the end of a block, because the subscription
    /// has ended.
    pub(super) fn end_subscription(&self) {
        let mut state = lock(&self.state);
        (state.reserved_for, state.awaits_block_end) = (None, false);
    }

    /// Sets the time at which the account's block ends by itself.
    pub(super) fn set_block_end(&self, end: Option<Instant>) {
        self.change(|state| state.block_end = end);
    }

    /// Wakes the worker, because subscribers have events.
    pub(super) fn wake(&self) {
        self.change(|state| state.has_account_changes = true);
    }

    /// Closes the queue. It accepts no more calls, and none of the waiting calls begins: each is
    /// refused in its turn.
    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    /// Returns whether the queue is closed.
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

    /// Returns the next action of the worker. Waits until there is one.
    pub(super) fn next(&self) -> Next {
        self.spin();
        let mut state = lock(&self.state);
        loop {
            self.changed.store(false, Ordering::Release);
            if let Some(next) = state.next() {
                return next;
            }
            state = match state.next_deadline() {
                None => self.on_change.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let wait = deadline.saturating_duration_since(Instant::now());
                    self.on_change.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Spins for a moment, without the lock.
    fn spin(&self) {
        let begin = Instant::now();
        while !self.changed.load(Ordering::Acquire) && begin.elapsed() < SPIN_DURATION {
            std::hint::spin_loop();
        }
    }
}

impl State {
    /// Returns the time at which the worker must ask about a block.
    fn next_deadline(&self) -> Option<Instant> {
        self.block_end.filter(|_| self.awaits_block_end && self.begun && !self.closed)
    }

    fn next(&mut self) -> Option<Next> {
        if let Some(begin) = self.begin.take() {
            self.begun = true;
            return Some(Next::Begin(begin));
        }
        // The message of `init` comes before all others, even if another thread has called already.
        if !self.begun {
            return None;
        }
        if std::mem::take(&mut self.has_account_changes) {
            return Some(Next::ReportChanges);
        }
        if self.next_deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            self.block_end = None;
            return Some(Next::AskAboutBlock);
        }
        match (self.jobs.pop_front(), self.closed) {
            (Some(job), false) => Some(Next::Run(job)),
            (Some(job), true) => Some(Next::Refuse(job)),
            (None, false) => None,
            (None, true) => Some(Next::End),
        }
    }
}
