//! The reading of the report of wrong PINs.

use super::answer::Answer;
use crate::mode::Action;
use crate::wrong_pins::{COUNT, SINCE, WrongPins};

impl WrongPins {
    /// Reads `wrongPins` and `lastUsed` of a finalize step's answer. Returns `None` if one of them
    /// is missing or no number, or if there were no wrong PINs.
    pub fn read(xml: &str) -> Option<Self> {
        if !xml.contains(&format!("<{COUNT}>")) {
            return None;
        }
        let answer = Answer::read(xml, Action::Finalize).ok()?;
        let count = answer.text(COUNT)?.parse().ok().filter(|count| *count > 0)?;
        Some(Self { count, since: answer.text(SINCE)?.parse().ok()? })
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
}
