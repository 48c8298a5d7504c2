//! Answers of the service: each operation reads any text, or returns an error. So does the list of
//! devices of CVS, which is JSON.

use inwebo::client::checkpush::ApprovalState;
use inwebo::client::getsn::CodeState;
use inwebo::client::{
    Answer, BlockTimes, WrongPins, activate, checkpush, devices, getsn, messages, newsn, otp, password, remove, reset,
    secret, status, synchro,
};
use inwebo::mode::Action;
use inwebo::values::{Approval, ApprovalNumber, DeviceName, EnrollmentCode};

/// Runs the property on one input.
pub fn check(xml: &str) {
    for action in [Action::Setup, Action::Finalize] {
        if let Ok(answer) = Answer::read(xml, action) {
            assert_eq!(answer.text("err"), Some("OK"));
        }
    }
    let _ = activate::Prepared::read(xml, None);
    let _ = activate::Awaited::read(xml);
    let _ = newsn::Challenge::read(xml);
    if let Ok(made) = newsn::read(xml) {
        let again = EnrollmentCode::read(&made.code.grouped());
        assert!(again.is_some_and(|again| again == made.code));
    }
    let _ = getsn::Challenge::read(xml);
    if let Ok(CodeState::Entered { name, .. }) = getsn::read(xml) {
        assert!(!name.chars().any(char::is_control));
    }
    let _ = messages::Challenge::read(xml);
    if let Ok(page) = messages::read(xml, 4) {
        let mut before = 4;
        for notice in &page.notices {
            assert!(notice.number > before, "a device that asks on makes progress");
            before = notice.number;
            assert!(notice.event.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !notice.event.is_empty());
            assert!(!notice.name.as_deref().unwrap_or_default().chars().any(char::is_control));
        }
        assert!(!page.more || !page.notices.is_empty());
    }
    let _ = checkpush::Challenge::read(xml);
    if let Ok(ApprovalState::Asked { device, name, .. }) = checkpush::read(xml) {
        assert!((1..=128).contains(&device.len()) && !name.chars().any(char::is_control));
    }
    if let Some(number) = ApprovalNumber::read("47") {
        let both =
            [Approval::Approve(&number), Approval::Reject].map(|decision| checkpush::read_decision(xml, decision));
        assert!(both.iter().any(Result::is_err), "one answer is the result of one decision");
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
    let _ = devices::ListChallenge::read(xml);
    let _ = devices::read_change(xml);
    if let Ok(devices) = devices::read_list(xml) {
        for device in &devices {
            assert!((1..=128).contains(&device.id.len()) && device.id.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!DeviceName::cleaned(&device.name).chars().any(char::is_control));
        }
    }
    let _ = pims::transport::http::read_devices(xml);
    // Only the refusal of a blocked account has times.
    if BlockTimes::read(xml).is_some() {
        assert!(status::read(xml).is_err());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn lists_of_devices_notices_and_approvals_are_read_or_refused() {
        let devices = |end: &str| {
            format!(
                "<ActionFinalize><err>OK</err><device><id>a8f3c1d0</id><name>a&#x202e;\u{85}b</name><since>1</since>{end}"
            )
        };
        for end in ["</device></ActionFinalize>", "</device>", "<used>x</used></device></ActionFinalize>", ""] {
            super::check(&devices(end));
        }
        for children in [
            "<notice><number>5</number><event>reset</event><at>1</at><name>a\u{85}b</name></notice><more>1</more>",
            "<notice><number>5</number><event>reset</event><at>1</at></notice><notice><number>5</number></notice>",
            "<state>asked</state><device>a8f3c1d0</device><name>a&#10;b</name><since>1</since><lifetime>2</lifetime>",
            "<state>approved</state>",
            "<state>none</state>",
        ] {
            super::check(&format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>"));
        }
        super::check(r#"{"devices":[{"id":"a8f3c1d0","name":"x","since":1}]}"#);
    }
}
