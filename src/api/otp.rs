//! `pims.authentication.otp`: one-time passwords.

use super::{Method, Route, Selector, Task, Validate, failed, from_failure_without_pin};
use crate::message::Output;

const API: &str = "pims.authentication.otp";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "withPIN",
        validate: Validate::One(["pinCode"], |[pin]| {
            let pin = pin.pin()?;
            Task::new(move |component| {
                let otp = component.strong()?.otp_with_pin(&pin).map_err(failed)?;
                Ok(Output::Text("otp", otp))
            })
        }),
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "withoutPIN",
        validate: Validate::None(|| {
            Task::new(|component| {
                let otp = component.strong()?.otp_without_pin();
                let otp = otp.map_err(|failure| from_failure_without_pin(&failure))?;
                Ok(Output::Text("otp", otp))
            })
        }),
    },
];
