//! Error of a text that is not one JSON object.
//!
//! serde_json finds it, in a copy of the text whose strings are masked: it collects a string with
//! an escape in a buffer that nobody wipes.

use serde::de::Error as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// Returns the error of a malformed text, with its line and column.
pub(super) fn of(text: &str) -> serde_json::Error {
    match serde_json::from_slice::<Map<String, Value>>(&masked(text)) {
        Err(error) => error,
        // The two readers take the same texts, and a test compares them.
        Ok(_) => serde_json::Error::custom("expected an object"),
    }
}

/// Returns a copy of a text that is malformed at the same place. In its strings, `x` stands for
/// each byte, except for those of an escape that may be malformed.
fn masked(text: &str) -> Zeroizing<Vec<u8>> {
    let mut masked = Zeroizing::new(text.as_bytes().to_vec());
    let mut is_inside = false;
    let mut at = 0;
    while let Some(byte) = masked.get(at).copied() {
        at += match byte {
            b'"' => {
                is_inside = !is_inside;
                1
            }
            b'\\' if is_inside => 1 + mask_escape(&mut masked[at + 1..]),
            0x20.. if is_inside => {
                masked[at] = b'x';
                1
            }
            _ => 1,
        };
    }
    masked
}

/// Masks the digits after `\u`, if they are no part of a surrogate pair. Returns the length of the
/// escape without its backslash.
fn mask_escape(escape: &mut [u8]) -> usize {
    let [b'u', digits @ ..] = escape else { return 1 };
    if let Some(digits) = digits.first_chunk_mut::<4>()
        && digits.iter().all(u8::is_ascii_hexdigit)
        && !matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..])
    {
        *digits = *b"0078";
    }
    5
}
