//! One-time passwords.

use zeroize::Zeroizing;

use super::digest::sha256;
use super::keys::{K0, K1, SecVal};

/// The digits of base 36, in the order of the exchange.
const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Returns the password for the challenge `defi`, from K1 and the hidden service secret: 1 to 8
/// characters of `a…z0…9`.
pub fn with_pin(k1: &K1, defi: &str, secval: &SecVal) -> Zeroizing<String> {
    password(&k1.text(), defi, secval)
}

/// Returns the password without a PIN: K0 takes the place of K1.
pub fn without_pin(k0: &K0, defi: &str, secval: &SecVal) -> Zeroizing<String> {
    password(&k0.text(), defi, secval)
}

fn password(key: &str, defi: &str, secval: &SecVal) -> Zeroizing<String> {
    let hash = sha256(&[key, ":", defi, ":", &secval.text()]);
    let high = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) & 0x0fff_ffff;
    let low = u32::from_be_bytes([hash[4], hash[5], hash[6], hash[7]]) & 1023;
    base36(u64::from(high) * 1024 + u64::from(low))
}

/// Returns the number in base 36, least significant digit first. Zero is one `a`.
fn base36(mut number: u64) -> Zeroizing<String> {
    // 2^38 has 8 digits in base 36.
    let mut text = Zeroizing::new(String::with_capacity(8));
    loop {
        text.push(DIGITS[(number % 36) as usize] as char);
        number /= 36;
        if number == 0 {
            return text;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn base_36_runs_from_the_least_digit_and_zero_is_a() {
        for (number, text) in [(0, "a"), (1, "b"), (25, "z"), (26, "0"), (35, "9"), (36, "ab"), (36 * 36, "aab")] {
            assert_eq!(base36(number).as_str(), text);
        }
    }

    proptest! {
        #[test]
        fn a_password_has_at_most_eight_digits_and_tells_its_number(number in 0u64..1 << 38) {
            let text = base36(number);
            prop_assert!((1..=8).contains(&text.len()));
            let value = text.bytes().rev().fold(0, |value, digit| {
                value * 36 + DIGITS.iter().position(|&known| known == digit).unwrap() as u64
            });
            prop_assert_eq!(value, number);
        }
    }
}
