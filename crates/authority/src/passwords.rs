//! One-time passwords: found by their keyed hash, accepted once.

use crate::account::AccountName;
use crate::audit;
use crate::domain::moment;
use crate::domain::rows::{AccountRow, PasswordRow};
use crate::failure::Failure;
use crate::step::{Context, Step};

/// The result of the check of a one-time password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right. It is now used up.
    Accepted,
    /// It was wrong, used or expired, or it belongs to another account.
    Refused,
}

/// Answers [`Authority::verify_otp`](crate::Authority::verify_otp).
pub(crate) fn verify(ctx: &Context<'_>, account: &AccountName, otp: &str) -> Result<Verdict, Failure> {
    ctx.step("password.verify", |step| {
        let accepted = accept(step, account.as_str(), otp)?;
        Ok(if accepted.is_some() { Verdict::Accepted } else { Verdict::Refused })
    })
}

/// The maximum length of a password.
const MAX_PASSWORD: usize = 8;

/// A one-time password that was accepted and is now used up.
pub(crate) struct Accepted {
    pub(crate) account: AccountRow,
    /// The id of the device that made it.
    pub(crate) device: String,
}

/// Checks a one-time password of an account, and uses it up if it is right.
pub(crate) fn accept(step: &Step<'_>, account: &str, otp: &str) -> Result<Option<Accepted>, Failure> {
    let fits = (1..=MAX_PASSWORD).contains(&otp.len());
    let (row, found) = if fits { find(step, account, otp)? } else { (step.rows.account(account)?, None) };
    // Without this, each name that belongs to no account would have its own row in the audit trail.
    let named = row.as_ref().map(|_| account);
    // A password from before a block of the account is worth nothing after it.
    let row = match row {
        Some(account) if step.block(&account)?.is_none() => Some(account),
        _ => None,
    };
    let lifetime = step.policy.otp_lifetime_millis();
    let found =
        found.filter(|password| !password.used && moment::is_in_progress(password.expires_at, lifetime, step.now));
    match row.zip(found) {
        Some((row, password)) => {
            step.audit(Some(account), Some(&password.device), audit::PASSWORD_ACCEPTED)?;
            // It is accepted once: from now on it is not found.
            step.rows.remove_password(&password)?;
            Ok(Some(Accepted { account: row, device: password.device }))
        }
        None => {
            step.audit(named, None, audit::PASSWORD_REFUSED)?;
            Ok(None)
        }
    }
}

/// Finds the account, and the password by its hash under each key of the ring. The hash is keyed,
/// so the duration of the search reveals nothing about any password.
fn find(step: &Step<'_>, name: &str, otp: &str) -> Result<(Option<AccountRow>, Option<PasswordRow>), Failure> {
    let mut account = None;
    for hash in step.sealer.password_hashes(name, otp) {
        let (row, found) = step.rows.account_and_password(name, &hash.bytes)?;
        account = row;
        if found.is_some() {
            return Ok((account, found));
        }
    }
    Ok((account, None))
}
