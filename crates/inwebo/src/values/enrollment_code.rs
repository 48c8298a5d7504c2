//! Enrollment codes: one device makes a code, and another device enrolls with it (ours).

use zeroize::Zeroizing;

use super::sms_code::SmsCode;

/// A code that a device of the account made: 10 symbols of [`EnrollmentCode::ALPHABET`]. It takes
/// the place of an SMS code in an activation. It is wiped when dropped and has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollmentCode(SmsCode);

impl EnrollmentCode {
    /// The alphabet: 32 symbols that do not look alike. It has no 0 and O, and no 1 and I.
    pub const ALPHABET: &'static [u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

    /// The number of symbols: 50 bits.
    pub const LENGTH: usize = 10;

    /// The beginning of the URI that a picture of the code contains.
    pub const URI: &'static str = "pims://enroll?code=";

    /// The longest text that [`EnrollmentCode::read`] looks at, in bytes.
    const MAX_TEXT: usize = 64;

    /// Reads a code as a user types it, or the URI of its picture. Letters may have either case.
    /// Blanks and dashes between the symbols are ignored. Returns `None` for any other text.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > Self::MAX_TEXT {
            return None;
        }
        let symbols = text.strip_prefix(Self::URI).unwrap_or(text);
        let mut code = Zeroizing::new(String::with_capacity(Self::MAX_TEXT));
        for symbol in symbols.chars().filter(|symbol| !matches!(symbol, ' ' | '-')) {
            let upper = symbol.to_ascii_uppercase();
            if !u8::try_from(upper).is_ok_and(|byte| Self::ALPHABET.contains(&byte)) {
                return None;
            }
            code.push(upper);
        }
        if code.len() == Self::LENGTH { SmsCode::new(&code).map(Self) } else { None }
    }

    /// Returns the code as an activation sends it.
    pub fn as_sms_code(&self) -> &SmsCode {
        &self.0
    }

    /// Returns its symbols.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns it for users: two groups of five symbols.
    pub fn grouped(&self) -> Zeroizing<String> {
        let (first, second) = self.as_str().split_at(Self::LENGTH / 2);
        let mut text = Zeroizing::new(String::with_capacity(Self::LENGTH + 1));
        text.push_str(first);
        text.push('-');
        text.push_str(second);
        text
    }

    /// Returns the URI that a picture of the code contains.
    pub fn uri(&self) -> Zeroizing<String> {
        let mut uri = Zeroizing::new(String::with_capacity(Self::URI.len() + Self::LENGTH));
        uri.push_str(Self::URI);
        uri.push_str(self.as_str());
        uri
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::EnrollmentCode;

    fn read(text: &str) -> Option<String> {
        EnrollmentCode::read(text).map(|code| code.as_str().to_owned())
    }

    #[test]
    fn a_code_is_read_in_every_form_in_which_users_give_it() {
        for text in [
            "ABCDE23456",
            "abcde23456",
            " ABCDE-23456 ",
            "abcde 23456",
            "a-b-c-d-e 2 3 4 5 6",
            "pims://enroll?code=ABCDE23456",
        ] {
            assert_eq!(read(text).as_deref(), Some("ABCDE23456"), "{text}");
        }
        for bad in [
            "",
            "ABCDE2345",
            "ABCDE234567",
            "ABCDE0I3456",
            "ABCDEÉ3456",
            "ABCDE\t23456",
            "123456",
            "pims://enroll?code=",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(read(&format!("{}ABCDE23456", "-".repeat(60))), None);
    }

    proptest! {
        #[test]
        fn a_code_that_is_read_is_read_again_in_all_its_forms(text in "[ -]{0,3}[2-9a-zA-Z]{5}[ -]{0,3}[2-9a-zA-Z]{5}") {
            if let Some(code) = EnrollmentCode::read(&text) {
                for form in [code.grouped(), code.uri()] {
                    prop_assert_eq!(read(&form), Some(code.as_str().to_owned()));
                }
            }
        }

        #[test]
        fn any_text_is_a_code_or_none(text in ".*") {
            let of_alphabet = |code: String| code.bytes().all(|byte| EnrollmentCode::ALPHABET.contains(&byte));
            prop_assert!(read(&text).is_none_or(of_alphabet));
        }
    }
}
