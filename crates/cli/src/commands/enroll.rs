//! `pims enroll`: an SMS code, then the PIN.

use pims::config::ServiceUrl;
use serde::{Deserialize, Serialize};

use super::{Action, ENROLLMENT, OfType, Prepared, SMS_CODE, enrollment_code};
use crate::answer::Answer;
use crate::arguments::Enroll;
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::terminal;

#[derive(Serialize)]
struct OfNumber<'a> {
    r#type: &'static str,
    #[serde(rename = "phoneNumber")]
    phone_number: &'a str,
}

/// Enrolls this device.
pub(super) fn run(prepared: &Prepared, options: &Enroll, style: Style) -> Result<(), Failure> {
    let number = if options.no_request { options.phone.clone() } else { request(prepared, options)? };
    if options.request_only {
        return style.write_done();
    }
    let answer = match number {
        Some(number) => with_number(prepared, &number)?,
        None => with_code(prepared)?,
    };
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Unconfirmed<'a> {
        #[serde(default)]
        fingerprint: Option<&'a str>,
        #[serde(default)]
        number: Option<&'a str>,
        #[serde(default)]
        lifetime_seconds: Option<u64>,
    }
    let mut lines = Vec::new();
    match answer.result::<Unconfirmed<'_>>() {
        Some(Unconfirmed { fingerprint: Some(fingerprint), .. }) => {
            lines.push("this device is enrolled, and works once it is confirmed on the other one".to_owned());
            lines.push(format!("fingerprint: {}", enrollment_code::grouped(fingerprint)));
        }
        Some(Unconfirmed { number: Some(number), lifetime_seconds, .. }) => {
            lines.push("this device is enrolled, and works once it is approved on another one".to_owned());
            lines.push(format!("number: {}", printable(number)));
            lines.extend(lifetime_seconds.map(|seconds| format!("seconds left: {seconds}")));
        }
        _ => lines.push("this device is enrolled".to_owned()),
    }
    style.write(&lines.join("\n"), &answer)
}

/// Requests the SMS code. Returns the number to register with it, if the account has none.
fn request(prepared: &Prepared, options: &Enroll) -> Result<Option<String>, Failure> {
    if !options.request_only {
        terminal::expect_input("SMS code")?;
    }
    let number = match &options.phone {
        Some(number) => number.clone(),
        None => {
            let asked = prepared.open()?.get(SMS_CODE, &OfType { r#type: "enrollment" });
            match asked {
                Ok(_) => {
                    sent(prepared);
                    return Ok(None);
                }
                Err(Failure::Refused(answer)) if answer.refusal().code == 2307 && terminal::is_interactive() => {
                    terminal::say("The account has no trusted phone number. SMS codes go to this number.");
                    terminal::text("Phone number with its country code", "")?
                }
                Err(failure) => return Err(failure),
            }
        }
    };
    prepared.open()?.get(SMS_CODE, &OfNumber { r#type: "phoneNumberCertification", phone_number: &number })?;
    sent(prepared);
    Ok(Some(number))
}

/// Tells the user where the SMS code is.
pub(super) fn sent(prepared: &Prepared) {
    if prepared.config.service() == Some(ServiceUrl::Embedded) {
        let outbox = prepared.config.storage_path.join("sms-outbox.jsonl");
        terminal::say(&format!("The embedded service has written an SMS into {}.", outbox.display()));
    } else {
        terminal::say("The service sends an SMS with a code.");
    }
}

/// Enrolls with a code. On a terminal, the answer to the code says which PIN to ask for. A script
/// gives both, and both are checked before one of them is sent.
fn with_code(prepared: &Prepared) -> Result<Answer, Failure> {
    #[derive(Deserialize)]
    struct Accepted<'a> {
        status: &'a str,
    }
    let code = terminal::sms_code()?;
    let given = if terminal::is_interactive() { None } else { Some(terminal::pin("PIN")?) };
    let accepted = prepared.open()?.set(SMS_CODE, &Action { sms_code: Some(&code), ..Action::new("enrollment") })?;
    let pin = match (given, accepted.result::<Accepted<'_>>()) {
        (Some(pin), _) => pin,
        (None, Some(Accepted { status: "AlreadyEnrolled" })) => terminal::pin("PIN of the account")?,
        (None, _) => terminal::new_pin("New PIN, 4 to 8 digits")?,
    };
    // A blank code stands for the accepted one.
    prepared.open()?.set(ENROLLMENT, &Action { sms_code: Some(" "), pin_code: Some(&pin), ..Action::new("enroll") })
}

/// Enrolls with a code that certifies the number.
fn with_number(prepared: &Prepared, number: &str) -> Result<Answer, Failure> {
    let code = terminal::sms_code()?;
    let pin = terminal::new_pin("PIN of the account, or a new one of 4 to 8 digits")?;
    prepared.open()?.set(
        ENROLLMENT,
        &Action {
            action: "enrollWithPhoneNumber",
            sms_code: Some(&code),
            pin_code: Some(&pin),
            phone_number: Some(number),
        },
    )
}
