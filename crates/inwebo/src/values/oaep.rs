//! The padding of RSA-OAEP with SHA-256, MGF1 over SHA-256 and an empty label (RFC 8017, section
//! 7.1).
//!
//! It is separate from RSA because the exchange uses it in both directions: with the public
//! exponent to encrypt, and with the private exponent to seal. No RSA library offers the second.
//! The seed is an argument.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

const HASH: usize = 32;

/// Bytes of a block that carry no message: two hashes and two marks.
pub const OVERHEAD: usize = 2 * HASH + 2;

/// Returns the SHA-256 of the empty label.
fn label_hash() -> [u8; HASH] {
    Sha256::digest(b"").into()
}

/// Returns a padded block of `size` bytes, or `None` if the message is longer than `size -
/// OVERHEAD`.
pub fn encode(size: usize, message: &[u8], seed: &[u8; HASH]) -> Option<Zeroizing<Vec<u8>>> {
    if message.len() > size.checked_sub(OVERHEAD)? {
        return None;
    }
    let mut block = Zeroizing::new(vec![0; size]);
    let (head, data) = block.split_at_mut(1 + HASH);
    let masked_seed = &mut head[1..];
    masked_seed.copy_from_slice(seed);
    data[..HASH].copy_from_slice(&label_hash());
    let start = data.len() - message.len();
    data[start - 1] = 1;
    data[start..].copy_from_slice(message);
    mask(data, masked_seed);
    mask(masked_seed, data);
    Some(block)
}

/// Returns the message in a padded block, or `None`. The running time does not tell which check
/// failed.
pub fn decode(block: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if block.len() < OVERHEAD {
        return None;
    }
    let mut block = Zeroizing::new(block.to_vec());
    let (head, data) = block.split_at_mut(1 + HASH);
    let (first, seed) = head.split_at_mut(1);
    mask(seed, data);
    mask(data, seed);

    let mut valid = first[0].ct_eq(&0) & data[..HASH].ct_eq(&label_hash());
    // The bytes after the hash are zeros, a one and the message. The loop looks at every byte,
    // wherever the one is.
    let mut looking = Choice::from(1);
    let mut start = 0u32;
    for (place, byte) in data.iter().enumerate().skip(HASH) {
        let one = looking & byte.ct_eq(&1);
        start.conditional_assign(&(place as u32 + 1), one);
        valid &= !looking | byte.ct_eq(&0) | byte.ct_eq(&1);
        looking &= !one;
    }
    valid &= !looking;
    bool::from(valid).then(|| Zeroizing::new(data[start as usize..].to_vec()))
}

/// Returns the seed of a padded block. With it, a test repeats a recorded encryption byte for byte.
pub fn seed_of(block: &[u8]) -> Option<[u8; HASH]> {
    if block.len() < OVERHEAD {
        return None;
    }
    let mut seed = [0; HASH];
    seed.copy_from_slice(&block[1..=HASH]);
    mask(&mut seed, &block[1 + HASH..]);
    Some(seed)
}

/// Replaces `target` by its exclusive or with MGF1(`source`).
fn mask(target: &mut [u8], source: &[u8]) {
    for (counter, piece) in (0u32..).zip(target.chunks_mut(HASH)) {
        let hash = Sha256::new().chain_update(source).chain_update(counter.to_be_bytes()).finalize();
        for (byte, pad) in piece.iter_mut().zip(hash) {
            *byte ^= pad;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_padded_is_found_again(message in prop::collection::vec(any::<u8>(), 0..=62), seed in any::<[u8; 32]>()) {
            let block = encode(128, &message, &seed).unwrap();
            prop_assert_eq!(block.len(), 128);
            prop_assert_eq!(block[0], 0);
            prop_assert_eq!(&*decode(&block).unwrap(), &message);
            prop_assert_eq!(seed_of(&block).unwrap(), seed);
        }

        #[test]
        fn a_block_with_a_changed_bit_is_refused(message in prop::collection::vec(any::<u8>(), 0..=62), seed in any::<[u8; 32]>(), bit in 0usize..1024) {
            let mut block = encode(128, &message, &seed).unwrap();
            block[bit / 8] ^= 1 << (bit % 8);
            // A changed seed scrambles the hash of the label. A changed data byte breaks a check or
            // the message.
            prop_assert!(decode(&block).is_none_or(|found| *found != message));
        }

        #[test]
        fn any_bytes_are_decoded_or_refused(block in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&block);
            let _ = seed_of(&block);
        }
    }

    #[test]
    fn a_message_that_does_not_fit_is_refused() {
        assert!(encode(128, &[0; 63], &[0; 32]).is_none());
        assert!(encode(10, &[], &[0; 32]).is_none());
        assert!(encode(OVERHEAD, &[], &[0; 32]).is_some());
    }

    #[test]
    fn a_block_without_its_mark_is_refused() {
        let mut block = vec![0; 128];
        block[1 + HASH..1 + 2 * HASH].copy_from_slice(&label_hash());
        let (head, data) = block.split_at_mut(1 + HASH);
        mask(data, &head[1..]);
        mask(&mut head[1..], data);
        assert!(decode(&block).is_none());
    }
}
