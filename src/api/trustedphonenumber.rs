//! `pims.authentication.trustedphonenumber`: the phone number that receives SMS codes.

use super::{Method, Route, Selector, Task, Validate, failed};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    api: "pims.authentication.trustedphonenumber",
    selector: Selector::Only,
    operation: "",
    validate: Validate::None(|| {
        Task::new(|component| {
            let number = component.strong()?.trusted_phone_number().map_err(failed)?;
            Ok(Output::Texts(vec![("phoneNumber", number.into())]))
        })
    }),
}];
