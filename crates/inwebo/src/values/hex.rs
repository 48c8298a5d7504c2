//! Hexadecimal text, read and written in constant time for a given length.

use zeroize::Zeroizing;

/// Returns `bytes` in lower-case hex.
pub fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Returns secret `bytes` in lower-case hex. The text is wiped when dropped.
pub fn encode_secret(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(encode(bytes))
}

/// Returns the bytes of hex text in either case, or `None` if it is not hex of whole bytes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    base16ct::mixed::decode_vec(text).ok()
}

/// Writes the bytes of hex text in either case into `bytes`. Returns `None` if the text is not hex
/// of exactly that many bytes; then the content of `bytes` is unspecified.
pub fn decode_into(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    if text.len() != 2 * bytes.len() {
        return None;
    }
    base16ct::mixed::decode(text, bytes).ok().map(drop)
}

/// Returns exactly `N` bytes from hex text in either case, or `None` if the text is anything else.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    base16ct::mixed::decode(text, &mut bytes).ok()?;
    Some(bytes)
}
