//! The inWebo "MAC" exchange, for both of its sides.
//!
//! A device (`pims`) and a service (`pims-authority`) speak the same exchange and must agree on
//! every byte of it. This crate holds the parts that both share, and the device's side:
//!
//! | module | content |
//! | --- | --- |
//! | [`values`] | keys, PINs, serials, proofs, one-time passwords, RSA-OAEP: pure functions |
//! | [`client`] | the engine of a device: makes requests and reads answers |
//! | [`mode`] | the modes and steps of the exchange |
//! | [`word`] | the error words |
//! | [`wrong_pins`] | the report of wrong PINs in an answer |
//! | [`cvs`] | the requests of an account without a device: SMS codes, the phone number, devices |
//! | [`device_list`] | the names of the list of devices in an answer |
//!
//! The crate does no I/O. It reads no clock and no source of randomness: random bytes are
//! arguments. Types that hold a secret are wiped when dropped and have no `Display` and no
//! `Serialize`. If they have a `Debug`, it does not show the secret.
//!
//! The crate does not contain the service's half of RSA, which needs the private key.

#![forbid(unsafe_code)]

pub mod client;
pub mod cvs;
pub mod device_list;
pub mod mode;
pub mod values;
pub mod word;
pub mod wrong_pins;
