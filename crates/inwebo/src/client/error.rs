//! The errors of the engine.

use crate::word::Word;

/// The reason for which an answer does not let the operation go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The service refused, with an error word and perhaps the number of tries that are left.
    #[error("the service answered {}", .word.as_str())]
    Refused {
        /// The error word.
        word: Word,
        /// How often a PIN or a code may still be tried, if the service says so.
        attempts_left: Option<u32>,
        /// A detail of the word, if the service gives one: letters and digits, at most 40 (ours).
        reason: Option<String>,
        /// After how many seconds the service grants the request, if it says so (ours).
        retry_after_seconds: Option<u64>,
    },
    /// The answer is not the XML that was expected. The text names the fault, without the content.
    #[error("the answer of the service cannot be used: {0}")]
    Unusable(&'static str),
    /// The service handed over another factory key than the one that is pinned.
    #[error("the service's factory key is not the pinned one")]
    FactoryKey,
}
