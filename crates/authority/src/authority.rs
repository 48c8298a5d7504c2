//! The service as its host sees it.

use std::path::PathBuf;
use std::sync::{PoisonError, RwLock};

use crate::account::AccountName;
use crate::clock::Clock;
use crate::cvs::{self, CvsAnswer, CvsRequest};
use crate::failure::{Failure, OpenError};
use crate::master_key::MasterKey;
use crate::policy::Policy;
use crate::sealing::{Place, Vault};
use crate::service_keys::KeyHolder;
use crate::sms::SmsGateway;
use crate::step::{Step, Surroundings};
use crate::storage::{PasswordRow, Sqlite, Storage, transact};
use crate::{audit, mac};

/// How to open a service.
pub struct Options {
    /// The SQLite file; it is made where there is none. Several processes may share it.
    pub database: PathBuf,
    /// What seals PINs, device keys and RSA keys in the database.
    pub master_key: MasterKey,
    /// The settings.
    pub policy: Policy,
    /// Where SMS go.
    pub sms: Box<dyn SmsGateway>,
    /// What time it is.
    pub clock: Box<dyn Clock>,
}

/// What became of a one-time password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was right, and is used up.
    Accepted,
    /// It was wrong, used, expired, or another account's.
    Refused,
}

/// The service. It is shared by reference between threads.
pub struct Authority {
    storage: Box<dyn Storage>,
    vault: Vault,
    keys: KeyHolder,
    policy: RwLock<Policy>,
    sms: Box<dyn SmsGateway>,
    clock: Box<dyn Clock>,
}

impl Authority {
    /// Opens the service. The database is made or brought up to date; RSA keys are made at the first need.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { database, master_key, policy, sms, clock } = options;
        let storage = Sqlite::open(&database)?;
        let vault = Vault::new(&master_key);
        check_master_key(&storage, &vault)?;
        let policy = RwLock::new(policy);
        Ok(Self { storage: Box::new(storage), vault, keys: KeyHolder::default(), policy, sms, clock })
    }

    /// Answers one request of a device: the query without its `?`, form-urlencoded; the answer is XML.
    ///
    /// `caller` is the account that the transport knows the request to come from. Activation codes are then judged for that
    /// account alone, and wrong ones are charged to it.
    pub fn mac(&self, caller: Option<&AccountName>, query: &str) -> Result<String, Failure> {
        mac::answer(&self.surroundings(), &self.keys, caller, query)
    }

    /// Answers one request of an authenticated account, which is made where it does not exist yet.
    pub fn cvs(&self, account: &AccountName, request: &CvsRequest<'_>) -> Result<CvsAnswer, Failure> {
        cvs::answer(&self.surroundings(), &*self.sms, account, request)
    }

    /// A relying party's check of a one-time password: right once.
    pub fn verify_otp(&self, account: &AccountName, otp: &str) -> Result<Verdict, Failure> {
        self.surroundings().step("password.verify", |step| verify(step, account.as_str(), otp))
    }

    /// Lifts the block of an account and forgets its wrong PINs. Whether it was blocked is the answer.
    pub fn unblock(&self, account: &AccountName) -> Result<bool, Failure> {
        self.surroundings().step("account.unblock", |step| {
            let Some(mut row) = step.rows.account(account.as_str())?.filter(|row| row.blocked) else {
                return Ok(false);
            };
            row.blocked = false;
            row.pin_tries = 0;
            step.put_account(&row)?;
            step.audit(Some(&row.name), None, audit::ACCOUNT_UNBLOCKED)?;
            Ok(true)
        })
    }

    /// Sets other rules, for the requests that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    fn surroundings(&self) -> Surroundings<'_> {
        let policy = self.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        Surroundings { storage: &*self.storage, vault: &self.vault, policy, now: self.clock.now() }
    }
}

/// The longest password there is.
const MAX_PASSWORD: usize = 8;

fn verify(step: &Step<'_>, account: &str, otp: &str) -> Result<Verdict, Failure> {
    let fits = (1..=MAX_PASSWORD).contains(&otp.len());
    // Found by its keyed hash: how long the search takes tells nothing about any password.
    let found = if fits { step.rows.password(account, &step.vault.password_hash(account, otp))? } else { None };
    // A password that was made before the account was blocked is worth nothing after it.
    let blocked = step.rows.account(account)?.is_none_or(|account| account.blocked);
    match found.filter(|password| !blocked && !password.used && step.now < password.expires_at) {
        Some(password) => {
            step.audit(Some(account), Some(&password.device), audit::PASSWORD_ACCEPTED)?;
            step.rows.put_password(&PasswordRow { used: true, ..password })?;
            Ok(Verdict::Accepted)
        }
        None => {
            step.audit(Some(account), None, audit::PASSWORD_REFUSED)?;
            Ok(Verdict::Refused)
        }
    }
}

/// Tells a wrong master key from the right one before it seals anything: a value that the first opening sealed must open.
fn check_master_key(storage: &dyn Storage, vault: &Vault) -> Result<(), OpenError> {
    const NAME: &str = "master-key-check";
    let place = Place { column: "meta.value", row: NAME };
    let checked = transact(storage, "masterKey.check", |rows| match rows.meta(NAME)? {
        Some(sealed) => vault.open(place, &sealed).map(drop),
        None => Ok(rows.put_meta(NAME, &vault.seal(place, NAME.as_bytes())?)?),
    });
    checked.map_err(|failure| match failure {
        Failure::Storage(error) => OpenError::Storage(error),
        Failure::Randomness => OpenError::Randomness,
        _ => OpenError::MasterKey,
    })
}

#[cfg(test)]
mod tests {
    use super::Authority;

    #[test]
    fn a_service_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Authority>();
    }
}
