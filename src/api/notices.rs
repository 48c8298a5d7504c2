//! `pims.authentication.notices`: the events of the account.

use super::failure::from_failure_of_question;
use super::{Method, Route, Selector, Task, Validate};
use crate::message::Output;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Get,
    api: "pims.authentication.notices",
    selector: Selector::Only,
    operation: "",
    validate: Validate::None(|| {
        Task::new(|component| {
            let mut notices = component.strong()?.notices().map_err(|failure| from_failure_of_question(&failure))?;
            notices.reverse();
            Ok(Output::Notices(notices))
        })
    }),
}];
