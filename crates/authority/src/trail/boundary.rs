//! The boundary up to which the audit trail is sealed, as a rule without a database.
//!
//! A seal must never cover a range in which a row can still appear. So a boundary is announced first. Every instance makes only greater
//! ids once it has read it, which it does at each tick. A later tick seals up to the boundary, when every instance had its time.

/// How long an instance must have known a boundary before it seals up to it, in milliseconds. Every instance reads the boundary once a
/// minute, and no step lasts as long.
pub(super) const GRACE: i64 = 5 * 60 * 1000;

/// A boundary, and when this instance saw it first, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) boundary: i64,
    pub(super) at: i64,
}

/// What an instance does at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tick {
    /// Announces this boundary.
    Announce(i64),
    /// Remembers that it saw the boundary that is announced, and waits.
    Wait(Seen),
    /// Seals up to this boundary.
    Seal(i64),
    /// Nothing: no row can have come since the last seal.
    Rest,
}

/// What an instance does at `now`. `announced` is the boundary of the database, `seen` what this instance remembers of it, `sealed` the
/// last id that is sealed, and `newest` the greatest id that rows may have by now.
///
/// Only this instance's own clock measures the grace period, from when it saw the boundary itself: how the clocks of instances differ
/// does not matter. A clock that was set back begins the period anew.
pub(super) fn tick(announced: Option<i64>, seen: Option<Seen>, sealed: i64, newest: i64, now: i64) -> Tick {
    let Some(boundary) = announced.filter(|boundary| *boundary > sealed) else {
        return if newest > sealed { Tick::Announce(newest) } else { Tick::Rest };
    };
    match seen.filter(|seen| seen.boundary == boundary && seen.at <= now) {
        Some(seen) if now.saturating_sub(seen.at) >= GRACE => Tick::Seal(boundary),
        Some(seen) => Tick::Wait(seen),
        None => Tick::Wait(Seen { boundary, at: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn a_boundary_is_announced_seen_waited_for_and_sealed() {
        assert_eq!(tick(None, None, -1, 50, NOW), Tick::Announce(50));
        let seen = Seen { boundary: 50, at: NOW };
        assert_eq!(tick(Some(50), None, -1, 60, NOW), Tick::Wait(seen));
        assert_eq!(tick(Some(50), Some(seen), -1, 70, NOW + GRACE - 1), Tick::Wait(seen));
        assert_eq!(tick(Some(50), Some(seen), -1, 80, NOW + GRACE), Tick::Seal(50));
        assert_eq!(tick(Some(50), Some(seen), 50, 80, NOW + GRACE), Tick::Announce(80));
        assert_eq!(tick(Some(50), Some(seen), 50, 50, NOW + GRACE), Tick::Rest);
    }

    #[test]
    fn an_instance_waits_for_itself_however_old_an_announcement_is() {
        let other = Seen { boundary: 40, at: NOW - 10 * GRACE };
        let seen = Seen { boundary: 50, at: NOW };
        assert_eq!(tick(Some(50), Some(other), 40, 90, NOW), Tick::Wait(seen));
        assert_eq!(tick(Some(50), None, 40, 90, NOW), Tick::Wait(seen));
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_grace_period_anew() {
        let seen = Seen { boundary: 50, at: NOW };
        let back = NOW - 3_600_000;
        assert_eq!(tick(Some(50), Some(seen), -1, 90, back), Tick::Wait(Seen { boundary: 50, at: back }));
    }

    #[test]
    fn a_boundary_that_is_put_back_seals_nothing_twice() {
        let seen = Seen { boundary: 40, at: NOW - GRACE };
        assert_eq!(tick(Some(40), Some(seen), 50, 90, NOW), Tick::Announce(90));
    }
}
