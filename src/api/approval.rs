//! `pims.authentication.approval`: the new device of the account that waits for an approval, its
//! approval, and its rejection.

use inwebo::client::checkpush::ApprovalState;

use super::failure::{from_failure_of_question, of_approval};
use super::{Error, Method, Route, Selector, Task, Validate, from_failure_of_own_mode};
use crate::message::{Member, Output};
use crate::strongauth::{ApprovalStatus, Failure};

const API: &str = "pims.authentication.approval";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Only,
        operation: "",
        validate: Validate::None(|| {
            Task::new(|component| {
                let status = component.strong()?.approval_status().map_err(failed_without_pin)?;
                Ok(Output::Members(members_of(&status)))
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "approve",
        validate: Validate::Three(["deviceId", "number", "pinCode"], |[device, number, pin]| {
            let device = device.device_id()?;
            let number = number.approval_number()?;
            let pin = pin.pin()?;
            Task::new(move |component| {
                component.strong()?.approve_device(&pin, &device, &number).map_err(failed)?;
                Ok(Output::Null)
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "reject",
        validate: Validate::One(["deviceId"], |[device]| {
            let device = device.device_id()?;
            Task::new(move |component| {
                component.strong()?.reject_device(&device).map_err(failed_without_pin)?;
                Ok(Output::Null)
            })
        }),
    },
];

/// Returns the members of a state. Each state has all of them.
pub(super) fn members_of(ApprovalStatus { state, own }: &ApprovalStatus) -> Vec<(&'static str, Member)> {
    let (word, device, lifetime) = match state {
        ApprovalState::None => ("none", None, None),
        ApprovalState::Asked { device, name, since, lifetime } => {
            ("asked", Some((device, name, since)), Some(lifetime))
        }
        ApprovalState::Waiting { lifetime } => ("waiting", None, Some(lifetime)),
    };
    let text = |text: Option<&str>| text.map_or(Member::Null, Member::text);
    let number = |number: Option<&u64>| number.map_or(Member::Null, |number| Member::Number(*number));
    vec![
        ("state", Member::text(word)),
        ("deviceId", text(device.map(|(id, ..)| id.as_str()))),
        ("name", text(device.map(|(_, name, _)| name.as_str()))),
        ("since", number(device.map(|(.., since)| since))),
        ("number", text(own.as_ref().map(|own| own.as_str()))),
        ("lifetimeSeconds", number(lifetime)),
    ]
}

fn failed(failure: Failure) -> Error {
    of_approval(from_failure_of_own_mode(&failure), &failure)
}

fn failed_without_pin(failure: Failure) -> Error {
    of_approval(from_failure_of_question(&failure), &failure)
}
