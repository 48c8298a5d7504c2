//! Group commit: steps that become durable together.
//!
//! A commit to the disk takes longer than the rules of a step. A step that sees waiting threads
//! leaves the transaction open. The last step, or the one that fills the group, commits for all. No
//! step returns before its changes, and the data that it read, are durable. A step that fails is
//! undone alone.
//!
//! A step of which a loss of power may undo the changes
//! ([`Durability`](crate::storage::durability::Durability)) does not wait for the disk, unless it
//! shares a group with others. Any other step commits such a group first and begins one of its own,
//! because SQLite decides how it commits when a transaction begins. While threads wait, a group is
//! for any of them: one commit to the disk for all costs less than two commits.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::handoff_mutex::HandoffGuard;
use crate::failure::StorageError;
use crate::storage::durability::Durability;

/// The maximum number of steps of a group, including those that were undone. With this many the
/// commit costs little, and other processes still get their turn.
const MAX_GROUP: u32 = 32;

/// A connection, and the group that uses its open transaction.
pub(super) struct Group {
    connection: Connection,
    open: Option<Arc<CommitResult>>,
    /// The number of steps that are kept.
    kept_steps: u32,
    /// The number of steps that are over: kept or undone.
    finished_steps: u32,
    /// The time that a step waits for other processes.
    timeout: Duration,
    /// The time at which a wait for other processes last failed.
    timed_out_at: Option<Instant>,
    /// The durability of the open transaction, or of the last one.
    durability: Durability,
}

/// The result of the commit of a group.
#[derive(Default)]
struct CommitResult {
    committed: Mutex<Option<Result<(), StorageError>>>,
    resolved: Condvar,
}

impl CommitResult {
    fn resolve(&self, committed: Result<(), StorageError>) {
        *self.committed.lock().unwrap_or_else(PoisonError::into_inner) = Some(committed);
        self.resolved.notify_all();
    }

    fn wait(&self) -> Result<(), StorageError> {
        let mut committed = self.committed.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(resolved) = &*committed {
                return resolved.clone();
            }
            committed = self.resolved.wait(committed).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Group {
    /// Makes a group on a connection, which waits for other processes for `timeout`, and whose
    /// commits wait for the disk.
    pub(super) fn new(connection: Connection, timeout: Duration) -> Self {
        Self {
            connection,
            open: None,
            kept_steps: 0,
            finished_steps: 0,
            timeout,
            timed_out_at: None,
            durability: Durability::Full,
        }
    }

    fn run(&self, sql: &'static str) -> Result<(), StorageError> {
        Ok(self.connection.prepare_cached(sql)?.execute([]).map(drop)?)
    }

    /// Continues in the open transaction, or opens one. `since` is the time at which the step began
    /// to wait for its turn.
    fn begin(&mut self, since: Instant, durability: Durability) -> Result<(), StorageError> {
        // Some errors, such as a full disk, end the whole transaction.
        if self.open.is_some() && self.connection.is_autocommit() {
            self.end(Err(StorageError::new("a step of the same transaction made the database undo it")));
        }
        if durability == Durability::Full && self.durability == Durability::Relaxed {
            self.commit();
        }
        if self.open.is_some() {
            return self.run("SAVEPOINT step");
        }
        // This step waited while another step waited in vain. If each step began a new wait, the
        // last one would wait for the sum of all.
        if self.timed_out_at.is_some_and(|at| at > since) && since.elapsed() >= self.timeout {
            return Err(StorageError::new("another process keeps the database locked"));
        }
        // An earlier transaction may be left over whose rollback failed.
        self.roll_back();
        self.set_durability(durability)?;
        if let Err(error) = self.run("BEGIN IMMEDIATE") {
            self.timed_out_at = Some(Instant::now());
            return Err(error);
        }
        (self.open, self.kept_steps, self.finished_steps) = (Some(Arc::default()), 0, 0);
        Ok(())
    }

    /// Sets how the next transaction commits. SQLite runs this statement when it prepares it, so no
    /// prepared one is kept.
    fn set_durability(&mut self, durability: Durability) -> Result<(), StorageError> {
        if self.durability == durability {
            return Ok(());
        }
        self.connection.execute_batch(match durability {
            Durability::Full => "PRAGMA synchronous = FULL",
            Durability::Relaxed => "PRAGMA synchronous = NORMAL",
        })?;
        self.durability = durability;
        Ok(())
    }

    fn release_step(&mut self) -> Result<(), StorageError> {
        if self.kept_steps > 0 {
            self.run("RELEASE step")?;
        }
        self.kept_steps += 1;
        Ok(())
    }

    fn roll_back_step(&mut self) {
        if self.kept_steps == 0 {
            self.roll_back();
            self.open = None;
        } else if self.run("ROLLBACK TO step").and_then(|()| self.run("RELEASE step")).is_err() {
            // Changes that cannot be undone must not be kept.
            self.roll_back();
            self.end(Err(StorageError::new("a step of the same transaction could not be undone")));
        }
    }

    fn commit(&mut self) {
        if self.open.is_none() {
            return;
        }
        let committed = self.run("COMMIT");
        if committed.is_err() {
            self.roll_back();
        }
        self.end(committed);
    }

    /// Rolls the transaction back. If this fails too, there is no transaction any more.
    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            let _ = self.run("ROLLBACK");
        }
    }

