//! The inWebo "MAC" exchange, for both of its sides.
//!
//! A device (`pims`) and a service (`pims-authority`) speak the same exchange and must agree on every
//! byte of it. This crate holds what they share, and the device's side of it:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`values`] | keys, PINs, serials, proofs, one-time passwords, RSA-OAEP: pure functions |
//! | [`client`] | the engine of a device: requests out, answers in |
//! | [`mode`] | the modes and steps of the exchange |
//! | [`word`] | the error words |
//! | [`cvs`] | the requests of an account without a device: SMS codes, the phone number |
//!
//! The crate does no I/O. It reads no clock and no source of randomness: random bytes are arguments.
//! Types that hold a secret are wiped when dropped and have no `Display` and no `Serialize`; their
//! `Debug`, where they have one, does not show it.
//!
//! The service's private half of RSA is not here.

#![forbid(unsafe_code)]

pub mod client;
pub mod cvs;
pub mod mode;
pub mod values;
pub mod word;
