//! `pims.authentication.otp`: one-time passwords.

use super::{Method, Route, Selector, Task, failed, from_failure_without_pin};
use crate::message::Output;

const API: &str = "pims.authentication.otp";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "withPIN",
        parameters: &["pinCode"],
        judge: |params, _| {
            let [pin] = params.require(["pinCode"])?;
            let pin = pin.pin("pinCode")?;
            Task::new(move |component| {
                let otp = component.strong()?.otp_with_pin(&pin).map_err(failed("pinCode"))?;
                Ok(Output::Text("otp", otp))
            })
        },
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::Action,
        operation: "withoutPIN",
        parameters: &[],
        judge: |_, _| {
            Task::new(|component| {
                let otp = component.strong()?.otp_without_pin();
                let otp = otp.map_err(|failure| from_failure_without_pin(&failure))?;
                Ok(Output::Text("otp", otp))
            })
        },
    },
];
