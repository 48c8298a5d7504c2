//! `devices`: lists the devices of the account (ours). A device of a blocked account may ask, too.

use inwebo::cvs::{DeviceEntry, Keystore};
use inwebo::device_list as names;
use inwebo::mode::Mode;

use super::answer::Granted;
use super::context::{MacContext, MacResult};
use super::device_session::{self, DeviceSession};
use super::proof;
use super::query::Query;
use crate::devices::Devices;

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    device_session::setup(mac, query, "devices.setup", Mode::Devices, DeviceSession::find)
}

/// Lists the devices for a device that proves itself. It needs no PIN.
pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, r0) = (query.require("id")?, query.proof("R0")?);
    mac.step("devices.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::Devices)??;
        proof::verify_device(step, &mut session, &challenge, r0)?;
        let entries = Devices::read(step, &session.account.name)?.entries(Some(&session.device.id));
        Ok(entries
            .iter()
            .fold(Granted::default(), |granted, entry| granted.with_element(names::DEVICE, children(entry))))
    })
}

fn children(entry: &DeviceEntry) -> Vec<(&'static str, String)> {
    let DeviceEntry { id, name, since, used, keystore, is_self } = entry;
    let mut children = vec![(names::ID, id.clone()), (names::NAME, name.clone()), (names::SINCE, since.to_string())];
    children.extend(used.map(|used| (names::USED, used.to_string())));
    children.extend(keystore.map(|keystore: Keystore| (names::KEYSTORE, keystore.as_str().to_owned())));
    children.extend(is_self.then(|| (names::IS_SELF, "1".to_owned())));
    children
}
