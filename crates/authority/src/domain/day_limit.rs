//! The rule for the number of one-time passwords of a device and a day.

use crate::domain::policy::Policy;
use crate::domain::rows::DeviceRow;

const DAY_MILLIS: i64 = 86_400_000;

/// The reason for which a device gets no further password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DayLimit {
    /// The policy permits no password at all.
    NoPasswords,
    /// The device made its maximum number of passwords today. The next day of UTC begins at
    /// `until`.
    Spent { until: i64 },
}

/// Returns the day of a time, in days since 1970 in UTC.
pub(crate) fn day(now: i64) -> i64 {
    now.div_euclid(DAY_MILLIS)
}

/// Returns the reason for which the device gets no password now. Returns `None` if its limit is not
/// spent.
pub(crate) fn spent(device: &DeviceRow, policy: &Policy, now: i64) -> Option<DayLimit> {
    let limit = policy.otps_per_device_and_day?;
    if limit == 0 {
        return Some(DayLimit::NoPasswords);
    }
    let is_today = device.day == day(now);
    let until = now.saturating_add(DAY_MILLIS - now.rem_euclid(DAY_MILLIS));
    (is_today && device.passwords_of_day >= limit).then_some(DayLimit::Spent { until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_spent_until_the_next_day_of_utc() {
        let device = DeviceRow { day: 1, passwords_of_day: 2, ..DeviceRow::new("d", "a", 0) };
        let spent = |limit, now| spent(&device, &Policy { otps_per_device_and_day: limit, ..Policy::default() }, now);
        assert_eq!(spent(None, DAY_MILLIS), None);
        assert_eq!(spent(Some(3), DAY_MILLIS), None);
        for now in [DAY_MILLIS, 2 * DAY_MILLIS - 1] {
            assert_eq!(spent(Some(2), now), Some(DayLimit::Spent { until: 2 * DAY_MILLIS }));
        }
        assert_eq!(spent(Some(2), 2 * DAY_MILLIS), None);
        assert_eq!(spent(Some(0), 2 * DAY_MILLIS), Some(DayLimit::NoPasswords));
    }
}
