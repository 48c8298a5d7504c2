//! The audit trail: rows that a writer of the database cannot change, remove or insert without being noticed.
//!
//! Each row has a MAC under the key of the trail. Rows that no step can add to any more are sealed: a seal is a MAC over them and over the
//! seal before it. Writers share no row for it: a seal is made later, by a step of its own. The number and head of each seal go to the
//! log, so that a database that was put back is told from the present one.

mod boundary;
mod chain;
mod key;
mod refusals;
mod seal;
mod verify;

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::storage::AuditRow;
use boundary::Seen;
pub use chain::AuditSeal;
pub(crate) use key::AuditKey;
use key::RowState;
pub(crate) use refusals::{Claim, Kind, Refusals};
pub use seal::Sealing;
pub(crate) use seal::{lift, prune, seal_audit};
pub(crate) use verify::verify;
pub use verify::{AuditCheck, AuditFault};

/// What one instance knows of the audit trail.
pub(crate) struct Trail {
    pub(crate) key: AuditKey,
    pub(crate) refusals: Refusals,
    watch: Mutex<Watch>,
    /// The greatest boundary that this instance knows.
    floor: AtomicI64,
}

#[derive(Default)]
struct Watch {
    /// The boundary that this instance waits at.
    seen: Option<Seen>,
    /// Number and MAC of the newest seal that this instance saw.
    head: Option<(i64, [u8; 32])>,
}

impl Trail {
    pub(crate) fn new(key: AuditKey) -> Self {
        Self { key, refusals: Refusals::default(), watch: Mutex::default(), floor: AtomicI64::new(-1) }
    }

    /// Whether a row is as the service wrote it, and lies above every boundary that this instance knows.
    pub(crate) fn is_open(&self, row: &AuditRow) -> bool {
        self.key.judge_row(row) == RowState::Intact && row.id > self.floor.load(Ordering::Relaxed)
    }
}
