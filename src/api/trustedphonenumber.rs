//! `pims.authentication.trustedphonenumber`: the phone number that receives SMS codes.

use super::{Method, Route, Selector, Task, failed};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    api: "pims.authentication.trustedphonenumber",
    selector: Selector::Only,
    operation: "",
    parameters: &[],
    judge: |_, _| {
        Task::new(|component| {
            let number = component.strong()?.trusted_phone_number().map_err(failed("pinCode"))?;
            Ok(Output::Texts(vec![("phoneNumber", number.into())]))
        })
    },
}];
