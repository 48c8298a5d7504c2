//! Approvals: a device that activates with an SMS code waits until another device of the account
//! approves it, by the number that the new one shows.
//!
//! An account has at most one device that waits for an approval. Its time is that of the policy,
//! from its activation on. Any device that works may decide. The first device of an account, and
//! one beside which no other device works, needs no approval.

use crate::audit;
use crate::devices;
use crate::domain::message::{AccountEvent, Notice};
use crate::domain::rows::{AccountRow, Confirmation, DeviceRow};
use crate::domain::{moment, short_id};
use crate::failure::Failure;
use crate::notices::Event;
use crate::pending_devices;
use crate::step::Step;

/// Returns whether a device that activates with an SMS code must wait for an approval. `others` are
/// the devices of its account with another serial.
pub(crate) fn is_needed(step: &Step<'_>, others: &[DeviceRow]) -> bool {
    step.policy.activation_approval && others.iter().any(|device| pending_devices::can_confirm(step, device))
}

/// Returns whether a device waits for an approval.
pub(crate) fn waits(device: &DeviceRow) -> bool {
    device.pending == Some(Confirmation::ByNumber)
}

/// Returns the milliseconds until the time of a device that waits is over.
pub(crate) fn time_left(step: &Step<'_>, device: &DeviceRow) -> Option<i64> {
    moment::time_left(device.made_at, step.policy.activation_approval_millis(), step.now)
}

/// Returns the seconds until the time of a device that waits is over, rounded up.
pub(crate) fn seconds_left(step: &Step<'_>, device: &DeviceRow) -> u64 {
    time_left(step, device).and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0).div_ceil(1000)
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
        Ok(rows.into_iter().find(waits).map(|device| Self { device, ids }))
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
pub(crate) fn approve(
    step: &Step<'_>,
    account: &AccountRow,
    waiting: WaitingDevice,
    by: &DeviceRow,
) -> Result<(), Failure> {
    let device = DeviceRow { pending: None, ..waiting.device };
    step.rows.put_device(&device)?;
    step.audit_by_device(&by.id, &device.account, &device.id, audit::DEVICE_APPROVED)?;
    step.notify(account, &Event::by(by, Notice::NewDevice).about(&device))
}

/// Ends the device, which the device `by` rejected, or for which it sent a wrong number.
pub(crate) fn reject(step: &Step<'_>, waiting: &WaitingDevice, by: &DeviceRow) -> Result<(), Failure> {
    let device = &waiting.device;
    step.rows.tombstone_device(&device.id, step.now)?;
    step.audit_by_device(&by.id, &device.account, &device.id, audit::DEVICE_REJECTED)?;
    step.notify_devices(&device.account, &Event::by(by, AccountEvent::DeviceRejected).about(device))
}

/// Ends the devices among these that wait: another device waits in their place.
pub(crate) fn replace(step: &Step<'_>, devices: &[DeviceRow]) -> Result<(), Failure> {
    for device in devices.iter().filter(|device| waits(device)) {
        pending_devices::end(step, device, audit::DEVICE_NOT_CONFIRMED)?;
    }
    Ok(())
}
