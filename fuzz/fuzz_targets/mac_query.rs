//! Queries of devices, as the service reads them before it looks anything up.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| fuzz_properties::mac_query::check(query));
