//! `pims.authentication.account`: the activation of the device, the block of the account, and the
//! subscription to both.

use std::sync::atomic::Ordering;

use inwebo::client::BlockTimes;

use super::{Component, Method, Route, Selector, Task, Validate, failed};
use crate::error::{Code, Error};
use crate::message::{Outcome, Output, TransactionId};
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
        validate: Validate::None(|| {
            Ok(Task::View(|view| {
                view.configured()?;
                Ok(Output::Flag("isDeviceActivated", view.activated.load(Ordering::Acquire)))
            }))
        }),
    },
    Route {
        method: Method::Get,
        api: API,
        selector: Selector::StrongType,
        operation: "isAccountBlocked",
        validate: Validate::None(|| {
            Task::new(|component| {
                let strong = component.strong()?;
                let block = strong.block().map_err(failed)?;
                let output = Output::Account { activated: None, blocked: Some(block_name(block)) };
                Ok(match strong.block_times() {
                    Some(BlockTimes { retry_after_seconds, until }) => output.with_info(|info| {
                        (info.retry_after_seconds, info.blocked_until) = (Some(retry_after_seconds), until);
                    }),
                    None => output,
                })
            })
        }),
    },
];

/// Asks the service whether a block of the account is over, which costs no try. Its answer changes
/// the record. Without an answer everything stays as it is.
pub fn ask_about_block(component: &mut Component) -> Outcome {
    component.strong()?.block().map_err(failed)?;
    Ok(Output::Null)
}

fn block_name(block: Option<Block>) -> &'static str {
    match block {
        Some(Block::NotBlocked) => "NotBlocked",
        Some(Block::PinBlocked) => "PinBlocked",
        Some(Block::AccountBlocked) => "AccountBlocked",
        None => "Unknown",
    }
}

/// Topics of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics {
    activated: bool,
    blocked: bool,
}

/// Subscriptions that a call ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The subscription to the api, if there is one.
    Any,
    /// The subscription whose messages have this id, and no other one.
    One(TransactionId),
}

/// Validates the parameters of a subscription.
pub fn topics(api: &str, text: &str) -> Result<Topics, Error> {
    has_events(api)?;
    topics_of(&Params::read(text)?)
}

/// Validates the parameters of a call that ends a subscription. None is required.
pub fn ending(api: &str, text: &str) -> Result<Ending, Error> {
    has_events(api)?;
    let params = Params::read(text)?;
    // The call may repeat the topics of the subscription.
    if params.get("type").is_some() {
        topics_of(&params)?;
    }
    let Some(given) = params.get("transactionId") else { return Ok(Ending::Any) };
    given
        .as_text()
        .and_then(TransactionId::read)
        .map(Ending::One)
        .ok_or_else(|| Error::invalid("transactionId", "expected the \"transactionId\" of the subscription's messages"))
}

fn has_events(api: &str) -> Result<(), Error> {
    if api == API {
        return Ok(());
    }
    Err(Error::new(Code::NotSupported).with_detail(format!("the only api with events is {API}")))
}

fn topics_of(params: &Params<'_>) -> Result<Topics, Error> {
    let mut topics = Topics { activated: false, blocked: false };
    match params.get("type") {
        None => return Err(Error::missing("type")),
        Some(Value::List(names)) if !names.is_empty() => names.iter().try_for_each(|name| topics.add(name))?,
        Some(name) => topics.add(name)?,
    }
    super::strong_action_type(params)?;
    Ok(topics)
}

impl Ending {
    /// Returns whether the call ends the subscription with this id.
    pub fn includes(self, id: TransactionId) -> bool {
        match self {
            Self::Any => true,
            Self::One(ended) => ended == id,
        }
    }
}

impl Topics {
    /// Returns whether the end of a block is an event of the subscription.
    pub fn include_block(self) -> bool {
        self.blocked
    }

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

/// Returns the event of a change, or `None` if no topic of the subscription changed.
pub fn event(topics: Topics, before: AccountView, after: AccountView) -> Option<Output> {
    let activated = (topics.activated && before.activated != after.activated).then_some(after.activated);
    let blocked =
        (topics.blocked && block_name(before.block) != block_name(after.block)).then_some(block_name(after.block));
    (activated.is_some() || blocked.is_some()).then_some(Output::Account { activated, blocked })
}
