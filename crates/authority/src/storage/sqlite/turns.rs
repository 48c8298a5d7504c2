//! A mutex with a fast hand-over under contention.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The time that the next waiter spins: a few steps, if the disk is fast.
const AWAKE: Duration = Duration::from_micros(500);

/// A mutex for short critical sections. The first waiter spins instead of sleeping, because waking
/// a thread takes as long as one step, and no thread would work in that time. The holder can ask
/// whether others wait.
pub(super) struct Turns<T> {
    held: Mutex<T>,
    next: Mutex<()>,
    waiting: AtomicUsize,
}

/// The guard of a turn. Dropping it ends the turn.
pub(super) struct Turn<'a, T> {
    held: MutexGuard<'a, T>,
    waiting: &'a AtomicUsize,
    since: Instant,
}

impl<T> Turns<T> {
    pub(super) fn new(value: T) -> Self {
        Self { held: Mutex::new(value), next: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn. A thread that panicked in its turn does not stop the others.
    pub(super) fn take(&self) -> Turn<'_, T> {
        let since = Instant::now();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let held = self.try_held().unwrap_or_else(|| self.wait());
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Turn { held, waiting: &self.waiting, since }
    }

    /// Returns the number of waiting threads.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    fn wait(&self) -> MutexGuard<'_, T> {
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let patience = Instant::now() + AWAKE;
        while Instant::now() < patience {
            if let Some(held) = self.try_held() {
                return held;
            }
            std::thread::yield_now();
        }
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_held(&self) -> Option<MutexGuard<'_, T>> {
        match self.held.try_lock() {
            Ok(held) => Some(held),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> Turn<'_, T> {
    /// Returns the time at which the wait for this turn began.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Returns whether another thread waits. That thread will certainly get a turn.
    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0
    }
}

impl<T> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.held
    }
}
