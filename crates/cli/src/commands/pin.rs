//! Commands that need the PIN: `pims otp`, `pims pin`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Action, OTP, OfType, PIN_CODE, SMS_CODE, enroll};
use crate::arguments::{Otp, Reset, Settings};
use crate::failure::Failure;
use crate::library::Library;
use crate::output::{Style, line};
use crate::terminal;

/// Makes a one-time password.
pub(super) fn otp(library: &Library, options: &Otp, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct Password<'a> {
        #[serde(borrow)]
        otp: Cow<'a, str>,
    }
    let answer = if options.without_pin {
        library.get(OTP, &Action::new("withoutPIN"))?
    } else {
        let pin = terminal::secret("PIN")?;
        library.get(OTP, &Action { pin_code: Some(&pin), ..Action::new("withPIN") })?
    };
    let password = answer.result::<Password<'_>>().map(|password| password.otp).unwrap_or_default();
    style.write(&password, &answer)
}

/// Changes the PIN.
pub(super) fn change(library: &Library, style: Style) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Change<'a> {
        action: &'static str,
        #[serde(rename = "oldPIN")]
        old: &'a str,
        #[serde(rename = "newPIN")]
        new: &'a str,
    }
    let old = terminal::secret("Present PIN")?;
    let new = terminal::new_pin("New PIN, 4 to 8 digits")?;
    let answer = library.set(PIN_CODE, &Change { action: "update", old: &old, new: &new })?;
    style.write("the PIN was changed", &answer)
}

/// Sets a new PIN with an SMS code.
pub(super) fn reset(library: &Library, options: &Reset, settings: &Settings, style: Style) -> Result<(), Failure> {
    if !options.no_request {
        let answer = library.get(SMS_CODE, &OfType { r#type: "resetPIN" })?;
        enroll::sent(settings)?;
        if options.request_only {
            return match style {
                Style::Text => Ok(()),
                Style::Json => line(answer.as_str()),
            };
        }
    }
    let code = terminal::secret("SMS code")?;
    let pin = terminal::new_pin("New PIN, 4 to 8 digits")?;
    let answer =
        library.set(PIN_CODE, &Action { pin_code: Some(&pin), sms_code: Some(&code), ..Action::new("reset") })?;
    style.write("the PIN was reset", &answer)
}
