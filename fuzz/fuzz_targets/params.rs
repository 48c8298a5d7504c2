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
        let Some(value) = params.get(name) else { continue };
        let _ = value.pin("pinCode");
        let _ = value.sms_code("smsCode");
        let _ = value.sms_code_or_blank("smsCode");
        let _ = value.phone_number("phoneNumber");
        let _ = value.one_time_password("otp");
        let _ = value.access_token("token");
    }
});
