//! The parameters of a call: any text is JSON with known values, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz_properties::params::check(text));
