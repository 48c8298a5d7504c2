//! `otp`: one-time passwords, with a PIN or, if the policy allows it, without one.

use inwebo::mode::Mode;
use inwebo::values::{SecVal, ServiceSecret, hex, otp};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::answer::Granted;
use super::context::{Judged, Mac, SERVICE_ID};
use super::party::{NEXT_K1_COLUMN, Party, SECRET_COLUMN};
use super::proof::{self, Proved, Sent};
use super::query::Query;
use super::refusal::{Reason, Refusal, Stop};
use crate::audit;
use crate::domain::evolution;
use crate::failure::Failure;
use crate::random;
use crate::step::Step;
use crate::storage::PasswordRow;

const DAY_MILLIS: i64 = 86_400_000;

/// The key that a password is made from.
enum KeyType {
    /// K1, with a PIN.
    Pin,
    /// K0, without a PIN (ours).
    Device,
}

pub(super) fn setup(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, service) = (query.need("id")?, query.need("sid")?);
    mac.step("otp.setup", |step| {
        let party = Party::find(step, id)?.able(step)?;
        if service != SERVICE_ID {
            return Err(Word::NoService.into());
        }
        Ok(Granted::default().with("challenge", party.challenge(step, Mode::Otp)?))
    })
}

pub(super) fn finalize(mac: &Mac<'_>, query: &Query) -> Judged {
    let (id, service) = (query.need("id")?, query.need("sid")?);
    let sent = Sent::read(query)?;
    let key_type = match query.need("keytype")? {
        "0" => KeyType::Pin,
        "2" => KeyType::Device,
        _ => return Err(Word::Syntax.into()),
    };
    mac.step("otp.finalize", |step| {
        let party = Party::find(step, id)?;
        let challenge = party.take_challenge(step, Mode::Otp)?;
        let party = party.able(step)?;
        if service != SERVICE_ID {
            return Err(Word::NoService.into());
        }
        match key_type {
            KeyType::Pin => with_pin(step, party, &challenge?, &sent),
            KeyType::Device => without_pin(step, party, &challenge?, &sent),
        }
    })
}

fn with_pin(step: &Step<'_>, mut party: Party, challenge: &str, sent: &Sent<'_>) -> Judged {
    let unlocked = proof::with_pin(step, &mut party, challenge, sent)?;
    let secret = secret(step, &party)?.under(&unlocked.kma);
    check_limit(step, &party)?;
    // K1 comes last: the report to the owner needs a success.
    let proved = proof::k1(step, &mut party, &unlocked, challenge, sent)?;
    if evolution::is_due(step.policy.evolve_k1_every, party.device.since_evolution, proved.adopted) {
        return evolve(step, party, &proved);
    }
    if !proved.adopted {
        party.device.since_evolution = party.device.since_evolution.saturating_add(1);
    }
    Ok(grant(step, party, |defi| otp::with_pin(&proved.k1, defi, &secret))?.noting(proved.wrong_pins))
}

fn without_pin(step: &Step<'_>, mut party: Party, challenge: &str, sent: &Sent<'_>) -> Judged {
    let k0 = proof::without_pin(step, &mut party, challenge, sent)?;
    if !step.policy.otp_without_pin {
        party.audit(step, audit::PASSWORD_FORBIDDEN)?;
        return Err(Word::Access.into());
    }
    // The device encrypted its secret under the `kma` of the account's PIN.
    let pin = step.pin_of(&party.account)?.ok_or(Failure::Sealed)?;
    let secret: SecVal = secret(step, &party)?.under(&inwebo::values::Kma::derive(&pin, &party.serial));
    check_limit(step, &party)?;
    grant(step, party, |defi| otp::without_pin(&k0, defi, &secret))
}

fn secret(step: &Step<'_>, party: &Party) -> Result<ServiceSecret, Stop> {
    let Some(sealed) = &party.device.secret else {
        party.audit(step, audit::DEVICE_DESYNCHRONIZED)?;
        return Err(Word::Desynchronized.into());
    };
    Ok(ServiceSecret::new(*step.vault.open_key(party.place(SECRET_COLUMN), sealed)?))
}

/// Refuses a device that made its maximum number of passwords today, and tells it when the next day
/// of UTC begins. If the policy permits no password at all, there is no such time.
fn check_limit(step: &Step<'_>, party: &Party) -> Result<(), Stop> {
    let Some(limit) = step.policy.otps_per_device_and_day else { return Ok(()) };
    let today = party.device.day == step.now.div_euclid(DAY_MILLIS);
    if limit > 0 && !(today && party.device.passwords_of_day >= limit) {
        return Ok(());
    }
    party.audit(step, audit::PASSWORD_FORBIDDEN)?;
    if limit == 0 {
        return Err(Word::Forbidden.into());
    }
    let left = DAY_MILLIS - step.now.rem_euclid(DAY_MILLIS);
    let retry_after_seconds = u64::try_from(left).ok().map(|millis| millis.div_ceil(1000));
    Err(Refusal { retry_after_seconds, ..Refusal::because(Word::Forbidden, Reason::DailyLimit) }.into())
}

/// Lets the device make a new K1. The old K1 is valid until the device proves the new one, because
/// this answer may be lost. `J` makes the device ask again. The `defi` of this answer makes no
/// password.
fn evolve(step: &Step<'_>, mut party: Party, proved: &Proved) -> Judged {
    let dk1 = hex::encode_secret(&*Zeroizing::new(random::bytes::<16>()?));
    let next = proved.k1.evolve(&dk1);
    party.device.next_k1 = Some(step.vault.seal(party.place(NEXT_K1_COLUMN), next.as_bytes())?);
    party.put_device(step)?;
    party.audit(step, audit::K1_EVOLVING)?;
    let defi = random::challenge_number()?.to_string();
    Ok(Granted::default().with("defi", defi).with("J", "1").with("dK1", dk1.as_str()).noting(proved.wrong_pins))
}

/// Stores the hash of the password, and returns the challenge from which the device makes it.
fn grant(step: &Step<'_>, mut party: Party, password: impl Fn(&str) -> Zeroizing<String>) -> Judged {
    let today = step.now.div_euclid(DAY_MILLIS);
    let earlier = if party.device.day == today { party.device.passwords_of_day } else { 0 };
    party.device.day = today;
    party.device.passwords_of_day = earlier.saturating_add(1);
    party.put_device(step)?;
    let defi = random::challenge_number()?.to_string();
    let account = &party.account.name;
    step.rows.forget_passwords(account, step.now)?;
    let hash = step.vault.password_hash(account, &password(&defi));
    step.rows.put_password(&PasswordRow {
        account: account.clone(),
        hash: hash.bytes,
        key_id: hash.key_id,
        device: party.device.id.clone(),
        expires_at: step.now.saturating_add(step.policy.otp_lifetime_millis()),
        used: false,
    })?;
    party.audit(step, audit::PASSWORD_GRANTED)?;
    Ok(Granted::default().with("defi", defi))
}
