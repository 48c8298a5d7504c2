//! The approval of a new device, by the number that it shows: `pims approval`.

use std::borrow::Cow;

use inwebo::values::ApprovalNumber;
use serde::{Deserialize, Serialize};

use super::{Nothing, Prepared};
use crate::answer::Answer;
use crate::arguments::Decision;
use crate::failure::Failure;
use crate::output::{Style, printable};
use crate::status::Status;
use crate::table::date;
use crate::terminal;

const API: &str = "pims.authentication.approval";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct State<'a> {
    state: &'a str,
    #[serde(borrow)]
    device_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
    since: Option<i64>,
    number: Option<&'a str>,
    lifetime_seconds: Option<u64>,
}

/// Parameters of a decision.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided<'a> {
    action: &'static str,
    device_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin_code: Option<&'a str>,
}

/// Shows whether a device waits, or decides.
pub(super) fn run(prepared: &Prepared, decision: Option<&Decision>, style: Style) -> Result<(), Failure> {
    match decision {
        None => {
            let answer = ask(prepared)?;
            let text = answer.result::<State<'_>>().map(|state| lines(&state)).unwrap_or_default();
            style.write(&text, &answer)
        }
        Some(Decision::Approve { number, device }) => approve(prepared, number, device.as_deref(), style),
        Some(Decision::Reject { device }) => reject(prepared, device.as_deref(), style),
    }
}

/// Lets the new device work. The form of the number is checked first: a wrong number ends that
/// device, so a mistyped one is not sent.
fn approve(prepared: &Prepared, number: &str, device: Option<&str>, style: Style) -> Result<(), Failure> {
    let Some(number) = ApprovalNumber::read(number) else {
        return Err(Failure::usage("the number has two digits, as the new device shows them"));
    };
    let device_id = waiting(prepared, device)?;
    let pin = terminal::pin("PIN")?;
    let (number, pin_code) = (Some(number.as_str()), Some(pin.as_str()));
    let answer = prepared.open()?.set(API, &Decided { action: "approve", device_id: &device_id, number, pin_code })?;
    style.write("the new device is approved", &answer)
}

/// Ends the new device and blocks the account. It asks nothing: each second counts for the owner of
/// the account.
fn reject(prepared: &Prepared, device: Option<&str>, style: Style) -> Result<(), Failure> {
    let device_id = waiting(prepared, device)?;
    let decided = Decided { action: "reject", device_id: &device_id, number: None, pin_code: None };
    let answer = prepared.open()?.set(API, &decided)?;
    style.write("the new device was rejected, and the account is blocked: reset its PIN with `pims pin reset`", &answer)
}

/// Returns the id of the device that a decision is about: the given one, or the one that waits.
fn waiting(prepared: &Prepared, device: Option<&str>) -> Result<String, Failure> {
    if let Some(id) = device {
        return Ok(id.to_owned());
    }
    let answer = ask(prepared)?;
    let refused = |cause: &str| Failure::Local { status: Status::State, cause: cause.to_owned() };
    match answer.result::<State<'_>>() {
        Some(State { device_id: Some(id), name, .. }) => {
            if let Some(name) = name {
                terminal::say(&format!("The new device is: {}", printable(&name)));
            }
            Ok(id.into_owned())
        }
        Some(State { state: "waiting", .. }) => {
            Err(refused("this device is the new one: enter its number on another device"))
        }
        _ => Err(refused("no new device waits for an approval")),
    }
}

fn ask(prepared: &Prepared) -> Result<Answer, Failure> {
    prepared.open()?.get(API, &Nothing {})
}

/// Returns the state for people.
fn lines(state: &State<'_>) -> String {
    let mut lines = vec![format!("state: {}", printable(state.state))];
    lines.extend(state.device_id.as_ref().map(|id| format!("device: {}", printable(id))));
    lines.extend(state.name.as_ref().map(|name| format!("name: {}", printable(name))));
    lines.extend(state.since.map(|since| format!("since: {}", date(since))));
    lines.extend(state.number.map(|number| format!("number: {}", printable(number))));
    lines.extend(state.lifetime_seconds.map(|seconds| format!("seconds left: {seconds}")));
    lines.join("\n")
}
