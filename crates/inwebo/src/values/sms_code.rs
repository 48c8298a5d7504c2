//! SMS codes.

use zeroize::Zeroizing;

/// An SMS code: 4 to 12 letters or digits. It is wiped when dropped.
#[derive(Clone)]
pub struct SmsCode(Zeroizing<String>);

impl SmsCode {
    /// Reads the code in `text` and ignores white space around it. Returns `None` if it is not 4 to
    /// 12 ASCII letters or digits.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = (4..=12).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        fits.then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// Returns its letters and digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Compares codes. The running time tells only whether the lengths differ.
impl PartialEq for SmsCode {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(self.0.as_bytes(), other.0.as_bytes()).into()
    }
}

impl Eq for SmsCode {}
