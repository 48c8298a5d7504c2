//! `pims.authentication.token`: the host application's access token. It is an addition: the
//! reference's applications hand the token over elsewhere.

use super::{Method, Route, Selector, Task, Validate};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Set,
    api: "pims.authentication.token",
    selector: Selector::Type,
    operation: "cvs",
    validate: Validate::One(["token"], |[token]| {
        let token = token.access_token()?;
        Task::new(move |component| {
            component.strong()?;
            component.token.set(token);
            Ok(Output::Null)
        })
    }),
}];
