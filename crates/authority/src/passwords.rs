//! One-time passwords: found by their keyed hash, right once.

use crate::account::AccountName;
use crate::audit;
use crate::domain::moment;
use crate::failure::Failure;
use crate::step::{Step, Surroundings};
use crate::storage::{AccountRow, PasswordRow};

/// What became of a one-time password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right, and is used up.
    Accepted,
    /// It was wrong, used, expired, or another account's.
    Refused,
}

/// Answers [`Authority::verify_otp`](crate::Authority::verify_otp).
pub(crate) fn verify(around: &Surroundings<'_>, account: &AccountName, otp: &str) -> Result<Verdict, Failure> {
    around.step("password.verify", |step| {
        let accepted = accept(step, account.as_str(), otp)?;
        Ok(if accepted.is_some() { Verdict::Accepted } else { Verdict::Refused })
    })
}

/// The longest password there is.
const MAX_PASSWORD: usize = 8;

/// A one-time password that was right, and is used up.
pub(crate) struct Accepted {
    pub(crate) account: AccountRow,
    /// The id of the device that made it.
    pub(crate) device: String,
}

/// Takes a one-time password of an account, where it is right.
pub(crate) fn accept(step: &Step<'_>, account: &str, otp: &str) -> Result<Option<Accepted>, Failure> {
    let fits = (1..=MAX_PASSWORD).contains(&otp.len());
    // Found by its keyed hash: how long the search takes tells nothing about any password.
    let found = if fits { find(step, account, otp)? } else { None };
    // A password that was made before the account was blocked is worth nothing after it.
    let row = step.rows.account(account)?;
    // Names that are no account's would each have a row of the audit trail.
    let named = row.as_ref().map(|_| account);
    let row = row.filter(|account| !account.blocked);
    let lifetime = step.policy.otp_lifetime_millis();
    let found = found.filter(|password| !password.used && moment::goes_on(password.expires_at, lifetime, step.now));
    match row.zip(found) {
        Some((row, password)) => {
            step.audit(Some(account), Some(&password.device), audit::PASSWORD_ACCEPTED)?;
            let device = password.device.clone();
            step.rows.put_password(&PasswordRow { used: true, ..password })?;
            Ok(Some(Accepted { account: row, device }))
        }
        None => {
            step.audit(named, None, audit::PASSWORD_REFUSED)?;
            Ok(None)
        }
    }
}

/// The password, made under any key of the ring.
fn find(step: &Step<'_>, account: &str, otp: &str) -> Result<Option<PasswordRow>, Failure> {
    for hash in step.vault.password_hashes(account, otp) {
        if let Some(found) = step.rows.password(account, &hash.bytes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
