//! The devices of an account: their list, and the change of one of them. The MAC service, CVS and
//! operators share it.
//!
//! A request names a device by a text that is compared with all devices of the account, and with no
//! other device. So a text that names no device of the account costs the same, whatever it is: an
//! id of another account, an unknown or removed one, or one that names two devices.

use inwebo::cvs::{DeviceEntry, Keystore};
use inwebo::values::DeviceName;

use crate::audit;
use crate::domain::message::AccountEvent;
use crate::domain::rows::{Confirmation, DeviceRow};
use crate::domain::short_id;
use crate::failure::Failure;
use crate::notices::Event;
use crate::pending_devices;
use crate::step::Step;

/// The maximum number of devices in a list for a user. An answer of the exchange has limits.
const MAX_ENTRIES: usize = 500;

/// The devices of an account, the newest first.
pub(crate) struct Devices {
    rows: Vec<DeviceRow>,
    /// The ids of the devices that told where their storage key is, with that place.
    keystores: Vec<(String, Keystore)>,
    /// The length of the short ids.
    length: usize,
}

impl Devices {
    /// Reads the devices of an account. There are none if the account does not exist.
    pub(crate) fn read(step: &Step<'_>, account: &str) -> Result<Self, Failure> {
        let mut rows = pending_devices::without_late_ones(step, step.rows.devices_of(account)?)?;
        rows.sort_by(|first, second| (second.made_at, &first.id).cmp(&(first.made_at, &second.id)));
        let length = short_id::length(rows.iter().map(|device| device.id.as_str()));
        Ok(Self { rows, keystores: step.rows.keystores_of(account)?, length })
    }

    pub(crate) fn rows(&self) -> &[DeviceRow] {
        &self.rows
    }

    pub(crate) fn short_id<'d>(&self, device: &'d DeviceRow) -> &'d str {
        short_id::of(&device.id, self.length)
    }

    /// Returns the place of a device's storage key, if the device told it.
    pub(crate) fn keystore(&self, device: &DeviceRow) -> Option<Keystore> {
        self.keystores.iter().find(|(id, _)| *id == device.id).map(|(_, keystore)| *keystore)
    }

    /// Returns the list for a user of the account: the newest devices. `own` is the id of the
    /// device that asks.
    pub(crate) fn entries(&self, own: Option<&str>) -> Vec<DeviceEntry> {
        let entry = |device: &DeviceRow| DeviceEntry {
            id: self.short_id(device).to_owned(),
            name: shown_name(&device.name),
            since: device.made_at,
            used: device.used_at,
            keystore: self.keystore(device),
            is_self: own == Some(device.id.as_str()),
        };
        self.rows.iter().take(MAX_ENTRIES).map(entry).collect()
    }
}

/// Returns a name that is fit for an answer. A device chose its name itself, and XML cannot hold
/// each character of it.
pub(crate) fn shown_name(name: &str) -> String {
    let cleaned = DeviceName::cleaned(name);
    cleaned.chars().filter(|letter| !matches!(letter, '\u{FFFE}' | '\u{FFFF}')).collect()
}

/// Finds the one device of an account that a text names: by its id, or by a short id.
pub(crate) fn find(step: &Step<'_>, account: &str, id: &str) -> Result<Option<DeviceRow>, Failure> {
    let mut rows = pending_devices::without_late_ones(step, step.rows.devices_of(account)?)?;
    let position = short_id::position(rows.iter().map(|device| device.id.as_str()), id);
    Ok(position.map(|position| rows.swap_remove(position)))
}

/// Returns whether an account with these devices has no room for another one, which will wait for
/// the confirmation `pending`. The device that waits for an approval makes room for the next one.
pub(crate) fn leave_no_room(step: &Step<'_>, devices: &[DeviceRow], pending: Option<Confirmation>) -> bool {
    let makes_room =
        |device: &DeviceRow| pending == Some(Confirmation::ByNumber) && pending_devices::waits_for_approval(device);
    let staying = devices.iter().filter(|device| !makes_room(device)).count();
    staying >= usize::try_from(step.policy.max_devices).unwrap_or(usize::MAX)
}

/// Gives another name to a device that [`find`] found. `asking` is the device that asks for it, if
/// one does.
pub(crate) fn rename(
    step: &Step<'_>,
    device: DeviceRow,
    name: &DeviceName,
    asking: Option<&str>,
) -> Result<(), Failure> {
    let device = DeviceRow { name: name.as_str().to_owned(), ..device };
    step.rows.put_device(&device)?;
    record(step, &device, audit::DEVICE_RENAMED, asking)
}

/// Removes a device that [`find`] found, with its passwords and refresh tokens.
pub(crate) fn remove(step: &Step<'_>, device: &DeviceRow, asking: Option<&str>) -> Result<(), Failure> {
    notify_removal(step, device, asking)?;
    step.rows.tombstone_device(&device.id, step.now)?;
    record(step, device, audit::DEVICE_REMOVED, asking)
}

/// Tells the other devices of a removal. A device that waits for its confirmation was told to none.
pub(crate) fn notify_removal(step: &Step<'_>, device: &DeviceRow, by: Option<&str>) -> Result<(), Failure> {
    if device.pending.is_some() {
        return Ok(());
    }
    step.notify_devices(&device.account, &Event::new(AccountEvent::DeviceRemoved, by).about(device))
}

fn record(step: &Step<'_>, device: &DeviceRow, event: &'static str, asking: Option<&str>) -> Result<(), Failure> {
    match asking {
        Some(asking) => step.audit_by_device(asking, &device.account, &device.id, event),
        None => step.audit(Some(&device.account), Some(&device.id), event),
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceRow, Devices, MAX_ENTRIES, shown_name};

    #[test]
    fn a_list_for_a_user_has_the_newest_devices_alone() {
        let rows = (0..=MAX_ENTRIES).map(|number| DeviceRow::new(&format!("{number:016}"), "user", 0)).collect();
        let entries = Devices { rows, keystores: Vec::new(), length: 16 }.entries(Some("0000000000000001"));
        assert_eq!(entries.len(), MAX_ENTRIES);
        assert!(entries[1].is_self && !entries[0].is_self && entries[0].id == "0000000000000000");
    }

    #[test]
    fn a_name_is_shown_without_the_characters_that_a_list_cannot_hold() {
        assert_eq!(shown_name("Android SDK / test"), "Android SDK / test");
        assert_eq!(shown_name(" <b>\u{202e}a\u{fffe}\u{ffff}\u{1F600} "), "<b>a\u{1F600}");
    }
}
