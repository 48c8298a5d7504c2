//! The clock of a development service, which the console can move ahead.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use authority::{Clock, SystemClock};

/// The farthest that the clock can be moved, in milliseconds: ten years. The ids of audit rows grow
/// with time and have their end in the year 2109. A few thousand rows with a later time would use
/// up all ids that are left, and the database would take no further row, not even in the present.
const MAX_AHEAD: i64 = 10 * 365 * 24 * 60 * 60 * 1000;

/// The system clock plus an offset. Copies share the offset.
#[derive(Clone, Default)]
pub(crate) struct MovableClock(Arc<AtomicI64>);

impl Clock for MovableClock {
    fn now(&self) -> i64 {
        SystemClock.now().saturating_add(self.ahead())
    }
}

impl MovableClock {
    /// Returns how far the clock is ahead, in milliseconds.
    pub(super) fn ahead(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Moves the clock ahead. Returns `false`, and changes nothing, if that is too far.
    pub(super) fn advance(&self, by: i64) -> bool {
        let moved = |ahead: i64| ahead.checked_add(by).filter(|ahead| by > 0 && *ahead <= MAX_AHEAD);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved).is_ok()
    }

    /// Sets the clock back to the present.
    pub(super) fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_ahead_within_its_bounds_and_back() {
        let (clock, before) = (MovableClock::default(), SystemClock.now());
        assert!(clock.advance(60_000) && clock.clone().advance(1000));
        assert_eq!(clock.ahead(), 61_000);
        assert!(clock.now() >= before + 61_000);
        for refused in [0, -1, i64::MIN, MAX_AHEAD, i64::MAX] {
            assert!(!clock.advance(refused), "{refused}");
        }
        assert_eq!(clock.ahead(), 61_000);
        assert!(clock.advance(MAX_AHEAD - 61_000));
        clock.reset();
        assert_eq!(clock.ahead(), 0);
    }
}
