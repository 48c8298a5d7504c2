//! SMS codes in the database: made, recognised, charged and used up.

use inwebo::cvs::Purpose;
use inwebo::values::Ticket;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::audit;
use crate::domain::code::{self as rules, CodeForm};
use crate::domain::phone::PhoneNumber;
use crate::failure::Failure;
use crate::policy::{ActivationProof, CodeLetters};
use crate::random;
use crate::sealing::Hash;
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
    /// One that was entered with another number than its own. It was not compared: this says nothing of the code.
    OtherNumber,
    /// The account has no code of this purpose: none was asked for, or it is gone long ago.
    NoCode,
    /// There is no code that it could be.
    Unknown,
}

/// Judges a code that was entered for an account. A wrong one costs a try.
///
/// One with a number that it was not sent to costs none, as it is compared with nothing. The account
/// itself asked for the code, with its own token, and named that number: it is told, and so is the
/// device that got the code's ticket. Others are not ([`judge_open`]).
pub(crate) fn judge(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: Option<&PhoneNumber>,
    entered: &str,
) -> Result<Entered, Failure> {
    let Some(mut code) = step.rows.code(account, purpose)? else {
        step.audit(Some(account), None, audit::CODE_REFUSED)?;
        return Ok(Entered::NoCode);
    };
    let entered = rules::as_hashed(entered);
    let mut hashes = step.vault.code_hashes(account, purpose.as_str(), &entered);
    // Open activations, and earlier releases, make the hash without the account.
    hashes.extend(step.vault.open_code_hashes(purpose.as_str(), &entered));
    let same = hashes.iter().fold(Choice::from(0), |same, hash| same | code.hash.ct_eq(&hash.bytes));
    let is_for_number = is_for(step, &code, phone_number);
    let right = bool::from(same) && is_for_number;
    if right && code.used.is_some() && !code.withdrawn && rules::is_in_time(&code, step.policy, step.now) {
        return Ok(Entered::Used(code));
    }
    if !rules::is_live(&code, step.policy, step.now) {
        return refuse(step, Some(account));
    }
    // Before the code counts: the answer is the same for a right and for a wrong one.
    if !is_for_number {
        step.audit(Some(account), None, audit::CODE_REFUSED)?;
        return Ok(Entered::OtherNumber);
    }
    if right {
        return Ok(Entered::Right(code));
    }
    let attempts_left = rules::charge(&mut code, step.policy);
    step.rows.put_code(&code)?;
    step.audit(Some(account), None, audit::CODE_REFUSED)?;
    Ok(Entered::Wrong { attempts_left })
}

/// Judges a code of an open activation: among those of all accounts. Nothing can be charged.
///
/// A code that is shorter than one of an open activation is none of them: one of digits, from before the setting was
/// changed, or of an earlier release, is good for its account alone.
pub(crate) fn judge_open(
    step: &Step<'_>,
    purpose: Purpose,
    phone_number: Option<&PhoneNumber>,
    entered: &str,
) -> Result<Entered, Failure> {
    let entered = rules::as_hashed(entered);
    let found = if entered.len() < CodeLetters::MIN.get() { None } else { live(step, purpose, &entered)? };
    let found = found.filter(|code| is_for(step, code, phone_number));
    match found {
        Some(code) if code.used.is_some() => Ok(Entered::Used(code)),
        Some(code) if rules::is_live(&code, step.policy, step.now) => Ok(Entered::Right(code)),
        _ => refuse(step, None),
    }
}

/// Uses a right code up.
pub(crate) fn consume(step: &Step<'_>, code: CodeRow, used: CodeUse) -> Result<(), Failure> {
    step.audit(Some(&code.account), None, audit::CODE_ACCEPTED)?;
    Ok(step.rows.put_code(&CodeRow { used: Some(used), ..code })?)
}