    fn end(&mut self, committed: Result<(), StorageError>) {
        if let Some(outcome) = self.open.take() {
            outcome.resolve(committed);
        }
    }
}

/// A step in progress in a group. It is undone when it is dropped, also by a panic.
pub(super) struct GroupStep<'a> {
    group: HandoffGuard<'a, Group>,
    in_progress: bool,
}

impl<'a> GroupStep<'a> {
    pub(super) fn begin(mut group: HandoffGuard<'a, Group>, durability: Durability) -> Result<Self, StorageError> {
        let since = group.waiting_since();
        let durability = if group.has_waiters() { Durability::Full } else { durability };
        let begun = group.begin(since, durability);
        let group_step = Self { group, in_progress: begun.is_ok() };
        begun.map(|()| group_step)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.group.connection
    }

    /// Returns whether no earlier step of the group was kept. If there is one, this step may have
    /// seen its changes, which are not durable yet.
    pub(super) fn is_first(&self) -> bool {
        self.group.kept_steps == 0
    }

    /// Commits the step. Returns when it is as durable as it must be.
    pub(super) fn commit(mut self) -> Result<(), StorageError> {
        self.group.release_step()?;
        self.in_progress = false;
        let outcome = self.group.open.clone();
        drop(self);
        outcome.map_or_else(|| Err(StorageError::new("a step was kept by no transaction")), |outcome| outcome.wait())
    }
}

