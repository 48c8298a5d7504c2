//! The MAC exchange as a device speaks it: requests out, answers in.
//!
//! The engine does no I/O and has no clock and no randomness of its own: random bytes are arguments,
//! answers are text. Each operation is a chain of values. The next step consumes each of them, so a
//! step cannot be taken twice or out of turn: a `setup` function makes a [`Request`]; reading its answer
//! gives the value that makes the finalize request.
//!
//! | module | operation |
//! | --- | --- |
//! | [`activate`] | makes a device of a fresh serial, an SMS code and a PIN |
//! | [`secret`] | registers a service secret (`ms`), after an activation or a synchronization |
//! | [`otp`] | one-time passwords |
//! | [`password`] | a new PIN for an old one |
//! | [`reset`] | a new PIN for an SMS code |
//! | [`synchro`] | fetches the keys again under the present PIN |
//! | [`status`], [`remove`] | asks for the state of the device, ends it |

pub mod activate;
mod answer;
#[expect(clippy::module_inception, reason = "the client of the exchange, in the module of that side")]
mod client;
mod device;
mod error;
pub mod otp;
pub mod password;
pub mod remove;
mod request;
pub mod reset;
pub mod secret;
mod service_keys;
pub mod status;
pub mod synchro;
mod wrong_pins;

pub use answer::Answer;
pub use client::Client;
pub use device::{Device, Unlocked};
pub use error::EngineError;
pub use request::Request;
pub use service_keys::{Seed, ServiceKeys};
pub use wrong_pins::WrongPins;
