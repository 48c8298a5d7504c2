//! What a phone number is.

/// Whether `text` is a phone number in its normal form: 6 to 15 digits after an optional `+`.
pub(crate) fn is_phone_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::is_phone_number;

    #[test]
    fn six_to_fifteen_digits_after_a_plus_or_none_are_a_number() {
        for good in ["123456", "+123456", "0612345678", "+123456789012345"] {
            assert!(is_phone_number(good), "{good}");
        }
        for bad in ["", "+", "12345", "1234567890123456", "++123456", "06 12 34 56", "123456+", "12345a"] {
            assert!(!is_phone_number(bad), "{bad}");
        }
    }
}
