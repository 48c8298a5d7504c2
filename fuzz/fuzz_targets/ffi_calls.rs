//! Sequences of C calls: each accepted call has exactly one message, and each message is one JSON
//! object with a status.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz_properties::ffi_calls::check(bytes));
