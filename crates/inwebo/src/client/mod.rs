//! The device's side of the MAC exchange: it makes requests and reads answers.
//!
//! The engine does no I/O. It has no clock and no source of randomness: random bytes are arguments,
//! and answers are text. Each operation is a chain of values. The next step consumes the value of
//! the step before, so a step cannot run twice or out of order. A `setup` function makes a
//! [`Request`]; its answer gives the value that makes the finalize request.
//!
//! | module | operation |
//! | --- | --- |
//! | [`activate`] | makes a device of a fresh serial, an SMS code and a PIN |
//! | [`secret`] | registers a service secret (`ms`), after an activation or a synchronization |
//! | [`otp`] | makes one-time passwords |
//! | [`password`] | replaces a known PIN by a new one |
//! | [`reset`] | sets a new PIN with an SMS code |
//! | [`synchro`] | fetches the keys again under the present PIN |
//! | [`devices`] | lists the devices of the account, renames or removes one |
//! | [`newsn`], [`getsn`] | makes a code that enrolls another device, and confirms that device |
//! | [`messages`] | asks for the events of the account |
//! | [`checkpush`] | asks for the new device that waits for an approval, approves or rejects it |
//! | [`status`], [`remove`] | asks for the state of the device, removes it |

pub mod activate;
mod answer;
mod block_times;
pub mod checkpush;
#[expect(clippy::module_inception, reason = "the client of the exchange, in the module of that side")]
mod client;
mod device;
pub mod devices;
mod error;
pub mod getsn;
pub mod messages;
pub mod newsn;
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

pub use crate::wrong_pins::WrongPins;
pub use answer::Answer;
pub use block_times::BlockTimes;
pub use client::{Client, VERSION};
pub use device::{Device, Unlocked};
pub use error::EngineError;
pub use request::Request;
pub use service_keys::{Seed, ServiceKeys};
