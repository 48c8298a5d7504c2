//! The inWebo "MAC" protocol as a device speaks it: requests out, answers in.
//!
//! The engine does no I/O, has no clock and no randomness of its own: random bytes are arguments, answers are text. Each
//! operation is a chain of values, every one consumed by the step that follows it, so a step cannot be taken twice or out of
//! turn: `Client::…_setup` makes a [`Request`]; reading its [`Answer`] gives the value that makes the finalize request.
//!
//! | module | operation |
//! | --- | --- |
//! | [`activate`] | makes a device of a fresh serial, an SMS code and a PIN |
//! | [`secret`] | registers a service secret (`ms`), after an activation or a synchronization |
//! | [`otp`] | one-time passwords |
//! | [`password`] | a new PIN for an old one |
//! | [`reset`] | a new PIN for an SMS code |
//! | [`synchro`] | fetches the keys again under the present PIN |
//! | [`status`], [`remove`] | asks after the device, ends it |
//!
//! It knows none of this library's other modules and can be used by itself.

pub mod activate;
mod answer;
mod client;
mod device;
pub mod otp;
pub mod password;
pub mod remove;
mod request;
pub mod reset;
pub mod secret;
pub mod status;
pub mod synchro;
mod word;
mod wrong_pins;

pub use answer::Answer;
pub use client::{Client, SmsCode, Ticket};
pub use device::{Device, Unlocked};
pub use inwebo_values::{K0, K1, Kma, Modulus, Pin, SecVal, Serial, ServiceSecret};
pub use request::Request;
pub use word::Word;
pub use wrong_pins::WrongPins;

/// Why an answer does not let the operation go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// The service refused, with an error word and perhaps the number of tries that are left.
    #[error("the service answered {}", .word.as_str())]
    Refused {
        /// The error word.
        word: Word,
        /// How often a PIN or a code may still be tried, where the service says so.
        attempts_left: Option<u32>,
        /// What the word alone does not tell, where the service says so: letters and digits, at most 40 (ours).
        reason: Option<String>,
        /// After how many seconds the service grants the request, where it says so (ours).
        retry_after_seconds: Option<u64>,
    },
    /// The answer is not the XML that was expected. The text says what is wrong with it, without its content.
    #[error("the answer of the service cannot be used: {0}")]
    Unusable(&'static str),
    /// The service handed over another factory key than the one that is pinned.
    #[error("the service's factory key is not the pinned one")]
    FactoryKey,
}

/// Fresh random bytes for one RSA-OAEP encryption.
pub type Seed = [u8; 32];
