//! One step of the service: a transaction together with what its rules need.

use std::cell::RefCell;

use inwebo_values::Pin;

use crate::actor::Context;
use crate::audit;
use crate::failure::Failure;
use crate::policy::Policy;
use crate::sealing::{Place, Vault};
use crate::storage::{AccountRow, AuditRow, DeviceRow, Storage, Transaction, transact};
use crate::trail::{Claim, Kind, Trail};

/// What every step of one request shares.
pub(crate) struct Surroundings<'a> {
    pub(crate) storage: &'a dyn Storage,
    pub(crate) vault: &'a Vault,
    pub(crate) policy: Policy,
    /// The time of the request, in milliseconds.
    pub(crate) now: i64,
    pub(crate) trail: &'a Trail,
    /// The one that acts.
    pub(crate) context: &'a Context,
}

/// A step under way. What it did is kept where it ends well.
pub(crate) struct Step<'a> {
    pub(crate) rows: &'a Transaction<'a>,
    pub(crate) vault: &'a Vault,
    pub(crate) policy: &'a Policy,
    pub(crate) now: i64,
    pub(crate) trail: &'a Trail,
    context: &'a Context,
    /// Rows that this step counts in, until its transaction has ended.
    claims: &'a RefCell<Vec<Claim>>,
}

impl Surroundings<'_> {
    /// Runs a step in one transaction.
    pub(crate) fn step<T>(
        &self,
        what: &'static str,
        mut step: impl FnMut(&Step<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = self.run(what, &mut step);
        self.note_alteration(done)
    }

    fn run<T>(&self, what: &'static str, mut step: impl FnMut(&Step<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let claims: RefCell<Vec<Claim>> = RefCell::default();
        transact(self.storage, what, |rows| {
            // Of an attempt before this one nothing was kept.
            claims.borrow_mut().clear();
            let Self { vault, policy, now, trail, context, .. } = self;
            step(&Step { rows, vault, policy, now: *now, trail, context, claims: &claims })
        })
    }

    /// Notes in the audit trail that a step failed at a row that another program changed. The step itself was undone.
    pub(crate) fn note_alteration<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Altered { account, .. }) = &done {
            // The request fails in any case, with the first failure.
            let _ = self.run("row.altered", |step| step.audit(account.as_deref(), None, audit::ROW_ALTERED));
        }
        done
    }
}

impl Step<'_> {
    /// Writes a row of the audit trail. Equal refusals of a minute are one row with a count.
    pub(crate) fn audit(
        &self,
        account: Option<&str>,
        device: Option<&str>,
        event: &'static str,
    ) -> Result<(), Failure> {
        if audit::is_counted(event) {
            return self.count(account, device, event);
        }
        self.add_audit(account, device, event).map(drop)
    }

    fn add_audit(&self, account: Option<&str>, device: Option<&str>, event: &'static str) -> Result<i64, Failure> {
        let mut row = AuditRow::new(self.now, self.context, account, device, event);
        self.rows.add_audit(&mut row, |row| self.trail.key.of_row(row))?;
        Ok(row.id)
    }

    /// Counts an event in the row of its minute, or writes one. A row that is not as this service left it is not counted in: a new MAC
    /// would make it look right.
    fn count(&self, account: Option<&str>, device: Option<&str>, event: &'static str) -> Result<(), Failure> {
        let kind = Kind {
            account: account.map(str::to_owned),
            device: device.map(str::to_owned),
            event,
            actor: self.context.actor.clone(),
            address: self.context.address.clone(),
        };
        let mut claim = self.trail.refusals.claim(kind, self.now);
        let known = match claim.id {
            Some(id) => self.rows.audit_row(id)?,
            None => None,
        };
        let intact = known.filter(|row| claim.is_of_minute(row.at) && self.trail.is_open(row));
        match intact {
            Some(mut row) => {
                row.count = row.count.saturating_add(1);
                self.rows.recount_audit(row.id, row.count, &self.trail.key.of_row(&row))?;
            }
            None => claim.id = Some(self.add_audit(account, device, event)?),
        }
        self.claims.borrow_mut().push(claim);
        Ok(())
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
