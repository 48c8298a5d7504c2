//! The proofs of a finalize step.

use super::digest::sha256;
use super::hex;
use super::keys::{K0, K1};
use super::pin::Pin;
use super::serial::Serial;

/// SHA-256(challenge `;` K0 `;` third), in hex: the one shape of all three proofs.
pub fn proof(challenge: &str, k0: &str, third: &str) -> String {
    hex::encode(&sha256(&[challenge, ";", k0, ";", third]))
}

/// `R0`, `R1` and `R2` in hex, as they travel.
///
/// They are no secrets on the wire of an honest exchange, but whoever holds K0 and sees `R2` can try PINs against it:
/// they are never logged or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Proofs {
    /// Proves the device.
    pub r0: String,
    /// Proves that the PIN unlocked K1.
    pub r1: String,
    /// Proves the PIN itself, or nothing where none is proved.
    pub r2: String,
}

impl Proofs {
    /// Before activation: challenge, K0 and K1 are empty text and no PIN is proved.
    pub fn before_activation(serial: &Serial) -> Self {
        Self { r0: proof("", "", serial.as_str()), r1: proof("", "", ""), r2: proof("", "", "") }
    }

    /// With a PIN: all three.
    pub fn with_pin(challenge: &str, serial: &Serial, k0: &K0, k1: &K1, pin: &Pin) -> Self {
        let k0 = k0.text();
        Self {
            r0: proof(challenge, &k0, serial.as_str()),
            r1: proof(challenge, &k0, &k1.text()),
            r2: proof(challenge, &k0, pin.digits()),
        }
    }

    /// Of the device alone: `R1` and `R2` with an empty K1 and PIN.
    pub fn without_pin(challenge: &str, serial: &Serial, k0: &K0) -> Self {
        let k0 = k0.text();
        let nothing = proof(challenge, &k0, "");
        Self { r0: proof(challenge, &k0, serial.as_str()), r1: nothing.clone(), r2: nothing }
    }
}
