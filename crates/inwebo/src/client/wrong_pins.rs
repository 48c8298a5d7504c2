//! The report of wrong PINs in an answer (ours).

use super::answer::Answer;
use crate::mode::Action;

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
    /// Reads `wrongPins` and `lastUsed` of a finalize step's answer. Returns `None` if one of them
    /// is missing or no number, or if there were no wrong PINs.
    pub fn read(xml: &str) -> Option<Self> {
        if !xml.contains("<wrongPins>") {
            return None;
        }
        let answer = Answer::read(xml, Action::Finalize).ok()?;
        let count = answer.text("wrongPins")?.parse().ok().filter(|count| *count > 0)?;
        Some(Self { count, since: answer.text("lastUsed")?.parse().ok()? })
    }

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
    fn a_count_and_a_time_are_read_and_nothing_else() {
        let read =
            |children: &str| WrongPins::read(&format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>"));
        let told = "<wrongPins>4</wrongPins><lastUsed>1700000000000</lastUsed>";
        assert_eq!(read(told), Some(WrongPins { count: 4, since: 1_700_000_000_000 }));
        for bad in [
            "",
            "<wrongPins>4</wrongPins>",
            "<wrongPins>0</wrongPins><lastUsed>1</lastUsed>",
            "<wrongPins>-4</wrongPins><lastUsed>1</lastUsed>",
            "<wrongPins>4</wrongPins><lastUsed>yesterday</lastUsed>",
            "<wrongPins/><lastUsed>1</lastUsed>",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(WrongPins::read(&format!("<ActionFinalize><err>NOK:SN</err>{told}</ActionFinalize>")), None);
    }

    #[test]
    fn two_answers_of_one_operation_are_one_note() {
        let (first, second) = (WrongPins { count: 4, since: 5 }, WrongPins { count: u32::MAX, since: 9 });
        assert_eq!(first.and(second), WrongPins { count: u32::MAX, since: 5 });
    }
}
