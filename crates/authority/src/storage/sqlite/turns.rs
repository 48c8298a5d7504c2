//! Whose turn it is with what all want.

use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

/// How long the next in line stays awake: a few steps, where the disk is fast.
const AWAKE: Duration = Duration::from_micros(500);

/// A lock for what many threads want for a short time each. The first of those who wait stays awake, so that it goes on at once: to wake a thread
/// takes as long as a step, and nobody would work meanwhile. Who has the turn is told whether others wait.
pub(super) struct Turns<T> {
    held: Mutex<T>,
    next: Mutex<()>,
    waiting: AtomicUsize,
}

/// A turn, until it is dropped.
pub(super) struct Turn<'a, T> {
    held: MutexGuard<'a, T>,
    waiting: &'a AtomicUsize,
    since: Instant,
}

impl<T> Turns<T> {
    pub(super) fn new(value: T) -> Self {
        Self { held: Mutex::new(value), next: Mutex::default(), waiting: AtomicUsize::new(0) }
    }

    /// Waits for a turn. One that panicked in its turn does not hold up the others.
    pub(super) fn take(&self) -> Turn<'_, T> {
        let since = Instant::now();
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let held = self.try_held().unwrap_or_else(|| self.wait());
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Turn { held, waiting: &self.waiting, since }
    }

    /// How many wait.
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
    /// When it was first waited for.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// Whether somebody waits, who will have the next turn whatever happens.
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
