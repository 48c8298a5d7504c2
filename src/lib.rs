//! `libpims`: strong authentication as a C library. JSON goes in, and one JSON message comes out
//! through a callback.
//!
//! The library enrolls a device by an SMS code and a PIN, changes PINs, and makes one-time
//! passwords. C, and every language that can call C, uses `include/pims.h`, which is generated from
//! [`ffi`]. Rust programs and bindings use [`facade`]. Each layer knows only the layers below it:
//!
//! | module | contents |
//! | --- | --- |
//! | [`ffi`] | pointers, strings, panics, callbacks |
//! | [`facade`] | the facades of a process, each with its queue and its thread |
//! | [`api`] | one file for each api name: parameters in, result out |
//! | [`strongauth`] | the state machine and the operations |
//! | [`inwebo`] | a crate of its own: the exchange, without I/O |
//! | [`store`], [`transport`] | the sealed record; the way to the service |
//! | [`config`], [`message`], [`params`] | the texts that go in and out |
//! | `picture` | QR codes of enrollment codes, with the feature `qr` |
//! | [`error`], `log`, [`clock`] | the error catalogue, the log, the time: ground floor |
//!
//! No two modules need each other: `tests/no_circles` reads the `use` lines.

#![deny(unsafe_code)]

pub mod api;
pub mod clock;
pub mod config;
pub mod error;
pub mod facade;
pub mod ffi;
mod log;
pub mod message;
pub mod params;
#[cfg(feature = "qr")]
pub mod picture;
mod platform;
mod process;
pub mod store;
pub mod strongauth;
pub mod transport;
