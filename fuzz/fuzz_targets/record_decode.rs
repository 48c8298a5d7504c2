//! The record of a device: bytes that can be read are written again as the same record.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz_properties::record_decode::check(bytes));
