//! New devices that wait for a confirmation: by the device that made their enrollment code
//! ([`enrollment_codes`](crate::enrollment_codes)), or by the number that they show
//! ([`approvals`](crate::approvals)).
//!
//! A device that waits too long is removed: by housekeeping, or by the next step that reads it.

use crate::audit;
use crate::domain::code as rules;
use crate::domain::moment;
use crate::domain::rows::{CodePurpose, CodeRow, CodeUse, Confirmation, DeviceRow};
use crate::failure::Failure;
use crate::step::Step;

/// The number of devices of each kind that housekeeping removes in one step. A step prunes as many
/// codes.
const PAGE: u32 = 200;

/// Returns the time until which a device waits for this confirmation. Returns `None` if the time is
/// over, or nobody can confirm the device any more.
pub(crate) fn waits_until(step: &Step<'_>, device: &DeviceRow, pending: Confirmation) -> Result<Option<i64>, Failure> {
    Ok(match pending {
        Confirmation::ByMaker => code_of(step, device)?.map(|code| code.expires_at),
        Confirmation::ByNumber => approval_time_left(step, device).map(|left| step.now.saturating_add(left)),
    })
}

fn is_late(step: &Step<'_>, device: &DeviceRow) -> Result<bool, Failure> {
    match device.pending {
        None => Ok(false),
        Some(pending) => Ok(waits_until(step, device, pending)?.is_none()),
    }
}

/// Removes a device that waits if its time is over. Returns whether it did.
pub(crate) fn remove_if_late(step: &Step<'_>, device: &DeviceRow) -> Result<bool, Failure> {
    let late = is_late(step, device)?;
    if late {
        end(step, device, audit::DEVICE_NOT_CONFIRMED)?;
    }
    Ok(late)
}

/// Returns the devices without those that waited too long, which it removes.
pub(crate) fn without_late_ones(step: &Step<'_>, devices: Vec<DeviceRow>) -> Result<Vec<DeviceRow>, Failure> {
    let mut kept = Vec::with_capacity(devices.len());
    for device in devices {
        if !remove_if_late(step, &device)? {
            kept.push(device);
        }
    }
    Ok(kept)
}

/// Removes a page of the devices of each kind whose time is over: those of the codes that are about
/// to be pruned, and those that nobody approved. Returns whether more may be left.
pub(crate) fn remove_late_ones(step: &Step<'_>) -> Result<bool, Failure> {
    for id in step.rows.devices_of_expired_codes(CodePurpose::OfDevice, step.now, PAGE)? {
        if let Some(device) = step.rows.device(&id)?.filter(|device| device.pending.is_some()) {
            end(step, &device, audit::DEVICE_NOT_CONFIRMED)?;
        }
    }
    let until = step.now.saturating_sub(step.policy.activation_approval_millis());
    let unapproved = step.rows.devices_unapproved_since(until, PAGE)?;
    for id in &unapproved {
        if let Some(device) = step.rows.device(id)? {
            remove_if_late(step, &device)?;
        }
    }
    Ok(unapproved.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX))
}

/// Ends a device that waits.
pub(crate) fn end(step: &Step<'_>, device: &DeviceRow, event: &'static str) -> Result<(), Failure> {
    step.rows.tombstone_device(&device.id, step.now)?;
    step.audit(Some(&device.account), Some(&device.id), event)
}

/// Returns the account's code that a device made, if it is neither void nor expired.
pub(crate) fn live_code(step: &Step<'_>, account: &str) -> Result<Option<CodeRow>, Failure> {
    let code = step.rows.code(account, CodePurpose::OfDevice)?;
    Ok(code.filter(|code| !code.withdrawn && rules::is_in_time(code, step.policy, step.now)))
}

/// Returns the code of a device that waits if it still holds: its time is not over, and its maker
/// is there. Nobody else can confirm the device.
fn code_of(step: &Step<'_>, device: &DeviceRow) -> Result<Option<CodeRow>, Failure> {
    let is_of_device =
        |code: &CodeRow| matches!(&code.used, Some(CodeUse::Activated { device: id, .. }) if *id == device.id);
    let Some(code) = live_code(step, &device.account)?.filter(is_of_device) else { return Ok(None) };
    let has_maker = step.rows.device(&code.phone_number)?.is_some();
    Ok(has_maker.then_some(code))
}

/// Returns whether a device waits for an approval.
pub(crate) fn waits_for_approval(device: &DeviceRow) -> bool {
    device.pending == Some(Confirmation::ByNumber)
}

/// Returns the milliseconds until the time of a device that waits for an approval is over.
fn approval_time_left(step: &Step<'_>, device: &DeviceRow) -> Option<i64> {
    moment::time_left(device.made_at, step.policy.activation_approval_millis(), step.now)
}

/// Returns the seconds until the time of a device that waits for an approval is over, rounded up.
pub(crate) fn approval_seconds_left(step: &Step<'_>, device: &DeviceRow) -> u64 {
    approval_time_left(step, device).and_then(|millis| u64::try_from(millis).ok()).unwrap_or(0).div_ceil(1000)
}
