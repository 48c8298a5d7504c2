//! The name by which the service knows a person.

/// An account's name: 1 to 128 characters, none of them a control character. Not a secret; it stands in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl AccountName {
    const MAX_CHARACTERS: usize = 128;

    /// The name in `text`, or `None` where it is none.
    pub fn new(text: &str) -> Option<Self> {
        let fits = (1..=Self::MAX_CHARACTERS).contains(&text.chars().count());
        (fits && !text.chars().any(char::is_control)).then(|| Self(text.to_owned()))
    }

    /// A name that was one when it was stored.
    pub(crate) fn stored(name: String) -> Self {
        Self(name)
    }

    /// Its text.
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
