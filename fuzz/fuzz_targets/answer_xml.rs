//! Answers of the service: each operation reads any text, or returns an error.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|xml: &str| fuzz_properties::answer_xml::check(xml));
