//! Answers of the service: each operation reads any text, or returns an error.

use inwebo::client::getsn::CodeState;
use inwebo::client::{
    Answer, WrongPins, activate, getsn, newsn, otp, password, remove, reset, secret, status, synchro,
};
use inwebo::mode::Action;
use inwebo::values::EnrollmentCode;

/// Runs the property on one input.
pub fn check(xml: &str) {
    for action in [Action::Setup, Action::Finalize] {
        if let Ok(answer) = Answer::read(xml, action) {
            assert_eq!(answer.text("err"), Some("OK"));
        }
    }
    let _ = activate::Prepared::read(xml, None);
    let _ = activate::needs_confirmation(xml);
    let _ = newsn::Challenge::read(xml);
    if let Ok(made) = newsn::read(xml) {
        let again = EnrollmentCode::read(&made.code.grouped());
        assert!(again.is_some_and(|again| again == made.code));
    }
    let _ = getsn::Challenge::read(xml);
    if let Ok(CodeState::Entered { name, .. }) = getsn::read(xml) {
        assert!(!name.chars().any(char::is_control));
    }
    let _ = otp::Challenge::read(xml);
    let _ = otp::Granted::read(xml);
    let _ = password::Prepared::read(xml, None);
    let _ = password::read(xml);
    let _ = reset::Prepared::read(xml, None);
    let _ = remove::Challenge::read(xml);
    let _ = secret::read(xml);
    let _ = status::read(xml);
    let _ = synchro::Challenge::read(xml);
    let _ = WrongPins::read(xml);
}
