//! `otp`: one-time passwords, with a PIN or, if the policy allows it, without one.

use inwebo::mode::Mode;
use inwebo::values::{SecVal, ServiceSecret, hex, otp};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{MacContext, MacResult, SERVICE_ID};
use super::device_session::{DeviceSession, NEXT_K1_COLUMN, SECRET_COLUMN};
use super::proof::{self, PasswordProof, Proved, SentProofs};
use super::query::Query;
use super::refusal::{Reason, Refusal, StepError};
use crate::audit;
use crate::domain::day_limit::{self, DayLimit};
use crate::domain::evolution::{self, Answer};
use crate::domain::policy::PinProof;
use crate::domain::rows::PasswordRow;
use crate::failure::Failure;
use crate::random;
use crate::step::Step;

/// The key that a password is made from.
enum KeyType {
    /// K1, which a PIN hides.
    K1,
    /// K0, without a PIN (ours).
    K0,
}

pub(super) fn setup(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, service) = (query.require("id")?, query.require("sid")?);
    mac.step("otp.setup", |step| {
        let mut session = DeviceSession::find(step, id)?.require_active(step)?;
        if service != SERVICE_ID {
            return Err(Word::NoService.into());
        }
        Ok(Granted::default().with("challenge", session.challenge(step, Mode::Otp)?))
    })
}

pub(super) fn finalize(mac: &MacContext<'_>, query: &Query) -> MacResult {
    let (id, service) = (query.require("id")?, query.require("sid")?);
    let sent = SentProofs::read(query)?;
    let key_type = match query.require("keytype")? {
        "0" => KeyType::K1,
        "2" => KeyType::K0,
        _ => return Err(Word::Syntax.into()),
    };
    mac.step("otp.finalize", |step| {
        let mut session = DeviceSession::find(step, id)?;
        let challenge = session.take_challenge(step, Mode::Otp)?;
        let session = session.require_active(step)?;
        if service != SERVICE_ID {
            return Err(Word::NoService.into());
        }
        match key_type {
            KeyType::K1 => with_k1(step, session, &challenge?, &sent),
            KeyType::K0 => without_pin(step, session, &challenge?, &sent),
        }
    })
}

fn with_k1(step: &Step<'_>, mut session: DeviceSession, challenge: &str, sent: &SentProofs<'_>) -> MacResult {
    let shown = proof::verify_for_password(step, &mut session, challenge, sent)?;
    let secret = secret(step, &session)?.under(shown.kma());
    check_limit(step, &session)?;
    // K1 comes last: the report to the owner needs a success.
    let proved = match &shown {
        PasswordProof::WithPin(unlocked) => {
            let proved = proof::verify_k1(step, &mut session, unlocked, challenge, sent)?;
            record_pin_proof(step, &session)?;
            proved
        }
        PasswordProof::WithoutPin(unproved) => {
            proof::verify_k1_without_pin(step, &mut session, unproved, challenge, sent)?
        }
    };
    if evolution::is_due(step.policy.evolve_k1_every, session.device.since_evolution, proved.adopted) {
        let mut traits = step.rows.traits(&session.device.id)?;
        let before = traits;
        let lot = u32::from_ne_bytes(random::bytes()?);
        let answer = evolution::answer(&mut traits, step.policy.evolve_k1_every, lot);
        if traits != before {
            step.rows.put_traits(&session.device.id, &traits)?;
        }
        match answer {
            Answer::Evolve => return evolve(step, session, &proved),
            Answer::PasswordFromNowOn => session.audit(step, audit::K1_NOT_EVOLVING)?,
            Answer::Password => {}
        }
    }
    if !proved.adopted {
        session.device.since_evolution = session.device.since_evolution.saturating_add(1);
    }
    Ok(grant(step, session, |defi| otp::with_pin(&proved.k1, defi, &secret))?.with_wrong_pins(proved.wrong_pins))
}

/// Records that the device proved its PIN, where the policy lets others omit the proof. It forgives
/// the wrong K1s without such a proof.
fn record_pin_proof(step: &Step<'_>, session: &DeviceSession) -> Result<(), Failure> {
    if step.policy.pin_proof == PinProof::Each {
        return Ok(());
    }
    session.update_traits(step, |traits| (traits.proves_pin, traits.unproved_tries) = (true, 0))
}

