//! A secret of the configuration.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Shortest permitted token for development, in characters.
pub(super) const MIN_TOKEN: usize = 16;

/// The sentence about a token that can be guessed.
pub(super) const WEAK: &str = "can be guessed: it must have 128 bits, as `openssl rand -hex 32` makes them";

/// A secret text. It is wiped when dropped, and has no `Debug` and no `Display`.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Returns the text, for its use.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns whether it is a token of 128 bits or more, by a crude estimate. It must have at
    /// least eight different characters, and its length times the bits of a character of its
    /// alphabet must be at least 128. If all characters are hex digits, the alphabet is that of
    /// hex. Otherwise digits count 10, small letters 26, capitals 26, and anything else 2.
    pub(crate) fn is_strong(&self) -> bool {
        const BITS: f64 = 128.0;
        const DIFFERENT: usize = 8;
        let text = self.0.as_str();
        let mut different: Vec<char> = text.chars().collect();
        let length = different.len() as f64;
        different.sort_unstable();
        different.dedup();
        let any = |is: fn(&char) -> bool| different.iter().any(is);
        let hex = !any(|c| !matches!(c, '0'..='9' | 'a'..='f')) || !any(|c| !matches!(c, '0'..='9' | 'A'..='F'));
        let classes = [
            (any(char::is_ascii_digit), 10.0),
            (any(char::is_ascii_lowercase), 26.0),
            (any(char::is_ascii_uppercase), 26.0),
            (any(|c| !c.is_ascii_alphanumeric()), 2.0),
        ];
        let alphabet: f64 = classes.into_iter().filter_map(|(is, size)| is.then_some(size)).sum();
        let digits = !any(|c| !c.is_ascii_digit());
        let alphabet = if hex && !digits { 16.0 } else { alphabet };
        different.len() >= DIFFERENT && length * alphabet.log2() >= BITS
    }

    /// Returns whether the presented text equals the secret. The running time tells nothing, not
    /// even the length of the secret.
    pub(crate) fn matches(&self, presented: &str) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(presented.as_bytes())).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_128_bits_by_estimate() {
        let strong = |text: &str| Secret::new(Zeroizing::new(text.to_owned())).is_strong();
        for good in [
            "1f8b0c3d5e7a92460f1e2d3c4b5a6978",
            "1F8B0C3D5E7A92460F1E2D3C4B5A69781F8B0C3D5E7A92460F1E2D3C4B5A6978",
            "9xVbW3hN0qzT-kJ2_LrYcE7sPdUfGm5A1oIi8tBv6Qw",
            "9xVbW3hN0qzT-kJ2_LrYcE",
            "314159265358979323846264338327950288419",
            "an-operators-token-of-many-characters",
        ] {
            assert!(strong(good), "{good}");
        }
        for bad in [
            "",
            &"a".repeat(32),
            &"a".repeat(1000),
            &"passwort".repeat(3)[..24],
            &"abcdefg".repeat(20),
            "1f8b0c3d5e7a92460f1e2d3c4b5a697",
            "31415926535897932384626433832795028841",
            "9xVbW3hN0qzT-kJ2_LrYc",
        ] {
            assert!(!strong(bad), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_itself_alone() {
        let secret = Secret::new(Zeroizing::new("secret".to_owned()));
        assert!(secret.matches("secret"));
        assert!(!secret.matches("secre") && !secret.matches("secret ") && !secret.matches(""));
    }
}
