//! `pims.authentication.enrollment`: the enrollment of this device, the removal of the account's
//! enrollments.

use super::{Method, Route, Selector, Task, Validate, failed, of_enrollment};
use crate::message::Output;

const API: &str = "pims.authentication.enrollment";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enroll",
        validate: Validate::Two(["pinCode", "smsCode"], |[pin, code]| {
            let pin = pin.pin()?;
            let code = code.sms_code_or_blank()?;
            Task::new(move |component| {
                component.strong()?.enroll(&pin, code.as_ref()).map_err(of_enrollment)?;
                Ok(Output::Null)
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "enrollWithPhoneNumber",
        validate: Validate::Three(["pinCode", "smsCode", "phoneNumber"], |[pin, code, number]| {
            let pin = pin.pin()?;
            let code = code.sms_code()?;
            let number = number.phone_number()?;
            Task::new(move |component| {
                component.strong()?.enroll_with_phone_number(&pin, &code, &number).map_err(of_enrollment)?;
                Ok(Output::Null)
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "remove",
        validate: Validate::None(|| {
            Task::new(|component| {
                component.strong()?.remove().map_err(failed)?;
                Ok(Output::Null)
            })
        }),
    },
];
