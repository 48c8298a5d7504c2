//! Account names: how the service identifies a user.

/// The name of an account: 1 to 128 characters, none of them a control character. It is not a
/// secret, and it appears in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    const MAX_CHARACTERS: usize = 128;

    /// Validates `text`. Returns `None` if it is not a valid account name.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_CHARACTERS).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// Takes a name from a row without a check: it was validated when it was stored.
    pub(crate) fn stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the text of the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::AccountName;

    #[test]
    fn a_name_has_one_to_128_characters_and_no_control_characters() {
        for good in ["a", "user@example.org", "Zoë", &"é".repeat(128)] {
            assert!(AccountName::new(good).is_some(), "{good}");
        }
        for bad in ["", "a\nb", "a\0", "\u{85}", &"a".repeat(129)] {
            assert!(AccountName::new(bad).is_none(), "{bad:?}");
        }
    }
}
