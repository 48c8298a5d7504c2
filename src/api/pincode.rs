//! `pims.authentication.pincode`: the account's PIN.

use super::{Method, Route, Selector, Task, Validate, failed, from_failure};
use crate::error::{Code, Error};
use crate::message::Output;

const API: &str = "pims.authentication.pincode";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "update",
        validate: Validate::Two(["oldPIN", "newPIN"], |[old, new]| {
            let old = old.pin()?;
            // The service may refuse the new PIN.
            let refusable = new.name;
            let new = new.pin()?;
            if old == new {
                return Err(Error::new(Code::PinReused));
            }
            Task::new(move |component| {
                component.strong()?.update_pin(&old, &new).map_err(|failure| from_failure(&failure, refusable))?;
                Ok(Output::Null)
            })
        }),
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "reset",
        validate: Validate::Two(["pinCode", "smsCode"], |[pin, code]| {
            let pin = pin.pin()?;
            let code = code.sms_code()?;
            Task::new(move |component| {
                component.strong()?.reset_pin(&pin, &code).map_err(failed)?;
                Ok(Output::Null)
            })
        }),
    },
];
