//! The service's configuration, as far as it is read without opening a file or running a command.

/// Runs the property on one input.
pub fn check(text: &str) {
    let (text, variable) = text.split_once('\u{1}').unwrap_or((text, ""));
    for fault in authority_server::faults_of_form(text, variable) {
        assert!(!fault.is_empty());
    }
}
