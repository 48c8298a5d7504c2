//! The proofs of a finalize step.

use super::digest::sha256;
use super::hex;
use super::keys::{K0, K1};
use super::pin::Pin;
use super::serial::Serial;
use crate::mode::Mode;

/// Returns SHA-256(challenge `;` K0 `;` third) in hex. All three proofs have this form.
pub fn proof(challenge: &str, k0: &str, third: &str) -> String {
    hex::encode(&sha256(&[challenge, ";", k0, ";", third]))
}

/// Returns the text that takes the challenge's place in the proofs of `renamedevice` and
/// `removedevice` (ours): SHA-256 in hex of the challenge, the mode, the device and the name as the
/// request carries them (`name` is empty for `removedevice`), then `|` and the mode. A client takes
/// no challenge with a `|`, so no other operation proves such a text. The proofs hold for this
/// device and this name alone.
pub fn bound_challenge(challenge: &str, mode: Mode, device: &str, name: &str) -> String {
    let length = device.len().to_string();
    let hash = hex::encode(&sha256(&[challenge, ";", mode.as_str(), ";", &length, ";", device, ";", name]));
    format!("{hash}|{}", mode.as_str())
}

/// `R0`, `R1` and `R2` in hex, as the request carries them.
///
/// In an honest exchange they are no secrets. But an attacker that holds K0 and sees `R2` can try
/// PINs against it: they are never logged or stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Proofs {
    /// Proves the device.
    pub r0: String,
    /// Proves that the PIN unlocked K1.
    pub r1: String,
    /// Proves the PIN itself. Without a PIN it proves nothing.
    pub r2: String,
}

impl Proofs {
    /// Returns the proofs before activation: challenge, K0 and K1 are empty, and no PIN is proved.
    pub fn before_activation(serial: &Serial) -> Self {
        Self { r0: proof("", "", serial.as_str()), r1: proof("", "", ""), r2: proof("", "", "") }
    }

    /// Returns all three proofs with a PIN.
    pub fn with_pin(challenge: &str, serial: &Serial, k0: &K0, k1: &K1, pin: &Pin) -> Self {
        let k0 = k0.text();
        Self {
            r0: proof(challenge, &k0, serial.as_str()),
            r1: proof(challenge, &k0, &k1.text()),
            r2: proof(challenge, &k0, pin.digits()),
        }
    }

    /// Returns the proofs of the device alone: `R1` and `R2` with an empty K1 and an empty PIN.
    pub fn without_pin(challenge: &str, serial: &Serial, k0: &K0) -> Self {
        let k0 = k0.text();
        let nothing = proof(challenge, &k0, "");
        Self { r0: proof(challenge, &k0, serial.as_str()), r1: nothing.clone(), r2: nothing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_challenge_mode_device_or_name_gives_other_proofs() {
        let bound = bound_challenge("f973", Mode::RenameDevice, "0a1b2c3d", "Phone");
        assert_eq!(bound, hex::encode(&sha256(&["f973;renamedevice;8;0a1b2c3d;Phone"])) + "|renamedevice");
        for other in [
            bound_challenge("f974", Mode::RenameDevice, "0a1b2c3d", "Phone"),
            bound_challenge("f973", Mode::RemoveDevice, "0a1b2c3d", "Phone"),
            bound_challenge("f973", Mode::RenameDevice, "0a1b2c3e", "Phone"),
            bound_challenge("f973", Mode::RenameDevice, "0a1b2c3d", "Phones"),
            bound_challenge("f973", Mode::RenameDevice, "0a1b2c3d;Ph", "one"),
        ] {
            assert_ne!(bound, other);
        }
    }
}