fn without_pin(step: &Step<'_>, mut session: DeviceSession, challenge: &str, sent: &SentProofs<'_>) -> MacResult {
    let k0 = proof::verify_without_pin(step, &mut session, challenge, sent)?;
    if !step.policy.otp_without_pin {
        session.audit(step, audit::PASSWORD_FORBIDDEN)?;
        return Err(Word::Access.into());
    }
    // The device encrypted its secret under the `kma` of the account's PIN.
    let pin = step.pin_of(&session.account)?.ok_or(Failure::Sealed)?;
    let secret: SecVal = secret(step, &session)?.under(&inwebo::values::Kma::derive(&pin, &session.serial));
    check_limit(step, &session)?;
    grant(step, session, |defi| otp::without_pin(&k0, defi, &secret))
}

fn secret(step: &Step<'_>, session: &DeviceSession) -> Result<ServiceSecret, StepError> {
    let Some(sealed) = &session.device.secret else {
        session.audit(step, audit::DEVICE_DESYNCHRONIZED)?;
        return Err(Word::Desynchronized.into());
    };
    Ok(ServiceSecret::new(*step.sealer.open_key(session.binding(SECRET_COLUMN), sealed)?))
}

/// Refuses a device that made its maximum number of passwords today, and tells it when the next day
/// of UTC begins. If the policy permits no password at all, there is no such time.
fn check_limit(step: &Step<'_>, session: &DeviceSession) -> Result<(), StepError> {
    let Some(limit) = day_limit::spent(&session.device, step.policy, step.now) else { return Ok(()) };
    session.audit(step, audit::PASSWORD_FORBIDDEN)?;
    let DayLimit::Spent { until } = limit else {
        return Err(Refusal::with_reason(Word::Forbidden, Reason::NoPasswords).into());
    };
    let left = until.saturating_sub(step.now);
    let retry_after_seconds = u64::try_from(left).ok().map(|millis| millis.div_ceil(1000));
    Err(Refusal { retry_after_seconds, ..Refusal::with_reason(Word::Forbidden, Reason::DailyLimit) }.into())
}

/// Lets the device make a new K1. The old K1 is valid until the device proves the new one, because
/// this answer may be lost. `J` makes the device ask again. The `defi` of this answer makes no
/// password.
fn evolve(step: &Step<'_>, mut session: DeviceSession, proved: &Proved) -> MacResult {
    let dk1 = hex::encode_secret(&*Zeroizing::new(random::bytes::<16>()?));
    let next = proved.k1.evolve(&dk1);
    session.device.next_k1 = Some(step.sealer.seal(session.binding(NEXT_K1_COLUMN), next.as_bytes())?);
    session.put_device(step)?;
    session.audit(step, audit::K1_EVOLVING)?;
    let defi = random::challenge_number()?.to_string();
    Ok(Granted::default()
        .with("defi", defi)
        .with("J", "1")
        .with("dK1", dk1.as_str())
        .with_wrong_pins(proved.wrong_pins))
}

/// Stores the hash of the password, and returns the challenge from which the device makes it.
fn grant(step: &Step<'_>, mut session: DeviceSession, password: impl Fn(&str) -> Zeroizing<String>) -> MacResult {
    let today = day_limit::day(step.now);
    let earlier = if session.device.day == today { session.device.passwords_of_day } else { 0 };
    session.device.day = today;
    session.device.passwords_of_day = earlier.saturating_add(1);
    session.put_device(step)?;
    let defi = random::challenge_number()?.to_string();
    let account = &session.account.name;
    let hash = step.sealer.password_hash(account, &password(&defi));
    step.rows.add_password(&PasswordRow {
        account: account.clone(),
        hash: hash.bytes,
        key_id: hash.key_id,
        device: session.device.id.clone(),
        expires_at: step.now.saturating_add(step.policy.otp_lifetime_millis()),
        used: false,
    })?;
    session.audit(step, audit::PASSWORD_GRANTED)?;
    Ok(Granted::default().with("defi", defi))
}
