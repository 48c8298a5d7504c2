//! `messages`: tells the events of the account to a device (the steps are ours). A device of a
//! blocked account may ask, too.

use inwebo::cvs::SHORT_ID;
use inwebo::mode::Mode;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof;
use super::query::Query;
use crate::devices;
use crate::domain::rows::EventRow;
use crate::domain::short_id;

/// The maximum number of events in an answer.
const MAX_EVENTS: usize = 50;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.device_notices)?;
    device_session::setup(mac, query, "messages.setup", Mode::Messages, DeviceSession::find)
}

/// Tells the events after a number, the oldest first. The device proves itself alone. It is told
/// neither of events before its activation nor of those that it caused or that are about it.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    mac.require_offered(|policy| policy.device_notices)?;
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

/// Returns the children of an event. Its device has a short id of the least length: the other
/// devices of the account may be others by now.
fn children(row: &EventRow) -> Vec<(&'static str, String)> {
    let EventRow { number, event, at, device, name } = row;
    let mut children = vec![("number", number.to_string()), ("event", event.clone()), ("at", at.to_string())];
    children.extend(device.as_deref().map(|id| ("device", short_id::of(id, SHORT_ID).to_owned())));
    children.extend(name.as_deref().map(|name| ("name", devices::shown_name(name))));
    children
}
