//! The ids of audit rows. They are made here and not by a sequence of the database, on which all
//! writers would wait.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::failure::Failure;
use crate::random;

/// The number of bits below the milliseconds. With them the 63 bits of an id last until the year
/// 2109.
const RANDOM_BITS: u32 = 21;

/// A generator of ids that grow with time. In one process each id is greater than the one before.
/// Ids of two processes differ by chance: a row whose id is taken gets another one.
#[derive(Default)]
pub(crate) struct AuditIds(AtomicI64);

impl AuditIds {
    /// Returns the next id for an event at `now`, in milliseconds.
    pub(crate) fn next(&self, now: i64) -> Result<i64, Failure> {
        let chance = i64::from(u32::from_be_bytes(random::bytes()?) >> (u32::BITS - RANDOM_BITS));
        let drawn = Self::first_at(now).saturating_add(chance);
        let next = |last: i64| Some(drawn.max(last.saturating_add(1)));
        let last = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap_or_else(|last| last);
        Ok(drawn.max(last.saturating_add(1)))
    }

    /// Makes every further id greater than this one.
    pub(crate) fn raise_above(&self, id: i64) {
        self.0.fetch_max(id, Ordering::Relaxed);
    }

    /// Returns the greatest id that was made here, or the id that further ones must exceed. Returns
    /// 0 if there is none.
    pub(crate) fn last(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the least id that an event at `now` can have.
    pub(crate) fn first_at(now: i64) -> i64 {
        now.clamp(0, i64::MAX >> RANDOM_BITS) << RANDOM_BITS
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_with_time_and_within_a_millisecond() {
        let ids = AuditIds::default();
        let drawn: Vec<i64> = [1_700_000_000_000; 100].iter().map(|now| ids.next(*now).unwrap()).collect();
        assert!(drawn.is_sorted_by(|first, second| first < second));
        assert!(drawn[0] >= AuditIds::first_at(1_700_000_000_000));
        assert!(ids.next(1_700_000_001_000).unwrap() >= AuditIds::first_at(1_700_000_001_000));
    }

    #[test]
    fn ids_are_lifted_above_a_boundary_whatever_the_clock_says() {
        let ids = AuditIds::default();
        let boundary = AuditIds::first_at(1_700_000_000_000);
        ids.raise_above(boundary);
        assert_eq!(ids.next(1_600_000_000_000).unwrap(), boundary + 1);
        ids.raise_above(boundary - 1000);
        assert_eq!(ids.next(0).unwrap(), boundary + 2);
        assert_eq!(ids.last(), boundary + 2);
    }

    #[test]
    fn a_clock_out_of_its_range_makes_an_id_too() {
        for now in [i64::MIN, -1, 0, i64::MAX] {
            assert!(AuditIds::default().next(now).unwrap() >= 0);
        }
    }
}
