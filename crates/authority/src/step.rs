//! One step of the service: a transaction together with what its rules need.

use inwebo_values::Pin;

use crate::audit;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::sealing::{Place, Vault};
use crate::storage::{AccountRow, AuditRow, DeviceRow, Storage, Transaction, transact};

/// What every step of one request shares.
pub(crate) struct Surroundings<'a> {
    pub(crate) storage: &'a dyn Storage,
    pub(crate) vault: &'a Vault,
    pub(crate) policy: Policy,
    /// The time of the request, in milliseconds.
    pub(crate) now: i64,
}

/// A step under way. What it did is kept where it ends well.
pub(crate) struct Step<'a> {
    pub(crate) rows: &'a Transaction<'a>,
    pub(crate) vault: &'a Vault,
    pub(crate) policy: &'a Policy,
    pub(crate) now: i64,
}

impl Surroundings<'_> {
    /// Runs a step in one transaction.
    pub(crate) fn step<T>(
        &self,
        what: &'static str,
        mut step: impl FnMut(&Step<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.note_alteration(transact(self.storage, what, |rows| {
            step(&Step { rows, vault: self.vault, policy: &self.policy, now: self.now })
        }))
    }

    /// Notes in the audit trail that a step failed at a row that another program changed. The step itself was undone.
    pub(crate) fn note_alteration<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Altered { account, .. }) = &done {
            let (at, account) = (self.now, account.as_deref());
            let row = AuditRow { at, account, device: None, event: audit::ROW_ALTERED };
            // The request fails in any case, with the first failure.
            let _ = transact(self.storage, "row.altered", |rows| Ok(rows.audit(&row)?));
        }
        done
    }
}

impl Step<'_> {
    /// Writes a line of the audit trail.
    pub(crate) fn audit(
        &self,
        account: Option<&str>,
        device: Option<&str>,
        event: &'static str,
    ) -> Result<(), Failure> {
        Ok(self.rows.audit(&AuditRow { at: self.now, account, device, event })?)
    }

    pub(crate) fn put_account(&self, account: &AccountRow) -> Result<(), Failure> {
        Ok(self.rows.put_account(account)?)
    }

    /// The account's PIN, where it has one.
    pub(crate) fn pin_of(&self, account: &AccountRow) -> Result<Option<Pin>, Failure> {
        let Some(sealed) = &account.pin else { return Ok(None) };
        let digits = self.vault.open(pin_place(account), sealed)?;
        let pin = std::str::from_utf8(&digits).ok().and_then(Pin::new).ok_or(Failure::Sealed)?;
        Ok(Some(pin))
    }

    /// Gives the account a PIN; the row is still to be written.
    pub(crate) fn set_pin(&self, account: &mut AccountRow, pin: &Pin) -> Result<(), Failure> {
        account.pin = Some(self.vault.seal(pin_place(account), pin.digits().as_bytes())?);
        account.pin_tries = 0;
        Ok(())
    }

    /// Seals the account's PIN anew under the current master key, where it is not.
    pub(crate) fn reseal_pin(&self, mut account: AccountRow) -> Result<bool, Failure> {
        let Some(sealed) = &account.pin else { return Ok(false) };
        let Some(resealed) = self.vault.reseal(pin_place(&account), sealed)? else { return Ok(false) };
        account.pin = Some(resealed);
        self.put_account(&account)?;
        Ok(true)
    }

    /// Gives the account another PIN. Every device of it keeps its service secret under the old one's key: without a synchronization none
    /// of them makes a right password any more, so the secrets count no longer.
    pub(crate) fn change_pin(&self, account: &mut AccountRow, pin: &Pin) -> Result<(), Failure> {
        for device in self.rows.devices_of(&account.name)? {
            self.rows.put_device(&DeviceRow { secret: None, ..device })?;
        }
        self.set_pin(account, pin)
    }
}

fn pin_place(account: &AccountRow) -> Place<'_> {
    Place { column: "accounts.pin", row: &account.name }
}
