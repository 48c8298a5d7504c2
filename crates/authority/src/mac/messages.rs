//! `messages`: tells the events of the account to a device (the steps are ours). A device of a
//! blocked account may ask, too.

use inwebo::mode::Mode;
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof;
use super::query::Query;
use super::refusal::Refusal;
use crate::devices;
use crate::domain::rows::EventRow;

/// The maximum number of events in an answer.
const MAX_EVENTS: usize = 50;

/// The number of characters by which an event names a device. The other devices of the account may
/// be others by now, so this does not depend on them.
const DEVICE_CHARACTERS: usize = inwebo::cvs::SHORT_ID;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    require_policy(mac)?;
    device_session::setup(mac, query, "messages.setup", Mode::Messages, DeviceSession::find)
}

/// Tells the events after a number, the oldest first. The device proves itself alone. It is told
/// neither of events before its activation nor of those that it caused.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    require_policy(mac)?;
    let (id, r0, after) = (query.require("id")?, query.proof("R0")?, query.after()?);
    mac.step("messages.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::Messages)??;
        proof::verify_device(step, &mut session, &challenge, r0)?;
        let (account, device) = (&session.account.name, &session.device);
        // One more than an answer holds shows that there are further ones.
        let limit = u32::try_from(MAX_EVENTS + 1).unwrap_or(u32::MAX);
        let events = step.rows.account_events(account, after, device.made_at, &device.id, limit)?;
        let told = events.iter().take(MAX_EVENTS);
        let granted = told.fold(Granted::default(), |granted, event| granted.with_element("notice", children(event)));
        Ok(if events.len() > MAX_EVENTS { granted.with("more", "1") } else { granted })
    })
}

fn children(row: &EventRow) -> Vec<(&'static str, String)> {
    let EventRow { number, event, at, device, name } = row;
    let mut children = vec![("number", number.to_string()), ("event", event.clone()), ("at", at.to_string())];
    children.extend(device.as_deref().map(|id| ("device", id.get(..DEVICE_CHARACTERS).unwrap_or(id).to_owned())));
    children.extend(name.as_deref().map(|name| ("name", devices::shown_name(name))));
    children
}

/// Refuses if the policy has no notices for devices, in the way in which an unknown mode is
/// refused.
fn require_policy(mac: &MacContext<'_>) -> Result<(), Refusal> {
    if mac.ctx.policy.device_notices { Ok(()) } else { Err(Word::Syntax.into()) }
}
