//! A step of the service: one transaction together with the state that its rules need.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

use inwebo::cvs::Purpose;
use inwebo::values::Pin;

use crate::actor::Origin;
use crate::audit::{self, Claim, RefusalKind, Trail};
use crate::domain::phone::PhoneNumber;
use crate::domain::pin::{self, Block};
use crate::domain::policy::{ClonePolicy, Policy};
use crate::domain::rows::{AccountRow, CodePurpose, CodeRow, DeviceRow, TimedBlockRow, TraitsRow};
use crate::failure::Failure;
use crate::sealing::{Binding, Sealer};
use crate::storage::{AuditRow, Storage, Transaction, transact};

/// The state that all steps of one request share.
pub(crate) struct Context<'a> {
    pub(crate) storage: &'a dyn Storage,
    pub(crate) sealer: &'a Sealer,
    pub(crate) policy: Policy,
    /// The time of the request, in milliseconds.
    pub(crate) now: i64,
    pub(crate) trail: &'a Trail,
    /// The actor and its address.
    pub(crate) origin: &'a Origin,
    pub(crate) tallies: &'a Tallies,
}

/// Counters of events that operators should know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of wrong PINs that a right PIN forgave.
    pub pins_forgiven: u64,
    /// The number of PINs whose budget of wrong PINs is half spent.
    pub budgets_half_spent: u64,
    /// Suspicions of a second copy of a device.
    pub clones_suspected: u64,
    /// The number of blocks of accounts that end by themselves.
    pub timed_blocks: u64,
    /// The number of other blocks of accounts.
    pub lasting_blocks: u64,
}

/// The sums of all counters since the service was opened.
#[derive(Default)]
pub(crate) struct Tallies {
    pins_forgiven: AtomicU64,
    budgets_half_spent: AtomicU64,
    clones_suspected: AtomicU64,
    timed_blocks: AtomicU64,
    lasting_blocks: AtomicU64,
}

impl Tallies {
    fn add(&self, tally: Tally) {
        self.pins_forgiven.fetch_add(tally.pins_forgiven, Ordering::Relaxed);
        self.budgets_half_spent.fetch_add(tally.budgets_half_spent, Ordering::Relaxed);
        self.clones_suspected.fetch_add(tally.clones_suspected, Ordering::Relaxed);
        self.timed_blocks.fetch_add(tally.timed_blocks, Ordering::Relaxed);
        self.lasting_blocks.fetch_add(tally.lasting_blocks, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Tally {
        Tally {
            pins_forgiven: self.pins_forgiven.load(Ordering::Relaxed),
            budgets_half_spent: self.budgets_half_spent.load(Ordering::Relaxed),
            clones_suspected: self.clones_suspected.load(Ordering::Relaxed),
            timed_blocks: self.timed_blocks.load(Ordering::Relaxed),
            lasting_blocks: self.lasting_blocks.load(Ordering::Relaxed),
        }
    }
}

/// A step in progress. Its changes are kept if it succeeds.
pub(crate) struct Step<'a> {
    pub(crate) rows: &'a Transaction<'a>,
    pub(crate) sealer: &'a Sealer,
    pub(crate) policy: &'a Policy,
    pub(crate) now: i64,
    pub(crate) trail: &'a Trail,
    pub(crate) origin: &'a Origin,
    /// The audit rows in which this step counts events, until its transaction has ended.
    claims: &'a RefCell<Vec<Claim>>,
    tally: &'a Cell<Tally>,
}

impl Context<'_> {
    /// Runs a step in one transaction.
    pub(crate) fn step<T>(
        &self,
        name: &'static str,
        mut step: impl FnMut(&Step<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let done = self.run(name, &mut step);
        self.audit_alteration(done)
    }

    fn run<T>(&self, name: &'static str, mut step: impl FnMut(&Step<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
        let claims: RefCell<Vec<Claim>> = RefCell::default();
        let tally = Cell::default();
        let done = transact(self.storage, name, |rows| {
            // Nothing of an earlier attempt was kept.
            claims.borrow_mut().clear();
            tally.take();
            let Self { sealer, policy, now, trail, origin, .. } = self;
            step(&Step { rows, sealer, policy, now: *now, trail, origin, claims: &claims, tally: &tally })
        });
        if done.is_ok() {
            self.tallies.add(tally.get());
        }
        done
    }

    /// Records in the audit trail that a step failed because another program had changed a row. The
    /// step itself was undone.
    pub(crate) fn audit_alteration<T>(&self, done: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(Failure::Altered { account, .. }) = &done {
            // The request fails in any case, and reports the first failure.
            let _ = self.run("row.altered", |step| step.audit(account.as_deref(), None, audit::ROW_ALTERED));
        }
        done
    }
}

impl Step<'_> {
    /// Reads a phone number as a user wrote it, or as a row stores it.
    pub(crate) fn phone_number(&self, text: &str) -> Option<PhoneNumber> {
        self.policy.sms.countries.read_number(text)
    }

