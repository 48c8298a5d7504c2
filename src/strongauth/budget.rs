//! The limits that this device keeps by itself, and the use that counts against them.
//!
//! A service may block an account that makes too many passwords or enrolls too often. With a limit
//! the device refuses first, before it sends anything. The limits protect an account against its
//! own programs, not against an attacker: a clock that is set forward gives a fresh day.

use std::num::NonZeroU32;

/// Length of the period of passwords, in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Largest number of times that are kept. No limit is higher.
pub const MOST_PASSWORDS: usize = 100;

/// Limits of this device. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The largest number of one-time passwords in any 24 hours.
    pub passwords_per_day: Option<NonZeroU32>,
    /// The largest number of enrollments, in all.
    pub activations: Option<NonZeroU32>,
}

/// Reason why a limit refuses an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exhausted {
    /// This device made as many passwords in the last 24 hours as it may.
    #[error(
        "limits.passwordsPerDay: this device made {limit} one-time passwords in 24 hours, and asked the service for no \
         other one: it may make the next one in {retry_after_seconds} seconds"
    )]
    Passwords {
        /// The limit.
        limit: u32,
        /// Seconds until the device may make another one.
        retry_after_seconds: u64,
    },
    /// This device enrolled as often as it may.
    #[error("limits.activations: this device enrolled {limit} times, and asked the service for no other enrollment")]
    Activations {
        /// The limit.
        limit: u32,
    },
}

/// Use that counts against the limits. It survives the removal of the enrollments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Use {
    /// The times of the passwords in the last 24 hours, in Unix milliseconds, the oldest first.
    /// They are counted only while there is a limit.
    passwords: Vec<i64>,
    /// The number of enrollments. They are always counted.
    activations: u32,
}

impl Use {
    /// Creates the use from its stored parts.
    pub fn new(mut passwords: Vec<i64>, activations: u32) -> Self {
        passwords.sort_unstable();
        passwords.drain(..passwords.len().saturating_sub(MOST_PASSWORDS));
        Self { passwords, activations }
    }

    /// Returns the times of the passwords.
    pub fn passwords(&self) -> &[i64] {
        &self.passwords
    }

    /// Returns the number of enrollments.
    pub fn activations(&self) -> u32 {
        self.activations
    }

    /// Corrects the times for a clock that went back: a time that is still to come becomes `now`,
    /// so that its password counts for one more day and not longer. Removes times that are over.
    /// Returns whether a time was corrected. Then the use must be made durable, even if the
    /// operation is refused: else each restart would begin the day anew.
    pub fn settle(&mut self, now: i64) -> bool {
        let is_ahead = self.passwords.last().is_some_and(|last| *last > now);
        for time in &mut self.passwords {
            *time = now.min(*time);
        }
        self.passwords.retain(|time| *time > now.saturating_sub(DAY));
        is_ahead
    }

    /// Checks that the device may make another password. [`Use::settle`] comes first.
    pub fn check_password(&self, limits: Limits, now: i64) -> Result<(), Exhausted> {
        let Some(limit) = limits.passwords_per_day.map(NonZeroU32::get) else { return Ok(()) };
        // The limit is reached until this password is a day old.
        let Some(place) = self.passwords.len().checked_sub(limit as usize) else { return Ok(()) };
        let Some(time) = self.passwords.get(place) else { return Ok(()) };
        let left = time.saturating_add(DAY).saturating_sub(now);
        let retry_after_seconds = u64::try_from(left).unwrap_or_default().div_ceil(1000).max(1);
        Err(Exhausted::Passwords { limit, retry_after_seconds })
    }

    /// Counts a password. Its request must be sent after the use is durable.
    pub fn count_password(&mut self, now: i64) {
        if self.passwords.len() >= MOST_PASSWORDS {
            self.passwords.remove(0);
        }
        self.passwords.push(now);
    }

    /// Returns the last password, which the service did not make.
    pub fn return_password(&mut self) {
        self.passwords.pop();
    }

