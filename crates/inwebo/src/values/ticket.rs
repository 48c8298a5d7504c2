//! Tickets of an activation (ours).

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

/// A ticket (ours). The service answers with it when the client asks for the code of an activation.
/// The client must return it with the code. It is 1 to 128 letters of base64url; our service makes
/// it of 128 random bits and binds it to account, purpose and code. It is wiped when dropped, and
/// its `Debug` does not show it.
#[derive(Clone)]
pub struct Ticket(Zeroizing<String>);

impl Ticket {
    /// Reads the ticket in `text`. Returns `None` if it is not 1 to 128 letters of base64url.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Makes a ticket of 128 random bits.
    pub fn of(random: &[u8; 16]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(random)))
    }

    /// Returns its letters, as the wire carries them. They are a secret.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Compares tickets. The running time tells only whether the lengths differ.
impl PartialEq for Ticket {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for Ticket {}

impl std::fmt::Debug for Ticket {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ticket")
    }
}
