//! `status`: the state of a device and its account.

use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::DeviceSession;
use super::query::Query;
use crate::pending_devices;

/// Answers the only step. It changes nothing.
pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let id = query.require("id")?;
    mac.step("status", |step| {
        let session = DeviceSession::find(step, id)?.require_unblocked(step)?;
        let devices = step.rows.devices_of(&session.account.name)?;
        let devices = pending_devices::without_late_ones(step, devices)?.len();
        let max_devices = usize::try_from(step.policy.max_devices).unwrap_or(usize::MAX);
        if devices >= max_devices { Err(Word::MaxDevices.into()) } else { Ok(Granted::default()) }
    })
}