    /// Checks that the device may enroll once more.
    pub fn check_activation(&self, limits: Limits) -> Result<(), Exhausted> {
        match limits.activations.map(NonZeroU32::get) {
            Some(limit) if self.activations >= limit => Err(Exhausted::Activations { limit }),
            _ => Ok(()),
        }
    }

    /// Counts an enrollment. Its request must be sent after the use is durable.
    pub fn count_activation(&mut self) {
        self.activations = self.activations.saturating_add(1);
    }

    /// Returns the last enrollment, which the service did not make.
    pub fn return_activation(&mut self) {
        self.activations = self.activations.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(passwords: u32, activations: u32) -> Limits {
        Limits { passwords_per_day: NonZeroU32::new(passwords), activations: NonZeroU32::new(activations) }
    }

    fn ask(used: &mut Use, limit: u32, now: i64) -> Result<(), Exhausted> {
        used.settle(now);
        used.check_password(limits(limit, 0), now)?;
        used.count_password(now);
        Ok(())
    }

    #[test]
    fn the_next_password_is_made_when_the_oldest_one_is_a_day_old() {
        let mut used = Use::default();
        for hour in 0..6 {
            assert_eq!(ask(&mut used, 6, hour * 3_600_000), Ok(()));
        }
        let refused = ask(&mut used, 6, 6 * 3_600_000);
        assert_eq!(refused, Err(Exhausted::Passwords { limit: 6, retry_after_seconds: 18 * 3600 }));
        let refused = ask(&mut used, 6, DAY - 1);
        assert_eq!(refused, Err(Exhausted::Passwords { limit: 6, retry_after_seconds: 1 }));
        assert_eq!(ask(&mut used, 6, DAY), Ok(()));
        assert!(ask(&mut used, 6, DAY).is_err());
        // A lower limit waits for more of them, and no limit for none.
        let lower = used.check_password(limits(2, 0), DAY);
        assert_eq!(lower, Err(Exhausted::Passwords { limit: 2, retry_after_seconds: 5 * 3600 }));
        assert_eq!(used.check_password(limits(0, 0), DAY), Ok(()));
    }

    #[test]
    fn a_clock_that_goes_back_gives_no_fresh_budget_and_locks_nobody_out_for_longer_than_a_day() {
        let mut used = Use::default();
        let year = 365 * DAY;
        for _ in 0..3 {
            assert_eq!(ask(&mut used, 3, year), Ok(()));
        }
        assert!(used.settle(0), "the correction must be stored");
        let refused = used.check_password(limits(3, 0), 0);
        assert_eq!(refused, Err(Exhausted::Passwords { limit: 3, retry_after_seconds: 24 * 3600 }));
        // A second correction is not needed: the day goes on.
        assert!(!used.settle(DAY - 1));
        assert!(used.check_password(limits(3, 0), DAY - 1).is_err());
        assert_eq!(ask(&mut used, 3, DAY), Ok(()));
    }

    #[test]
    fn enrollments_are_counted_in_all() {
        let mut used = Use::default();
        for _ in 0..2 {
            assert_eq!(used.check_activation(limits(0, 2)), Ok(()));
            used.count_activation();
        }
        assert_eq!(used.check_activation(limits(0, 2)), Err(Exhausted::Activations { limit: 2 }));
        assert_eq!(used.check_activation(limits(1, 0)), Ok(()));
        used.return_activation();
        assert_eq!(used.check_activation(limits(0, 2)), Ok(()));
    }

    proptest! {
        #[test]
        fn no_day_of_a_clock_that_only_goes_forward_or_back_has_more_than_the_limit(
            steps in prop::collection::vec(-3 * DAY..=DAY / 4, 1..60), limit in 1..8_u32,
        ) {
            let (mut used, mut now) = (Use::default(), 50 * DAY);
            // The passwords since the clock last went forward by a day in all.
            let (mut made, mut forward) = (Vec::new(), 0_i64);
            for step in steps {
                now = now.saturating_add(step);
                forward += step.max(0);
                if ask(&mut used, limit, now).is_ok() {
                    made.push(forward);
                }
                let recent = made.iter().filter(|time| forward - **time < DAY).count();
                prop_assert!(recent <= limit as usize, "{recent} of {limit}");
            }
        }
    }
}
