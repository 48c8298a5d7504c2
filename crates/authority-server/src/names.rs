//! Names for new accounts, in a form without most of the names that look alike.
//!
//! A name is a username of RFC 8265 (3.1): parts of the profile UsernameCasePreserved with one
//! space between them. That profile fits the subjects of tokens: they are compared with their case,
//! and consist of letters and digits, addresses or URLs. OpaqueString would accept trailing blanks,
//! full-width letters and symbols, which an operator cannot tell from another name. Letters of
//! different scripts that look alike (a Latin and a Cyrillic `a`) are different names in either
//! profile.
//!
//! A database may have accounts with other names. They stay: operators reach them, a token does
//! not.

use precis_profiles::UsernameCasePreserved;
use precis_profiles::precis_core::profile::PrecisFastInvocation;

use authority::AccountName;

/// The rule for names, for an error.
pub(crate) const RULE: &str = "an account's name has 1 to 128 characters and is a username in the normal form of RFC 8265: \
     no control or invisible character, no blank but single ones inside, in NFC";

/// The rule for names of devices, for an error.
pub(crate) const DEVICE_RULE: &str =
    "a device's name has 1 to 64 characters, none of them a control character or one that turns the direction of text";

/// Returns the name of a new account. Returns `None` for a text that is not in normal form: its
/// normal form may be the name of another account.
pub(crate) fn normal(text: &str) -> Option<AccountName> {
    let is_normal = |part: &str| UsernameCasePreserved::enforce(part).is_ok_and(|enforced| enforced == part);
    text.split(' ').all(is_normal).then(|| AccountName::new(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn a_name_is_accepted_unchanged_or_refused() {
        for good in [
            "a",
            "dora",
            "Dora",
            "dora@example.org",
            "auth0|5f7c8ec7c33c6c004bbafe82",
            "248289761001",
            "00u1abcd-EF.gh_ij~k",
            "https://login.example/users/7?x=1#me",
            "CN=Dora Example,O=Example",
            "Zo\u{eb}",
            "\u{5d3}\u{5d5}\u{5e8}\u{5d4}",
            "\u{414}\u{43e}\u{440}\u{430}",
            "\u{674e}\u{5c0f}\u{9f99}",
            &"x".repeat(128),
        ] {
            assert_eq!(normal(good).as_ref().map(authority::AccountName::as_str), Some(good));
        }
        for (bad, why) in [
            ("", "nothing"),
            (" ", "a blank"),
            ("dora ", "a trailing blank"),
            (" dora", "a leading blank"),
            ("dora  example", "two blanks"),
            ("dora\u{a0}example", "a blank that does not break"),
            ("dora\u{3000}", "an ideographic blank"),
            ("dora\u{2009}", "a thin blank"),
            ("dora\t", "a tabulator"),
            ("dora\n", "a line's end"),
            ("dora\0", "a null"),
            ("dora\u{85}", "a next line"),
            ("\u{202e}arod", "a right-to-left override"),
            ("dora\u{202e}", "a right-to-left override at the end"),
            ("dora\u{200e}", "a left-to-right mark"),
            ("do\u{2066}ra\u{2069}", "an isolate"),
            ("do\u{200b}ra", "a zero-width blank"),
            ("do\u{200d}ra", "a zero-width joiner"),
            ("do\u{ad}ra", "a soft hyphen"),
            ("\u{feff}dora", "a byte order mark"),
            ("do\u{fe0f}ra", "a variation selector"),
            ("do\u{e0072}ra", "a tag"),
            ("Zoe\u{308}", "not composed"),
            ("\u{212b}ke", "the sign of the angstrom"),
            ("\u{ff44}ora", "a full-width letter"),
            ("\u{1d41d}ora", "a mathematical letter"),
            ("o\u{fb03}ce", "a ligature"),
            ("dora\u{2122}", "a symbol"),
            ("dora\u{263a}", "a picture"),
            ("dora\u{e000}", "private use"),
            ("dora\u{378}", "not assigned"),
            ("\u{5d3}dora", "both directions in one word"),
        ] {
            assert!(normal(bad).is_none(), "{why}: {bad:?}");
        }
        assert!(normal(&"x".repeat(129)).is_none());
    }
}
