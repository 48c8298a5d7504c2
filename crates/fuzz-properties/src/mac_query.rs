//! Queries of devices, as the service reads them before it looks anything up.

use authority::{MacRequest, Mode};

/// Runs the property on one input.
pub fn check(query: &str) {
    let request = MacRequest::read(query);
    if request.may_open_blocks() {
        assert!(matches!(request.mode(), Some(Mode::Activate | Mode::Secret | Mode::Password | Mode::Reset)));
    }
    assert!(!request.has_code_of_device() || request.mode() == Some(Mode::Activate));
}
