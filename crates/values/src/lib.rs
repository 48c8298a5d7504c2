//! The values of the inWebo "MAC" exchange, as pure functions: what both its sides compute.
//!
//! A device (`pims`) and a service (`pims-authority`) speak the same exchange and must agree on every byte of it, so the
//! arithmetic stands here once: [`Serial`], the keys [`Kma`], [`K0`], [`K1`] and [`ServiceSecret`], the [`Proofs`], the
//! [`otp`] function, and RSA-OAEP with exponent 17 under a [`Modulus`]. The service's private half of RSA is not here.
//!
//! Nothing here reads a clock, a file or a source of randomness. Types that hold a secret are wiped when dropped and
//! have no `Debug`, no `Display` and no `Serialize`.

#![forbid(unsafe_code)]

pub mod hex;
mod keys;
pub mod oaep;
pub mod otp;
mod pin;
mod proof;
pub mod rsa;
mod serial;

pub use keys::{K0, K1, Kma, SecVal, ServiceSecret};
pub use pin::Pin;
pub use proof::{Proofs, proof};
pub use rsa::Modulus;
pub use serial::Serial;

use sha2::{Digest, Sha256};

/// SHA-256 over pieces of text, as if they stood in one string.
fn sha256(pieces: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece.as_bytes());
    }
    hash.finalize().into()
}
