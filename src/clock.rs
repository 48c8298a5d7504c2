//! The time of the device and of the embedded authority.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

/// Clock of the system, or a clock that is ahead of it or stands still. A test uses it instead of
/// waiting until a code expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MovedClock {
    ahead: i64,
    frozen_at: Option<i64>,
}

impl MovedClock {
    /// Returns a clock that is `seconds` ahead of the system's clock.
    pub fn ahead(seconds: i64) -> Self {
        Self { ahead: seconds.saturating_mul(1000), frozen_at: None }
    }

    /// Returns this clock, but standing still: at the moment at which `before` stands still, or now
    /// if `before` runs.
    pub fn frozen(self, before: Self) -> Self {
        Self { frozen_at: before.frozen_at.or_else(|| Some(system())), ..self }
    }

    /// Returns the time, in Unix milliseconds.
    pub fn now(&self) -> i64 {
        self.frozen_at.unwrap_or_else(system).saturating_add(self.ahead)
    }
}

/// Clock that the device and the embedded authority share. If one holder sets it, it is set for
/// all.
#[derive(Clone, Debug, Default)]
pub struct SharedClock(Arc<RwLock<MovedClock>>);

impl SharedClock {
    /// Sets the clock for all its holders.
    pub fn set(&self, clock: MovedClock) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = clock;
    }

    /// Returns the clock as it is now.
    pub fn get(&self) -> MovedClock {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn system() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_clock_moves_only_where_it_is_moved() {
        let frozen = MovedClock::ahead(0).frozen(MovedClock::default());
        let then = frozen.now();
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert_eq!(frozen.now(), then);
        let later = MovedClock::ahead(700).frozen(frozen);
        assert_eq!(later.now(), then + 700_000);
        assert!(MovedClock::default().now() > then);
    }
}
