//! The service's configuration, as far as it is read without opening a file or running a command.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| fuzz_properties::server_config::check(text));
