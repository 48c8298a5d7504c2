//! The service as its host sees it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
#[cfg(feature = "postgres")]
use std::time::Duration;

use inwebo::cvs::{CvsAnswer, CvsRequest};
use pims_private_files::Sharing;
#[cfg(feature = "postgres")]
use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::actor::{Actor, Context};
use crate::authenticated::{self, Ready};
use crate::clock::Clock;
use crate::domain::phone::PhoneNumber;
use crate::domain::{moment, pin};
use crate::failure::{Failure, OpenError};
use crate::mac::{MacAnswer, MacRequest};
use crate::master_key::KeyRing;
use crate::policy::{ActivationProof, Policy};
use crate::sealing::Vault;
use crate::service_keys::KeyHolder;
use crate::sms::SmsGateway;
use crate::sms_queue::{Delivered, Post, SmsRetry};
use crate::sms_texts::Language;
use crate::step::{Step, Surroundings, Tallies, Tally};
#[cfg(feature = "postgres")]
use crate::storage::PostgreSql;
use crate::storage::{AccountRow, PasswordRow, Sqlite, Storage};
use crate::trail::{self, Trail};
use crate::{audit, cvs, mac};

/// Where a service keeps what it has.
pub enum Database {
    /// An SQLite file; it is made where there is none. Several processes may share it.
    Sqlite(SqliteFile),
    /// A PostgreSQL database, or one that speaks its protocol and SQL. Any number of instances may share it.
    #[cfg(feature = "postgres")]
    Postgres(Postgres),
}

impl From<PathBuf> for Database {
    fn from(file: PathBuf) -> Self {
        Self::Sqlite(SqliteFile { path: file, sharing: Sharing::Refused })
    }
}

impl From<&Path> for Database {
    fn from(file: &Path) -> Self {
        file.to_owned().into()
    }
}

impl From<&str> for Database {
    fn from(file: &str) -> Self {
        PathBuf::from(file).into()
    }
}

/// The place of an SQLite database.
#[derive(Clone)]
pub struct SqliteFile {
    /// The file. Beside it lie those that SQLite makes.
    pub path: PathBuf,
    /// Says whether other users may be able to write to its folder. They could take the file away, or put another
    /// one in its place.
    pub sharing: Sharing,
}

/// How to reach a PostgreSQL database.
#[cfg(feature = "postgres")]
#[derive(Clone)]
pub struct Postgres {
    /// `postgresql://user:password@host:port/database?…`, or `key=value` pairs. It may hold a password.
    pub url: Zeroizing<String>,
    /// How many connections are kept at most (default 8): as many steps run at once, the others wait for them.
    pub connections: u32,
    /// How long a statement may take (default 10 seconds).
    pub statement_timeout: Duration,
}

#[cfg(feature = "postgres")]
impl Postgres {
    /// This database, with the defaults.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: Zeroizing::new(url.into()), connections: 8, statement_timeout: Duration::from_secs(10) }
    }
}

/// How to open a service.
pub struct Options {
    /// Where it keeps what it has.
    pub database: Database,
    /// What seals PINs, device keys and RSA keys in the database.
    pub master_key: KeyRing,
    /// The settings.
    pub policy: Policy,
    /// Where SMS go.
    pub sms: Box<dyn SmsGateway>,
    /// How SMS are tried again that the gateway did not take; `None`: not at all, and their codes are void. With it the host calls
    /// [`Authority::deliver_due`] every now and then.
    pub sms_retry: Option<SmsRetry>,
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

/// The answer to an operator who lifts a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unblock {
    /// The account is not blocked any more.
    Lifted,
    /// It was not blocked.
    NotBlocked,
    /// It stays blocked: its PIN has seen as many wrong ones as it may. A new PIN lifts the block.
    PinBudgetSpent,
}

/// The service, as one actor uses it. It is shared by reference between threads.
///
/// Calls wait for the database. A host with an asynchronous runtime makes them on threads that may
/// block; on PostgreSQL, a call on another thread of the runtime panics. The service may be dropped
/// on any thread.
///
/// Its work stands in the audit trail under the name of the actor: [`Actor::Host`], unless it came from
/// [`acting_as`](Self::acting_as).
pub struct Authority {
    shared: Arc<Shared>,
    context: Context,
}

