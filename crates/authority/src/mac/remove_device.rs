//! `removedevice`: removes a device of the account, another one or the one that asks (ours).

use inwebo::device_list::TARGET;
use inwebo::mode::Mode;
use inwebo::values::bound_challenge;
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::devices;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    device_session::setup(mac, query, "removedevice.setup", Mode::RemoveDevice, DeviceSession::find_active)
}

/// Removes the device. A device that removes itself is unknown from then on.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let target = query.require(TARGET)?;
    mac.step("removedevice.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::RemoveDevice)?;
        let mut session = session.require_active(step)?;
        let challenge = bound_challenge(&challenge?, Mode::RemoveDevice, target, "");
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        // This comes before K1: the report to the owner needs a success.
        let found = devices::find(step, &session.account.name, target)?.ok_or(Word::DeviceId)?;
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        if found.id != session.device.id {
            session.put_device(step)?;
        }
        devices::remove(step, &found, Some(&session.device.id))?;
        Ok(Granted::default().with_wrong_pins(proved.wrong_pins))
    })
}
