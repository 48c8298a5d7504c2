//! Memory of keys: each key has one place on the heap, from the moment when it is read or derived.

use zeroize::{Zeroize, Zeroizing};

/// The number of bytes of stack that [`wipe_stack`] overwrites: more than the deepest call that
/// handles a key.
const STACK: usize = 64 * 1024;

/// 32 bytes of key material on the heap, wiped when dropped; no `Debug`. A move of the value moves
/// a pointer and leaves no copy of the key on the stack.
pub(crate) struct KeyBytes(Box<Zeroizing<[u8; 32]>>);

impl KeyBytes {
    /// Returns a key of zeros, to be written in place.
    pub(crate) fn zeros() -> Self {
        Self(Box::new(Zeroizing::new([0; 32])))
    }

    /// Returns the key that `fill` writes in place.
    pub(crate) fn written_by(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let mut key = Self::zeros();
        fill(key.as_mut());
        key
    }

    /// Returns the key that `fill` writes in place, or its error.
    pub(crate) fn try_written_by<E>(fill: impl FnOnce(&mut [u8; 32]) -> Result<(), E>) -> Result<Self, E> {
        let mut key = Self::zeros();
        fill(key.as_mut())?;
        Ok(key)
    }
}

impl Clone for KeyBytes {
    fn clone(&self) -> Self {
        Self::written_by(|bytes| bytes.copy_from_slice(self.as_ref()))
    }
}

impl AsRef<[u8; 32]> for KeyBytes {
    fn as_ref(&self) -> &[u8; 32] {
        &self.0
    }
}

impl AsMut<[u8; 32]> for KeyBytes {
    fn as_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

/// Overwrites the part of this thread's stack that earlier calls used. Ciphers and the compiler put
/// temporary copies of keys there, and nothing else wipes them.
#[inline(never)]
pub fn wipe_stack() {
    // In words: a write of each byte would take as long as all key derivations.
    let mut stack = [0_u64; STACK / size_of::<u64>()];
    // The compiler keeps volatile writes.
    stack.zeroize();
    std::hint::black_box(&stack);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_move_leaves_the_bytes_where_they_are() {
        let key = KeyBytes::written_by(|bytes| bytes.fill(7));
        let address = key.as_ref().as_ptr();
        let moved = std::hint::black_box(key);
        assert_eq!(moved.as_ref().as_ptr(), address);
        assert_ne!(moved.clone().as_ref().as_ptr(), address);
        assert_eq!(moved.clone().as_ref(), &[7; 32]);
    }
}
