//! Sealed records: a record that the key did not seal does not open.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz_properties::sealed_open::check(bytes));
