//! The approval of a new device by another device of the account, by a number that the new one
//! shows (ours).

use super::fingerprint::number_of;
use super::keys::K0;
use super::serial::Serial;

/// The two decimal digits that a new device shows, and that the user enters on another device. Both
/// sides compute them, so they are in no answer and in no database. They prove that the user has
/// both devices in sight. They are no secret that could be guessed: one try ends the new device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalNumber(String);

impl ApprovalNumber {
    /// The number of digits.
    pub const DIGITS: usize = 2;

    /// Computes the number of a device: the first 8 bytes of SHA-256, as a number, modulo 100. The
    /// hash covers a label, and the id, the serial and K0 of the device, each with its length
    /// before it.
    pub fn of(id: &str, serial: &Serial, k0: &K0) -> Self {
        Self(format!("{:02}", number_of(b"pims approval number v1", id, serial, k0) % 100))
    }

    /// Reads a number: two digits.
    pub fn read(text: &str) -> Option<Self> {
        let fits = text.len() == Self::DIGITS && text.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The decision of a user about a device that waits for an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approval<'a> {
    /// The user sees this number on the new device.
    Approve(&'a ApprovalNumber),
    /// The user does not know the new device: it ends, and the account is blocked.
    Reject,
}

impl Approval<'_> {
    /// Returns the text that the proofs of a decision cover in place of the challenge alone.
    /// `device` names the new device, as the request does. So nobody on the way can change the
    /// decision, the device or the number.
    pub fn challenge(self, challenge: &str, device: &str) -> String {
        match self {
            Self::Approve(number) => format!("{challenge}|approve={device}|number={}", number.as_str()),
            Self::Reject => format!("{challenge}|reject={device}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_depends_on_the_device() {
        let serial = |byte| Serial::new([byte; 8], [2; 16]);
        let of = |number: u32| ApprovalNumber::of(&format!("{number:016}"), &serial(1), &K0::new([3; 16]));
        assert_eq!(of(1), of(1));
        // Numbers of two digits meet by chance. Of a hundred devices, not all have the same one.
        assert!((0..100).any(|number| of(number) != of(0)));
        for number in (0..100).map(of) {
            assert_eq!(ApprovalNumber::read(number.as_str()), Some(number));
        }
    }

    #[test]
    fn a_number_is_two_digits() {
        for good in ["00", "07", "99"] {
            assert_eq!(ApprovalNumber::read(good).unwrap().as_str(), good);
        }
        for bad in ["", "7", "100", "1 ", "x1", "٠١"] {
            assert_eq!(ApprovalNumber::read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_decision_binds_its_kind_the_device_and_the_number() {
        let [first, second] = ["07", "70"].map(|number| ApprovalNumber::read(number).unwrap());
        let text = Approval::Approve(&first).challenge("ab", "a8f3c1d0");
        assert_eq!(text, "ab|approve=a8f3c1d0|number=07");
        for other in [
            Approval::Approve(&second).challenge("ab", "a8f3c1d0"),
            Approval::Approve(&first).challenge("ab", "a8f3c1d1"),
            Approval::Reject.challenge("ab", "a8f3c1d0"),
        ] {
            assert_ne!(text, other);
        }
    }
}
