//! `pims.authentication.pincode`: the account's PIN.

use super::{Method, Route, Selector, Task, failed};
use crate::error::{Code, Error};
use crate::message::Output;

const API: &str = "pims.authentication.pincode";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "update",
        parameters: &["oldPIN", "newPIN"],
        judge: |params, _| {
            let [old, new] = params.require(["oldPIN", "newPIN"])?;
            let old = old.pin("oldPIN")?;
            let new = new.pin("newPIN")?;
            if old == new {
                return Err(Error::new(Code::PinReused));
            }
            Task::new(move |component| {
                component.strong()?.update_pin(&old, &new).map_err(failed("newPIN"))?;
                Ok(Output::Null)
            })
        },
    },
    Route {
        method: Method::Set,
        api: API,
        selector: Selector::Action,
        operation: "reset",
        parameters: &["pinCode", "smsCode"],
        judge: |params, _| {
            let [pin, code] = params.require(["pinCode", "smsCode"])?;
            let pin = pin.pin("pinCode")?;
            let code = code.sms_code("smsCode")?;
            Task::new(move |component| {
                component.strong()?.reset_pin(&pin, &code).map_err(failed("pinCode"))?;
                Ok(Output::Null)
            })
        },
    },
];
