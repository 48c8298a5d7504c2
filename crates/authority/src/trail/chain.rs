//! The chain of the seals: its shape, and where it begins.

use crate::failure::Failure;
use crate::step::Step;
use crate::storage::SealRow;

/// The number of the last seal that pruning removed, in `meta`, signed.
pub(super) const PRUNED: &str = "audit.pruned";

/// The most rows of one seal.
pub(super) const MOST: u32 = 2000;

/// No id is less.
pub(super) const FIRST_ID: i64 = 0;

/// A seal of the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSeal {
    /// Its number, counted from 1.
    pub number: i64,
    /// Its MAC in hex: who knows it can tell whether the trail up to it is still the same.
    pub head: String,
    /// How many rows it covers.
    pub rows: i64,
    /// When it was made, in milliseconds since 1970 in UTC.
    pub at: i64,
}

impl From<&SealRow> for AuditSeal {
    fn from(seal: &SealRow) -> Self {
        Self { number: seal.number, head: inwebo::values::hex::encode(&seal.mac), rows: seal.count, at: seal.at }
    }
}

/// The number of the last seal that pruning removed; 0 where it removed none.
pub(super) fn pruned(step: &Step<'_>) -> Result<i64, Failure> {
    Ok(step.rows.meta(PRUNED)?.and_then(|value| step.trail.key.signed(PRUNED, &value)).unwrap_or(0))
}