/// A code that was just made. It is not sent yet.
pub(crate) struct Made {
    pub(crate) hash: Hash,
    pub(crate) code: Zeroizing<String>,
    /// The ticket that the device shows with it, where it must.
    pub(crate) ticket: Option<Ticket>,
}

/// Makes a new code in place of the old one, and takes over its wrong tries.
pub(crate) fn make(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: &PhoneNumber,
    old: Option<&CodeRow>,
) -> Result<Made, Failure> {
    let (hash, code) = draw(step, account, purpose)?;
    // A new PIN is set by a device, which proves itself: no ticket is needed to know whose code that is.
    let shows_ticket = step.policy.activation_proof == ActivationProof::Ticket && purpose != Purpose::ResetPin;
    let ticket = if shows_ticket { Some(random::ticket()?) } else { None };
    let ticket_hash = ticket.as_ref().map(|ticket| step.vault.ticket_hash(purpose.as_str(), ticket.reveal()));
    step.rows.put_code(&CodeRow {
        account: account.to_owned(),
        purpose,
        phone_number: phone_number.as_str().to_owned(),
        hash: hash.bytes,
        key_id: hash.key_id,
        expires_at: step.now.saturating_add(step.policy.code_lifetime_millis()),
        tries: rules::carried_tries(old, step.policy, step.now),
        // They are forgiven to the device that these codes activate.
        pin_tries: old.filter(|old| old.used.is_none()).map_or(0, |old| old.pin_tries),
        withdrawn: false,
        setup_at: None,
        used: None,
        version: old.map_or(0, |old| old.version),
        ticket: ticket_hash.map(|hash| hash.bytes),
    })?;
    Ok(Made { hash, code, ticket })
}

/// Draws a code and its hash. Where codes are looked up among those of all accounts, it is unlike every other code of its
/// purpose that lives.
fn draw(step: &Step<'_>, account: &str, purpose: Purpose) -> Result<(Hash, Zeroizing<String>), Failure> {
    const DRAWS: u32 = 100;
    let form = CodeForm::of(step.policy);
    let new = || random::symbols(form.alphabet(), form.length());
    match form {
        CodeForm::Digits(_) => {
            let code = new()?;
            Ok((step.vault.code_hash(account, purpose.as_str(), &code), code))
        }
        CodeForm::Letters(_) => {
            for _ in 0..DRAWS {
                let code = new()?;
                if live(step, purpose, &code)?.is_none() {
                    return Ok((step.vault.open_code_hash(purpose.as_str(), &code), code));
                }
            }
            Err(Failure::CodesExhausted)
        }
    }
}

/// Finds the account to which a ticket for this purpose was given with its latest code.
pub(crate) fn account_of_ticket(step: &Step<'_>, purpose: Purpose, ticket: &str) -> Result<Option<String>, Failure> {
    for hash in step.vault.ticket_hashes(purpose.as_str(), ticket) {
        if let Some(code) = step.rows.code_of_ticket(&hash.bytes)? {
            return Ok(Some(code.account));
        }
    }
    Ok(None)
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

/// The code of any account that was made of these symbols, under any key of the ring.
fn live(step: &Step<'_>, purpose: Purpose, symbols: &str) -> Result<Option<CodeRow>, Failure> {
    for hash in step.vault.open_code_hashes(purpose.as_str(), symbols) {
        let found = step.rows.live_code(purpose, &hash.bytes, step.now)?;
        if let Some(code) = found.filter(|code| rules::is_in_time(code, step.policy, step.now)) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// Refuses a code that is none of the account's, or of nobody's.
pub(crate) fn refuse(step: &Step<'_>, account: Option<&str>) -> Result<Entered, Failure> {
    step.audit(account, None, audit::CODE_REFUSED)?;
    Ok(Entered::Unknown)
}

/// A code that certifies a number is good for that very number.
fn is_for(step: &Step<'_>, code: &CodeRow, phone_number: Option<&PhoneNumber>) -> bool {
    phone_number.is_none_or(|number| step.is_number(&code.phone_number, number))
}
