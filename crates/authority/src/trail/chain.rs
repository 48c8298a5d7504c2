//! The chain of the seals: its limits and its beginning.

use crate::failure::Failure;
use crate::step::Step;
use crate::storage::SealRow;

/// The name, in `meta`, of the signed number of the last seal that pruning removed.
pub(super) const PRUNED: &str = "audit.pruned";

/// The maximum number of rows of one seal.
pub(super) const MAX_SEAL_ROWS: u32 = 2000;

/// The least possible id.
pub(super) const FIRST_ID: i64 = 0;

/// A seal of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSeal {
    /// Its number, counted from 1.
    pub number: i64,
    /// Its MAC in hex. A copy of it shows later whether the trail up to this seal is unchanged.
    pub head: String,
    /// The number of rows that it covers.
    pub rows: i64,
    /// The time at which it was made, in milliseconds since 1970 in UTC.
    pub at: i64,
}

impl From<&SealRow> for AuditSeal {
    fn from(seal: &SealRow) -> Self {
        Self { number: seal.number, head: inwebo::values::hex::encode(&seal.mac), rows: seal.count, at: seal.at }
    }
}

/// Returns the number of the last seal that pruning removed. Returns 0 if it removed none.
pub(super) fn pruned(step: &Step<'_>) -> Result<i64, Failure> {
    Ok(step.rows.meta(PRUNED)?.and_then(|value| step.trail.key.open_signed(PRUNED, &value)).unwrap_or(0))
}
