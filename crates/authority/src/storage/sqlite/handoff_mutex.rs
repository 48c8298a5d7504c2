//! A mutex with a fast hand-over under contention.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// The time that the next waiter spins: a few steps, if the disk is fast.
const SPIN_DURATION: Duration = Duration::from_micros(500);

/// A mutex for short critical sections. The first waiter spins instead of sleeping, because waking
/// a thread takes as long as one step, and no thread would work in that time. The holder can ask
/// whether others wait.
pub(super) struct HandoffMutex<T> {
    value: Mutex<T>,
    next_waiter: Mutex<()>,
    waiters: AtomicUsize,
}

/// The guard of a locked mutex. Dropping it unlocks the mutex.
pub(super) struct HandoffGuard<'a, T> {
    guard: MutexGuard<'a, T>,
    waiters: &'a AtomicUsize,
    waiting_since: Instant,
}

impl<T> HandoffMutex<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), next_waiter: Mutex::default(), waiters: AtomicUsize::new(0) }
    }

    /// Locks the mutex. A thread that panicked while it held the lock does not stop the others.
    pub(super) fn lock(&self) -> HandoffGuard<'_, T> {
        let waiting_since = Instant::now();
        self.waiters.fetch_add(1, Ordering::SeqCst);
        let guard = self.try_lock().unwrap_or_else(|| self.spin_then_wait());
        self.waiters.fetch_sub(1, Ordering::SeqCst);
        HandoffGuard { guard, waiters: &self.waiters, waiting_since }
    }

    /// Returns the number of waiting threads.
    #[cfg(test)]
    pub(super) fn waiters(&self) -> usize {
        self.waiters.load(Ordering::SeqCst)
    }

    fn spin_then_wait(&self) -> MutexGuard<'_, T> {
        let _turn = self.next_waiter.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + SPIN_DURATION;
        while Instant::now() < deadline {
            if let Some(guard) = self.try_lock() {
                return guard;
            }
            std::thread::yield_now();
        }
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        match self.value.try_lock() {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<T> HandoffGuard<'_, T> {
    /// Returns the time at which the wait for the lock began.
    pub(super) fn waiting_since(&self) -> Instant {
        self.waiting_since
    }

    /// Returns whether another thread waits. That thread will certainly get the lock.
    pub(super) fn has_waiters(&self) -> bool {
        self.waiters.load(Ordering::SeqCst) > 0
    }
}

impl<T> Deref for HandoffGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for HandoffGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}
