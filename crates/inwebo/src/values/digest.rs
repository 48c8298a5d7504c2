//! The hash function of the exchange.

use sha2::{Digest, Sha256};

/// Returns the SHA-256 of the joined pieces of text.
pub(super) fn sha256(pieces: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for piece in pieces {
        hash.update(piece.as_bytes());
    }
    hash.finalize().into()
}
