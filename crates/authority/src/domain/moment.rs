//! Times in rows, read by a clock that may have been wrong.
//!
//! A clock that is ahead for a while leaves times in the rows that are still to come when it is right
//! again. A clock that goes back sees times of the right one that way. One rule holds for all of them:
//! **what no right clock can have noted is over**. So nothing lasts longer than its own length, however
//! wrong the clock was: no block, no wait, no code and no token. A row is never removed for it: the
//! clock may be wrong now, and not then.

/// How far the clocks of two instances may differ, in milliseconds.
pub(crate) const TOLERANCE: i64 = 60_000;

/// Returns how long ago `at` was; `None` where it is still to come. A time within the tolerance is now.
pub(crate) fn age(at: i64, now: i64) -> Option<i64> {
    (at <= now.saturating_add(TOLERANCE)).then(|| now.saturating_sub(at).max(0))
}

/// Returns what is left of a wait of `length` that began at `at`; `None` where it is over.
pub(crate) fn left(at: i64, length: i64, now: i64) -> Option<i64> {
    let left = length.saturating_sub(age(at, now)?);
    (left > 0).then_some(left)
}

/// Tells whether that which ends at `end`, and lasts `length` in all, goes on.
pub(crate) fn goes_on(end: i64, length: i64, now: i64) -> bool {
    now < end && end <= latest_end(length, now)
}

/// Returns the latest end that something of this length can have.
pub(crate) fn latest_end(length: i64, now: i64) -> i64 {
    now.saturating_add(length).saturating_add(TOLERANCE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn a_time_that_is_still_to_come_is_over() {
        assert_eq!(age(100, 150), Some(50));
        assert_eq!((age(TOLERANCE, 0), age(TOLERANCE + 1, 0)), (Some(0), None));
        assert_eq!((left(0, HOUR, HOUR - 1), left(0, HOUR, HOUR)), (Some(1), None));
        assert_eq!((left(TOLERANCE, HOUR, 0), left(TOLERANCE + 1, HOUR, 0)), (Some(HOUR), None));
        assert!(goes_on(HOUR, HOUR, 0) && !goes_on(HOUR, HOUR, HOUR));
        assert!(goes_on(HOUR + TOLERANCE, HOUR, 0) && !goes_on(HOUR + TOLERANCE + 1, HOUR, 0));
    }

    proptest! {
        /// What was noted by a clock that was wrong by any amount, and is looked at by the right one.
        #[test]
        fn nothing_lasts_longer_than_its_length_after_the_clock_is_right(
            length in 0..100 * 365 * 24 * HOUR, wrong_by in any::<i64>(), now in 0..4_000_000_000_000_i64,
        ) {
            let at = now.saturating_add(wrong_by);
            prop_assert!(left(at, length, now).is_none_or(|left| left <= length));
            let end = at.saturating_add(length);
            prop_assert!(!goes_on(end, length, now) || end - now <= length + TOLERANCE);
        }
    }

    #[test]
    fn the_ends_of_time_are_no_matter() {
        for at in [i64::MIN, i64::MAX] {
            for now in [i64::MIN, 0, i64::MAX] {
                let _ = (age(at, now), left(at, i64::MAX, now), goes_on(at, i64::MAX, now));
            }
        }
    }
}
