//! Times as pages show them: in UTC, and in words beside the present time of the service.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::texts::{Sentence, Texts};

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A time, in milliseconds since 1970 in UTC, and the present time of the service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) at: i64,
    pub(crate) now: i64,
}

impl Moment {
    /// Returns the form for the attribute `datetime`. A time beyond the calendar has an empty one.
    pub(crate) fn machine(&self) -> String {
        self.calendar().and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_default()
    }

    /// Returns date and time in UTC, `2026-11-30 21:05:13 UTC`.
    pub(crate) fn exact(&self) -> String {
        self.calendar().map_or_else(
            || self.at.to_string(),
            |at| {
                let (hour, minute, second) = at.to_hms();
                format!("{} {hour:02}:{minute:02}:{second:02} UTC", at.date())
            },
        )
    }

    /// Returns the distance from the present: "3 minutes ago", "in 2 hours".
    pub(crate) fn relative(&self, t: Texts) -> String {
        t.say(&self.distance())
    }

    fn distance(&self) -> Sentence {
        let distance = self.at.saturating_sub(self.now);
        let (past, future, unit) = match distance.saturating_abs() {
            near if near < 5 * SECOND => return Sentence::new("time-now"),
            near if near < MINUTE => (Sentence::new("time-seconds-ago"), Sentence::new("time-in-seconds"), SECOND),
            near if near < HOUR => (Sentence::new("time-minutes-ago"), Sentence::new("time-in-minutes"), MINUTE),
            near if near < 2 * DAY => (Sentence::new("time-hours-ago"), Sentence::new("time-in-hours"), HOUR),
            _ => (Sentence::new("time-days-ago"), Sentence::new("time-in-days"), DAY),
        };
        let sentence = if distance < 0 { past } else { future };
        sentence.with("count", distance.saturating_abs() / unit)
    }

    fn calendar(&self) -> Option<OffsetDateTime> {
        let whole_seconds = self.at.div_euclid(SECOND);
        OffsetDateTime::from_unix_timestamp(whole_seconds).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_exactly_and_in_words() {
        let now = 1_700_000_000_000;
        let english = Texts::named("en").unwrap();
        let told = |distance: i64| Moment { at: now + distance, now }.relative(english);
        let plain = |text: String| text.replace(['\u{2068}', '\u{2069}'], "");
        for (distance, expected) in [
            (0, "just now"),
            (-10 * SECOND, "10 seconds ago"),
            (MINUTE, "in 1 minute"),
            (-90 * SECOND, "1 minute ago"),
            (3 * HOUR, "in 3 hours"),
            (-47 * HOUR, "47 hours ago"),
            (-3 * DAY, "3 days ago"),
        ] {
            assert_eq!(plain(told(distance)), expected);
        }
        let moment = Moment { at: now + 7, now };
        assert_eq!(
            (moment.exact(), moment.machine()),
            ("2023-11-14 22:13:20 UTC".into(), "2023-11-14T22:13:20Z".into())
        );
        for at in [i64::MIN, i64::MAX] {
            let moment = Moment { at, now };
            assert_eq!((moment.exact(), moment.machine()), (at.to_string(), String::new()));
            assert!(moment.relative(english).contains("days"));
        }
    }
}
