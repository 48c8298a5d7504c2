//! The record of a device: bytes that can be read are written again as the same record.

use pims::strongauth::record::Record;

/// Runs the property on one input.
pub fn check(bytes: &[u8]) {
    if let Ok(decoded) = Record::decode(bytes) {
        let again = decoded.record.encode();
        let Ok(second) = Record::decode(&again) else { panic!("what was written cannot be read") };
        assert_eq!(*second.record.encode(), *again);
    }
}
