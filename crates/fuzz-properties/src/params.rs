//! The parameters of a call: any text is JSON with known values, or an error.

use pims::params::Params;

/// Runs the property on one input.
pub fn check(text: &str) {
    let Ok(params) = Params::read(text) else { return };
    for (name, _) in params.object().members() {
        assert!(params.get(name).is_some());
    }
    for name in [
        "pinCode",
        "oldPIN",
        "newPIN",
        "smsCode",
        "phoneNumber",
        "otp",
        "token",
        "deviceId",
        "name",
        "fingerprint",
        "number",
        "picture",
    ] {
        let Ok([given]) = params.require([name]) else { continue };
        let _ = given.pin();
        let _ = given.sms_code();
        let _ = given.enrollment_code_or_blank();
        let _ = given.fingerprint();
        if let Ok(number) = given.approval_number() {
            assert_eq!(number.as_str().len(), 2);
        }
        let _ = given.word(&["svg", "png"]);
        let _ = given.phone_number();
        let _ = given.one_time_password();
        let _ = given.access_token();
        let _ = given.flag();
        if let Ok(id) = given.device_id() {
            assert!((8..=128).contains(&id.len()));
        }
        if let Ok(name) = given.device_name() {
            assert!((1..=64).contains(&name.as_str().chars().count()) && name.as_str().trim() == name.as_str());
        }
    }
    let Ok([format, state]) = params.require(["format", "state"]) else { return };
    if let Ok(format) = format.state_format() {
        let _ = state.state(format);
    }
}
