//! The MAC service, which devices speak to: one query in, one XML answer out.
//!
//! Each operation has a file of its own. A request is read in full before a transaction begins, so
//! that a malformed request changes nothing. A refusal commits its transaction, so that its charges
//! are kept.

mod activate;
mod answer;
mod check_push;
mod context;
mod device_session;
mod devices;
mod expected_finalize;
mod getsn;
mod messages;
mod new_pin;
mod newsn;
mod otp;
mod password;
mod proof;
mod query;
mod refusal;
mod remove;
mod remove_device;
mod rename_device;
mod request;
mod reset;
mod secret;
mod status;
mod synchro;

use std::cell::Cell;
use std::fmt;

use inwebo::mode::{Action, Mode};
use inwebo::word::Word;
use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::failure::Failure;
use crate::service_keys::KeyCache;
use crate::step::Context;
use answer::Granted;
use context::{MacContext, MacResult};
#[cfg(feature = "bulk")]
pub(crate) use device_session::copy_device;
pub(crate) use device_session::reseal_device;
use refusal::{Refusal, StepError};
pub use request::MacRequest;

/// An answer of the exchange.
#[derive(Clone)]
pub struct MacAnswer {
    /// The mode of the request, if the request names one.
    pub mode: Option<Mode>,
    /// The error word; `None` if the request was granted.
    pub word: Option<Word>,
    /// The XML that the device reads. It may hold keys: it is wiped when dropped.
    pub xml: Zeroizing<String>,
    /// True if the service opened RSA blocks of the request. This is expensive: a host limits how
    /// often a client may cause it in vain.
    pub opened_blocks: bool,
}

impl MacAnswer {
    fn new(mode: Option<Mode>, action: Option<Action>, result: Result<Granted, Refusal>, opened_blocks: bool) -> Self {
        let xml = Zeroizing::new(answer::write(action.unwrap_or(Action::Setup), &result));
        Self { mode, word: result.err().map(|refusal| refusal.word), xml, opened_blocks }
    }
}

impl MacAnswer {
    /// Returns the answer that refuses a request with a word, in the form of a real one. A host
    /// uses it to test a client.
    pub fn refusal(request: &MacRequest, word: Word) -> Self {
        Self::new(request.mode(), request.action(), Err(word.into()), false)
    }
}

/// Shows only the mode and the word.
impl fmt::Debug for MacAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { mode, word, .. } = self;
        formatter.debug_struct("MacAnswer").field("mode", mode).field("word", word).finish_non_exhaustive()
    }
}

/// Answers one request.
pub(crate) fn answer(
    ctx: &Context<'_>,
    keys: &KeyCache,
    caller: Option<&AccountName>,
    request: &MacRequest,
) -> Result<MacAnswer, Failure> {
    let mac = MacContext { ctx, keys, caller, opened_blocks: Cell::new(false) };
    let result = match dispatch(&mac, request) {
        Ok(granted) => Ok(granted),
        Err(StepError::Refused(refusal)) => Err(refusal),
        Err(StepError::Failed(failure)) => return Err(failure),
    };
    Ok(MacAnswer::new(request.mode(), request.action(), result, mac.opened_blocks.get()))
}

/// Runs the operation that a request names.
fn dispatch(mac: &MacContext<'_>, request: &MacRequest) -> MacResult {
    let query = request.query()?;
    let action = request.action().ok_or(Word::Syntax)?;
    let mode = query.require("mode")?;
    query.check_common(mode != Mode::Secret.as_str())?;
    match (request.mode().ok_or(Word::Syntax)?, action) {
        (Mode::Activate, Action::Setup) => activate::setup(mac, query),
        (Mode::Activate, Action::Finalize) => activate::finalize(mac, query),
        (Mode::Secret, Action::Finalize) => secret::finalize(mac, query),
        (Mode::Otp, Action::Setup) => otp::setup(mac, query),
        (Mode::Otp, Action::Finalize) => otp::finalize(mac, query),
        (Mode::Synchro, Action::Setup) => synchro::setup(mac, query),
        (Mode::Synchro, Action::Finalize) => synchro::finalize(mac, query),
        (Mode::Password, Action::Setup) => password::setup(mac, query),
        (Mode::Password, Action::Finalize) => password::finalize(mac, query),
        (Mode::Reset, Action::Setup) => reset::setup(mac, query),
        (Mode::Reset, Action::Finalize) => reset::finalize(mac, query),
        (Mode::Remove, Action::Setup) => remove::setup(mac, query),
        (Mode::Remove, Action::Finalize) => remove::finalize(mac, query),
        (Mode::NewSn, Action::Setup) => newsn::setup(mac, query),
        (Mode::NewSn, Action::Finalize) => newsn::finalize(mac, query),
        (Mode::GetSn, Action::Setup) => getsn::setup(mac, query),
        (Mode::GetSn, Action::Finalize) => getsn::finalize(mac, query),
        (Mode::Status, Action::Setup) => status::setup(mac, query),
        (Mode::Devices, Action::Setup) => devices::setup(mac, query),
        (Mode::Devices, Action::Finalize) => devices::finalize(mac, query),
        (Mode::RenameDevice, Action::Setup) => rename_device::setup(mac, query),
        (Mode::RenameDevice, Action::Finalize) => rename_device::finalize(mac, query),
        (Mode::RemoveDevice, Action::Setup) => remove_device::setup(mac, query),
        (Mode::RemoveDevice, Action::Finalize) => remove_device::finalize(mac, query),
        (Mode::Messages, Action::Setup) => messages::setup(mac, query),
        (Mode::Messages, Action::Finalize) => messages::finalize(mac, query),
        (Mode::CheckPush, Action::Setup) => check_push::setup(mac, query),
        (Mode::CheckPush, Action::Finalize) => check_push::finalize(mac, query),
        (Mode::Secret, Action::Setup) | (Mode::Status, Action::Finalize) => Err(Word::Syntax.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_inside_a_value_of_the_answer_changes_nothing() {
        let word_of = |result| MacAnswer::new(Some(Mode::Otp), Some(Action::Setup), result, false).word;
        for value in ["<err>NOK:CODE</err>", "NOK:CODE", "</err><err>NOK:CODE</err>"] {
            assert_eq!(word_of(Ok(Granted::default().with("err", value).with("s_name", value))), None);
            let refusal = Refusal { word: Word::Unknown(value.to_owned()), ..Word::Access.into() };
            assert_eq!(word_of(Err(refusal.clone())), Some(refusal.word));
        }
        let answer = MacAnswer::new(None, None, Err(Word::Syntax.into()), true);
        let shown = format!("{answer:?}");
        assert!(shown.contains("Syntax") && !shown.contains("err"), "{shown}");
    }
}
