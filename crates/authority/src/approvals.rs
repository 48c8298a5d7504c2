//! Approvals: a device that activates with an SMS code waits until another device of the account
//! approves it, by the number that the new one shows.
//!
//! An account has at most one device that waits for an approval. Its time is that of the policy,
//! from its activation on. Any device that works may decide. The first device of an account needs
//! no approval, nor does one beside which all others wait themselves.

use crate::audit;
use crate::devices;
use crate::domain::message::{AccountEvent, Notice};
use crate::domain::rows::{AccountRow, DeviceRow};
use crate::domain::short_id;
use crate::failure::Failure;
use crate::notices::Event;
use crate::pending_devices;
use crate::step::Step;

/// Returns whether a device that activates with an SMS code must wait for an approval. `others` are
/// the devices of its account with another serial. A suspended one counts, though it decides
/// nothing: a thief of its keys could have it suspended, and would need no approval then.
pub(crate) fn is_needed(step: &Step<'_>, others: &[DeviceRow]) -> bool {
    step.policy.activation_approval && others.iter().any(|device| device.pending.is_none())
}

/// The device of an account that waits for an approval.
pub(crate) struct WaitingDevice {
    pub(crate) device: DeviceRow,
    /// The ids of all devices of the account.
    ids: Vec<String>,
}

impl WaitingDevice {
    /// Finds the device of an account that waits for an approval.
    pub(crate) fn find(step: &Step<'_>, account: &str) -> Result<Option<Self>, Failure> {
        let rows = pending_devices::without_late_ones(step, step.rows.devices_of(account)?)?;
        let ids = rows.iter().map(|device| device.id.clone()).collect();
        Ok(rows.into_iter().find(pending_devices::waits_for_approval).map(|device| Self { device, ids }))
    }

    /// Returns the id by which users and requests name the device.
    pub(crate) fn short_id(&self) -> &str {
        short_id::of(&self.device.id, short_id::length(self.ids.iter().map(String::as_str)))
    }

    /// Returns the name that the device gave itself.
    pub(crate) fn shown_name(&self) -> String {
        devices::shown_name(&self.device.name)
    }

    /// Returns whether a text names this device and no other one of the account.
    pub(crate) fn is_named_by(&self, text: &str) -> bool {
        let position = short_id::position(self.ids.iter().map(String::as_str), text);
        position.and_then(|position| self.ids.get(position)).is_some_and(|id| *id == self.device.id)
    }
}

/// Lets the device work. `by` is the device that approved it.
///
/// The event comes first, because it writes the account. An activation writes the account and then
/// the devices that it replaces: in another order the two steps could wait for each other.
pub(crate) fn approve(
    step: &Step<'_>,
    account: &AccountRow,
    waiting: WaitingDevice,
    by: &DeviceRow,
) -> Result<(), Failure> {
    let device = DeviceRow { pending: None, ..waiting.device };
    step.notify(account, &Event::by(by, Notice::NewDevice).about(&device))?;
    step.rows.put_device(&device)?;
    step.audit_by_device(&by.id, &device.account, &device.id, audit::DEVICE_APPROVED)
}

/// Ends the device, which the device `by` rejected, or for which it sent a wrong number.
pub(crate) fn reject(step: &Step<'_>, waiting: &WaitingDevice, by: &DeviceRow) -> Result<(), Failure> {
    let device = &waiting.device;
    step.notify_devices(&device.account, &Event::by(by, AccountEvent::DeviceRejected).about(device))?;
    step.rows.tombstone_device(&device.id, step.now)?;
    step.audit_by_device(&by.id, &device.account, &device.id, audit::DEVICE_REJECTED)
}

/// Ends the devices among these that wait: another device waits in their place.
pub(crate) fn replace(step: &Step<'_>, devices: &[DeviceRow]) -> Result<(), Failure> {
    for device in devices.iter().filter(|device| pending_devices::waits_for_approval(device)) {
        pending_devices::end(step, device, audit::DEVICE_NOT_CONFIRMED)?;
    }
    Ok(())
}
