//! The report of wrong PINs in an answer (ours).

/// The child of the answer with the number of wrong PINs.
pub const COUNT: &str = "wrongPins";

/// The child of the answer with the time of the last right PIN.
pub const SINCE: &str = "lastUsed";

/// The wrong PINs of the account, from any of its devices, since this device last proved the right
/// PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongPins {
    /// Number of wrong PINs, one or more.
    pub count: u32,
    /// Time when this device last proved the right PIN, in milliseconds since 1970 in UTC.
    pub since: i64,
}

impl WrongPins {
    /// Adds the report of a later answer to the same operation.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self { count: self.count.saturating_add(later.count), since: self.since.min(later.since) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_of_one_operation_are_one_note() {
        let (first, second) = (WrongPins { count: 4, since: 5 }, WrongPins { count: u32::MAX, since: 9 });
        assert_eq!(first.and(second), WrongPins { count: u32::MAX, since: 5 });
    }
}
