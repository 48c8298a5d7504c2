//! The device of a request, with its account and its keys.

use inwebo::mode::Mode;
use inwebo::values::{K0, K1, Kma, Serial};
use inwebo::word::Word;

use super::answer::Granted;
use super::context::{MacContext, MacResult, SECRET_ID, SERVICE_ID, SERVICE_NAME};
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::domain::moment;
use crate::domain::rows::{AccountRow, ChallengeRow, Confirmation, DeviceRow, TraitsRow};
use crate::failure::Failure;
use crate::pending_devices;
use crate::random;
use crate::sealing::Binding;
use crate::service_keys::ServiceKeys;
use crate::step::Step;

pub(super) const K0_COLUMN: &str = "devices.k0";
pub(super) const NEXT_K0_COLUMN: &str = "devices.next_k0";
pub(super) const K1_COLUMN: &str = "devices.k1";
pub(super) const NEXT_K1_COLUMN: &str = "devices.next_k1";
pub(super) const SECRET_COLUMN: &str = "devices.secret";

/// Seals a device's keys again under the current master key, if another key sealed them. Returns
/// whether the row changed.
pub(crate) fn reseal_device(step: &Step<'_>, mut device: DeviceRow) -> Result<bool, Failure> {
    let reseal = |column, sealed: &Vec<u8>| step.sealer.reseal(Binding { column, row: &device.id }, sealed);
    let k0 = reseal(K0_COLUMN, &device.k0)?;
    let next_k0 = device.next_k0.as_ref().map(|sealed| reseal(NEXT_K0_COLUMN, sealed)).transpose()?.flatten();
    let k1 = reseal(K1_COLUMN, &device.k1)?;
    let next_k1 = device.next_k1.as_ref().map(|sealed| reseal(NEXT_K1_COLUMN, sealed)).transpose()?.flatten();
    let secret = device.secret.as_ref().map(|sealed| reseal(SECRET_COLUMN, sealed)).transpose()?.flatten();
    let changed = [&next_k0, &k1, &next_k1, &secret].iter().any(|resealed| resealed.is_some()) || k0.is_some();
    if changed {
        device.k0 = k0.unwrap_or(device.k0);
        device.next_k0 = next_k0.or(device.next_k0);
        device.k1 = k1.unwrap_or(device.k1);
        device.next_k1 = next_k1.or(device.next_k1);
        device.secret = secret.or(device.secret);
        step.rows.put_device(&device)?;
    }
    Ok(changed)
}

/// Returns the serial and K0 of a device that waits for its confirmation. No other K0 replaces the
/// one that it received.
pub(super) fn keys_of_new(step: &Step<'_>, device: &DeviceRow) -> Result<(Serial, K0), Failure> {
    let k0 = K0::new(*step.sealer.open_key(Binding { column: K0_COLUMN, row: &device.id }, &device.k0)?);
    Ok((Serial::parse(&device.serial).ok_or(Failure::Sealed)?, k0))
}

/// Returns a device of another account with the same keys, sealed for its own row.
#[cfg(feature = "bulk")]
pub(crate) fn copy_device(step: &Step<'_>, device: &DeviceRow, id: &str, account: &str) -> Result<DeviceRow, Failure> {
    let copy = |column, sealed: &Vec<u8>| {
        let key = step.sealer.open_key(Binding { column, row: &device.id }, sealed)?;
        step.sealer.seal(Binding { column, row: id }, &*key)
    };
    Ok(DeviceRow {
        id: id.to_owned(),
        account: account.to_owned(),
        k0: copy(K0_COLUMN, &device.k0)?,
        k1: copy(K1_COLUMN, &device.k1)?,
        next_k0: None,
        next_k1: None,
        secret: device.secret.as_ref().map(|sealed| copy(SECRET_COLUMN, sealed)).transpose()?,
        version: 0,
        ..device.clone()
    })
}

