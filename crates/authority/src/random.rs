//! Randomness of the system, in the forms that the service needs.

use base64ct::{Base64UrlUnpadded, Encoding};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Randomness)?;
    Ok(bytes)
}

/// Lower-case hex of `N` random bytes, for what is no secret.
pub(crate) fn hex<const N: usize>() -> Result<String, Failure> {
    Ok(inwebo_values::hex::encode(&bytes::<N>()?))
}

/// A token of 256 random bits, in base64url.
pub(crate) fn token() -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(bytes::<32>()?);
    Ok(Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes)))
}

/// A code of `digits` decimal digits, each as likely as the others; a zero may stand in front.
pub(crate) fn code(digits: usize) -> Result<Zeroizing<String>, Failure> {
    let mut code = Zeroizing::new(String::with_capacity(digits));
    for _ in 0..digits {
        code.push(char::from(b'0' + digit()?));
    }
    Ok(code)
}

/// A number of 1 to 9 decimal digits without a leading zero.
pub(crate) fn challenge_number() -> Result<u32, Failure> {
    const RANGE: u32 = 999_999_999;
    // The multiples of the range that fit: a draw beyond them would favour small numbers.
    const LIMIT: u32 = u32::MAX - u32::MAX % RANGE;
    loop {
        let drawn = u32::from_be_bytes(bytes()?);
        if drawn < LIMIT {
            return Ok(1 + drawn % RANGE);
        }
    }
}

/// A decimal digit, each as likely as the others.
fn digit() -> Result<u8, Failure> {
    const LIMIT: u8 = u8::MAX - u8::MAX % 10;
    loop {
        let [drawn] = bytes()?;
        if drawn < LIMIT {
            return Ok(drawn % 10);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_digits_and_all_of_them_occur() {
        let code = code(4000).unwrap();
        assert_eq!(code.len(), 4000);
        for digit in '0'..='9' {
            let seen = code.chars().filter(|&found| found == digit).count();
            assert!((250..550).contains(&seen), "{digit}: {seen}");
        }
    }

    #[test]
    fn a_challenge_number_has_one_to_nine_digits() {
        for _ in 0..1000 {
            assert!((1..=999_999_999).contains(&challenge_number().unwrap()));
        }
    }
}
