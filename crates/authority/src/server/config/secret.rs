//! A secret of the configuration.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Wiped when dropped; no `Debug`, no `Display`.
#[derive(Clone)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    pub(crate) fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Its text, for the one who uses it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether this is it. How long that takes tells nothing, not even its length.
    pub(crate) fn is(&self, shown: &str) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(shown.as_bytes())).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_itself_alone() {
        let secret = Secret::new(Zeroizing::new("secret".to_owned()));
        assert!(secret.is("secret"));
        assert!(!secret.is("secre") && !secret.is("secret ") && !secret.is(""));
    }
}
