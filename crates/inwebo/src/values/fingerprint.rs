//! The fingerprint of a device that waits for its confirmation, and the decision about it (ours).

use sha2::{Digest, Sha256};

use super::keys::K0;
use super::serial::Serial;

/// Eight decimal digits that name a new device. The new device computes them, and the service shows
/// them to the device that made the enrollment code. The user compares the two. They are not
/// secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The number of digits.
    pub const DIGITS: usize = 8;

    /// Computes the fingerprint of a device: the first 8 bytes of SHA-256, as a number, modulo
    /// 10⁸. The hash covers a label, and the id, the serial and K0 of the device, each with its
    /// length before it.
    pub fn of(id: &str, serial: &Serial, k0: &K0) -> Self {
        Self(format!("{:08}", number_of(b"pims enrollment fingerprint v1", id, serial, k0) % 100_000_000))
    }

    /// Reads a fingerprint: 8 digits, between which blanks and dashes are ignored.
    pub fn read(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|digit| !matches!(digit, ' ' | '-')).take(Self::DIGITS + 1).collect();
        let fits = digits.len() == Self::DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(Self(digits))
    }

    /// Returns its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the first 8 bytes of SHA-256, as a number. The hash covers a label, and the id, the
/// serial and K0 of a device, each with its length before it.
pub(super) fn number_of(label: &[u8], id: &str, serial: &Serial, k0: &K0) -> u64 {
    let mut hash = Sha256::new();
    for part in [label, id.as_bytes(), serial.as_str().as_bytes(), k0.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The decision of a user about a new device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The device is the user's own: it may work from now on.
    Confirm,
    /// It is not: it ends.
    Reject,
}

impl Decision {
    /// Returns its word in a request.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Confirm => "1",
            Self::Reject => "0",
        }
    }

    /// Reads the word in a request.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Confirm, Self::Reject].into_iter().find(|decision| decision.as_str() == text)
    }

    /// Returns the text that the proofs of a decision cover in place of the challenge alone. So
    /// nobody can change the decision or the fingerprint on the way.
    pub fn challenge(self, challenge: &str, fingerprint: &Fingerprint) -> String {
        format!("{challenge}|confirm={}|fingerprint={}", self.as_str(), fingerprint.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_every_part_of_a_device() {
        let serial = |byte| Serial::new([byte; 8], [2; 16]);
        let of = |id: &str, byte, k0| Fingerprint::of(id, &serial(byte), &K0::new([k0; 16]));
        let first = of("a000000000000001", 1, 1);
        assert_eq!(first, of("a000000000000001", 1, 1));
        for other in [of("a000000000000002", 1, 1), of("a000000000000001", 2, 1), of("a000000000000001", 1, 2)] {
            assert_ne!(first, other);
        }
        assert_eq!(Fingerprint::read(first.as_str()).as_ref(), Some(&first));
    }

    #[test]
    fn a_fingerprint_is_read_with_blanks_and_dashes() {
        let read = |text: &str| Fingerprint::read(text).map(|read| read.as_str().to_owned());
        for text in ["01234567", "0123 4567", "0123-4567", " 0 1 2 3 4 5 6 7 "] {
            assert_eq!(read(text).as_deref(), Some("01234567"), "{text}");
        }
        for bad in ["", "0123456", "012345678", "0123456x", "٠١٢٣٤٥٦٧"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_decision_binds_its_word_and_the_fingerprint() {
        let fingerprint = Fingerprint::read("01234567").unwrap();
        let text = Decision::Confirm.challenge("ab", &fingerprint);
        assert_eq!(text, "ab|confirm=1|fingerprint=01234567");
        assert_ne!(text, Decision::Reject.challenge("ab", &fingerprint));
        for decision in [Decision::Confirm, Decision::Reject] {
            assert_eq!(Decision::parse(decision.as_str()), Some(decision));
        }
        assert_eq!(Decision::parse("2"), None);
    }
}
