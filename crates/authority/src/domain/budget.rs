//! The limits on the number of SMS that a service sends for all accounts together.
//!
//! Minute, hour and day are those of the clock, in UTC. A share of each limit is reserved for
//! certified numbers. So strangers that have numbers certified cannot use up the whole limit.

/// The maximum number of SMS of a service. `None` is no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmsBudget {
    /// The limit per minute.
    pub per_minute: Option<u32>,
    /// The limit per day.
    pub per_day: Option<u32>,
    /// The limit per hour for numbers with one calling code.
    pub per_prefix_and_hour: Option<u32>,
    /// The percentage of each limit that is reserved for certified numbers (default 50), 0 to 100.
    pub kept_percent: u32,
}

impl Default for SmsBudget {
    fn default() -> Self {
        Self { per_minute: None, per_day: None, per_prefix_and_hour: None, kept_percent: 50 }
    }
}

/// The status of a phone number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumberStatus {
    /// The number is not certified yet.
    Uncertified,
    /// The number is the trusted number of an account.
    Certified,
}

impl NumberStatus {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Uncertified => "stranger",
            Self::Certified => "certified",
        }
    }
}

/// A period for which messages are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Period {
    Minute,
    Hour,
    Day,
}

impl Period {
    pub(crate) const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => 86_400_000,
        }
    }

    /// Returns the start of the period that contains `now`.
    pub(crate) fn start(self, now: i64) -> i64 {
        now - now.rem_euclid(self.millis())
    }

    /// Returns the seconds until the period ends.
    pub(crate) fn left(self, now: i64) -> u64 {
        let left = self.start(now).saturating_add(self.millis()).saturating_sub(now);
        u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1)
    }
}

/// The numbers of messages that were sent in a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) uncertified: u32,
    pub(crate) certified: u32,
}

impl SmsBudget {
    /// Lists the limits that are set. Each has its period and whether it is per prefix.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (Period, bool, u32)> {
        let all = [
            (Period::Minute, false, self.per_minute),
            (Period::Day, false, self.per_day),
            (Period::Hour, true, self.per_prefix_and_hour),
        ];
        all.into_iter().filter_map(|(period, per_prefix, limit)| Some((period, per_prefix, limit?)))
    }

    /// Returns whether one more SMS would exceed the limit.
    pub(crate) fn is_spent(&self, limit: u32, spent: Spent, status: NumberStatus) -> bool {
        let limit = u64::from(limit);
        let kept = limit * u64::from(self.kept_percent.min(100)) / 100;
        let uncertified = u64::from(spent.uncertified);
        uncertified + u64::from(spent.certified) >= limit
            || (status == NumberStatus::Uncertified && uncertified >= limit - kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_cannot_use_up_what_is_kept() {
        let budget = SmsBudget { kept_percent: 40, ..SmsBudget::default() };
        let spent = |uncertified, certified| Spent { uncertified, certified };
        assert!(!budget.is_spent(10, spent(5, 0), NumberStatus::Uncertified));
        assert!(budget.is_spent(10, spent(6, 0), NumberStatus::Uncertified));
        assert!(!budget.is_spent(10, spent(6, 3), NumberStatus::Certified));
        assert!(budget.is_spent(10, spent(6, 4), NumberStatus::Certified));
        assert!(!budget.is_spent(10, spent(0, 9), NumberStatus::Uncertified));
        assert!(budget.is_spent(10, spent(0, 10), NumberStatus::Uncertified));
        let nothing = SmsBudget { kept_percent: 100, ..budget };
        assert!(nothing.is_spent(10, spent(0, 0), NumberStatus::Uncertified));
    }

    #[test]
    fn a_period_is_the_clocks() {
        assert_eq!((Period::Minute.start(61_000), Period::Minute.left(61_000)), (60_000, 59));
        assert_eq!((Period::Day.start(86_400_000), Period::Day.left(86_400_000)), (86_400_000, 86_400));
        assert_eq!(Period::Hour.left(3_599_999), 1);
    }
}
