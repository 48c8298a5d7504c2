//! The state of the audit trail in one instance.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::key::{AuditKey, RowState};
use super::refusals::Refusals;
use crate::domain::seal_boundary::SeenBoundary;
use crate::storage::{AuditRow, SealRow};

/// The state of the audit trail that one instance knows.
pub(crate) struct Trail {
    pub(crate) key: AuditKey,
    pub(crate) refusals: Refusals,
    observed: Mutex<Observed>,
    /// The greatest boundary that this instance knows.
    floor: AtomicI64,
}

#[derive(Default)]
struct Observed {
    /// The boundary for which this instance waits.
    seen: Option<SeenBoundary>,
    /// The number and the MAC of the newest seal that this instance saw.
    head: Option<(i64, [u8; 32])>,
}

impl Trail {
    pub(crate) fn new(key: AuditKey) -> Self {
        Self { key, refusals: Refusals::default(), observed: Mutex::default(), floor: AtomicI64::new(-1) }
    }

    /// Returns whether a row is as the service wrote it, and its id is above every boundary that
    /// this instance knows.
    pub(crate) fn is_open(&self, row: &AuditRow) -> bool {
        self.key.check_row(row) == RowState::Intact && row.id > self.floor.load(Ordering::Relaxed)
    }

    /// Returns the boundary for which this instance waits.
    pub(crate) fn seen_boundary(&self) -> Option<SeenBoundary> {
        self.observed().seen
    }

    /// Replaces the boundary for which this instance waits.
    pub(crate) fn set_seen_boundary(&self, seen: Option<SeenBoundary>) {
        self.observed().seen = seen;
    }

    /// Returns the number and the MAC of the newest seal that this instance saw.
    pub(crate) fn head(&self) -> Option<(i64, [u8; 32])> {
        self.observed().head
    }

    /// Records the newest seal that this instance saw.
    pub(crate) fn record_head(&self, seal: &SealRow) {
        self.observed().head = Some((seal.number, seal.mac));
    }

    /// Records that the ids of this instance are above a boundary.
    pub(crate) fn raise_floor(&self, boundary: i64) {
        self.floor.fetch_max(boundary, Ordering::Relaxed);
    }

    fn observed(&self) -> MutexGuard<'_, Observed> {
        self.observed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
