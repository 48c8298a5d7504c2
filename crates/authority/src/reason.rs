//! The reasons of operators, which the audit trail records.

/// The reason of an operator, which the audit trail records: 3 to 200 characters, trimmed, no
/// control character. It is not a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reason(String);

impl Reason {
    const CHARACTERS: std::ops::RangeInclusive<usize> = 3..=200;

    /// Validates `text`, and removes the white space at both ends. Returns `None` if it is not a
    /// valid reason.
    ///
    /// Characters that change the direction of text count as control characters: with them, a
    /// reason could look like other parts of its line.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = Self::CHARACTERS.contains(&text.chars().count());
        (fits && !text.chars().any(is_control)).then(|| Self(text.to_owned()))
    }

    /// Returns the text of the reason.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_control(letter: char) -> bool {
    let is_line_end = matches!(letter, '\u{2028}' | '\u{2029}');
    let turns =
        matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    letter.is_control() || is_line_end || turns
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn a_reason_has_3_to_200_characters_and_no_control_character() {
        let longest = "é".repeat(200);
        for (text, reason) in [("abc", "abc"), ("  lost phone \t\n", "lost phone"), (longest.as_str(), &longest)] {
            assert_eq!(Reason::new(text).as_ref().map(Reason::as_str), Some(reason));
        }
        for bad in
            ["", "ab", "  a  ", "a\nb c", "abc\0def", "a\u{85}bc", "a\u{202e}bc", "a\u{2028}bc", &"é".repeat(201)]
        {
            assert_eq!(Reason::new(bad), None, "{bad:?}");
        }
    }
}
