//! The rule for the boundary up to which the audit trail is sealed. It needs no database.
//!
//! A seal must never cover a range in which a row can still appear. So a boundary is announced
//! first. Every instance reads the boundary at each of its ticks, and from then on makes only
//! greater ids. A later tick seals up to the boundary, after every instance had time to read it.

/// The time for which an instance must have known a boundary before it seals up to it, in
/// milliseconds. Every instance reads the boundary once a minute, and no step lasts as long.
pub(crate) const GRACE: i64 = 5 * 60 * 1000;

/// A boundary, and the time at which this instance first saw it, by its own clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeenBoundary {
    pub(crate) boundary: i64,
    pub(crate) at: i64,
}

/// The action of an instance at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tick {
    /// The instance announces this boundary.
    Announce(i64),
    /// The instance remembers that it saw the announced boundary, and waits.
    Wait(SeenBoundary),
    /// The instance seals up to this boundary.
    Seal(i64),
    /// The instance does nothing: no row can have been added since the last seal.
    Idle,
}

/// Returns the action of an instance at `now`. `announced` is the boundary in the database, and
/// `seen` is the one that this instance remembers. `sealed` is the last sealed id, and `newest` the
/// greatest id that rows may have by now.
///
/// Only this instance's own clock measures the grace period, which begins when the instance itself
/// sees the boundary. So differences between the clocks of instances do not matter. If a clock is
/// set back, the period begins again.
pub(crate) fn tick(announced: Option<i64>, seen: Option<SeenBoundary>, sealed: i64, newest: i64, now: i64) -> Tick {
    let Some(boundary) = announced.filter(|boundary| *boundary > sealed) else {
        return if newest > sealed { Tick::Announce(newest) } else { Tick::Idle };
    };
    match seen.filter(|seen| seen.boundary == boundary && seen.at <= now) {
        Some(seen) if now.saturating_sub(seen.at) >= GRACE => Tick::Seal(boundary),
        Some(seen) => Tick::Wait(seen),
        None => Tick::Wait(SeenBoundary { boundary, at: now }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;

    #[test]
    fn a_boundary_is_announced_seen_waited_for_and_sealed() {
        assert_eq!(tick(None, None, -1, 50, NOW), Tick::Announce(50));
        let seen = SeenBoundary { boundary: 50, at: NOW };
        assert_eq!(tick(Some(50), None, -1, 60, NOW), Tick::Wait(seen));
        assert_eq!(tick(Some(50), Some(seen), -1, 70, NOW + GRACE - 1), Tick::Wait(seen));
        assert_eq!(tick(Some(50), Some(seen), -1, 80, NOW + GRACE), Tick::Seal(50));
        assert_eq!(tick(Some(50), Some(seen), 50, 80, NOW + GRACE), Tick::Announce(80));
        assert_eq!(tick(Some(50), Some(seen), 50, 50, NOW + GRACE), Tick::Idle);
    }

    #[test]
    fn an_instance_waits_for_itself_however_old_an_announcement_is() {
        let other = SeenBoundary { boundary: 40, at: NOW - 10 * GRACE };
        let seen = SeenBoundary { boundary: 50, at: NOW };
        assert_eq!(tick(Some(50), Some(other), 40, 90, NOW), Tick::Wait(seen));
        assert_eq!(tick(Some(50), None, 40, 90, NOW), Tick::Wait(seen));
    }

    #[test]
    fn a_clock_that_was_set_back_begins_the_grace_period_anew() {
        let seen = SeenBoundary { boundary: 50, at: NOW };
        let back = NOW - 3_600_000;
        assert_eq!(tick(Some(50), Some(seen), -1, 90, back), Tick::Wait(SeenBoundary { boundary: 50, at: back }));
    }

    #[test]
    fn a_boundary_that_is_put_back_seals_nothing_twice() {
        let seen = SeenBoundary { boundary: 40, at: NOW - GRACE };
        assert_eq!(tick(Some(40), Some(seen), 50, 90, NOW), Tick::Announce(90));
    }
}