    /// Returns whether a row's phone number is this one. Rows of earlier releases have other
    /// spellings.
    pub(crate) fn is_number(&self, row: &str, number: &PhoneNumber) -> bool {
        self.phone_number(row).as_ref() == Some(number)
    }

    /// Writes a row of the audit trail. Equal refusals of one minute share a row with a count.
    pub(crate) fn audit(
        &self,
        account: Option<&str>,
        device: Option<&str>,
        event: &'static str,
    ) -> Result<(), Failure> {
        if audit::is_counted(event) {
            return self.count(account, device, event);
        }
        self.add_audit(self.origin, account, device, event)?;
        Ok(())
    }

    /// Returns the same step for another origin of its audit rows.
    pub(crate) fn with_origin<'s>(&'s self, origin: &'s Origin) -> Step<'s> {
        Step { origin, ..*self }
    }

    /// Writes a row of the audit trail for an event that a device caused. The row names the device
    /// that asked as the actor, and the device that the event concerns.
    pub(crate) fn audit_by_device(
        &self,
        asking: &str,
        account: &str,
        device: &str,
        event: &'static str,
    ) -> Result<(), Failure> {
        self.add_audit(&self.origin.of_device(asking), Some(account), Some(device), event)?;
        Ok(())
    }

    fn add_audit(
        &self,
        origin: &Origin,
        account: Option<&str>,
        device: Option<&str>,
        event: &'static str,
    ) -> Result<i64, Failure> {
        let mut row = AuditRow::new(self.now, origin, account, device, event);
        self.rows.add_audit(&mut row, |row| self.trail.key.row_mac(row))?;
        Ok(row.id)
    }

