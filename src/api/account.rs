//! `pims.authentication.account`: the activation of the device, the block of the account, the
//! subscription to both and to the news of the account, and the questions of the library's thread
//! for it.

use std::sync::atomic::Ordering;

use inwebo::client::BlockTimes;
use inwebo::word::Word;

use super::approval::members_of;
use super::{Component, Method, Route, Selector, Task, Validate, failed};
use crate::error::{Code, Error};
use crate::message::{Output, TransactionId};
use crate::params::{Params, Value};
use crate::strongauth::record::Block;
use crate::strongauth::{AccountView, ApprovalStatus, Failure, NewNotices};

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

/// Question that the library's thread asks the service by itself, because a subscriber waits for
/// the answer. No question costs a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Question whether the account's block is over. It is asked once, when the time of the block
    /// is over.
    Block,
    /// Question for new notices. It is asked again and again.
    Notices,
    /// Question for the device that waits for an approval. It is asked again and again.
    Approval,
}

impl Question {
    /// Every question.
    pub const ALL: [Self; 3] = [Self::Block, Self::Notices, Self::Approval];

    /// Returns whether the question is asked again and again.
    pub fn is_repeated(self) -> bool {
        self != Self::Block
    }

    /// Returns its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Notices => "notices",
            Self::Approval => "approval",
        }
    }
}

/// Outcome of a question of the library's thread.
#[derive(Debug)]
pub enum Answer {
    /// The question about the block was asked. The record has the answer, if one came.
    Block,
    /// The notices after the last one that was told.
    Notices(NewNotices),
    /// The state of the approvals.
    Approval(ApprovalStatus),
    /// The device is not enrolled, so it cannot ask. Nothing was sent.
    NotEnrolled,
    /// The service does not know the question, or has it switched off.
    NotOffered,
    /// There is no answer. The question may be asked again.
    Missing(Failure),
}

/// Asks the service a question. Without an answer everything stays as it is.
pub fn ask(component: &mut Component, question: Question) -> Answer {
    let Some(strong) = &mut component.strong else { return Answer::NotEnrolled };
    let answered = match question {
        Question::Block => strong.block().map(|_| Answer::Block),
        Question::Notices => strong.new_notices().map(Answer::Notices),
        Question::Approval => strong.approval_status().map(Answer::Approval),
    };
    answered.unwrap_or_else(|failure| match failure {
        Failure::State(..) => Answer::NotEnrolled,
        failure if failure.word() == Some(&Word::Syntax) => Answer::NotOffered,
        failure => Answer::Missing(failure),
    })
}

/// Returns the event of a new state of the approvals.
pub fn approval_event(status: &ApprovalStatus) -> Output {
    Output::Object("approval", Box::new(Output::Members(members_of(status))))
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Topics {
    activated: bool,
    blocked: bool,
    notices: bool,
    approval: bool,
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
    let mut topics = Topics::default();
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
    /// Returns whether the answer to a question can be an event of the subscription.
    pub fn include(self, question: Question) -> bool {
        match question {
            Question::Block => self.blocked,
            Question::Notices => self.notices,
            Question::Approval => self.approval,
        }
    }

    fn add(&mut self, name: &Value<'_>) -> Result<(), Error> {
        match name.as_text() {
            Some("isDeviceActivated") => self.activated = true,
            Some("isAccountBlocked") => self.blocked = true,
            Some("notices") => self.notices = true,
            Some("approval") => self.approval = true,
            _ => {
                return Err(Error::invalid(
                    "type",
                    "expected \"isDeviceActivated\", \"isAccountBlocked\", \"notices\", \"approval\", or a list of them",
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
