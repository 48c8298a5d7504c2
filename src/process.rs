//! Values that each process has for itself, also a forked child.
//!
//! `fork` copies the memory of the parent, but only the thread that called it. A mutex that another
//! thread held at that moment is never unlocked in the child. A thread for which the parent waits
//! does not exist in the child. So the child must not touch the parent's values. It gets fresh
//! values, which are found by the number of the process. The search takes no lock, because another
//! thread may have held the lock at the fork.

use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::race::{OnceBox, OnceRef};

/// Mark of this process: its number, or 0 in a child that was just forked.
static MARK: OnceRef<'static, AtomicU64> = OnceRef::new();

/// Returns a number that this process has and none of its living ancestors by `fork`: its id. If
/// there is a mark, only the first call in a process makes a system call.
pub(crate) fn number() -> u64 {
    let Some(mark) = MARK.get() else { return std::process::id().into() };
    match mark.load(Ordering::Relaxed) {
        0 => {
            let id = std::process::id().into();
            mark.store(id, Ordering::Relaxed);
            id
        }
        number => number,
    }
}

/// Uses a mark from now on: a number that is 0, and that is 0 again in each forked child.
pub(crate) fn use_mark(mark: &'static AtomicU64) {
    // If another thread was first, its mark is as good.
    let _ = MARK.set(mark);
}

/// Returns whether there is a mark.
#[cfg(test)]
pub(crate) fn has_mark() -> bool {
    MARK.get().is_some()
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
    use std::sync::atomic::AtomicU32;

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
