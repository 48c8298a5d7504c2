//! `pims.authentication.enrollment`: the enrollment of this device, the removal of the account's
//! enrollments.

use super::{Method, Route, Selector, Task, failed, of_enrollment};
use crate::message::Output;

const API: &str = "pims.authentication.enrollment";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enroll",
        parameters: &["pinCode", "smsCode"],
        judge: |params, _| {
            let [pin, code] = params.require(["pinCode", "smsCode"])?;
            let pin = pin.pin("pinCode")?;
            let code = code.sms_code_or_blank("smsCode")?;
            Task::new(move |component| {
                component.strong()?.enroll(&pin, code.as_ref()).map_err(of_enrollment)?;
                Ok(Output::Null)
            })
        },
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enrollWithPhoneNumber",
        parameters: &["pinCode", "smsCode", "phoneNumber"],
        judge: |params, _| {
            let [pin, code, number] = params.require(["pinCode", "smsCode", "phoneNumber"])?;
            let pin = pin.pin("pinCode")?;
            let code = code.sms_code("smsCode")?;
            let number = number.phone_number("phoneNumber")?;
            Task::new(move |component| {
                component.strong()?.enroll_with_phone_number(&pin, &code, &number).map_err(of_enrollment)?;
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
        judge: |_, _| {
            Task::new(|component| {
                component.strong()?.remove().map_err(failed("pinCode"))?;
                Ok(Output::Null)
            })
        },
    },
];
