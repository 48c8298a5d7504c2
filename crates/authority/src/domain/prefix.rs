//! Prefixes of phone numbers: calling codes, area codes.

/// The digits that a phone number begins with after its `+`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Reads `+` and 1 to 15 digits, the first of which is not 0.
    pub fn new(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+')?;
        let fits = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        (fits && !digits.starts_with('0')).then(|| Self(digits.to_owned()))
    }

    /// Returns the digits, without the `+`.
    pub(crate) fn digits(&self) -> &str {
        &self.0
    }
}
