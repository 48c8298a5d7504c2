//! SMS codes in the database: creation, comparison, charges for wrong ones, and use.

use inwebo::cvs::Purpose;
use inwebo::values::Ticket;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::audit;
use crate::domain::code::{self as rules, CodeForm};
use crate::domain::hash::Hash;
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::{ActivationProof, CodeLetters};
use crate::domain::rows::{CodeRow, CodeUse};
use crate::failure::Failure;
use crate::random;
use crate::step::Step;

/// The result of the comparison of an entered code.
pub(crate) enum CodeVerdict {
    /// The code is right.
    Right(CodeRow),
    /// The code is right, but it has been used. It has not expired.
    Used(CodeRow),
    /// The code is wrong. The try is charged to the code that the account was sent.
    Wrong { attempts_left: u32 },
    /// The code was entered with another phone number than its own. The codes were not compared, so
    /// the result says nothing about the code.
    OtherNumber,
    /// The account has no code for this purpose: it asked for none, or the code is long gone.
    NoCode,
    /// No live code can be the entered one.
    Unknown,
}

/// Compares an entered code with the code of an account. A wrong code costs a try.
///
/// A code with another phone number than its own costs no try, because it is compared with nothing.
/// Its result is [`CodeVerdict::OtherNumber`]. The account asked for the code with its own token
/// and named that number, so it may learn this; so may the device with the ticket of the code.
/// Other clients may not ([`verify_open_code`]).
pub(crate) fn verify_code(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: Option<&PhoneNumber>,
    entered: &str,
) -> Result<CodeVerdict, Failure> {
    let Some(mut code) = step.rows.code(account, purpose)? else {
        step.audit(Some(account), None, audit::CODE_REFUSED)?;
        return Ok(CodeVerdict::NoCode);
    };
    let entered = rules::normalized(entered);
    let mut hashes = step.sealer.code_hashes(account, purpose.as_str(), &entered);
    // Open activations and earlier releases hash the code without the account.
    hashes.extend(step.sealer.open_code_hashes(purpose.as_str(), &entered));
    let same = hashes.iter().fold(Choice::from(0), |same, hash| same | code.hash.ct_eq(&hash.bytes));
    let is_for_number = is_for(step, &code, phone_number);
    let right = bool::from(same) && is_for_number;
    if right && code.used.is_some() && !code.withdrawn && rules::is_in_time(&code, step.policy, step.now) {
        return Ok(CodeVerdict::Used(code));
    }
    if !rules::is_live(&code, step.policy, step.now) {
        return refuse(step, Some(account));
    }
    // This check comes before the result of the comparison: the answer is the same for a right and
    // for a wrong code.
    if !is_for_number {
        step.audit(Some(account), None, audit::CODE_REFUSED)?;
        return Ok(CodeVerdict::OtherNumber);
    }
    if right {
        return Ok(CodeVerdict::Right(code));
    }
    let attempts_left = rules::charge(&mut code, step.policy);
    step.rows.put_code(&code)?;
    step.audit(Some(account), None, audit::CODE_REFUSED)?;
    Ok(CodeVerdict::Wrong { attempts_left })
}

/// Compares the code of an open activation with the codes of all accounts. No try can be charged.
///
/// A code that is shorter than those of open activations matches none. It is a code of digits, from
/// an earlier release or from before the setting changed, and is valid for its own account alone.
pub(crate) fn verify_open_code(
    step: &Step<'_>,
    purpose: Purpose,
    phone_number: Option<&PhoneNumber>,
    entered: &str,
) -> Result<CodeVerdict, Failure> {
    let entered = rules::normalized(entered);
    let found = if entered.len() < CodeLetters::MIN.get() { None } else { find_live(step, purpose, &entered)? };
    let found = found.filter(|code| is_for(step, code, phone_number));
    match found {
        Some(code) if code.used.is_some() => Ok(CodeVerdict::Used(code)),
        Some(code) if rules::is_live(&code, step.policy, step.now) => Ok(CodeVerdict::Right(code)),
        _ => refuse(step, None),
    }
}

/// Marks a right code as used.
pub(crate) fn consume(step: &Step<'_>, code: CodeRow, used: CodeUse) -> Result<(), Failure> {
    step.audit(Some(&code.account), None, audit::CODE_ACCEPTED)?;
    Ok(step.rows.put_code(&CodeRow { used: Some(used), ..code })?)
}

