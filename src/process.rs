//! Values that each process has for itself, also a forked child.
//!
//! `fork` copies the memory of the parent, but only the thread that called it. A mutex that another
//! thread held at that moment is never unlocked in the child. A thread for which the parent waits
//! does not exist in the child. So the child must not touch the parent's values. It gets fresh
//! values, which are found by the number of the process. The search takes no lock, because another
//! thread may have held the lock at the fork.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use once_cell::race::OnceBox;

/// If true, each fork is counted in [`FORKS`].
static IS_COUNTING: AtomicBool = AtomicBool::new(false);
/// Number of this process if it was not forked since the count began.
static FIRST: AtomicU64 = AtomicU64::new(0);
/// Number of forks since the count began that led to this process.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// Returns a number that this process has and none of its ancestors by `fork`. If forks are
/// counted, this makes no system call.
pub(crate) fn number() -> u64 {
    if IS_COUNTING.load(Ordering::Acquire) {
        FIRST.load(Ordering::Relaxed) + u64::from(FORKS.load(Ordering::Relaxed))
    } else {
        number_of_id()
    }
}

/// Returns the number of a process in which no fork was counted. The low half is for the count.
fn number_of_id() -> u64 {
    u64::from(std::process::id()) << 32
}

/// Begins the count of forks: from now on, each forked child calls [`count_fork`] before anything
/// else. The number of this process stays as it is.
pub(crate) fn begin_count() {
    if !IS_COUNTING.load(Ordering::Acquire) {
        FIRST.store(number_of_id(), Ordering::Relaxed);
        IS_COUNTING.store(true, Ordering::Release);
    }
}

/// Counts a fork, in the child.
pub(crate) fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Value of each process, created at its first use there. The values of its ancestors stay
/// untouched.
pub(crate) struct PerProcess<T: 'static> {
    first: OnceBox<Node<T>>,
}

struct Node<T: 'static> {
    process: u64,
    value: T,
    /// The value of a process that descends from this one by `fork`.
    next: OnceBox<Node<T>>,
}

impl<T: Default> PerProcess<T> {
    /// Creates a cell in which no process has a value yet.
    pub(crate) const fn new() -> Self {
        Self { first: OnceBox::new() }
    }

    /// Returns this process's value.
    pub(crate) fn get(&self) -> &T {
        let process = number();
        let make = || Box::new(Node { process, value: T::default(), next: OnceBox::new() });
        let mut node = self.first.get_or_init(make);
        // The last node belongs to the youngest process. An older node may have the same number,
        // because the system uses ids again.
        while node.process != process || node.next.get().is_some() {
            node = node.next.get_or_init(make);
        }
        &node.value
    }

    /// Returns the values of the processes from which this one was forked.
    pub(crate) fn of_ancestors(&self) -> impl Iterator<Item = &T> {
        let process = number();
        let nodes = std::iter::successors(self.first.get(), |node| node.next.get());
        nodes.filter(move |node| node.next.get().is_some() || node.process != process).map(|node| &node.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_one_value_and_no_ancestors() {
        static VALUE: PerProcess<AtomicU32> = PerProcess::new();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| VALUE.get().fetch_add(1, Ordering::Relaxed));
            }
        });
        assert_eq!(VALUE.get().load(Ordering::Relaxed), 8);
        assert_eq!(VALUE.of_ancestors().count(), 0);
    }

    #[test]
    fn values_of_other_processes_are_skipped_even_if_a_number_is_used_again() {
        let process = number();
        let node = |process, value| Box::new(Node { process, value, next: OnceBox::new() });
        let values = PerProcess { first: OnceBox::new() };
        let first = values.first.get_or_init(|| node(process, 1));
        first.next.get_or_init(|| node(process.wrapping_add(1), 2));
        assert_eq!(*values.get(), 0);
        assert_eq!(values.of_ancestors().copied().collect::<Vec<i32>>(), [1, 2]);
    }
}
