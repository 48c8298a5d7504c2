//! The times of a block that ends by itself (ours).

use super::answer::Answer;
use super::error::EngineError;
use crate::mode::Action;
use crate::word::Word;

/// The rest of a block that ends by itself, as the service told it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockTimes {
    /// Seconds until the block ends.
    pub retry_after_seconds: u64,
    /// End of the block in milliseconds since 1970, by the service's clock.
    pub until: Option<i64>,
}

impl BlockTimes {
    /// Returns the times of a refusal. Returns `None` if it is about something else, or if the
    /// block does not end by itself.
    pub fn of_refusal(error: &EngineError) -> Option<Self> {
        match *error {
            EngineError::Refused {
                word: Word::Blocked,
                retry_after_seconds: Some(retry_after_seconds),
                blocked_until: until,
                ..
            } => Some(Self { retry_after_seconds, until }),
            _ => None,
        }
    }

    /// Reads the answer to either step. Returns `None` if it does not say that the account is
    /// blocked, and `Some(None)` if it does, and the block does not end by itself.
    pub fn read(xml: &str) -> Option<Option<Self>> {
        if !xml.contains("BLOCKED") {
            return None;
        }
        [Action::Setup, Action::Finalize].into_iter().find_map(|action| match Answer::read(xml, action) {
            Err(error @ EngineError::Refused { word: Word::Blocked, .. }) => Some(Self::of_refusal(&error)),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_answer_of_a_block_has_times() {
        let read = |children: &str| BlockTimes::read(&format!("<ActionFinalize>{children}</ActionFinalize>"));
        let times = "<retryAfterSeconds>60</retryAfterSeconds><blockedUntil>1700000000000</blockedUntil>";
        let expected = BlockTimes { retry_after_seconds: 60, until: Some(1_700_000_000_000) };
        for word in ["NOK:NOK_BLOCKED", "NOK_BLOCKED", "OK:BLOCKED"] {
            assert_eq!(read(&format!("<err>{word}</err>{times}")), Some(Some(expected)), "{word}");
            assert_eq!(read(&format!("<err>{word}</err>")), Some(None), "{word}");
        }
        let without_end = "<err>NOK_BLOCKED</err><retryAfterSeconds>60</retryAfterSeconds>";
        assert_eq!(read(without_end), Some(Some(BlockTimes { until: None, ..expected })));
        assert_eq!(read("<err>NOK_BLOCKED</err><blockedUntil>1700000000000</blockedUntil>"), Some(None));
        for other in ["<err>OK</err>", "<err>NOK:ACCESS</err>", "<err>OK</err><a>NOK_BLOCKED</a>", ""] {
            assert_eq!(read(&format!("{other}{times}")), None, "{other}");
        }
        let setup = format!("<ActionSetup><err>NOK_BLOCKED</err>{times}</ActionSetup>");
        assert_eq!(BlockTimes::read(&setup), Some(Some(expected)));
    }
}
