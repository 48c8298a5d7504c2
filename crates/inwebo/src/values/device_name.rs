//! Names of devices.

/// The name of a device, by which its user knows it. It is text of 1 to 64 characters, never
/// markup. It has no control character, no line separator and nothing that turns the direction of
/// text, so it cannot make a list look like another one. One or more of its characters are visible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceName(String);

impl DeviceName {
    /// The most characters of a name.
    pub const MAX_CHARS: usize = 64;

    /// Reads the name in `text` and ignores white space around it. Returns `None` if it is no name.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = text.chars().count() <= Self::MAX_CHARS
            && !text.chars().any(is_forbidden)
            && text.chars().any(|letter| !is_invisible(letter));
        fits.then(|| Self(text.to_owned()))
    }

    /// Returns the text without the characters that a name must not have. It makes a name from an
    /// older service fit for a list.
    pub fn cleaned(text: &str) -> String {
        text.trim().chars().filter(|&letter| !is_forbidden(letter)).collect()
    }

    /// Returns its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a character ends a line, turns the direction of text, or is a control character.
fn is_forbidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{206F}')
}

/// Returns whether a character shows nothing by itself. Emojis and some scripts need a few of them.
fn is_invisible(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{180B}'..='\u{180E}'
            | '\u{200B}'..='\u{200D}' | '\u{2060}'..='\u{2064}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_visible_text_of_one_to_64_characters_without_white_space_around() {
        let longest = "é".repeat(64);
        for (text, name) in [
            ("Phone", "Phone"),
            (" Ana\u{2019}s phone <2> & co\t", "Ana\u{2019}s phone <2> & co"),
            ("電話", "電話"),
            ("👩\u{200D}💻", "👩\u{200D}💻"),
            (&longest, &longest),
        ] {
            assert_eq!(DeviceName::new(text).unwrap().as_str(), name);
        }
        let too_long = "é".repeat(65);
        for bad in [
            "",
            " ",
            "\u{200B}",
            "\u{3164}\u{FE0F}",
            "a\nb",
            "a\0b",
            "a\u{202E}b",
            "a\u{2066}b",
            "a\u{200F}b",
            "a\u{2028}b",
            "a\u{85}b",
            &too_long,
        ] {
            assert!(DeviceName::new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn a_cleaned_name_has_none_of_the_forbidden_characters() {
        assert_eq!(DeviceName::cleaned(" a\u{202E}b\n<i> "), "ab<i>");
    }
}
