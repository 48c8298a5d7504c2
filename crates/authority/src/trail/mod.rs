//! The audit trail. If a program with write access to the database changes, removes or inserts
//! rows, checks detect it.
//!
//! Each row has a MAC under the key of the trail. Rows to which no step can add any more are
//! sealed: a seal is a MAC over them and over the seal before it. Writers share no row for this,
//! because a step of its own makes a seal later. The number and head of each seal are logged, so
//! that a restored old database differs from the present one.

mod boundary;
mod chain;
mod key;
mod refusals;
mod seal;
mod verify;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::storage::AuditRow;
use boundary::SeenBoundary;
pub use chain::AuditSeal;
pub(crate) use key::AuditKey;
use key::RowState;
pub(crate) use refusals::{Claim, RefusalKind, Refusals};
pub use seal::Sealing;
pub(crate) use seal::{prune, raise_floor_to_boundary, seal_audit};
pub(crate) use verify::verify;
pub use verify::{AuditCheck, AuditFault};

/// The state of the audit trail that one instance knows.
pub(crate) struct Trail {
    pub(crate) key: AuditKey,
    pub(crate) refusals: Refusals,
    watch: Mutex<Watch>,
    /// The greatest boundary that this instance knows.
    floor: AtomicI64,
}

#[derive(Default)]
struct Watch {
    /// The boundary for which this instance waits.
    seen: Option<SeenBoundary>,
    /// The number and the MAC of the newest seal that this instance saw.
    head: Option<(i64, [u8; 32])>,
}

impl Trail {
    pub(crate) fn new(key: AuditKey) -> Self {
        Self { key, refusals: Refusals::default(), watch: Mutex::default(), floor: AtomicI64::new(-1) }
    }

    /// Returns whether a row is as the service wrote it, and its id is above every boundary that
    /// this instance knows.
    pub(crate) fn is_open(&self, row: &AuditRow) -> bool {
        self.key.check_row(row) == RowState::Intact && row.id > self.floor.load(Ordering::Relaxed)
    }
}
