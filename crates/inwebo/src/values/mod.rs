//! The values that both sides of the exchange compute.
//!
//! [`Serial`], the keys [`Kma`], [`K0`], [`K1`] and [`ServiceSecret`], the [`Proofs`], the [`otp`]
//! function, and RSA-OAEP with exponent 17 under a [`Modulus`].

mod approval;
mod device_name;
mod digest;
mod enrollment_code;
mod fingerprint;
pub mod hex;
mod keys;
pub mod oaep;
pub mod otp;
mod pin;
mod proof;
pub mod rsa;
mod serial;
mod sms_code;
mod ticket;

pub use approval::{Approval, ApprovalNumber};
pub use device_name::DeviceName;
pub use enrollment_code::EnrollmentCode;
pub use fingerprint::{Decision, Fingerprint};
pub use keys::{K0, K1, Kma, SecVal, ServiceSecret};
pub use pin::Pin;
pub use proof::{Proofs, bound_challenge, proof};
pub use rsa::Modulus;
pub use serial::Serial;
pub use sms_code::SmsCode;
pub use ticket::Ticket;
