//! The record of a device: bytes that can be read are written again as the same record.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pims::strongauth::record::Record;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(decoded) = Record::decode(bytes) {
        let again = decoded.record.encode();
        let Ok(second) = Record::decode(&again) else { panic!("what was written cannot be read") };
        assert_eq!(*second.record.encode(), *again);
    }
});
