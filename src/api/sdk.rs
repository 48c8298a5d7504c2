//! `pims.sdk.*`: the library itself.

use std::borrow::Cow;

use super::{Method, Route, Selector, Task};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    api: "pims.sdk.version",
    selector: Selector::Only,
    operation: "",
    parameters: &[],
    judge: |_| {
        Ok(Task::View(|_| {
            let version = Cow::Borrowed(env!("CARGO_PKG_VERSION"));
            Ok(Output::Texts(vec![("versionCore", version.clone()), ("versionFacade", version)]))
        }))
    },
}];
