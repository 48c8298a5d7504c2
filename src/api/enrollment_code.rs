//! `pims.authentication.enrollmentcode`: a code with which another device of the account enrolls,
//! and the confirmation of that device.

#[cfg(feature = "qr")]
use base64ct::{Base64, Encoding};
use inwebo::client::getsn::CodeState;
use inwebo::values::Decision;
use zeroize::Zeroizing;

use super::failure::from_failure_of_question;
use super::{Error, Given, Method, Params, Route, Selector, Task, Validate, from_failure_of_own_mode};
use crate::message::{Member, Output};
#[cfg(feature = "qr")]
use crate::picture;
use crate::strongauth::{CodeStatus, Failure};

const API: &str = "pims.authentication.enrollmentcode";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "make",
        validate: Validate::AtLeast(&["pinCode"], make),
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "state",
        validate: Validate::None(|| {
            Task::new(|component| {
                let CodeStatus { state, own } = component
                    .strong()?
                    .enrollment_code_state()
                    .map_err(|failure| from_failure_of_question(&failure))?;
                Ok(Output::Members(members_of(state, own.map(|own| own.as_str().to_owned()))))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "confirm",
        validate: Validate::Two(["fingerprint", "pinCode"], |[fingerprint, pin]| {
            decide(Decision::Confirm, &fingerprint, &pin)
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "reject",
        validate: Validate::Two(["fingerprint", "pinCode"], |[fingerprint, pin]| {
            decide(Decision::Reject, &fingerprint, &pin)
        }),
    },
];

/// Validates the parameters of a decision about the device that entered the code.
fn decide(decision: Decision, fingerprint: &Given<'_>, pin: &Given<'_>) -> Result<Task, Error> {
    let (fingerprint, pin) = (fingerprint.fingerprint()?, pin.pin()?);
    Task::new(move |component| {
        component.strong()?.decide_enrollment(&pin, decision, &fingerprint).map_err(failed)?;
        Ok(Output::Null)
    })
}

/// Validates the parameters of a new code. `picture` may be missing.
fn make(params: &Params<'_>) -> Result<Task, Error> {
    let [pin] = params.require(["pinCode"])?;
    let pin = pin.pin()?;
    let picture = params.optional("picture").map(|picture| picture.word(&["svg", "png"])).transpose()?;
    if picture.is_some() && cfg!(not(feature = "qr")) {
        return Err(Error::invalid("picture", "this library was built without pictures"));
    }
    Task::new(move |component| {
        let made = component.strong()?.make_enrollment_code(&pin).map_err(failed)?;
        let mut members =
            vec![("code", Member::text(made.code.as_str())), ("lifetimeSeconds", Member::Number(made.lifetime))];
        if let Some(drawn) = picture.and_then(|form| draw(form, &made.code.uri())) {
            members.push(("picture", Member::Text(drawn)));
        }
        Ok(Output::Members(members))
    })
}

/// Draws a text as a QR code. A PNG is in base64.
#[cfg(feature = "qr")]
fn draw(form: &str, text: &str) -> Option<Zeroizing<String>> {
    match form {
        "svg" => picture::svg(text),
        _ => picture::png(text).map(|png| Zeroizing::new(Base64::encode_string(&png))),
    }
}

#[cfg(not(feature = "qr"))]
fn draw(_: &str, _: &str) -> Option<Zeroizing<String>> {
    None
}

/// Returns the members of a state. `own` is the fingerprint of this device, if it is the one that
/// must be confirmed.
fn members_of(state: CodeState, own: Option<String>) -> Vec<(&'static str, Member)> {
    let (word, fingerprint, name) = match state {
        CodeState::None => ("none", None, None),
        CodeState::Waiting => ("waiting", None, None),
        CodeState::Confirmed => ("confirmed", None, None),
        CodeState::EnteredBySelf => ("entered", own, None),
        CodeState::Entered { fingerprint, name } => ("entered", Some(fingerprint.as_str().to_owned()), Some(name)),
    };
    let or_null = |text: Option<String>| text.map_or(Member::Null, |text| Member::text(&text));
    vec![("state", Member::text(word)), ("fingerprint", or_null(fingerprint)), ("name", or_null(name))]
}

fn failed(failure: Failure) -> Error {
    from_failure_of_own_mode(&failure)
}
