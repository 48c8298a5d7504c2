//! `pims.authentication.account`: is the device activated, is the account blocked; and its subscription.

use std::sync::atomic::Ordering;

use super::{Method, Route, Selector, Task, failed};
use crate::error::Error;
use crate::message::Output;
use crate::params::{Params, Value};
use crate::strongauth::AccountView;
use crate::strongauth::record::Block;

const API: &str = "pims.authentication.account";

pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::StrongType,
        operation: "isDeviceActivated",
        parameters: &[],
        judge: |_, _| {
            Ok(Task::View(|view| {
                view.configured()?;
                Ok(Output::Flag("isDeviceActivated", view.activated.load(Ordering::Acquire)))
            }))
        },
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::StrongType,
        operation: "isAccountBlocked",
        parameters: &[],
        judge: |_, _| {
            Task::new(|component| {
                let block = component.strong()?.block().map_err(failed("pinCode"))?;
                Ok(Output::Account { activated: None, blocked: Some(word(block)) })
            })
        },
    },
];

fn word(block: Option<Block>) -> &'static str {
    match block {
        Some(Block::NotBlocked) => "NotBlocked",
        Some(Block::PinBlocked) => "PinBlocked",
        Some(Block::AccountBlocked) => "AccountBlocked",
        None => "Unknown",
    }
}

/// What a subscription asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics {
    activated: bool,
    blocked: bool,
}

/// Judges the parameters of a subscription, or of its end, which needs none. Both may name the api alone.
pub fn topics(method: Method, api: &str, text: &str) -> Result<Topics, Error> {
    if api != API {
        return Err(super::Error::new(crate::error::Code::NotSupported)
            .with_detail(format!("the only api with events is {API}")));
    }
    let params = Params::read(text)?;
    if method == Method::Unsubscribe && params.get("type").is_none() {
        return Ok(Topics { activated: true, blocked: true });
    }
    let mut topics = Topics { activated: false, blocked: false };
    match params.get("type") {
        None => return Err(Error::missing("type")),
        Some(Value::List(names)) if !names.is_empty() => names.iter().try_for_each(|name| topics.add(name))?,
        Some(name) => topics.add(name)?,
    }
    super::strong_action_type(&params)?;
    Ok(topics)
}

impl Topics {
    fn add(&mut self, name: &Value<'_>) -> Result<(), Error> {
        match name.as_text() {
            Some("isDeviceActivated") => self.activated = true,
            Some("isAccountBlocked") => self.blocked = true,
            _ => {
                return Err(Error::invalid(
                    "type",
                    "expected \"isDeviceActivated\", \"isAccountBlocked\", or a list of them",
                ));
            }
        }
        Ok(())
    }
}

/// What a subscriber is told of a change, or nothing where nothing of it was asked for.
pub fn event(topics: Topics, before: AccountView, after: AccountView) -> Option<Output> {
    let activated = (topics.activated && before.activated != after.activated).then_some(after.activated);
    let blocked = (topics.blocked && word(before.block) != word(after.block)).then_some(word(after.block));
    (activated.is_some() || blocked.is_some()).then_some(Output::Account { activated, blocked })
}
