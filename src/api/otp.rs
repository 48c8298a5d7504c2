//! `pims.authentication.otp`: one-time passwords.

use super::{Method, Route, Selector, Task, failed};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    api: "pims.authentication.otp",
    selector: Selector::Action,
    operation: "withPIN",
    parameters: &["pinCode"],
    judge: |params| {
        let [pin] = params.require(["pinCode"])?;
        let pin = pin.pin("pinCode")?;
        Task::new(move |component| {
            let otp = component.strong()?.otp_with_pin(&pin).map_err(failed("pinCode"))?;
            Ok(Output::Text("otp", otp))
        })
    },
}];
