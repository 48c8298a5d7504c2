//! The proofs of a finalize step, judged in an order that keeps strangers from blocking an account:
//! first that it is the device, then the PIN (which costs a try), then that the device's K1 is up to date.

use inwebo_values::{K0, K1, Kma, Pin, Proofs, Serial};
use subtle::ConstantTimeEq;

use super::party::Party;
use super::query::Query;
use super::word::{Refusal, Stop, Word};
use crate::audit;
use crate::domain::pin::{Charged, charge};
use crate::failure::Failure;
use crate::sms::Notice;
use crate::step::Step;
use crate::storage::AccountRow;

/// The proofs that a request carries.
pub(super) struct Sent<'q> {
    r0: &'q str,
    r1: &'q str,
    r2: &'q str,
}

impl<'q> Sent<'q> {
    pub(super) fn read(query: &'q Query) -> Result<Self, Refusal> {
        Ok(Self { r0: query.proof("R0")?, r1: query.proof("R1")?, r2: query.proof("R2")? })
    }

    /// Whether these are the proofs of a device that has no keys yet.
    pub(super) fn before_activation(&self, serial: &Serial) -> bool {
        self.all(&Proofs::before_activation(serial))
    }

    fn all(&self, expected: &Proofs) -> bool {
        same(self.r0, &expected.r0) & same(self.r1, &expected.r1) & same(self.r2, &expected.r2)
    }
}

/// What the right PIN opens.
pub(super) struct Unlocked {
    pub(super) pin: Pin,
    pub(super) kma: Kma,
    k0: K0,
}

/// The K1 that a device proved.
pub(super) struct ProvedK1 {
    pub(super) k1: K1,
    /// It was pending until now.
    pub(super) adopted: bool,
}

/// Judges R0: whether this is the device. A stranger is charged nothing.
pub(super) fn device(step: &Step<'_>, party: &Party, challenge: &str, r0: &str) -> Result<K0, Stop> {
    let k0 = party.k0(step)?;
    if same(r0, &Proofs::without_pin(challenge, &party.serial, &k0).r0) {
        return Ok(k0);
    }
    party.audit(step, audit::DEVICE_REFUSED)?;
    Err(Word::Access.into())
}

/// Judges all proofs of a device without a PIN.
pub(super) fn without_pin(step: &Step<'_>, party: &Party, challenge: &str, sent: &Sent<'_>) -> Result<K0, Stop> {
    let k0 = device(step, party, challenge, sent.r0)?;
    if sent.all(&Proofs::without_pin(challenge, &party.serial, &k0)) {
        return Ok(k0);
    }
    party.audit(step, audit::DEVICE_REFUSED)?;
    Err(Word::Access.into())
}

/// Judges R0 and R2. A wrong PIN is charged.
pub(super) fn with_pin(step: &Step<'_>, party: &mut Party, challenge: &str, sent: &Sent<'_>) -> Result<Unlocked, Stop> {
    let k0 = device(step, party, challenge, sent.r0)?;
    // An account whose devices have keys has a PIN.
    let pin = step.pin_of(&party.account)?.ok_or(Failure::Sealed)?;
    let expected = inwebo_values::proof(challenge, &k0.text(), pin.digits());
    judge_pin(step, &mut party.account, Some(&party.device.id), same(sent.r2, &expected))?;
    let kma = Kma::derive(&pin, &party.serial);
    Ok(Unlocked { pin, kma, k0 })
}

/// Charges a wrong PIN, or forgets earlier ones for a right one.
pub(super) fn judge_pin(
    step: &Step<'_>,
    account: &mut AccountRow,
    device: Option<&str>,
    right: bool,
) -> Result<(), Stop> {
    if right {
        if account.pin_tries > 0 {
            account.pin_tries = 0;
            step.put_account(account)?;
        }
        return Ok(());
    }
    let charged = charge(account, step.policy.max_pin_tries);
    step.put_account(account)?;
    step.audit(Some(&account.name), device, audit::PIN_REFUSED)?;
    match charged {
        Charged::Left(left) => Err(Refusal { attempts_left: Some(left), ..Word::Access.into() }.into()),
        Charged::Blocked => {
            step.audit(Some(&account.name), device, audit::ACCOUNT_BLOCKED)?;
            step.notify(account, Notice::Block)?;
            Err(Word::Blocked.into())
        }
    }
}

/// Judges R1 and adopts a pending K1 that the device proves. A stale K1 is no crime: the device must synchronize.
pub(super) fn k1(
    step: &Step<'_>,
    party: &mut Party,
    unlocked: &Unlocked,
    challenge: &str,
    sent: &Sent<'_>,
) -> Result<ProvedK1, Stop> {
    let proves = |k1: &K1| same(sent.r1, &inwebo_values::proof(challenge, &unlocked.k0.text(), &k1.text()));
    let current = party.k1(step)?;
    if proves(&current) {
        return Ok(ProvedK1 { k1: current, adopted: false });
    }
    if let Some(next) = party.next_k1(step)?.filter(proves) {
        party.set_k1(step, &next)?;
        party.put_device(step)?;
        party.audit(step, audit::K1_EVOLVED)?;
        return Ok(ProvedK1 { k1: next, adopted: true });
    }
    party.audit(step, audit::DEVICE_DESYNCHRONIZED)?;
    Err(Word::Desynchronized.into())
}

/// Compared in a time that tells nothing but whether the lengths differ.
fn same(sent: &str, expected: &str) -> bool {
    sent.as_bytes().ct_eq(expected.as_bytes()).into()
}