/// A new code that is not sent yet.
pub(crate) struct NewCode {
    pub(crate) hash: Hash,
    pub(crate) code: Zeroizing<String>,
    /// The ticket that the device must show with the code, if the policy asks for one.
    pub(crate) ticket: Option<Ticket>,
}

/// Makes a new code in place of the old one. The new code takes over the wrong tries.
pub(crate) fn make(
    step: &Step<'_>,
    account: &str,
    purpose: Purpose,
    phone_number: &PhoneNumber,
    old: Option<&CodeRow>,
) -> Result<NewCode, Failure> {
    let (hash, code) = draw(step, account, purpose)?;
    // A new PIN is set by a device, which proves itself. Its account is known without a ticket.
    let shows_ticket = step.policy.activation_proof == ActivationProof::Ticket && purpose != Purpose::ResetPin;
    let ticket = if shows_ticket { Some(random::ticket()?) } else { None };
    let ticket_hash = ticket.as_ref().map(|ticket| step.sealer.ticket_hash(purpose.as_str(), ticket.reveal()));
    step.rows.add_code(&CodeRow {
        account: account.to_owned(),
        purpose: purpose.into(),
        phone_number: phone_number.as_str().to_owned(),
        hash: hash.bytes,
        key_id: hash.key_id,
        expires_at: step.now.saturating_add(step.policy.code_lifetime_millis()),
        tries: rules::carried_tries(old, step.policy, step.now),
        // The device that this code activates takes over these wrong PINs. Its right PIN forgives
        // them.
        pin_tries: old.filter(|old| old.used.is_none()).map_or(0, |old| old.pin_tries),
        withdrawn: false,
        setup_at: None,
        used: None,
        version: old.map_or(0, |old| old.version),
        ticket: ticket_hash.map(|hash| hash.bytes),
    })?;
    Ok(NewCode { hash, code, ticket })
}

/// Draws a code and its hash. A code of letters differs from every other live code of its purpose,
/// because it is looked up among the codes of all accounts.
fn draw(step: &Step<'_>, account: &str, purpose: Purpose) -> Result<(Hash, Zeroizing<String>), Failure> {
    const DRAWS: u32 = 100;
    let form = CodeForm::of(step.policy);
    let new = || random::symbols(form.alphabet(), form.length());
    match form {
        CodeForm::Digits(_) => {
            let code = new()?;
            Ok((step.sealer.code_hash(account, purpose.as_str(), &code), code))
        }
        CodeForm::Letters(_) => {
            for _ in 0..DRAWS {
                let code = new()?;
                if find_live(step, purpose, &code)?.is_none() {
                    return Ok((step.sealer.open_code_hash(purpose.as_str(), &code), code));
                }
            }
            Err(Failure::CodesExhausted)
        }
    }
}

/// Finds the account whose latest code was issued with this ticket for this purpose.
pub(crate) fn account_of_ticket(step: &Step<'_>, purpose: Purpose, ticket: &str) -> Result<Option<String>, Failure> {
    for hash in step.sealer.ticket_hashes(purpose.as_str(), ticket) {
        if let Some(code) = step.rows.code_of_ticket(&hash.bytes)? {
            return Ok(Some(code.account));
        }
    }
    Ok(None)
}

/// Voids the account's code for a purpose if `which` returns true. Its wrong tries still count.
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

/// Finds the code of any account with these symbols, under any key of the ring.
fn find_live(step: &Step<'_>, purpose: Purpose, symbols: &str) -> Result<Option<CodeRow>, Failure> {
    for hash in step.sealer.open_code_hashes(purpose.as_str(), symbols) {
        let found = step.rows.live_code(purpose, &hash.bytes, step.now)?;
        if let Some(code) = found.filter(|code| rules::is_in_time(code, step.policy, step.now)) {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// Records the refusal of a code that matches no live code of the account, or of any account.
pub(crate) fn refuse(step: &Step<'_>, account: Option<&str>) -> Result<CodeVerdict, Failure> {
    step.audit(account, None, audit::CODE_REFUSED)?;
    Ok(CodeVerdict::Unknown)
}

/// Returns whether a code is valid for this phone number. A code that certifies a number is valid
/// for that number alone.
fn is_for(step: &Step<'_>, code: &CodeRow, phone_number: Option<&PhoneNumber>) -> bool {
    phone_number.is_none_or(|number| step.is_number(&code.phone_number, number))
}
