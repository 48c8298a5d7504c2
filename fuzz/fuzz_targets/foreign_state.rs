//! The state of another client: it is read or refused, and a state that was read is the same after
//! it is written and read again. The first byte chooses the format.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| fuzz_properties::foreign_state::check(bytes));
