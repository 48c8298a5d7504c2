//! Queries of devices, as the service reads them before it looks anything up.

#![no_main]

use authority::{MacRequest, Mode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    let request = MacRequest::read(query);
    if request.may_open_blocks() {
        assert!(matches!(request.mode(), Some(Mode::Activate | Mode::Secret | Mode::Password | Mode::Reset)));
    }
});
