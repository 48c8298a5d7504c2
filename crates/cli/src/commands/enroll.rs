//! `pims enroll`: an SMS code, then the PIN.

use pims::config::{Config, ServiceUrl};
use serde::{Deserialize, Serialize};

use super::{Action, ENROLLMENT, OfType, SMS_CODE};
use crate::arguments::{Enroll, Settings};
use crate::configuration;
use crate::failure::Failure;
use crate::library::Library;
use crate::output::{Style, line};
use crate::terminal;

#[derive(Serialize)]
struct OfNumber<'a> {
    r#type: &'static str,
    #[serde(rename = "phoneNumber")]
    phone_number: &'a str,
}

/// Enrolls this device.
pub(super) fn run(library: &Library, options: &Enroll, settings: &Settings, style: Style) -> Result<(), Failure> {
    let number = if options.no_request { options.phone.clone() } else { request(library, options)? };
    if !options.no_request {
        sent(settings)?;
    }
    if options.request_only {
        return match style {
            Style::Text => Ok(()),
            Style::Json => line(r#"{"status":"SUCCEEDED","result":null}"#),
        };
    }
    let answer = match number {
        Some(number) => with_number(library, &number)?,
        None => with_code(library)?,
    };
    style.write("this device is enrolled", &answer)
}

/// Requests the SMS code. Returns the number to register with it, if the account has none.
fn request(library: &Library, options: &Enroll) -> Result<Option<String>, Failure> {
    let number = match &options.phone {
        Some(number) => number.clone(),
        None => match library.get(SMS_CODE, &OfType { r#type: "enrollment" }) {
            Ok(_) => return Ok(None),
            Err(Failure::Refused(answer)) if answer.refusal().code == 2307 && terminal::is_interactive() => {
                terminal::say("The account has no trusted phone number. SMS codes go to this number.")?;
                terminal::text("Phone number with its country code", "")?
            }
            Err(failure) => return Err(failure),
        },
    };
    library.get(SMS_CODE, &OfNumber { r#type: "phoneNumberCertification", phone_number: &number })?;
    Ok(Some(number))
}

/// Tells the user where the SMS code is.
pub(super) fn sent(settings: &Settings) -> Result<(), Failure> {
    let config = Config::read(&configuration::read(settings)?).ok();
    match config.filter(|config| config.service() == Some(ServiceUrl::Embedded)) {
        Some(config) => {
            let outbox = config.storage_path.join("sms-outbox.jsonl");
            terminal::say(&format!("The embedded service has written an SMS into {}.", outbox.display()))
        }
        None => terminal::say("The service sends an SMS with a code."),
    }
}

fn with_code(library: &Library) -> Result<crate::answer::Answer, Failure> {
    #[derive(Deserialize)]
    struct Accepted<'a> {
        status: &'a str,
    }
    let code = terminal::secret("SMS code")?;
    let accepted = library.set(SMS_CODE, &Action { sms_code: Some(&code), ..Action::new("enrollment") })?;
    let pin = match accepted.result::<Accepted<'_>>() {
        Some(Accepted { status: "AlreadyEnrolled" }) => terminal::secret("PIN of the account")?,
        _ => terminal::new_pin("New PIN, 4 to 8 digits")?,
    };
    // A blank code stands for the accepted one.
    library.set(ENROLLMENT, &Action { sms_code: Some(" "), pin_code: Some(&pin), ..Action::new("enroll") })
}

/// Enrolls with a code that certifies the number.
fn with_number(library: &Library, number: &str) -> Result<crate::answer::Answer, Failure> {
    let code = terminal::secret("SMS code")?;
    let pin = terminal::new_pin("PIN of the account, or a new one of 4 to 8 digits")?;
    library.set(
        ENROLLMENT,
        &Action {
            action: "enrollWithPhoneNumber",
            sms_code: Some(&code),
            pin_code: Some(&pin),
            phone_number: Some(number),
        },
    )
}
