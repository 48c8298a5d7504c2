//! The user's PIN.

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A PIN of 4 to 8 decimal digits. It is wiped when dropped. Nothing displays it, and the device
/// never stores it.
pub struct Pin(Zeroizing<String>);

impl Pin {
    /// The fewest digits that a PIN may have.
    pub const MIN_DIGITS: usize = 4;
    /// The most digits that a PIN may have.
    pub const MAX_DIGITS: usize = 8;

    /// Reads a PIN. Returns `None` if `text` is not 4 to 8 ASCII digits.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (Self::MIN_DIGITS..=Self::MAX_DIGITS).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns the digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl Clone for Pin {
    fn clone(&self) -> Self {
        Self(Zeroizing::new(self.0.as_str().to_owned()))
    }
}

/// Compares PINs. The running time tells only whether the lengths differ.
impl PartialEq for Pin {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Pin {}

#[cfg(test)]
mod tests {
    use super::Pin;

    #[test]
    fn four_to_eight_digits_are_a_pin_and_nothing_else_is() {
        for good in ["0000", "1234", "12345678"] {
            assert!(Pin::new(good).is_some(), "{good}");
        }
        for bad in ["", "123", "123456789", "12 4", "12a4", "-123", "+123", "1.23", "١٢٣٤"] {
            assert!(Pin::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn pins_are_equal_when_their_digits_are() {
        assert!(Pin::new("0123") == Pin::new("0123"));
        assert!(Pin::new("0123") != Pin::new("0124"));
        assert!(Pin::new("0123") != Pin::new("01230"));
    }
}
