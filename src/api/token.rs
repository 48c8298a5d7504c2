//! `pims.authentication.token`: the host application's access token. It is an addition: the
//! reference's applications hand the token over elsewhere.

use super::{Method, Route, Selector, Task};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Set,
    api: "pims.authentication.token",
    selector: Selector::Type,
    operation: "cvs",
    parameters: &["token"],
    judge: |params, _| {
        let [token] = params.require(["token"])?;
        let token = token.access_token("token")?;
        Task::new(move |component| {
            component.strong()?;
            component.token.set(token);
            Ok(Output::Null)
        })
    },
}];
