//! `pims.authority.otp`: the embedded authority as a relying party. It is an addition to the
//! reference, for demos and tests without a server.

use super::{Method, Route, Selector, Task, Validate};
use crate::error::{Code, Error};
use crate::message::Output;
use crate::transport::Transport;

pub(super) const ROUTES: &[Route] = &[Route {
    method: Method::Set,
    api: "pims.authority.otp",
    selector: Selector::Action,
    operation: "verify",
    validate: Validate::One(["otp"], |[otp]| {
        let otp = otp.one_time_password()?;
        Task::new(move |component| {
            let Some(authority) = &component.authority else {
                return Err(Error::of_component(Code::NotLoaded, "EmbeddedAuthority"));
            };
            authority.check().map_err(|error| Error::from(&error))?;
            let verified = authority
                .verify_otp(&otp)
                .map_err(|error| Error::new(Code::ServerError).with_detail(error.to_string()))?;
            Ok(Output::Flag("verified", verified))
        })
    }),
}];