    /// Counts an event in the row of its minute, or writes a new row. If a row is not as this
    /// service left it, the count goes to a new row: a new MAC would make the altered row look
    /// right.
    fn count(&self, account: Option<&str>, device: Option<&str>, event: &'static str) -> Result<(), Failure> {
        let kind = RefusalKind {
            account: account.map(str::to_owned),
            device: device.map(str::to_owned),
            event,
            actor: self.origin.actor.clone(),
            address: self.origin.address.clone(),
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
                self.rows.recount_audit(row.id, row.count, &self.trail.key.row_mac(&row))?;
            }
            // The reason of one call is no reason of the others.
            None => claim.id = Some(self.add_audit(&self.origin.with_reason(None), account, device, event)?),
        }
        self.claims.borrow_mut().push(claim);
        Ok(())
    }

    /// Changes the counters, if the step is kept.
    pub(crate) fn tally(&self, change: impl FnOnce(&mut Tally)) {
        let mut tally = self.tally.get();
        change(&mut tally);
        self.tally.set(tally);
    }

    /// Returns whether no proof of a device is accepted until its PIN is reset with an SMS code.
    pub(crate) fn is_suspended(&self, device: &DeviceRow) -> bool {
        device.suspended && self.policy.clone == ClonePolicy::Suspend
    }

    pub(crate) fn put_account(&self, account: &AccountRow) -> Result<(), Failure> {
        Ok(self.rows.put_account(account)?)
    }

    /// Returns the block of an account, if it is blocked now.
    pub(crate) fn block(&self, account: &AccountRow) -> Result<Option<Block>, Failure> {
        Ok(pin::block(account, self.timed_block(account)?.as_ref(), self.policy, self.now))
    }

    /// Returns the block of an account that ends by itself. It may be over. Only a blocked account
    /// costs a statement, and only if the policy has such blocks.
    pub(crate) fn timed_block(&self, account: &AccountRow) -> Result<Option<TimedBlockRow>, Failure> {
        if !account.blocked || self.policy.pin_block_seconds == 0 {
            return Ok(None);
        }
        Ok(self.rows.timed_block(&account.name)?.filter(|block| block.is_of(account)))
    }

    /// Lifts the block of an account, also one that is over, and writes the account. The next block
    /// begins anew. Returns whether there was a block.
    pub(crate) fn put_unblocked(&self, account: &mut AccountRow) -> Result<bool, Failure> {
        let was_blocked = std::mem::take(&mut account.blocked);
        // Every step writes the account before its block: no two steps wait for each other.
        self.put_account(account)?;
        if was_blocked {
            self.rows.remove_timed_block(&account.name)?;
        }
        Ok(was_blocked)
    }

    /// Returns the account's PIN, if it has one.
    pub(crate) fn pin_of(&self, account: &AccountRow) -> Result<Option<Pin>, Failure> {
        let Some(sealed) = &account.pin else { return Ok(None) };
        let digits = self.sealer.open(pin_binding(account), sealed)?;
        let pin = std::str::from_utf8(&digits).ok().and_then(Pin::new).ok_or(Failure::Sealed)?;
        Ok(Some(pin))
    }

    /// Sets the PIN of the account. The caller writes the row.
    pub(crate) fn set_pin(&self, account: &mut AccountRow, pin: &Pin) -> Result<(), Failure> {
        self.remove_pin(account)?;
        self.seal_pin(account, pin)
    }

    /// Seals a PIN into the row of an account that has none.
    pub(crate) fn seal_pin(&self, account: &mut AccountRow, pin: &Pin) -> Result<(), Failure> {
        account.pin = Some(self.sealer.seal(pin_binding(account), pin.digits().as_bytes())?);
        Ok(())
    }

    /// Ends the life of the account's PIN, if it has one. Its passwords and refresh tokens end with
    /// it. The caller writes the row.
    pub(crate) fn remove_pin(&self, account: &mut AccountRow) -> Result<(), Failure> {
        if let Some(current) = self.pin_of(account)? {
            let hash = self.sealer.pin_hash(&account.name, current.digits());
            account.pin_history = pin::push_history(account.pin_history.as_deref(), &hash, self.policy.pin_history);
        }
        account.pin = None;
        account.pin_wrong = 0;
        account.pin_generation = account.pin_generation.saturating_add(1);
        self.rows.remove_passwords(&account.name)?;
        self.rows.remove_tokens(&account.name)?;
        self.forgive_all(account)
    }

    /// Returns whether a PIN is in the account's history. A hash under a key that is no longer in
    /// the ring is not recognised.
    pub(crate) fn was_used_before(&self, account: &AccountRow, pin: &Pin) -> bool {
        let hashes = self.sealer.pin_hashes(&account.name, pin.digits());
        pin::is_in_history(account.pin_history.as_deref().unwrap_or_default(), &hashes, self.policy.pin_history)
    }

    /// Forgives every wrong PIN of the account, of all devices and codes. They still count in the
    /// budget of its PIN. The caller writes the account's row.
    pub(crate) fn forgive_all(&self, account: &mut AccountRow) -> Result<(), Failure> {
        account.pin_tries = 0;
        for device in self.rows.devices_of(&account.name)?.into_iter().filter(|device| device.pin_tries > 0) {
            self.rows.put_device(&DeviceRow { pin_tries: 0, ..device })?;
        }
        let sms = [Purpose::Enrollment, Purpose::PhoneNumberCertification].map(CodePurpose::Sms);
        for purpose in sms.into_iter().chain([CodePurpose::OfDevice]) {
            if let Some(code) = self.rows.code(&account.name, purpose)?.filter(|code| code.pin_tries > 0) {
                self.rows.put_code(&CodeRow { pin_tries: 0, ..code })?;
            }
        }
        self.forgive_unproved_tries(&account.name).map(drop)
    }

    /// Forgives the wrong K1s that the devices of an account proved without their PIN. Returns
    /// whether there were any.
    pub(crate) fn forgive_unproved_tries(&self, account: &str) -> Result<bool, Failure> {
        let mut forgiven = false;
        for device in self.rows.devices_of(account)? {
            let traits = self.rows.traits(&device.id)?;
            if traits.unproved_tries > 0 {
                self.rows.put_traits(&device.id, &TraitsRow { unproved_tries: 0, ..traits })?;
                self.audit(Some(account), Some(&device.id), audit::PIN_FORGIVEN)?;
                forgiven = true;
            }
        }
        Ok(forgiven)
    }

    /// Seals the account's PIN again under the current master key, if another key sealed it.
    /// Returns whether the row changed.
    pub(crate) fn reseal_pin(&self, mut account: AccountRow) -> Result<bool, Failure> {
        let Some(sealed) = &account.pin else { return Ok(false) };
        let Some(resealed) = self.sealer.reseal(pin_binding(&account), sealed)? else { return Ok(false) };
        account.pin = Some(resealed);
        self.put_account(&account)?;
        Ok(true)
    }

    /// Sets another PIN of the account. Every device keeps its service secret under the key of the
    /// old PIN. Without a synchronization no device makes a right password any more, so the secrets
    /// are removed. Nor can a device prove its K1, which is hidden under the old PIN, too.
    pub(crate) fn change_pin(&self, account: &mut AccountRow, pin: &Pin) -> Result<(), Failure> {
        for device in self.rows.devices_of(&account.name)? {
            self.rows.put_device(&DeviceRow { secret: None, k1_proved: false, ..device })?;
        }
        self.set_pin(account, pin)
    }
}

fn pin_binding(account: &AccountRow) -> Binding<'_> {
    Binding { column: "accounts.pin", row: &account.name }
}
