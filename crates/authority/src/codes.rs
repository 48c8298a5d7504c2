//! SMS codes in the database: made, recognised, charged and used up.

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::audit;
use crate::domain::code as rules;
use crate::failure::Failure;
use crate::random;
use crate::sealing::Hash;
use crate::sms::Purpose;
use crate::step::Step;
use crate::storage::{CodeRow, CodeUse};

/// What a code that someone entered is.
pub(crate) enum Entered {
    /// The right one.
    Right(CodeRow),
    /// It was the right one, and has been used. It has not expired.
    Used(CodeRow),
    /// A wrong one, charged to the code that the account was sent.
    Wrong { attempts_left: u32 },
    /// There is no code that it could be.
    Unknown,
}

/// Judges a code that was entered for an account. A wrong one costs a try.
pub(crate) fn judge(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: Option<&str>,
    entered: &str,
) -> Result<Entered, Failure> {
    let Some(mut code) = step.rows.code(account, purpose)? else { return refuse(step, account) };
    let hashes = step.vault.code_hashes(purpose.as_str(), entered);
    let same = hashes.iter().fold(Choice::from(0), |same, hash| same | code.hash.ct_eq(&hash.bytes));
    let right = bool::from(same) && is_for(&code, phone_number);
    if right && code.used.is_some() && !code.withdrawn && step.now < code.expires_at {
        return Ok(Entered::Used(code));
    }
    if !rules::is_live(&code, step.policy, step.now) {
        return refuse(step, account);
    }
    if right {
        return Ok(Entered::Right(code));
    }
    let attempts_left = rules::charge(&mut code, step.policy);
    step.rows.put_code(&code)?;
    step.audit(Some(account), None, audit::CODE_REFUSED)?;
    Ok(Entered::Wrong { attempts_left })
}

/// Judges a code of which nobody says whose it is. Nothing can be charged.
pub(crate) fn judge_anonymous(
    step: &Step<'_>,
    purpose: Purpose,
    phone_number: Option<&str>,
    entered: &str,
) -> Result<Entered, Failure> {
    let found = live(step, purpose, entered)?.filter(|code| is_for(code, phone_number));
    match found {
        Some(code) if code.used.is_some() => Ok(Entered::Used(code)),
        Some(code) if rules::is_live(&code, step.policy, step.now) => Ok(Entered::Right(code)),
        _ => {
            step.audit(None, None, audit::CODE_REFUSED)?;
            Ok(Entered::Unknown)
        }
    }
}

/// Uses a right code up.
pub(crate) fn consume(step: &Step<'_>, code: CodeRow, used: CodeUse) -> Result<(), Failure> {
    step.audit(Some(&code.account), None, audit::CODE_ACCEPTED)?;
    Ok(step.rows.put_code(&CodeRow { used: Some(used), ..code })?)
}

/// Makes a new code in place of the old one, and takes over its wrong tries. It is unlike every other code of its purpose that lives.
pub(crate) fn make(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: &str,
    old: Option<&CodeRow>,
) -> Result<(Hash, Zeroizing<String>), Failure> {
    const DRAWS: u32 = 100;
    for _ in 0..DRAWS {
        let code = random::code(step.policy.code_digits.clamp(4, 12))?;
        let hash = step.vault.code_hash(purpose.as_str(), &code);
        if live(step, purpose, &code)?.is_none() {
            step.rows.put_code(&CodeRow {
                account: account.to_owned(),
                purpose,
                phone_number: phone_number.to_owned(),
                hash: hash.bytes,
                key_id: hash.key_id,
                expires_at: step.now.saturating_add(step.policy.code_lifetime_millis()),
                tries: rules::carried_tries(old, step.now),
                // They are forgiven to the device that these codes activate.
                pin_tries: old.filter(|old| old.used.is_none()).map_or(0, |old| old.pin_tries),
                withdrawn: false,
                setup_at: None,
                used: None,
                version: old.map_or(0, |old| old.version),
            })?;
            return Ok((hash, code));
        }
    }
    Err(Failure::CodesExhausted)
}

/// Makes the account's code for a purpose void, where `which` says so. Its tries still count.
pub(crate) fn withdraw(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    which: impl FnOnce(&CodeRow) -> bool,
) -> Result<(), Failure> {
    let Some(code) = step.rows.code(account, purpose)?.filter(|code| !code.withdrawn).filter(which) else {
        return Ok(());
    };
    step.rows.put_code(&CodeRow { withdrawn: true, ..code })?;
    step.audit(Some(account), None, audit::CODE_WITHDRAWN)
}

/// The code of any account that was made from these digits, under any key of the ring.
fn live(step: &Step<'_>, purpose: Purpose, digits: &str) -> Result<Option<CodeRow>, Failure> {
    for hash in step.vault.code_hashes(purpose.as_str(), digits) {
        if let Some(code) = step.rows.live_code(purpose, &hash.bytes, step.now)? {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

fn refuse(step: &Step<'_>, account: &str) -> Result<Entered, Failure> {
    step.audit(Some(account), None, audit::CODE_REFUSED)?;
    Ok(Entered::Unknown)
}

/// A code that certifies a number is good for that very number.
fn is_for(code: &CodeRow, phone_number: Option<&str>) -> bool {
    phone_number.is_none_or(|number| number == code.phone_number)
}