/// The part that all actors share.
struct Shared {
    storage: Box<dyn Storage>,
    vault: Arc<Vault>,
    keys: KeyHolder,
    policy: RwLock<Policy>,
    sms: Box<dyn SmsGateway>,
    sms_retry: Option<SmsRetry>,
    sms_limited: AtomicU64,
    clock: Box<dyn Clock>,
    trail: Trail,
    tallies: Tallies,
    brought_along: u64,
}

impl Authority {
    /// Opens the service. The database is made or brought up to date; RSA keys are made at the first need.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { database, master_key, policy, sms, sms_retry, clock } = options;
        let vault = Arc::new(Vault::new(&master_key));
        let storage: Box<dyn Storage> = match database {
            Database::Sqlite(file) => Box::new(Sqlite::open(&file, vault.clone())?),
            #[cfg(feature = "postgres")]
            Database::Postgres(server) => Box::new(PostgreSql::open(&server, vault.clone())?),
        };
        let Ready { audit_key, brought_along } = authenticated::open(&*storage, &vault, clock.now())?;
        let trail = Trail::new(audit_key);
        let policy = RwLock::new(policy);
        let keys = KeyHolder::default();
        let (sms_limited, tallies) = (AtomicU64::new(0), Tallies::default());
        let shared = Arc::new(Shared {
            storage,
            vault,
            keys,
            policy,
            sms,
            sms_retry,
            sms_limited,
            clock,
            trail,
            tallies,
            brought_along,
        });
        let authority = Self { shared, context: Context::new(&Actor::default(), None) };
        authority.surroundings().step("audit.lift", trail::lift).map_err(|failure| match failure {
            Failure::Storage(error) => OpenError::Storage(error),
            _ => OpenError::MasterKey,
        })?;
        Ok(authority)
    }

    /// The same service, used by another actor: by whom and from what network address stands in the audit trail. It is cheap, and made
    /// for each request.
    #[must_use]
    pub fn acting_as(&self, actor: &Actor, address: Option<IpAddr>) -> Self {
        Self { shared: self.shared.clone(), context: Context::new(actor, address) }
    }

    /// Answers one request of a device: the query without its `?`, form-urlencoded; the answer is XML,
    /// beside its mode and its error word as values.
    ///
    /// `caller` is the account that the transport knows the request to come from. Activation codes are then judged for that
    /// account alone, and wrong ones are charged to it. Without one, `activate` is answered as
    /// [`Policy::activation_proof`] says: by default it is refused with `NOK:TOKEN`.
    pub fn mac(&self, caller: Option<&AccountName>, query: &str) -> Result<MacAnswer, Failure> {
        self.mac_request(caller, &MacRequest::read(query))
    }

    /// Answers as [`Authority::mac`] does, to a host that has read the request: for instance, to limit
    /// its clients by mode.
    pub fn mac_request(&self, caller: Option<&AccountName>, request: &MacRequest) -> Result<MacAnswer, Failure> {
        mac::answer(&self.surroundings(), &self.shared.keys, caller, request)
    }

    /// Answers one request of an authenticated account, which is made where it does not exist yet.
    pub fn cvs(&self, account: &AccountName, request: &CvsRequest<'_>) -> Result<CvsAnswer, Failure> {
        self.cvs_in(account, request, &[])
    }

    /// Reads a phone number as a person wrote it, by the rules of [`Countries`](crate::Countries). All spellings of a number are the same value.
    pub fn phone_number(&self, text: &str) -> Option<PhoneNumber> {
        self.surroundings().policy.sms.countries.read_number(text)
    }

    /// The same for an app that prefers these languages, the first one most. Its account's messages are in the first one that has texts.
    pub fn cvs_in(
        &self,
        account: &AccountName,
        request: &CvsRequest<'_>,
        languages: &[Language],
    ) -> Result<CvsAnswer, Failure> {
        cvs::answer(|| self.surroundings(), &self.post(), account, request, languages)
    }

    /// How many messages this instance did not send because the budget was spent.
    pub fn sms_limited(&self) -> u64 {
        self.shared.sms_limited.load(Ordering::Relaxed)
    }

    /// Tries the SMS that are due: notices, and with [`Options::sms_retry`] what the gateway did not take. The host calls it every second or so; any number of
    /// instances may do so at once.
    pub fn deliver_due(&self) -> Result<Delivered, Failure> {
        self.deliver_due_while(|| true)
    }

    /// The same, as long as `go_on` says so, which is asked before each message: for a host that is to end.
    pub fn deliver_due_while(&self, go_on: impl Fn() -> bool) -> Result<Delivered, Failure> {
        self.post().deliver_due(|| self.surroundings(), go_on)
    }

    /// A relying party's check of a one-time password: right once.
    pub fn verify_otp(&self, account: &AccountName, otp: &str) -> Result<Verdict, Failure> {
        self.surroundings().step("password.verify", |step| {
            let accepted = accept(step, account.as_str(), otp)?;
            Ok(if accepted.is_some() { Verdict::Accepted } else { Verdict::Refused })
        })
    }

    /// Lifts the block of an account and forgives its wrong PINs. They stay counted in the budget of its PIN: where that is spent, the
    /// account stays blocked until the PIN is reset, or the enrollments are removed.
    pub fn unblock(&self, account: &AccountName) -> Result<Unblock, Failure> {
        self.surroundings().step("account.unblock", |step| {
            let Some(mut row) = step.rows.account(account.as_str())?.filter(|row| row.blocked) else {
                return Ok(Unblock::NotBlocked);
            };
            if pin::is_budget_spent(&row, step.policy) {
                return Ok(Unblock::PinBudgetSpent);
            }
            row.blocked = false;
            step.forgive_all(&mut row)?;
            step.put_account(&row)?;
            step.audit(Some(&row.name), None, audit::ACCOUNT_UNBLOCKED)?;
            Ok(Unblock::Lifted)
        })
    }

    /// How often the rules found what operators should know of, since this service was opened.
    pub fn tally(&self) -> Tally {
        self.shared.tallies.read()
    }

    /// Returns how many rows of a release without MACs were given MACs when this service was opened. It is 0 for every database
    /// but one of an earlier release, and there at the first opening alone: at any other time another program put back a value of
    /// that release.
    pub fn brought_along(&self) -> u64 {
        self.shared.brought_along
    }

    /// How many SMS wait to be tried again, counted up to the most that may.
    ///
    /// # Errors
    ///
    /// Where the database cannot be asked.
    pub fn waiting_sms(&self) -> Result<u32, Failure> {
        self.post().waiting(&self.surroundings())
    }

    /// How often a step was run again because the database asked for it: others changed the same rows, or a connection was lost. Always 0
    /// on SQLite.
    pub fn retries(&self) -> u64 {
        self.shared.storage.retries()
    }

    /// How many connections to the database are used and how many are idle; `None` on SQLite, which has no pool.
    pub fn database_connections(&self) -> Option<(u32, u32)> {
        self.shared.storage.connections()
    }

    /// Returns what an activation must show now.
    pub fn activation_proof(&self) -> ActivationProof {
        self.shared.policy.read().unwrap_or_else(PoisonError::into_inner).activation_proof
    }

    /// Sets other rules, for the requests that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        *self.shared.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    pub(crate) fn surroundings(&self) -> Surroundings<'_> {
        let policy = self.shared.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Shared { storage, vault, clock, trail, tallies, .. } = &*self.shared;
        Surroundings { storage: &**storage, vault, policy, now: clock.now(), trail, context: &self.context, tallies }
    }

    fn post(&self) -> Post<'_> {
        Post { gateway: &*self.shared.sms, retry: self.shared.sms_retry.as_ref(), limited: &self.shared.sms_limited }
    }

    pub(crate) fn trail(&self) -> &Trail {
        &self.shared.trail
    }

    /// Notes in the audit trail that the actor was refused something.
    pub fn note_refused_operator(&self) -> Result<(), Failure> {
        self.surroundings().step("operator.refuse", |step| step.audit(None, None, audit::OPERATOR_REFUSED))
    }
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

#[cfg(test)]
mod tests {
    use super::Authority;

    #[test]
    fn a_service_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Authority>();
    }
}
