//! Sealing: XChaCha20-Poly1305 under the storage key, a fresh random nonce each time.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::StorageKey;

/// What a sealed record begins with: its kind and the version of this envelope. It is authenticated with the record.
const MAGIC: &[u8; 8] = b"PIMSREC1";

const NONCE: usize = 24;

/// `record` sealed, or `None` where the system gives no random bytes.
pub(super) fn seal(key: &StorageKey, record: &[u8]) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce).ok()?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    let body = cipher.encrypt(&XNonce::from(nonce), Payload { msg: record, aad: MAGIC }).ok()?;
    Some([&MAGIC[..], &nonce, &body].concat())
}

/// The record in `sealed`, or `None` where it was not sealed by this key or was changed since.
pub(super) fn open(key: &StorageKey, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let rest = sealed.strip_prefix(MAGIC)?;
    let (nonce, body) = rest.split_first_chunk::<NONCE>()?;
    let cipher = XChaCha20Poly1305::new(key.bytes().into());
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg: body, aad: MAGIC }).ok().map(Zeroizing::new)
}
