//! The proofs of a finalize step. Their order keeps strangers from blocking an account: first the
//! proof of the device, then the PIN (a wrong one costs a try), then the proof that the device's K1
//! is up to date.

use inwebo::values::{K0, K1, Kma, Pin, Proofs};
use inwebo::word::Word;
use inwebo::wrong_pins::WrongPins;
use subtle::ConstantTimeEq;

use super::device_session::DeviceSession;
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::audit;
use crate::domain::message::Notice;
use crate::domain::pin::{self, Block, Charged};
use crate::domain::policy::ClonePolicy;
use crate::domain::rows::{AccountRow, DeviceRow};
use crate::domain::{evolution, pin_proof, second_copy};
use crate::failure::Failure;
use crate::notices::Event;
use crate::step::Step;

/// The proofs that a request carries.
pub(super) struct SentProofs<'q> {
    r0: &'q str,
    r1: &'q str,
    r2: &'q str,
    last_sync: u64,
}

impl<'q> SentProofs<'q> {
    pub(super) fn read(query: &'q Query) -> Result<Self, Refusal> {
        Ok(Self {
            r0: query.proof("R0")?,
            r1: query.proof("R1")?,
            r2: query.proof("R2")?,
            last_sync: query.last_sync()?,
        })
    }

    fn all(&self, expected: &Proofs) -> bool {
        same(self.r0, &expected.r0) & same(self.r1, &expected.r1) & same(self.r2, &expected.r2)
    }
}

/// The values that the right PIN yields.
pub(super) struct Unlocked {
    pub(super) pin: Pin,
    pub(super) kma: Kma,
    k0: K0,
}

/// The values of a device that sent no proof of its PIN.
pub(super) struct Unproved {
    kma: Kma,
    k0: K0,
}

/// The part that the PIN has in a request for a password.
pub(super) enum PasswordProof {
    WithPin(Unlocked),
    WithoutPin(Unproved),
}

impl PasswordProof {
    /// Returns the key under which the device hides its service secret.
    pub(super) fn kma(&self) -> &Kma {
        match self {
            Self::WithPin(unlocked) => &unlocked.kma,
            Self::WithoutPin(unproved) => &unproved.kma,
        }
    }
}

/// The K1 that a device proved.
pub(super) struct Proved {
    pub(super) k1: K1,
    /// True if this K1 was pending until now.
    pub(super) adopted: bool,
    /// The wrong PINs to report to the owner.
    pub(super) wrong_pins: Option<WrongPins>,
}

/// Verifies R0, the proof of the device. Nothing is charged for a wrong one, because anyone can
/// send it. If the device proves a pending K0, that K0 becomes the present one. The old K0, which
/// another copy may have, is no longer valid.
pub(super) fn verify_device(
    step: &Step<'_>,
    session: &mut DeviceSession,
    challenge: &str,
    r0: &str,
) -> Result<K0, StepError> {
    let serial = session.serial.clone();
    let proves = |k0: &K0| same(r0, &Proofs::without_pin(challenge, &serial, k0).r0);
    let current = session.k0(step)?;
    if proves(&current) {
        return Ok(current);
    }
    if let Some(next) = session.next_k0(step)?.filter(proves) {
        session.set_k0(step, &next)?;
        session.put_device(step)?;
        session.audit(step, audit::K0_RENEWED)?;
        return Ok(next);
    }
    session.audit(step, audit::DEVICE_REFUSED)?;
    Err(Word::Access.into())
}

