//! Random bytes from the system, in the forms that the service needs.

use base64ct::{Base64UrlUnpadded, Encoding};
use inwebo::values::Ticket;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Returns `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Randomness)?;
    Ok(bytes)
}

/// Returns this number of random bytes.
pub(crate) fn many(length: usize) -> Result<Vec<u8>, Failure> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).map_err(|_| Failure::Randomness)?;
    Ok(bytes)
}

/// Returns lower-case hex of `N` random bytes. It is for values that are not secret.
pub fn hex<const N: usize>() -> Result<String, Failure> {
    Ok(inwebo::values::hex::encode(&bytes::<N>()?))
}

/// Returns the id of a new device: 16 lower-case hex digits, of which the first is a letter from
/// `a` to `d`. Some clients read an id such as `12345678e0123456` as a number.
pub(crate) fn device_id() -> Result<String, Failure> {
    let mut id = bytes::<8>()?;
    id[0] = 0xa0 + (id[0] & 0x3f);
    Ok(inwebo::values::hex::encode(&id))
}

/// Returns a token of 256 random bits in base64url.
pub fn token() -> Result<Zeroizing<String>, Failure> {
    let bytes = Zeroizing::new(bytes::<32>()?);
    Ok(Zeroizing::new(Base64UrlUnpadded::encode_string(&*bytes)))
}

/// Returns a text of `length` symbols of an alphabet of at most 256. All symbols are equally
/// likely.
pub(crate) fn symbols(alphabet: &[u8], length: usize) -> Result<Zeroizing<String>, Failure> {
    let mut text = Zeroizing::new(String::with_capacity(length));
    while text.len() < length {
        let [drawn] = bytes()?;
        // A draw beyond the last multiple of the alphabet's size would favour its first symbols.
        let even = usize::from(drawn) < 256 - 256 % alphabet.len();
        if even && let Some(symbol) = alphabet.get(usize::from(drawn) % alphabet.len()) {
            text.push(char::from(*symbol));
        }
    }
    Ok(text)
}

/// Returns a new ticket.
pub(crate) fn ticket() -> Result<Ticket, Failure> {
    Ok(Ticket::of(&Zeroizing::new(bytes::<16>()?)))
}

/// Returns a random number of 1 to 9 decimal digits without a leading zero.
pub(crate) fn challenge_number() -> Result<u32, Failure> {
    const RANGE: u32 = 999_999_999;
    // The largest multiple of the range: a draw at or beyond it would favour small numbers.
    const LIMIT: u32 = u32::MAX - u32::MAX % RANGE;
    loop {
        let drawn = u32::from_be_bytes(bytes()?);
        if drawn < LIMIT {
            return Ok(1 + drawn % RANGE);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_symbol_is_as_likely_as_the_others() {
        for alphabet in [&b"0123456789"[..], b"abc"] {
            let text = symbols(alphabet, 400 * alphabet.len()).unwrap();
            for symbol in alphabet {
                let seen = text.bytes().filter(|found| found == symbol).count();
                assert!((250..550).contains(&seen), "{symbol}: {seen}");
            }
        }
    }

    #[test]
    fn an_id_of_a_device_is_no_number() {
        let ids: Vec<String> = (0..400).map(|_| device_id().unwrap()).collect();
        assert!(ids.iter().all(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())));
        for letter in ["a", "b", "c", "d"] {
            assert!(ids.iter().any(|id| id.starts_with(letter)), "{letter}");
        }
        assert!(ids.iter().all(|id| id.starts_with(['a', 'b', 'c', 'd'])));
    }

    #[test]
    fn a_challenge_number_has_one_to_nine_digits() {
        for _ in 0..1000 {
            assert!((1..=999_999_999).contains(&challenge_number().unwrap()));
        }
    }
}
