//! Accounts in bulk, for `make bench-growth`: copies of one account and its activated device. The
//! row writers of the service write them, each value sealed for its own row. No release has this
//! module: it is behind the feature `bulk`.
//!
//! All copies have the same PIN and the same keys. A client that has the first device's keys can
//! use each copy by its id.

use crate::account::AccountName;
use crate::audit;
use crate::domain::rows::{AccountRow, DeviceRow};
use crate::failure::Failure;
use crate::mac;
use crate::random;
use crate::step::{Context, Step};

/// An account to add.
pub struct AccountCopy {
    /// Its name.
    pub name: AccountName,
    /// Its trusted phone number, in E.164.
    pub phone_number: String,
}

/// Adds accounts in one transaction, each with a copy of `device`, with a tombstone of another
/// device, and with two rows of the audit trail. Returns the ids of their devices.
pub(crate) fn add_copies(ctx: &Context<'_>, device: &str, copies: &[AccountCopy]) -> Result<Vec<String>, Failure> {
    ctx.step("bulk.add", |step| {
        let device = step.rows.device(device)?.ok_or(Failure::Sealed)?;
        let account = step.rows.account(&device.account)?.ok_or(Failure::Sealed)?;
        copies.iter().map(|copy| add_copy(step, &account, &device, copy)).collect()
    })
}

fn add_copy(step: &Step<'_>, account: &AccountRow, device: &DeviceRow, copy: &AccountCopy) -> Result<String, Failure> {
    let name = copy.name.as_str();
    let mut added = AccountRow::new(name, step.now);
    added.phone_number = Some(copy.phone_number.clone());
    let pin = step.pin_of(account)?.ok_or(Failure::Sealed)?;
    step.seal_pin(&mut added, &pin)?;
    step.rows.add_account(&added)?;
    step.audit(Some(name), None, audit::PHONE_NUMBER_ADDED)?;
    let id = random::device_id()?;
    step.rows.add_device(&mac::copy_device(step, device, &id, name)?)?;
    step.rows.put_traits(&id, &step.rows.traits(&device.id)?)?;
    step.audit(Some(name), Some(&id), audit::DEVICE_ACTIVATED)?;
    let removed = random::device_id()?;
    step.rows.add_device(&DeviceRow::new(&removed, name, step.now))?;
    step.rows.tombstone_device(&removed, step.now)?;
    Ok(id)
}
