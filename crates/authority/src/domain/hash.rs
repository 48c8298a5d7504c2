//! Keyed hashes, as the rules compare them.

/// A keyed hash, and the number of the master key that it was made with.
#[derive(Clone, Copy)]
pub(crate) struct Hash {
    pub(crate) key_id: u32,
    pub(crate) bytes: [u8; 32],
}
