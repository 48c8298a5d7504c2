//! `pims.authentication.enrollment`: enroll this device, remove the account's enrollments.

use super::{Method, Route, Selector, Task, failed};
use crate::message::Output;

const API: &str = "pims.authentication.enrollment";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enroll",
        parameters: &["pinCode", "smsCode"],
        judge: |params| {
            let [pin, code] = params.require(["pinCode", "smsCode"])?;
            let pin = pin.pin("pinCode")?;
            let code = code.sms_code_or_blank("smsCode")?;
            Task::new(move |component| {
                component.strong()?.enroll(&pin, code.as_ref()).map_err(failed("pinCode"))?;
                Ok(Output::Null)
            })
        },
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "remove",
        parameters: &[],
        judge: |_| {
            Task::new(|component| {
                component.strong()?.remove().map_err(failed("pinCode"))?;
                Ok(Output::Null)
            })
        },
    },
];