impl Drop for GroupStep<'_> {
    fn drop(&mut self) {
        if self.in_progress {
            self.group.roll_back_step();
        }
        self.group.finished_steps += 1;
        if !self.group.has_waiters() || self.group.finished_steps >= MAX_GROUP {
            self.group.commit();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
    use std::thread;

    use super::super::handoff_mutex::HandoffMutex;
    use super::*;

    /// A file with a table, and a second connection that sees only durable changes.
    struct Fixture {
        group: HandoffMutex<Group>,
        other: Mutex<Connection>,
        _folder: tempfile::TempDir,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.db");
        let (connection, other) = (Connection::open(&file).unwrap(), Connection::open(&file).unwrap());
        let tables = "PRAGMA journal_mode = WAL; CREATE TABLE rows (n INTEGER PRIMARY KEY);
            CREATE TABLE parts (n INTEGER REFERENCES rows (n) DEFERRABLE INITIALLY DEFERRED);";
        connection.execute_batch(tables).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON;").unwrap();
        Fixture {
            group: HandoffMutex::new(Group::new(connection, Duration::ZERO)),
            other: Mutex::new(other),
            _folder: folder,
        }
    }

    impl Fixture {
        fn begin(&self) -> GroupStep<'_> {
            GroupStep::begin(self.group.lock(), Durability::Full).unwrap()
        }

        fn step(&self, sql: &str) -> Result<(), StorageError> {
            let group_step = self.begin();
            group_step.connection().execute_batch(sql)?;
            group_step.commit()
        }

        fn durable(&self) -> Vec<i64> {
            let other = self.other.lock().unwrap();
            let mut rows = other.prepare("SELECT n FROM rows ORDER BY n").unwrap();
            rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        }

        /// Runs the first step, and the others as its group. The others wait for their turn during
        /// the first step.
        fn together(&self, first: &str, others: &[&str]) -> Vec<Result<(), StorageError>> {
            thread::scope(|scope| {
                let group_step = self.begin();
                group_step.connection().execute_batch(first).unwrap();
                let mut threads = Vec::new();
                for (before, sql) in others.iter().enumerate() {
                    threads.push(scope.spawn(move || self.step(sql)));
                    while self.group.waiters() <= before {
                        thread::yield_now();
                    }
                }
                let kept = group_step.commit();
                [kept].into_iter().chain(threads.into_iter().map(|thread| thread.join().unwrap())).collect()
            })
        }
    }

    #[test]
    fn a_step_alone_is_durable_when_it_returns_and_gone_when_it_is_dropped() {
        let fixture = fixture();
        fixture.step("INSERT INTO rows VALUES (1)").unwrap();
        assert_eq!(fixture.durable(), [1]);
        let group_step = fixture.begin();
        group_step.connection().execute_batch("INSERT INTO rows VALUES (2)").unwrap();
        drop(group_step);
        fixture.step("INSERT INTO rows VALUES (3)").unwrap();
        assert_eq!(fixture.durable(), [1, 3]);
    }

    #[test]
    fn no_step_of_a_group_returns_before_it_is_durable() {
        let (fixture, returned) = (&fixture(), &AtomicBool::new(false));
        thread::scope(|scope| {
            let first = fixture.begin();
            first.connection().execute_batch("INSERT INTO rows VALUES (1)").unwrap();
            scope.spawn(move || {
                let second = fixture.begin();
                second.connection().execute_batch("INSERT INTO rows VALUES (2)").unwrap();
                assert_eq!(fixture.durable(), [0_i64; 0]);
                assert!(!returned.load(Ordering::SeqCst));
                second.commit().unwrap();
                assert_eq!(fixture.durable(), [1, 2]);
            });
            while fixture.group.waiters() == 0 {
                thread::yield_now();
            }
            first.commit().unwrap();
            returned.store(true, Ordering::SeqCst);
            assert_eq!(fixture.durable(), [1, 2]);
        });
    }

    #[test]
    fn a_step_that_fails_or_panics_is_undone_alone() {
        let fixture = fixture();
        let done = fixture.together(
            "INSERT INTO rows VALUES (1)",
            &["INSERT INTO rows VALUES (2); INSERT INTO rows VALUES (1)", "INSERT INTO rows VALUES (3)"],
        );
        assert_eq!(done.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(fixture.durable(), [1, 3]);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let group_step = fixture.begin();
            group_step.connection().execute_batch("INSERT INTO rows VALUES (4)").unwrap();
            std::panic::panic_any("in a step");
        }));
        assert!(panicked.is_err());
        fixture.step("INSERT INTO rows VALUES (5)").unwrap();
        assert_eq!(fixture.durable(), [1, 3, 5]);
    }

    #[test]
    fn a_commit_that_fails_fails_for_all_of_its_group() {
        let fixture = fixture();
        let done = fixture.together("INSERT INTO rows VALUES (1)", &["INSERT INTO parts VALUES (9)"]);
        assert!(done.iter().all(Result::is_err), "{done:?}");
        assert_eq!(fixture.durable(), [0_i64; 0]);
        fixture.step("INSERT INTO rows VALUES (2)").unwrap();
        assert_eq!(fixture.durable(), [2]);
    }

    #[test]
    fn a_group_that_the_database_undid_is_not_taken_for_kept() {
        let fixture = fixture();
        let done = fixture.together("INSERT INTO rows VALUES (1)", &["ROLLBACK", "INSERT INTO rows VALUES (3)"]);
        assert_eq!(done.iter().map(Result::is_ok).collect::<Vec<_>>(), [false, false, true], "{done:?}");
        assert_eq!(fixture.durable(), [3]);
    }

    #[test]
    fn steps_that_are_undone_do_not_keep_a_group_open() {
        let (fixture, not_yet) = (&fixture(), &AtomicU32::new(0));
        thread::scope(|scope| {
            let first = fixture.begin();
            first.connection().execute_batch("INSERT INTO rows VALUES (1)").unwrap();
            for _ in 0..MAX_GROUP + 8 {
                scope.spawn(move || {
                    let _undone = fixture.begin();
                    if fixture.durable().is_empty() {
                        not_yet.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
            while fixture.group.waiters() < MAX_GROUP as usize + 8 {
                thread::yield_now();
            }
            first.commit().unwrap();
        });
        assert_eq!(not_yet.load(Ordering::SeqCst), MAX_GROUP - 1);
        assert_eq!(fixture.durable(), [1]);
    }

    #[test]
    fn a_step_that_waited_during_a_timeout_does_not_wait_again() {
        static WAITS: AtomicUsize = AtomicUsize::new(0);
        let fixture = &fixture();
        let mut guard = fixture.group.lock();
        let waited = |_| {
            WAITS.fetch_add(1, Ordering::SeqCst);
            false
        };
        guard.connection.busy_handler(Some(waited)).unwrap();
        fixture.other.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| GroupStep::begin(fixture.group.lock(), Durability::Full).is_ok()))
                .collect();
            while fixture.group.waiters() < 8 {
                thread::yield_now();
            }
            drop(guard);
            for thread in threads {
                assert!(!thread.join().unwrap());
            }
        });
        assert_eq!(WAITS.load(Ordering::SeqCst), 1);
        fixture.other.lock().unwrap().execute_batch("ROLLBACK").unwrap();
        fixture.step("INSERT INTO rows VALUES (1)").unwrap();
    }

    /// Returns how the open transaction of a step commits: 1 without a wait for the disk, 2 with
    /// it.
    fn synchronous(step: &GroupStep<'_>) -> i64 {
        step.connection().query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_group_that_begins_while_threads_wait_is_for_any_step() {
        let fixture = &fixture();
        thread::scope(|scope| {
            let turn = fixture.group.lock();
            let steps = [(); 2].map(|()| {
                scope.spawn(|| {
                    let step = GroupStep::begin(fixture.group.lock(), Durability::Relaxed).unwrap();
                    let seen = synchronous(&step);
                    step.commit().unwrap();
                    seen
                })
            });
            while fixture.group.waiters() < 2 {
                thread::yield_now();
            }
            drop(turn);
            assert_eq!(steps.map(|step| step.join().unwrap()), [2, 2]);
        });
    }

    #[test]
    fn a_step_waits_for_the_disk_unless_it_need_not_and_no_other_step_of_its_group_must() {
        let fixture = &fixture();
        let begin = |durability| GroupStep::begin(fixture.group.lock(), durability).unwrap();
        for (durability, expected) in [
            (Durability::Full, 2),
            (Durability::Relaxed, 1),
            (Durability::Relaxed, 1),
            (Durability::Full, 2),
            (Durability::Relaxed, 1),
        ] {
            let step = begin(durability);
            assert_eq!(synchronous(&step), expected);
            step.commit().unwrap();
        }
        for (first, second, expected) in [
            (Durability::Relaxed, Durability::Relaxed, (1, false)),
            (Durability::Relaxed, Durability::Full, (2, true)),
            (Durability::Full, Durability::Relaxed, (2, false)),
        ] {
            thread::scope(|scope| {
                let step = begin(first);
                let second = scope.spawn(move || {
                    let step = begin(second);
                    let seen = (synchronous(&step), step.is_first());
                    step.commit().unwrap();
                    seen
                });
                while fixture.group.waiters() == 0 {
                    thread::yield_now();
                }
                step.commit().unwrap();
                assert_eq!(second.join().unwrap(), expected);
            });
        }
    }

    #[test]
    fn each_step_of_many_threads_is_kept_or_undone_whole() {
        let fixture = &fixture();
        thread::scope(|scope| {
            for thread in 0..8 {
                scope.spawn(move || {
                    for n in (0..50).map(|n| 2 * (50 * thread + n)) {
                        fixture.step(&format!("INSERT INTO rows VALUES ({n})")).unwrap();
                        let twice = format!("INSERT INTO rows VALUES ({}); INSERT INTO rows VALUES ({n})", n + 1);
                        fixture.step(&twice).unwrap_err();
                    }
                });
            }
        });
        assert_eq!(fixture.durable(), (0..400).map(|n| 2 * n).collect::<Vec<_>>());
    }
}
