//! The service as its host sees it.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use inwebo::cvs::{CvsAnswer, CvsRequest};
use inwebo::values::DeviceName;
use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::actor::{Actor, Origin};
use crate::admin::{AccountInfo, AuditEntry, DeviceInfo, Pruned, RowCheck, Unblock};
use crate::audit::Trail;
use crate::clock::Clock;
use crate::database_check::{self, CheckedDatabase};
use crate::diagnosis::{self, Diagnosis};
use crate::domain::phone::PhoneNumber;
use crate::domain::policy::{ActivationProof, Policy};
use crate::domain::sms_texts::Language;
use crate::failure::{Failure, OpenError};
use crate::key_ages::{self, KeyAge};
use crate::mac::{MacAnswer, MacRequest};
use crate::master_key::KeyRing;
use crate::passwords::Verdict;
use crate::proposals::{self, Action, Approved, Proposal, Proposed};
use crate::reason::Reason;
use crate::rekey::Progress;
use crate::sealing::Sealer;
use crate::search::{self, FoundAccount};
use crate::service_keys::KeyCache;
use crate::sms::SmsGateway;
use crate::sms_queue::{Delivered, SmsDispatcher, SmsRetry};
use crate::step::{Context, Tallies, Tally};
#[cfg(feature = "postgres")]
use crate::storage::PostgreSql;
use crate::storage::{Database, Sqlite, Storage};
use crate::trail::{self, AuditCheck, Sealing};
use crate::{admin, cvs, mac, passwords, rekey, tokens};

/// The options with which a service is opened.
pub struct Options {
    /// The database.
    pub database: Database,
    /// The master keys. They seal PINs, device keys and RSA keys in the database.
    pub master_key: KeyRing,
    /// The settings.
    pub policy: Policy,
    /// The gateway that sends SMS.
    pub sms: Box<dyn SmsGateway>,
    /// The rule for retries of an SMS that the gateway did not accept. `None`: there is no retry,
    /// and the code of such an SMS is void. With a rule, the host calls [`Authority::deliver_due`]
    /// at intervals.
    pub sms_retry: Option<SmsRetry>,
    /// The clock.
    pub clock: Box<dyn Clock>,
}

/// The service, as one actor uses it. Threads share it by reference.
///
/// Calls block on the database. A host with an asynchronous runtime makes them on threads that may
/// block. With PostgreSQL, a call on another thread of the runtime panics. The service may be
/// dropped on any thread.
///
/// The audit trail names the actor of every call: [`Actor::Host`], or the actor that was passed to
/// [`acting_as`](Self::acting_as).
pub struct Authority {
    shared: Arc<Shared>,
    origin: Origin,
}

/// The state that all actors share.
struct Shared {
    storage: Box<dyn Storage>,
    sealer: Arc<Sealer>,
    keys: KeyCache,
    policy: RwLock<Policy>,
    sms: Box<dyn SmsGateway>,
    sms_retry: Option<SmsRetry>,
    sms_limited: AtomicU64,
    clock: Box<dyn Clock>,
    trail: Trail,
    tallies: Tallies,
    migrated_rows: u64,
}

