//! The configuration of `pims_init` and of `pims.sdk.configuration`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz_properties::config::check(text));
