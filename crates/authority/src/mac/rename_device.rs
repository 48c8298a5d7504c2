//! `renamedevice`: gives a device of the account another name (ours).

use inwebo::device_list::{NAME, TARGET};
use inwebo::mode::Mode;
use inwebo::values::{DeviceName, bound_challenge};
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof::{self, SentProofs};
use super::query::Query;
use crate::audit;
use crate::devices;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    device_session::setup(mac, query, "renamedevice.setup", Mode::RenameDevice, DeviceSession::find_active)
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    let sent = SentProofs::read(query)?;
    let (target, text) = (query.require(TARGET)?, query.require(NAME)?);
    let name = DeviceName::new(text).ok_or(Word::Syntax)?;
    mac.step("renamedevice.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::RenameDevice)?;
        let mut session = session.require_active(step)?;
        let challenge = bound_challenge(&challenge?, Mode::RenameDevice, target, text);
        let unlocked = proof::verify_with_pin(step, &mut session, &challenge, &sent)?;
        // This comes before K1: the report to the owner needs a success.
        let found = devices::find(step, &session.account.name, target)?.ok_or(Word::DeviceId)?;
        let proved = proof::verify_k1(step, &mut session, &unlocked, &challenge, &sent)?;
        if found.id == session.device.id {
            // The row that was found is older: the proofs may have changed it since.
            session.device.name = name.as_str().to_owned();
            session.put_device(step)?;
            step.audit_by_device(&found.id, &found.account, &found.id, audit::DEVICE_RENAMED)?;
        } else {
            session.put_device(step)?;
            devices::rename(step, found, &name, Some(&session.device.id))?;
        }
        Ok(Granted::default().with_wrong_pins(proved.wrong_pins))
    })
}
