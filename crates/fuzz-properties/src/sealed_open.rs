//! Sealed records: a record that the key did not seal does not open.

use pims::store::StorageKey;
use pims::store::sealed::{Opened, open, seal};

/// Runs the property on one input.
pub fn check(bytes: &[u8]) {
    let key = StorageKey::new([7; 32]);
    let opens = |sealed: &[u8]| matches!(open(&key, sealed), Opened::Record(_));
    assert!(!opens(bytes), "bytes that nobody sealed");
    let Some(mut sealed) = seal(&key, bytes) else { return };
    assert!(opens(&sealed));
    let (Some(place), Some(change)) = (bytes.first(), bytes.last()) else { return };
    let place = usize::from(*place) % sealed.len();
    if *change != 0 {
        sealed[place] ^= change;
        assert!(!opens(&sealed), "a byte was changed");
    }
}