impl Authority {
    /// Opens the service. Creates the database or migrates it to this release. RSA keys are made at
    /// their first use.
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { database, master_key, policy, sms, sms_retry, clock } = options;
        let sealer = Arc::new(Sealer::new(&master_key));
        let storage: Box<dyn Storage> = match database {
            Database::Sqlite(file) => Box::new(Sqlite::open(&file, sealer.clone())?),
            #[cfg(feature = "postgres")]
            Database::Postgres(server) => Box::new(PostgreSql::open(&server, sealer.clone())?),
        };
        let CheckedDatabase { audit_key, migrated_rows } = database_check::open(&*storage, &sealer, clock.now())?;
        let trail = Trail::new(audit_key);
        let policy = RwLock::new(policy);
        let keys = KeyCache::default();
        let (sms_limited, tallies) = (AtomicU64::new(0), Tallies::default());
        let shared = Arc::new(Shared {
            storage,
            sealer,
            keys,
            policy,
            sms,
            sms_retry,
            sms_limited,
            clock,
            trail,
            tallies,
            migrated_rows,
        });
        let authority = Self { shared, origin: Origin::new(&Actor::default(), None) };
        authority.context().step("audit.raiseFloor", trail::raise_floor_to_boundary).map_err(
            |failure| match failure {
                Failure::Storage(error) => OpenError::Storage(error),
                _ => OpenError::MasterKey,
            },
        )?;
        Ok(authority)
    }

    /// Returns the same service for another actor. The audit trail records the actor and its
    /// network address. The call is cheap: make one for each request.
    #[must_use]
    pub fn acting_as(&self, actor: &Actor, address: Option<IpAddr>) -> Self {
        Self { shared: self.shared.clone(), origin: Origin::new(actor, address) }
    }

    /// Returns the same service; every row of the audit trail that its calls write has this reason.
    /// The call is cheap.
    ///
    /// Rows that count equal refusals never have a reason. [`acting_as`](Self::acting_as) keeps
    /// none, so name the actor first.
    ///
    /// An instance of a release without reasons reports a row with a reason as changed. So give
    /// reasons only when all instances run this release.
    #[must_use]
    pub fn because(&self, reason: &Reason) -> Self {
        Self { shared: self.shared.clone(), origin: self.origin.with_reason(Some(reason.as_str())) }
    }

    /// Answers one request of a device. `query` is form-urlencoded and has no leading `?`. The
    /// answer is XML, with its mode and its error word as values.
    ///
    /// `caller` is the account that the transport has authenticated. An activation code is then
    /// compared with the codes of that account alone, and a wrong code is charged to it. Without a
    /// caller, [`Policy::activation_proof`] says how `activate` is answered: by default it is
    /// refused with `NOK:TOKEN`.
    pub fn mac(&self, caller: Option<&AccountName>, query: &str) -> Result<MacAnswer, Failure> {
        self.mac_request(caller, &MacRequest::read(query))
    }

    /// Answers as [`Authority::mac`] does, for a host that has already read the request: for
    /// instance, to limit its clients by mode.
    pub fn mac_request(&self, caller: Option<&AccountName>, request: &MacRequest) -> Result<MacAnswer, Failure> {
        mac::answer(&self.context(), &self.shared.keys, caller, request)
    }

    /// Answers one request of an authenticated account. Creates the account if it does not exist.
    pub fn cvs(&self, account: &AccountName, request: &CvsRequest<'_>) -> Result<CvsAnswer, Failure> {
        self.cvs_in(account, request, &[])
    }

    /// Reads a phone number as a user wrote it, by the rules of [`Countries`](crate::Countries).
    /// All spellings of a number yield the same value.
    pub fn phone_number(&self, text: &str) -> Option<PhoneNumber> {
        self.context().policy.sms.countries.read_number(text)
    }

    /// Answers as [`Authority::cvs`] does, for an app that prefers these languages, in descending
    /// order. SMS to the account use the first of them that has texts.
    pub fn cvs_in(
        &self,
        account: &AccountName,
        request: &CvsRequest<'_>,
        languages: &[Language],
    ) -> Result<CvsAnswer, Failure> {
        cvs::answer(|| self.context(), &self.dispatcher(), account, request, languages)
    }

    /// Returns the number of messages that this instance did not send because the budget was spent.
    pub fn sms_limited(&self) -> u64 {
        self.shared.sms_limited.load(Ordering::Relaxed)
    }

    /// Sends the SMS that are due: notices and, with [`Options::sms_retry`], messages that the
    /// gateway did not accept. The host calls it about once a second. Any number of instances may
    /// call it at once.
    pub fn deliver_due(&self) -> Result<Delivered, Failure> {
        self.deliver_due_while(|| true)
    }

    /// Works as [`Authority::deliver_due`] does, as long as `should_continue` returns true. It asks
    /// `should_continue` before each message, so that a host can stop.
    pub fn deliver_due_while(&self, should_continue: impl Fn() -> bool) -> Result<Delivered, Failure> {
        self.dispatcher().deliver_due(|| self.context(), should_continue)
    }

    /// Verifies a one-time password for a relying party. A password is accepted once.
    pub fn verify_otp(&self, account: &AccountName, otp: &str) -> Result<Verdict, Failure> {
        passwords::verify(&self.context(), account, otp)
    }

    /// Lifts the block of an account and forgives its wrong PINs. They still count in the budget of
    /// its PIN. If that budget is spent, the account stays blocked until the PIN is reset or the
    /// enrollments are removed.
    pub fn unblock(&self, account: &AccountName) -> Result<Unblock, Failure> {
        admin::unblock(&self.context(), account)
    }

    /// Returns the counters of events that operators should know, since this service was opened.
    pub fn tally(&self) -> Tally {
        self.shared.tallies.read()
    }

    /// Returns the number of rows that got their MACs when this service was opened.
    ///
    /// It can be greater than 0 only at the first opening of a database of an earlier release. If
    /// it is greater than 0 at any other time, another program put back a value of that release.
    pub fn migrated_rows(&self) -> u64 {
        self.shared.migrated_rows
    }

    /// Returns the number of SMS that wait for a retry, counted up to the limit of the queue.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn waiting_sms(&self) -> Result<u32, Failure> {
        self.dispatcher().waiting(&self.context())
    }

    /// Returns the number of steps that ran again because the database asked for it: another step
    /// changed the same rows, or a connection was lost. It is always 0 on SQLite.
    pub fn retries(&self) -> u64 {
        self.shared.storage.retries()
    }

    /// Returns the numbers of used and of idle connections to the database. `None` on SQLite, which
    /// has no pool.
    pub fn database_connections(&self) -> Option<(u32, u32)> {
        self.shared.storage.connections()
    }

    /// Lists up to `limit` accounts (at most 1000) in the order of their names: the first ones, or
    /// the ones after `after`.
    pub fn accounts(&self, after: Option<&AccountName>, limit: u32) -> Result<Vec<AccountInfo>, Failure> {
        admin::accounts(&self.context(), after, limit)
    }

    /// Returns one account, or `None` if it does not exist.
    pub fn account(&self, account: &AccountName) -> Result<Option<AccountInfo>, Failure> {
        admin::account(&self.context(), account)
    }

    /// Lists the devices of an account, the newest first. The list is empty if the account does not
    /// exist.
    pub fn devices(&self, account: &AccountName) -> Result<Vec<DeviceInfo>, Failure> {
        admin::devices(&self.context(), account)
    }

    /// Finds accounts by their name, by a trusted phone number, by the id of a device (whole, or 8
    /// or more of its first characters), and by the beginning of their name, in this order. At most
    /// `limit` accounts (at most 1000), each once.
    ///
    /// A phone number is found in the spelling in which this release stores it (E.164), whatever
    /// spelling the text has, and as the text was typed. Earlier releases stored other spellings:
    /// such a number is found only by a text in the same spelling.
    ///
    /// Upper and lower case differ. A removed device finds nothing. A text that can be none of
    /// these, such as one with control characters or more than 128 characters, finds nothing.
    ///
    /// # Errors
    ///
    /// The database cannot be read, or the row of a found account was altered.
    pub fn find_accounts(&self, text: &str, limit: u32) -> Result<Vec<FoundAccount>, Failure> {
        search::find_accounts(&self.context(), text, limit)
    }

    /// Says why an account cannot log in. `None`: there is no such account.
    ///
    /// # Errors
    ///
    /// The database cannot be read, or a row of the account was altered.
    pub fn diagnose(&self, account: &AccountName) -> Result<Option<Diagnosis>, Failure> {
        diagnosis::diagnose(&self.context(), account)
    }

    /// Four eyes: asks for an action that another operator must approve. The caller's actor asks.
    /// The proposal is open for 24 hours. An account has at most 20 open proposals, and an actor
    /// has made at most 100 of the open ones.
    pub fn propose(&self, account: &AccountName, action: &Action, reason: &Reason) -> Result<Proposed, Failure> {
        proposals::propose(&self.context(), account, action, reason)
    }

    /// Lists the open proposals for one account or for all, the oldest first. There are at most
    /// 1000.
    pub fn proposals(&self, account: Option<&AccountName>) -> Result<Vec<Proposal>, Failure> {
        proposals::proposals(&self.context(), account)
    }

    /// Returns an open proposal. `None`: there is none with this id, or it has ended.
    pub fn proposal(&self, id: &str) -> Result<Option<Proposal>, Failure> {
        proposals::proposal(&self.context(), id)
    }

    /// Approves a proposal and runs its action in the same transaction. The proposal has then
    /// ended, so an action runs once, whatever operators approve it at the same time. The other
    /// open proposals of the same action have ended, too.
    ///
    /// The rows of the audit trail have the caller's actor, and the reason of the proposal. The
    /// actor that proposed the action cannot approve it: actors are compared by their text in the
    /// audit trail.
    pub fn approve_proposal(&self, id: &str) -> Result<Approved, Failure> {
        proposals::approve(&self.context(), id)
    }

    /// Ends a proposal: the operator that asked withdraws it, or another one rejects it. Returns
    /// `false` if there is no open proposal with this id.
    pub fn end_proposal(&self, id: &str) -> Result<bool, Failure> {
        proposals::end(&self.context(), id)
    }

    /// Lists the keys and secrets in the database, with their ages as far as they are known: keys
    /// that an earlier release made have none.
    pub fn key_ages(&self) -> Result<Vec<KeyAge>, Failure> {
        key_ages::key_ages(&self.context())
    }

    /// Adds an account. Returns `false` if it exists already.
    pub fn add_account(&self, account: &AccountName) -> Result<bool, Failure> {
        admin::add_account(&self.context(), account)
    }

    /// Removes an account with its devices, codes, passwords and tokens. Its audit trail stays.
    /// Returns `false` if the account does not exist.
    pub fn remove_account(&self, account: &AccountName) -> Result<bool, Failure> {
        admin::remove_account(&self.context(), account)
    }

    /// Removes a device of an account. `id` is its id, or a prefix of at least eight characters
    /// that no other device of the account shares. Returns `false` if the account has no such
    /// device.
    pub fn remove_device(&self, account: &AccountName, id: &str) -> Result<bool, Failure> {
        admin::remove_device(&self.context(), account, id)
    }

    /// Gives a device of an account another name. `id` is as for
    /// [`remove_device`](Self::remove_device). Returns `false` if the account has no such device.
    pub fn rename_device(&self, account: &AccountName, id: &str, name: &DeviceName) -> Result<bool, Failure> {
        admin::rename_device(&self.context(), account, id, name)
    }

    /// Lists up to `limit` rows of the audit trail (at most 1000), of one account or of all, the
    /// newest first. The list begins at the end of the trail, or before the row with the id
    /// `before`.
    pub fn audit_log(
        &self,
        account: Option<&AccountName>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, Failure> {
        admin::audit_log(&self.context(), account, before, limit)
    }

    /// Checks the MAC of every row that has one. Calls `progress` with the number of rows after
    /// each page. The check stops if `progress` returns false.
    ///
    /// # Errors
    ///
    /// The database cannot be read. An altered row is not an error here: the result counts it.
    pub fn verify_rows(&self, progress: impl FnMut(u64) -> bool) -> Result<RowCheck, Failure> {
        admin::verify_rows(&self.context(), progress)
    }

    /// Checks that the database can be read and written. The transaction writes a value and removes
    /// it. If PostgreSQL had no room for the rows of another step within the last half minute, and
    /// accepted none since, that is an error, too.
    pub fn ping(&self) -> Result<(), Failure> {
        admin::ping(&self.context())
    }

    /// Checks that the database has room: a transaction writes a mebibyte and removes it. It leaves
    /// work for the database's own cleaning, so call it seldom.
    pub fn try_room(&self) -> Result<(), Failure> {
        admin::try_room(&self.context())
    }

    /// Describes the server of the database in words: its version, its role, and the way to it.
    /// Returns `None` on SQLite.
    pub fn describe_database(&self) -> Result<Option<String>, Failure> {
        Ok(self.shared.storage.describe()?)
    }

    /// Adds copies of an account and its device, for the benchmarks. Returns the ids of their
    /// devices.
    ///
    /// # Errors
    ///
    /// There is no such device, or the database cannot be written.
    #[cfg(feature = "bulk")]
    pub fn add_copies(&self, device: &str, copies: &[crate::bulk::AccountCopy]) -> Result<Vec<String>, Failure> {
        crate::bulk::add_copies(&self.context(), device, copies)
    }

    /// Removes rows that are no longer needed: rows of the audit trail and tombstones of devices
    /// that are older than `older_than_days`, and every expired code, password, token and code
    /// request. It works in small transactions and can be stopped at any time.
    pub fn prune(&self, older_than_days: u32) -> Result<Pruned, Failure> {
        self.prune_while(Some(older_than_days), || true)
    }

    /// Works as [`Authority::prune`] does, as long as `should_continue` returns true. It asks
    /// `should_continue` before each of many short steps, so that a host can stop. The next call
    /// continues. Without `older_than_days` the audit trail and the tombstones stay as they are.
    ///
    /// # Errors
    ///
    /// The database cannot be written. Rows that were removed before the error stay removed.
    pub fn prune_while(
        &self,
        older_than_days: Option<u32>,
        should_continue: impl Fn() -> bool,
    ) -> Result<Pruned, Failure> {
        admin::prune_while(|| self.context(), older_than_days, should_continue)
    }

    /// Does a bounded part of the housekeeping, for a host that has no process for it: removes a
    /// few pages of the rows that [`Authority::prune`] removes, and of the oldest rows of the audit
    /// trail beyond `max_audit_rows`. A host calls it after some requests. If much is left, the
    /// next calls go on.
    ///
    /// # Errors
    ///
    /// The database cannot be written. Rows that were removed before the error stay removed.
    pub fn tidy(&self, older_than_days: u32, max_audit_rows: u32) -> Result<Pruned, Failure> {
        admin::tidy(&self.context(), older_than_days, max_audit_rows)
    }

    /// Returns the secret with this name, which is sealed in the database. The first call makes it.
    /// If several instances make it at once, one of them wins and all get its secret. The host
    /// chooses the names.
    pub fn secret(
        &self,
        name: &str,
        make: impl Fn() -> Result<Vec<u8>, Failure>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        tokens::secret(&self.context(), name, make)
    }

    /// Accepts a one-time password, as [`verify_otp`](Self::verify_otp) does, and returns a refresh
    /// token for it in the same step. The token is 256 random bits in base64url; the service stores
    /// a keyed hash of it. The token ends with the device that made the password, and with the PIN
    /// of the account. Returns `None` if the password is refused.
    pub fn exchange_otp(&self, account: &AccountName, otp: &str) -> Result<Option<Zeroizing<String>>, Failure> {
        tokens::exchange_otp(&self.context(), account, otp)
    }

    /// Accepts a refresh token. Returns the account of the token and the next token.
    ///
    /// Returns `None` if the token is unknown or expired, its account is blocked, its device or its
    /// PIN is gone, or the token was used before. If a token is shown twice, one of the two clients
    /// stole it. The service then revokes the whole family: the tokens before it and the tokens
    /// after it.
    pub fn rotate_refresh_token(&self, token: &str) -> Result<Option<(AccountName, Zeroizing<String>)>, Failure> {
        tokens::rotate_refresh_token(&self.context(), token)
    }

    /// Seals up to `batch` rows (at least one) again under the current master key, in one
    /// transaction. It continues after the last call, whichever process made that call. Call it
    /// until it is done. Before the first call, every instance must know the current key and seal
    /// under it. After the last call, the old key can be removed from the rings.
    pub fn rekey(&self, batch: u32) -> Result<Progress, Failure> {
        rekey::rekey(&self.context(), batch)
    }

    /// Seals the audit trail in two steps, which are five minutes apart: it announces a boundary,
    /// and later seals the rows up to the boundary. The host calls it every minute, in every
    /// long-lived process that shares the database. Any number of processes may call it at once. If
    /// no process calls it, only their own MACs protect the rows.
    ///
    /// It also checks the newest seal, and compares it with the seal that this process saw last.
    ///
    /// # Errors
    ///
    /// The database cannot be read or written.
    pub fn seal_audit(&self) -> Result<Sealing, Failure> {
        trail::seal_audit(&self.context())
    }

    /// Checks the audit trail: the MAC of each row, the chain of the seals, the rows of each seal.
    ///
    /// `max_rows` limits how many sealed rows are read, the newest first. The check always covers
    /// all seals and the rows after the last seal. `expected` is the number and head of a seal from
    /// the log. Calls `progress` with the number of rows after each page. The check stops if
    /// `progress` returns false.
    ///
    /// # Errors
    ///
    /// The database cannot be read.
    pub fn verify_audit(
        &self,
        max_rows: Option<u64>,
        expected: Option<(i64, &str)>,
        progress: impl FnMut(u64) -> bool,
    ) -> Result<AuditCheck, Failure> {
        trail::verify(&self.context(), max_rows, expected, progress)
    }

    /// Returns the proof that an activation needs under the current policy.
    pub fn activation_proof(&self) -> ActivationProof {
        self.shared.policy.read().unwrap_or_else(PoisonError::into_inner).activation_proof
    }

    /// Returns whether devices may make codes that enroll other devices.
    pub fn has_codes_of_devices(&self) -> bool {
        self.shared.policy.read().unwrap_or_else(PoisonError::into_inner).activation_by_device
    }

    /// Replaces the policy for requests that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        *self.shared.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Returns the time of the service's clock, in milliseconds since 1970 in UTC.
    pub fn now(&self) -> i64 {
        self.shared.clock.now()
    }

    pub(crate) fn context(&self) -> Context<'_> {
        let policy = self.shared.policy.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Shared { storage, sealer, clock, trail, tallies, .. } = &*self.shared;
        Context { storage: &**storage, sealer, policy, now: clock.now(), trail, origin: &self.origin, tallies }
    }

    fn dispatcher(&self) -> SmsDispatcher<'_> {
        SmsDispatcher {
            gateway: &*self.shared.sms,
            retry: self.shared.sms_retry.as_ref(),
            limited: &self.shared.sms_limited,
        }
    }

    /// Records in the audit trail that a request of the actor was refused.
    pub fn audit_refused_operator(&self) -> Result<(), Failure> {
        admin::audit_refused_operator(&self.context())
    }

    /// Records in the audit trail that the actor signed in to a console.
    pub fn audit_sign_in(&self) -> Result<(), Failure> {
        admin::audit_sign_in(&self.context())
    }

    /// Records in the audit trail that the actor signed out of a console.
    pub fn audit_sign_out(&self) -> Result<(), Failure> {
        admin::audit_sign_out(&self.context())
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
