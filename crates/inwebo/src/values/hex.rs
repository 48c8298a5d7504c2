//! Hexadecimal text, read and written in constant time for a given length.

use zeroize::Zeroizing;

/// Lower-case hex of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// Lower-case hex of secret `bytes`, wiped when dropped.
pub fn encode_secret(bytes: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(encode(bytes))
}

/// The bytes of hex text in either case, or `None` where it is not hex of whole bytes.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    base16ct::mixed::decode_vec(text).ok()
}

/// Writes the bytes of hex text in either case into `bytes`, in place. `None` where the text is not
/// hex of exactly so many bytes; `bytes` is then whatever it is.
pub fn decode_into(text: &[u8], bytes: &mut [u8]) -> Option<()> {
    if text.len() != 2 * bytes.len() {
        return None;
    }
    base16ct::mixed::decode(text, bytes).ok().map(drop)
}

/// Exactly `N` bytes from hex text in either case.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    base16ct::mixed::decode(text, &mut bytes).ok()?;
    Some(bytes)
}
