//! The parameters of a call: any text is JSON with known values, or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pims::params::Params;

fuzz_target!(|text: &str| {
    let Ok(params) = Params::read(text) else { return };
    for name in params.names() {
        assert!(params.get(name).is_some());
    }
    for name in ["pinCode", "oldPIN", "newPIN", "smsCode", "phoneNumber", "otp", "token"] {
        let Ok([given]) = params.require([name]) else { continue };
        let _ = given.pin();
        let _ = given.sms_code();
        let _ = given.sms_code_or_blank();
        let _ = given.phone_number();
        let _ = given.one_time_password();
        let _ = given.access_token();
    }
});
