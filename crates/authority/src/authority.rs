//! The service as its host sees it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use inwebo::cvs::{CvsAnswer, CvsRequest};
use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::actor::{Actor, Context};
use crate::admin::{AccountInfo, AuditEntry, DeviceInfo, Pruned, RowCheck, Unblock};
use crate::authenticated::{self, Ready};
use crate::clock::Clock;
use crate::domain::phone::PhoneNumber;
use crate::failure::{Failure, OpenError};
use crate::mac::{MacAnswer, MacRequest};
use crate::master_key::KeyRing;
use crate::passwords::Verdict;
use crate::policy::{ActivationProof, Policy};
use crate::rekey::Progress;
use crate::sealing::Vault;
use crate::service_keys::KeyHolder;
use crate::sms::SmsGateway;
use crate::sms_queue::{Delivered, Post, SmsRetry};
use crate::sms_texts::Language;
use crate::step::{Surroundings, Tallies, Tally};
#[cfg(feature = "postgres")]
use crate::storage::PostgreSql;
use crate::storage::{Database, Sqlite, Storage};
use crate::trail::{self, AuditCheck, Sealing, Trail};
use crate::{admin, cvs, mac, passwords, rekey, tokens};

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
        passwords::verify(&self.surroundings(), account, otp)
    }

    /// Lifts the block of an account and forgives its wrong PINs. They stay counted in the budget of its PIN: where that is spent, the
    /// account stays blocked until the PIN is reset, or the enrollments are removed.
    pub fn unblock(&self, account: &AccountName) -> Result<Unblock, Failure> {
        admin::unblock(&self.surroundings(), account)
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

    /// Up to `limit` accounts (at most 1000), the first ones or those after `after`, in the order of their names.
    pub fn accounts(&self, after: Option<&AccountName>, limit: u32) -> Result<Vec<AccountInfo>, Failure> {
        admin::accounts(&self.surroundings(), after, limit)
    }

    /// One account.
    pub fn account(&self, account: &AccountName) -> Result<Option<AccountInfo>, Failure> {
        admin::account(&self.surroundings(), account)
    }

    /// The devices of an account, the newest first. An account that does not exist has none.
    pub fn devices(&self, account: &AccountName) -> Result<Vec<DeviceInfo>, Failure> {
        admin::devices(&self.surroundings(), account)
    }

    /// Makes an account. `false`: it was there.
    pub fn add_account(&self, account: &AccountName) -> Result<bool, Failure> {
        admin::add_account(&self.surroundings(), account)
    }

    /// Removes an account with its devices, codes, passwords and tokens. Its audit trail stays. `false`: it was not there.
    pub fn remove_account(&self, account: &AccountName) -> Result<bool, Failure> {
        admin::remove_account(&self.surroundings(), account)
    }

    /// Removes a device of an account. `false`: the account has no such device.
    pub fn remove_device(&self, account: &AccountName, id: &str) -> Result<bool, Failure> {
        admin::remove_device(&self.surroundings(), account, id)
    }

    /// Up to `limit` lines of the audit trail (at most 1000), of one account or of all, the newest first: from the end, or those before the
    /// line whose id is `before`.
    pub fn audit_log(
        &self,
        account: Option<&AccountName>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Failure> {
        admin::audit_log(&self.surroundings(), account, before, limit)
    }

    /// Checks the MAC of every row that has one. `progress` is told the number of rows after each page; whether to go on is its answer.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read. A row that is not as the service wrote it is no error here.
    pub fn verify_rows(&self, progress: impl FnMut(u64) -> bool) -> Result<RowCheck, Failure> {
        admin::verify_rows(&self.surroundings(), progress)
    }

    /// Whether the database can be reached and written to: a transaction that writes and leaves nothing.
    pub fn ping(&self) -> Result<(), Failure> {
        admin::ping(&self.surroundings())
    }

    /// Removes what nobody needs any more: audit lines and the ids of removed devices that are older than so many days, and every code,
    /// password, token and request for a code that is over. It goes through the accounts in small transactions and can be stopped anywhere.
    pub fn prune(&self, older_than_days: u32) -> Result<Pruned, Failure> {
        self.prune_while(older_than_days, || true)
    }

    /// The same, as long as `go_on` says so, which is asked before each of many short steps: for a host that is to end. The next call goes on.
    ///
    /// # Errors
    ///
    /// Where the database cannot be written; what was removed before stays removed.
    pub fn prune_while(&self, older_than_days: u32, go_on: impl Fn() -> bool) -> Result<Pruned, Failure> {
        admin::prune_while(|| self.surroundings(), older_than_days, go_on)
    }

    /// The secret of this name, sealed in the database: made once, at the first need. Of instances that make it at once one wins and
    /// all get its secret. The names are the host's.
    pub fn secret(
        &self,
        name: &str,
        make: impl Fn() -> Result<Vec<u8>, Failure>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        tokens::secret(&self.surroundings(), name, make)
    }

    /// Takes a one-time password, as [`verify_otp`](Self::verify_otp) does, and gives a refresh token for it in the same step: 256 random
    /// bits in base64url, kept as a keyed hash. The token ends with the device that made the password, and with the account's PIN. `None`:
    /// the password is refused.
    pub fn exchange_otp(&self, account: &AccountName, otp: &str) -> Result<Option<Zeroizing<String>>, Failure> {
        tokens::exchange_otp(&self.surroundings(), account, otp)
    }

    /// Takes a refresh token and gives the next one, with the account that they are of. `None`: it is unknown or expired, its account is
    /// blocked, its device or its PIN is gone, or it was used before. One that is shown again was stolen from one of those who showed it: it revokes all tokens that
    /// followed it and those that it followed.
    pub fn rotate_refresh_token(&self, token: &str) -> Result<Option<(AccountName, Zeroizing<String>)>, Failure> {
        tokens::rotate_refresh_token(&self.surroundings(), token)
    }

    /// Seals up to `batch` rows (at least one) anew under the current master key, in one transaction, going on where the last call
    /// stopped, in whichever process that was. Call it until it is done. Before the first call every instance must know the current key and
    /// seal under it; after the last one the old key can be taken out of the rings.
    pub fn rekey(&self, batch: u32) -> Result<Progress, Failure> {
        rekey::rekey(&self.surroundings(), batch)
    }

    /// Seals the audit trail, in two steps that lie five minutes apart: a boundary is announced, and later the rows up to it are sealed.
    /// The host calls it every minute, in every process that shares the database and lives for long. Any number of them may do so at
    /// once. Where no process calls it, rows are protected by their own MACs alone.
    ///
    /// It also checks the newest seal, and whether it is still the one that this process saw last.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read or written.
    pub fn seal_audit(&self) -> Result<Sealing, Failure> {
        trail::seal_audit(&self.surroundings())
    }

    /// Checks the audit trail: the MAC of each row, the chain of the seals, the rows of each seal.
    ///
    /// `most` limits how many sealed rows are read, the newest first; the seals are all checked, and so are the rows after the last one.
    /// `expected` is the number and head of a seal from the log. `progress` is told the number of rows after each page, and whether to go
    /// on is its answer.
    ///
    /// # Errors
    ///
    /// Where the database cannot be read.
    pub fn verify_audit(
        &self,
        most: Option<u64>,
        expected: Option<(i64, &str)>,
        progress: impl FnMut(u64) -> bool,
    ) -> Result<AuditCheck, Failure> {
        trail::verify(&self.surroundings(), most, expected, progress)
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

    /// Notes in the audit trail that the actor was refused something.
    pub fn note_refused_operator(&self) -> Result<(), Failure> {
        admin::note_refused_operator(&self.surroundings())
    }
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
