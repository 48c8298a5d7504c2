//! Times in rows, whose clock may have been wrong.
//!
//! While a clock is ahead, it writes times into the rows that lie in the future once it is right
//! again. After a clock was set back, the times of the right clock lie in the future in the same
//! way. One rule holds for all of them: **a time that no right clock can have written counts as
//! expired**. So nothing lasts longer than its own length, however wrong the clock was: no block,
//! no wait, no code and no token. A row is never removed for this reason: the present clock may be
//! the wrong one.

/// The maximum difference between the clocks of two instances, in milliseconds.
pub(crate) const TOLERANCE: i64 = 60_000;

/// Returns the time since `at`. Returns `None` if `at` lies in the future. A time in the future
/// within the tolerance counts as now.
pub(crate) fn age(at: i64, now: i64) -> Option<i64> {
    (at <= now.saturating_add(TOLERANCE)).then(|| now.saturating_sub(at).max(0))
}

/// Returns the rest of a wait of `length` that began at `at`. Returns `None` if it is over.
pub(crate) fn time_left(at: i64, length: i64, now: i64) -> Option<i64> {
    let time_left = length.saturating_sub(age(at, now)?);
    (time_left > 0).then_some(time_left)
}

/// Returns whether a period that ends at `end`, and lasts `length` in all, is still in progress.
pub(crate) fn is_in_progress(end: i64, length: i64, now: i64) -> bool {
    now < end && end <= latest_end(length, now)
}

/// Returns the latest possible end of a period of this length.
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
        assert_eq!((time_left(0, HOUR, HOUR - 1), time_left(0, HOUR, HOUR)), (Some(1), None));
        assert_eq!((time_left(TOLERANCE, HOUR, 0), time_left(TOLERANCE + 1, HOUR, 0)), (Some(HOUR), None));
        assert!(is_in_progress(HOUR, HOUR, 0) && !is_in_progress(HOUR, HOUR, HOUR));
        assert!(is_in_progress(HOUR + TOLERANCE, HOUR, 0) && !is_in_progress(HOUR + TOLERANCE + 1, HOUR, 0));
    }

    proptest! {
        /// Reads a time with the right clock. The clock that wrote it was wrong by any amount.
        #[test]
        fn nothing_lasts_longer_than_its_length_after_the_clock_is_right(
            length in 0..100 * 365 * 24 * HOUR, wrong_by in any::<i64>(), now in 0..4_000_000_000_000_i64,
        ) {
            let at = now.saturating_add(wrong_by);
            prop_assert!(time_left(at, length, now).is_none_or(|time_left| time_left <= length));
            let end = at.saturating_add(length);
            prop_assert!(!is_in_progress(end, length, now) || end - now <= length + TOLERANCE);
        }
    }

    #[test]
    fn the_ends_of_time_are_no_matter() {
        for at in [i64::MIN, i64::MAX] {
            for now in [i64::MIN, 0, i64::MAX] {
                let _ = (age(at, now), time_left(at, i64::MAX, now), is_in_progress(at, i64::MAX, now));
            }
        }
    }
}
