//! The errors of the engine.

use crate::word::Word;

/// The reason for which an answer ends the operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The service refused, with an error word and perhaps the number of remaining tries.
    #[error("the service answered {}", .word.as_str())]
    Refused {
        /// The error word.
        word: Word,
        /// Remaining tries for a PIN or a code, if the service says so.
        attempts_left: Option<u32>,
        /// A detail of the word, if the service gives one: letters and digits, at most 40 (ours).
        reason: Option<String>,
        /// Seconds until the service grants the request, if it says so (ours).
        retry_after_seconds: Option<u64>,
        /// End of the account's block in milliseconds since 1970, by the service's clock, if the
        /// block ends by itself (ours).
        blocked_until: Option<i64>,
    },
    /// The answer is not the expected XML. The text names the fault, without the content.
    #[error("the answer of the service cannot be used: {0}")]
    Unusable(&'static str),
    /// The service's factory key is not the pinned one.
    #[error("the service's factory key is not the pinned one")]
    FactoryKey,
}
