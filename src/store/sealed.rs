//! Sealed records: XChaCha20-Poly1305 under the storage key, a fresh random nonce each time.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::StorageKey;

/// Beginning of a sealed record: its kind, and the version of this envelope. It is authenticated
/// with the record.
const MAGIC: &[u8; 8] = b"PIMSREC1";

/// Part of the beginning that all versions share.
const KIND: &[u8; 7] = b"PIMSREC";

const NONCE: usize = 24;

/// Seals a record. Returns `None` if the system gives no random bytes.
pub fn seal(key: &StorageKey, record: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let body = cipher.encrypt(&XNonce::from(nonce), Payload { msg: record, aad: MAGIC }).ok()?;
    Some([&MAGIC[..], &nonce, &body].concat())
}

/// Content of a file under a key.
pub enum Opened {
    /// The record of the file.
    Record(Zeroizing<Vec<u8>>),
    /// An envelope of a newer version of this library.
    Newer,
    /// Nothing: this key did not seal the file, or the file was changed since.
    Nothing,
}

/// Opens the bytes of a file, which may be any bytes.
pub fn open(key: &StorageKey, sealed: &[u8]) -> Opened {
    let Some(rest) = sealed.strip_prefix(MAGIC) else {
        // A letter or a digit is the version of an envelope. A zero is the result of a crash.
        let version = sealed.strip_prefix(KIND).and_then(|rest| rest.first());
        let is_newer = version.is_some_and(|version| version.is_ascii_alphanumeric() && *version > MAGIC[KIND.len()]);
        return if is_newer { Opened::Newer } else { Opened::Nothing };
    };
    let Some((nonce, body)) = rest.split_first_chunk::<NONCE>() else { return Opened::Nothing };
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: MAGIC });
    opened.map_or(Opened::Nothing, |record| Opened::Record(Zeroizing::new(record)))
}
