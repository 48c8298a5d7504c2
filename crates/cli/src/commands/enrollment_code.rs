//! `pims enrollment-code`: a code with which another device enrolls, and the confirmation of that
//! device.

use std::borrow::Cow;

use inwebo::values::EnrollmentCode as Code;
use serde::{Deserialize, Serialize};

use super::{Action, ENROLLMENT_CODE, Prepared};
use crate::arguments::EnrollmentCode;
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::terminal;

pub(super) fn run(prepared: &Prepared, options: &EnrollmentCode, style: Style) -> Result<(), Failure> {
    match options {
        EnrollmentCode::Make { no_picture } => make(prepared, !no_picture, style),
        EnrollmentCode::State => state(prepared, style),
        EnrollmentCode::Confirm { fingerprint } => {
            decide(prepared, "confirm", &fingerprint.concat(), "the other device is confirmed", style)
        }
        EnrollmentCode::Reject { fingerprint } => {
            decide(prepared, "reject", &fingerprint.concat(), "the other device was rejected", style)
        }
    }
}

/// Makes a code and shows it.
fn make(prepared: &Prepared, with_picture: bool, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Made<'a> {
        code: &'a str,
        lifetime_seconds: u64,
    }
    let pin = terminal::pin("PIN")?;
    let answer = prepared.open()?.get(ENROLLMENT_CODE, &Action { pin_code: Some(&pin), ..Action::new("make") })?;
    let made = answer.result::<Made<'_>>();
    let Some((code, seconds)) = made.and_then(|made| Some((Code::read(made.code)?, made.lifetime_seconds))) else {
        return style.write("", &answer);
    };
    let picture = if with_picture { pims::picture::blocks(&code.uri()) } else { None };
    let text = zeroize::Zeroizing::new(format!(
        "{}{}\nvalid for {seconds} seconds: enter it on the other device, then run `pims enrollment-code state` here",
        picture.as_ref().map_or("", |picture| picture.as_str()),
        code.grouped().as_str(),
    ));
    style.write(&text, &answer)
}

/// Shows the state of the code.
fn state(prepared: &Prepared, style: Style) -> Result<(), Failure> {
    #[derive(Deserialize)]
    struct State<'a> {
        state: &'a str,
        fingerprint: Option<&'a str>,
        #[serde(borrow)]
        name: Option<Cow<'a, str>>,
    }
    let answer = prepared.open()?.get(ENROLLMENT_CODE, &Action::new("state"))?;
    let Some(State { state, fingerprint, name }) = answer.result() else { return style.write("", &answer) };
    let mut lines = vec![format!("state: {state}")];
    lines.extend(fingerprint.map(|fingerprint| format!("fingerprint: {}", grouped(fingerprint))));
    lines.extend(name.map(|name| format!("name: {}", printable(&name))));
    style.write(&lines.join("\n"), &answer)
}

/// Confirms or rejects the other device.
fn decide(
    prepared: &Prepared,
    action: &'static str,
    fingerprint: &str,
    done: &str,
    style: Style,
) -> Result<(), Failure> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Decision<'a> {
        action: &'static str,
        fingerprint: &'a str,
        pin_code: &'a str,
    }
    let pin = terminal::pin("PIN")?;
    let answer = prepared.open()?.set(ENROLLMENT_CODE, &Decision { action, fingerprint, pin_code: &pin })?;
    style.write(done, &answer)
}

/// Returns a fingerprint in two groups of four digits.
pub(super) fn grouped(fingerprint: &str) -> String {
    match fingerprint.split_at_checked(4) {
        Some((first, second)) => format!("{first} {second}"),
        None => fingerprint.to_owned(),
    }
}