/// Answers a setup step that makes a challenge and nothing else, for the device that `find` finds.
pub(super) fn setup(
    mac: &MacContext<'_>,
    query: &Query,
    step: &'static str,
    mode: Mode,
    find: impl Fn(&Step<'_>, &str) -> Result<DeviceSession, StepError>,
) -> MacResult {
    let id = query.require("id")?;
    mac.step(step, |step| {
        let mut session = find(step, id)?;
        Ok(Granted::default().with("challenge", session.challenge(step, mode)?))
    })
}

/// The device of a request, with its account.
pub(super) struct DeviceSession {
    pub(super) device: DeviceRow,
    pub(super) account: AccountRow,
    pub(super) serial: Serial,
}

impl DeviceSession {
    /// Changes the traits of the device, and writes them if they differ afterwards.
    pub(super) fn update_traits(&self, step: &Step<'_>, change: impl FnOnce(&mut TraitsRow)) -> Result<(), Failure> {
        let before = step.rows.traits(&self.device.id)?;
        let mut traits = before;
        change(&mut traits);
        if traits != before {
            step.rows.put_traits(&self.device.id, &traits)?;
        }
        Ok(())
    }

    /// Finds the device with this id. Refuses if it waits for its confirmation.
    pub(super) fn find(step: &Step<'_>, id: &str) -> Result<Self, StepError> {
        Self::find_unconfirmed_too(step, id)?.require_confirmed(|_| false)
    }

    /// Finds the device with this id. Refuses as [`require_active`](Self::require_active) does,
    /// too.
    pub(super) fn find_active(step: &Step<'_>, id: &str) -> Result<Self, StepError> {
        Self::find(step, id)?.require_active(step)
    }

    /// Finds the device with this id, also if it waits for this confirmation.
    pub(super) fn find_waiting_too(step: &Step<'_>, id: &str, confirmation: Confirmation) -> Result<Self, StepError> {
        Self::find_unconfirmed_too(step, id)?.require_confirmed(|pending| pending == confirmation)
    }

    /// Refuses if the device waits for its confirmation, unless this confirmation is `permitted`.
    fn require_confirmed(self, permitted: impl Fn(Confirmation) -> bool) -> Result<Self, StepError> {
        match self.device.pending.filter(|pending| !permitted(*pending)) {
            None => Ok(self),
            Some(Confirmation::ByMaker) => Err(Refusal::with_reason(Word::State, Reason::NotConfirmed).into()),
            Some(Confirmation::ByNumber) => Err(Refusal::with_reason(Word::State, Reason::NotApproved).into()),
        }
    }

    /// Finds the device with this id, also if it waits for its confirmation. If nobody confirmed it
    /// in time, it is removed.
    pub(super) fn find_unconfirmed_too(step: &Step<'_>, id: &str) -> Result<Self, StepError> {
        let (device, account) = step.rows.device_and_account(id)?.ok_or(Word::NoDevice)?;
        if pending_devices::remove_if_late(step, &device)? {
            return Err(Word::NoDevice.into());
        }
        // A step that removes an account removes its devices, too.
        let account = account.ok_or(Word::NoDevice)?;
        let serial = Serial::parse(&device.serial).ok_or(Failure::Sealed)?;
        Ok(Self { device, account, serial })
    }

    /// Refuses if the account is blocked.
    pub(super) fn require_unblocked(self, step: &Step<'_>) -> Result<Self, StepError> {
        step.block(&self.account)?.map_or(Ok(self), |block| Err(block.into()))
    }

    /// Refuses if the account is blocked or the device suspended: no proof of it is accepted.
    pub(super) fn require_active(self, step: &Step<'_>) -> Result<Self, StepError> {
        self.check_active(step).map(|()| self)
    }

    /// Refuses as [`require_active`](Self::require_active) does.
    pub(super) fn check_active(&self, step: &Step<'_>) -> Result<(), StepError> {
        if let Some(block) = step.block(&self.account)? {
            return Err(block.into());
        }
        self.check_not_suspended(step)
    }

    /// Refuses if the device is suspended, also where a block of the account does not matter.
    pub(super) fn check_not_suspended(&self, step: &Step<'_>) -> Result<(), StepError> {
        let suspended = step.is_suspended(&self.device);
        if suspended { Err(Refusal::with_reason(Word::State, Reason::SecondCopy).into()) } else { Ok(()) }
    }

    /// Makes a new challenge of this mode in place of the old one.
    pub(super) fn challenge(&mut self, step: &Step<'_>, mode: Mode) -> Result<String, StepError> {
        let challenge = random::hex::<16>()?;
        let row = ChallengeRow { challenge: challenge.clone(), made_at: step.now };
        step.rows.put_challenge(&mut self.device, mode.as_str(), &row)?;
        Ok(challenge)
    }

    /// Removes the challenge of this mode and returns it. The challenge is used up whatever the
    /// outcome of the step.
    pub(super) fn take_challenge(&mut self, step: &Step<'_>, mode: Mode) -> Result<Result<String, Word>, StepError> {
        Ok(check_lifetime(step, step.rows.take_challenge(&mut self.device, mode.as_str())?))
    }

    /// Checks that there is a live challenge of this mode.
    pub(super) fn find_challenge(&self, step: &Step<'_>, mode: Mode) -> Result<Result<(), Word>, StepError> {
        Ok(check_lifetime(step, step.rows.challenge(&self.device, mode.as_str())?).map(drop))
    }

    pub(super) fn k0(&self, step: &Step<'_>) -> Result<K0, Failure> {
        Ok(K0::new(*step.sealer.open_key(self.binding(K0_COLUMN), &self.device.k0)?))
    }

    /// Returns the K0 that replaces the present one once the device proves it.
    pub(super) fn next_k0(&self, step: &Step<'_>) -> Result<Option<K0>, Failure> {
        let Some(sealed) = &self.device.next_k0 else { return Ok(None) };
        Ok(Some(K0::new(*step.sealer.open_key(self.binding(NEXT_K0_COLUMN), sealed)?)))
    }

    /// Makes this K0 the present one. The caller writes the row.
    pub(super) fn set_k0(&mut self, step: &Step<'_>, k0: &K0) -> Result<(), Failure> {
        self.device.k0 = step.sealer.seal(self.binding(K0_COLUMN), k0.as_bytes())?;
        self.device.next_k0 = None;
        Ok(())
    }

    pub(super) fn k1(&self, step: &Step<'_>) -> Result<K1, Failure> {
        Ok(K1::new(*step.sealer.open_key(self.binding(K1_COLUMN), &self.device.k1)?))
    }

    /// Returns the K1 that replaces the present one once the device proves it.
    pub(super) fn next_k1(&self, step: &Step<'_>) -> Result<Option<K1>, Failure> {
        let Some(sealed) = &self.device.next_k1 else { return Ok(None) };
        Ok(Some(K1::new(*step.sealer.open_key(self.binding(NEXT_K1_COLUMN), sealed)?)))
    }

    /// Makes this K1 the present one. The caller writes the row.
    pub(super) fn set_k1(&mut self, step: &Step<'_>, k1: &K1) -> Result<(), Failure> {
        self.device.k1 = step.sealer.seal(self.binding(K1_COLUMN), k1.as_bytes())?;
        self.device.next_k1 = None;
        self.device.since_evolution = 0;
        Ok(())
    }

    pub(super) fn binding(&self, column: &'static str) -> Binding<'_> {
        Binding { column, row: &self.device.id }
    }

    /// Writes the device, which has proved itself now.
    pub(super) fn put_device(&mut self, step: &Step<'_>) -> Result<(), Failure> {
        self.device.used_at = Some(step.now);
        Ok(step.rows.put_device(&self.device)?)
    }

    pub(super) fn audit(&self, step: &Step<'_>, event: &'static str) -> Result<(), Failure> {
        step.audit(Some(&self.account.name), Some(&self.device.id), event)
    }

    /// Delivers K0 and K1 under `kma`, the service, and the request for a service secret.
    pub(super) fn deliver(
        &mut self,
        step: &Step<'_>,
        granted: Granted,
        kma: &Kma,
        keys: &ServiceKeys,
    ) -> Result<Granted, StepError> {
        let challenge = self.challenge(step, Mode::Secret)?;
        let k0 = self.next_k0(step)?.map_or_else(|| self.k0(step), Ok)?;
        let hidden = |key: &[u8; 16]| inwebo::values::hex::encode(&kma.encrypt(key));
        Ok(granted
            .with("K0", hidden(k0.as_bytes()))
            .with("K1", hidden(self.k1(step)?.as_bytes()))
            .with("Tsync", self.device.tsync.to_string())
            .with("s_n", "1")
            .with("s_id", SERVICE_ID)
            .with("s_name", SERVICE_NAME)
            .with("ms_n", "1")
            .with("ms_id", SECRET_ID)
            .with("ms_key", keys.service_announced.as_str())
            .with("challenge", challenge))
    }
}

/// Returns the challenge, if there is one and it has not expired.
fn check_lifetime(step: &Step<'_>, found: Option<ChallengeRow>) -> Result<String, Word> {
    let row = found.ok_or(Word::State)?;
    let age = moment::age(row.made_at, step.now);
    let in_time = age.is_some_and(|age| age <= step.policy.setup_lifetime_millis());
    if in_time { Ok(row.challenge) } else { Err(Word::Timeout) }
}
