//! `remove`: removes the device that asks for it (ours). A device of a blocked account may ask, and
//! one that waits for its confirmation.

use inwebo::mode::Mode;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof;
use super::query::Query;
use crate::audit;
use crate::devices;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    device_session::setup(mac, query, "remove.setup", Mode::Remove, DeviceSession::find_unconfirmed_too)
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, r0) = (query.require("id")?, query.proof("R0")?);
    mac.step("remove.finalize", |step| {
        let mut session = DeviceSession::find_unconfirmed_too(step, id)?;
        let challenge = session.take_challenge(step, Mode::Remove)??;
        proof::verify_device(step, &mut session, &challenge, r0)?;
        devices::notify_removal(step, &session.device, Some(&session.device.id))?;
        step.rows.tombstone_device(&session.device.id, step.now)?;
        session.audit(step, audit::DEVICE_REMOVED)?;
        Ok(Granted::default())
    })
}
