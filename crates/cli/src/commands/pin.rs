//! Commands that need the PIN: `pims otp`, `pims pin`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Action, OTP, OfType, PIN_CODE, Prepared, SMS_CODE, device, enroll};
use crate::arguments::{Otp, Reset};
use crate::failure::Failure;
use crate::output::Style;
use crate::status::Status;
use crate::terminal;

/// Makes a one-time password.
pub(super) fn otp(prepared: &Prepared, options: &Otp, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Password<'a> {
        #[serde(borrow)]
        otp: Cow<'a, str>,
    }
    let answer = if options.without_pin {
        prepared.open()?.get(OTP, &Action::new("withoutPIN"))?
    } else {
        let pin = terminal::pin("PIN")?;
        prepared.open()?.get(OTP, &Action { pin_code: Some(&pin), ..Action::new("withPIN") })?
    };
    let password = answer.result::<Password<'_>>().map(|password| password.otp).unwrap_or_default();
    style.write(&password, &answer)
}

/// Changes the PIN.
pub(super) fn change(prepared: &Prepared, style: Style) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Change<'a> {
        action: &'static str,
        #[serde(rename = "oldPIN")]
        old: &'a str,
        #[serde(rename = "newPIN")]
        new: &'a str,
    }
    let old = terminal::pin("Present PIN")?;
    let new = terminal::new_pin("New PIN, 4 to 8 digits")?;
    let answer = prepared.open()?.set(PIN_CODE, &Change { action: "update", old: &old, new: &new })?;
    style.write("the PIN was changed", &answer)
}

/// Sets a new PIN with an SMS code.
pub(super) fn reset(prepared: &Prepared, options: &Reset, style: Style) -> Result<(), Failure> {
    if !options.no_request {
        if !options.request_only {
            terminal::expect_input("SMS code")?;
        }
        let library = prepared.open()?;
        // A device that is not enrolled cannot use the code.
        if !device::is_enrolled(&library)? {
            return Err(Failure::Local { status: Status::State, cause: "this device is not enrolled".to_owned() });
        }
        library.get(SMS_CODE, &OfType { r#type: "resetPIN" })?;
        drop(library);
        enroll::sent(prepared);
        if options.request_only {
            return style.write_done();
        }
    }
    let code = terminal::sms_code()?;
    let pin = terminal::new_pin("New PIN, 4 to 8 digits")?;
    let reset = Action { pin_code: Some(&pin), sms_code: Some(&code), ..Action::new("reset") };
    let answer = prepared.open()?.set(PIN_CODE, &reset)?;
    style.write("the PIN was reset", &answer)
}