/// Verifies R0, and checks the request for signs of another copy of the device.
fn verify_device_and_copies(
    step: &Step<'_>,
    session: &mut DeviceSession,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<K0, StepError> {
    let k0 = verify_device(step, session, challenge, sent.r0)?;
    if second_copy::is_older(&session.device, sent.last_sync) {
        record_suspicion(step, session, sent)?;
    }
    Ok(k0)
}

/// Verifies all proofs of a device without a PIN.
pub(super) fn verify_without_pin(
    step: &Step<'_>,
    session: &mut DeviceSession,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<K0, StepError> {
    let k0 = verify_device_and_copies(step, session, challenge, sent)?;
    if sent.all(&Proofs::without_pin(challenge, &session.serial, &k0)) {
        return Ok(k0);
    }
    session.audit(step, audit::DEVICE_REFUSED)?;
    Err(Word::Access.into())
}

/// Verifies R0 and R2. A wrong PIN is charged. A right PIN forgives nothing until K1 is proved,
/// too.
pub(super) fn verify_with_pin(
    step: &Step<'_>,
    session: &mut DeviceSession,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<Unlocked, StepError> {
    let k0 = verify_device_and_copies(step, session, challenge, sent)?;
    verify_pin(step, session, k0, challenge, sent)
}

/// Verifies R2 beside a right R0.
fn verify_pin(
    step: &Step<'_>,
    session: &mut DeviceSession,
    k0: K0,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<Unlocked, StepError> {
    // If a device of the account has keys, the account has a PIN.
    let pin = step.pin_of(&session.account)?.ok_or(Failure::Sealed)?;
    let expected = inwebo::values::proof(challenge, &k0.text(), pin.digits());
    require_right_pin(step, &mut session.account, Some(&mut session.device), same(sent.r2, &expected))?;
    let kma = Kma::derive(&pin, &session.serial);
    Ok(Unlocked { pin, kma, k0 })
}

/// Verifies R0, and R2 if it is over a PIN. An R2 over the empty PIN is no proof of a PIN, and no
/// wrong one: nothing is charged. The policy decides whether the device gets a password.
pub(super) fn verify_for_password(
    step: &Step<'_>,
    session: &mut DeviceSession,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<PasswordProof, StepError> {
    let k0 = verify_device_and_copies(step, session, challenge, sent)?;
    if !same(sent.r2, &inwebo::values::proof(challenge, &k0.text(), "")) {
        return verify_pin(step, session, k0, challenge, sent).map(PasswordProof::WithPin);
    }
    if !pin_proof::may_be_omitted(step.policy.pin_proof, &step.rows.traits(&session.device.id)?) {
        return Err(pin_not_proved(step, session)?.into());
    }
    let pin = step.pin_of(&session.account)?.ok_or(Failure::Sealed)?;
    Ok(PasswordProof::WithoutPin(Unproved { kma: Kma::derive(&pin, &session.serial), k0 }))
}

/// Verifies R1 beside no proof of the PIN. It forgives no wrong PIN and is no evidence of a second
/// copy, because anyone with K0 can send a wrong one. Wrong ones are counted, see
/// [`pin_proof::may_be_omitted`]. A right one forgives them.
pub(super) fn verify_k1_without_pin(
    step: &Step<'_>,
    session: &mut DeviceSession,
    unproved: &Unproved,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<Proved, StepError> {
    let Some((k1, adopted)) = proved_k1(step, session, &unproved.k0, challenge, sent)? else {
        session.update_traits(step, |traits| traits.unproved_tries = traits.unproved_tries.saturating_add(1))?;
        return Err(pin_not_proved(step, session)?.into());
    };
    session.update_traits(step, |traits| traits.unproved_tries = 0)?;
    if adopted {
        adopt_k1(step, session, &k1)?;
        session.put_device(step)?;
    }
    Ok(Proved { k1, adopted, wrong_pins: None })
}

/// Returns the refusal of a password without a proof of the PIN.
fn pin_not_proved(step: &Step<'_>, session: &DeviceSession) -> Result<Refusal, Failure> {
    session.audit(step, audit::PASSWORD_FORBIDDEN)?;
    Ok(Refusal::with_reason(Word::Access, Reason::PinNotProved))
}

/// Makes a pending K1 that the device proved the present one. The caller writes the device's row.
fn adopt_k1(step: &Step<'_>, session: &mut DeviceSession, k1: &K1) -> Result<(), Failure> {
    session.set_k1(step, k1)?;
    session.update_traits(step, evolution::record_evolution)?;
    session.audit(step, audit::K1_EVOLVED)
}

/// Charges a wrong PIN. Changes nothing for a right one.
pub(super) fn require_right_pin(
    step: &Step<'_>,
    account: &mut AccountRow,
    mut device: Option<&mut DeviceRow>,
    right: bool,
) -> Result<(), StepError> {
    if right {
        return Ok(());
    }
    let ended = step.timed_block(account)?;
    let charged = pin::charge(account, device.as_deref_mut(), ended.as_ref(), step.policy, step.now);
    step.put_account(account)?;
    if let Some(device) = &device {
        step.rows.put_device(device)?;
    }
    let id = device.as_ref().map(|device| device.id.as_str());
    step.audit(Some(&account.name), id, audit::PIN_REFUSED)?;
    if pin::is_budget_half_spent(account, step.policy) {
        step.audit(Some(&account.name), id, audit::PIN_BUDGET_HALF_SPENT)?;
        step.tally(|tally| tally.budgets_half_spent += 1);
    }
    match charged {
        Charged::Left(left) => Err(Refusal { attempts_left: Some(left), ..Word::Access.into() }.into()),
        Charged::Blocked(block) => {
            if ended.is_some() {
                step.rows.remove_timed_block(&account.name)?;
            }
            step.record_lasting_block(account, id, block)?;
            Err(block.into())
        }
        Charged::BlockedFor(timed) => {
            step.rows.put_timed_block(&timed)?;
            // The block may end before they expire.
            step.rows.remove_passwords(&account.name)?;
            step.tally(|tally| tally.timed_blocks += 1);
            step.audit(Some(&account.name), id, audit::ACCOUNT_BLOCKED)?;
            step.audit(Some(&account.name), id, audit::ACCOUNT_BLOCKED_FOR_A_TIME)?;
            step.notify(account, &Event::new(Notice::Block, id))?;
            Err(timed.time_left(step.now).map_or(Block::Tries, Block::Timed).into())
        }
    }
}

/// Verifies R1 beside a right PIN, and makes a pending K1 that the device proves the present one. A
/// stale K1 is not an attack and costs no PIN attempt: the device must synchronize. A right R1
/// forgives the device's own wrong PINs. Writes the device's row if more than its use changed; the
/// caller writes it in any case.
pub(super) fn verify_k1(
    step: &Step<'_>,
    session: &mut DeviceSession,
    unlocked: &Unlocked,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<Proved, StepError> {
    let Some((k1, adopted)) = proved_k1(step, session, &unlocked.k0, challenge, sent)? else {
        if second_copy::is_wrong_k1_older(&session.device) {
            record_suspicion(step, session, sent)?;
        }
        session.audit(step, audit::DEVICE_DESYNCHRONIZED)?;
        return Err(Word::Desynchronized.into());
    };
    if adopted {
        adopt_k1(step, session, &k1)?;
    }
    let wrong_pins = forgive_wrong_pins(step, session)?;
    if second_copy::record_proof(&mut session.device, sent.last_sync) || adopted || wrong_pins.is_some() {
        session.put_device(step)?;
    }
    Ok(Proved { k1, adopted, wrong_pins })
}

/// Verifies R1 for a synchronization, which replaces K1 in any case. A stale K1 is accepted unless
/// it shows a second copy.
pub(super) fn verify_stale_k1(
    step: &Step<'_>,
    session: &mut DeviceSession,
    unlocked: &Unlocked,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<(), StepError> {
    let proved = proved_k1(step, session, &unlocked.k0, challenge, sent)?.is_some();
    if !proved && second_copy::is_wrong_k1_older(&session.device) {
        record_suspicion(step, session, sent)
    } else {
        Ok(())
    }
}

/// Returns the K1 that R1 proves, and whether it is the pending one.
fn proved_k1(
    step: &Step<'_>,
    session: &DeviceSession,
    k0: &K0,
    challenge: &str,
    sent: &SentProofs<'_>,
) -> Result<Option<(K1, bool)>, Failure> {
    let proves = |k1: &K1| same(sent.r1, &inwebo::values::proof(challenge, &k0.text(), &k1.text()));
    let current = session.k1(step)?;
    if proves(&current) {
        return Ok(Some((current, false)));
    }
    Ok(session.next_k1(step)?.filter(proves).map(|next| (next, true)))
}

/// Forgives the device's own wrong PINs, and lifts a block that is over. Returns all wrong PINs
/// since the device last proved itself. The caller writes the device's row.
fn forgive_wrong_pins(step: &Step<'_>, session: &mut DeviceSession) -> Result<Option<WrongPins>, Failure> {
    let DeviceSession { device, account, .. } = session;
    let forgiven = pin::forgive(account, device);
    let writes = forgiven > 0 || account.blocked;
    if writes && step.put_unblocked(account)? {
        step.audit(Some(&account.name), Some(&device.id), audit::ACCOUNT_UNBLOCKED)?;
    }
    if forgiven > 0 {
        step.audit(Some(&account.name), Some(&device.id), audit::PIN_FORGIVEN)?;
        step.tally(|tally| tally.pins_forgiven += u64::from(forgiven));
    }
    let count = account.wrong_pins.saturating_sub(device.wrong_pins_told);
    let since = device.proved_at.unwrap_or(device.made_at);
    (device.wrong_pins_told, device.proved_at) = (account.wrong_pins, Some(step.now));
    Ok((count > 0).then_some(WrongPins { count, since }))
}

/// Records that a second copy of the device is suspected. Suspends both copies if the policy says
/// so.
fn record_suspicion(step: &Step<'_>, session: &mut DeviceSession, sent: &SentProofs<'_>) -> Result<(), StepError> {
    second_copy::record_suspicion(&mut session.device, sent.last_sync, step.now);
    session.audit(step, audit::CLONE_SUSPECTED)?;
    step.tally(|tally| tally.clones_suspected += 1);
    let suspended = step.policy.clone == ClonePolicy::Suspend;
    session.device.suspended |= suspended;
    // It is unknown which copy sent the request, so this is not recorded as a use of the device.
    step.rows.put_device(&session.device)?;
    if !suspended {
        return Ok(());
    }
    step.rows.remove_grants(&session.device.id)?;
    session.audit(step, audit::DEVICE_SUSPENDED)?;
    Err(Refusal::with_reason(Word::State, Reason::SecondCopy).into())
}

/// Compares in constant time. Only a difference in length can show.
fn same(sent: &str, expected: &str) -> bool {
    sent.as_bytes().ct_eq(expected.as_bytes()).into()
}
