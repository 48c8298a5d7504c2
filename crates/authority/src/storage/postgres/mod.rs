//! PostgreSQL, and databases that are compatible with its protocol and SQL.
//!
//! Every step is one transaction. The rare steps run as SERIALIZABLE: the outcome of concurrent
//! steps equals that of some serial order of them, and no rule has to say which rows it must lock.
//! The frequent ones run as REPEATABLE READ, so that steps of different accounts never collide;
//! [`isolation`](crate::storage::isolation) proves that their outcome is the same. If two steps
//! read the same count of wrong PINs, one commits; the other is refused (40001), runs again and
//! reads the new count.
//!
//! A step that only reads is committed, too: the data that a serializable transaction read is known
//! to be consistent only after the commit.
//!
//! Any pooler may stand between: there the service keeps nothing in a session, and names no
//! statement ([`named`]). Every wait ends ([`connection`]). If a connection is lost, the step runs
//! again on another one, unless its commit was sent: nobody knows then whether it was kept, and the
//! step fails with an error that says so.

mod address;
mod announced;
mod connection;
mod message;
mod migrations;
mod named;
mod pool;
mod statements;
mod survey;
mod tls;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use crate::failure::{Failure, OpenError, StorageError, StorageResult};
use crate::random;
use crate::storage::audit_ids::AuditIds;
use crate::storage::database::Storage;
use crate::storage::durability::Durability;
use crate::storage::isolation::Isolation;
use crate::storage::options::Postgres;
use crate::storage::table::RowMacs;
use crate::storage::transaction::Transaction;
use address::Address;
use connection::{Server, Session};
use message::Fault;
use pool::{Connections, NoConnection};
use statements::{CommitFault, EarlyFault, Statements, start};

/// The time limit for runs of one step, and for the wait for a connection.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause before a step is run again.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// The time for which the database counts as one without room, after it refused a write.
const REFUSAL_LIFETIME: Duration = Duration::from_secs(30);

/// The name of the step that asks whether the database accepts writes. It writes too little to
/// show that there is room for more.
const PING: &str = "ping";

impl Postgres {
    /// Returns whether the address holds a password.
    ///
    /// # Errors
    ///
    /// The address is malformed. The error does not show its values.
    pub fn has_password(&self) -> Result<bool, StorageError> {
        Ok(Address::parse(&self.url)?.hosts.iter().any(|host| host.get_password().is_some()))
    }
}

/// A database server, or several servers that form one database.
pub(crate) struct PostgreSql {
    connections: Connections,
    ids: AuditIds,
    macs: Arc<dyn RowMacs>,
    retries: AtomicU64,
    /// True unless the server does not know the settings that only make steps faster.
    has_settings: AtomicBool,
    /// The time and the error of the last write for which the database had no room, until it
    /// accepts one.
    refusal: Mutex<Option<(Instant, StorageError)>>,
}

impl PostgreSql {
    /// Connects, and migrates the tables to this release.
    pub(crate) fn open(options: &Postgres, macs: Arc<dyn RowMacs>) -> Result<Self, OpenError> {
        let server = Server::new(options)?;
        let session = migrations::run(&server)?;
        Ok(Self {
            connections: Connections::new(server, options.connections, session),
            ids: AuditIds::default(),
            macs,
            retries: AtomicU64::new(0),
            has_settings: AtomicBool::new(true),
            refusal: Mutex::default(),
        })
    }

    fn attempt(
        &self,
        name: &'static str,
        deadline: Instant,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), AttemptError> {
        let mut lease = self.connections.get(deadline).map_err(AttemptError::without_connection)?;
        let Some(session) = lease.session() else {
            return Err(AttemptError::failed(StorageError::new("no connection to the database")));
        };
        let began = Instant::now();
        let limit = self.connections.server().statement_timeout();
        let is_tuned = self.has_settings.load(Ordering::Relaxed);
        let start = start(Isolation::of(name), Durability::of(name), limit, is_tuned);
        let done = run(session, &start, &self.ids, &*self.macs, name, step);
        match &done {
            Ok(wrote) => {
                lease.keep();
                if *wrote && name != PING {
                    self.set_refusal(None);
                }
            }
            Err(error) => {
                match error.connection {
                    Fate::Good => lease.keep(),
                    Fate::Bad => {}
                    Fate::Lost => self.connections.close_unproved(began),
                    Fate::Silent => self.connections.close_unproved(Instant::now()),
                }
                if error.is_unknown_name {
                    self.connections.server().forbid_names();
                }
                if error.is_unknown_setting {
                    self.has_settings.store(false, Ordering::Relaxed);
                }
                if let (true, Failure::Storage(refusal)) = (error.lacks_room && name != PING, &error.failure) {
                    self.set_refusal(Some((began, refusal.clone())));
                }
            }
        }
        done.map(drop)
    }

    fn set_refusal(&self, refusal: Option<(Instant, StorageError)>) {
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
    }
}

impl Storage for PostgreSql {
    fn transact(
        &self,
        name: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let deadline = Instant::now() + RETRY_TIMEOUT;
        let mut pause = Duration::from_millis(1);
        let mut last_failure = None;
        loop {
            match self.attempt(name, deadline, step) {
                Ok(()) => return Ok(()),
                Err(error) if error.can_run_again && Instant::now() < deadline => last_failure = Some(error.failure),
                // The time was over before the next run had a connection: the last run says why.
                Err(error) if error.is_without_cause => return Err(last_failure.unwrap_or(error.failure)),
                Err(error) => return Err(error.failure),
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(jittered(pause)?);
            pause = (2 * pause).min(MAX_PAUSE);
        }
    }

    fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    fn connections(&self) -> Option<(u32, u32)> {
        let (all, idle) = self.connections.count();
        Some((all.saturating_sub(idle), idle))
    }

    fn describe(&self) -> StorageResult<Option<String>> {
        survey::describe(self.connections.server()).map(Some)
    }

    fn refusal(&self) -> Option<StorageError> {
        let refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, error) = refusal.as_ref()?;
        (at.elapsed() < REFUSAL_LIFETIME).then(|| error.clone())
    }
}

/// The reason why an attempt failed, and its consequences.
struct AttemptError {
    failure: Failure,
    /// True if it is certain that nothing was kept, and the cause may be gone the next time.
    can_run_again: bool,
    connection: Fate,
    /// True if the step waited for a connection, and no attempt to open one failed.
    is_without_cause: bool,
    /// True if the database refused to write because its disk is full.
    lacks_room: bool,
    /// True if the transaction did not start because the server does not know a setting.
    is_unknown_setting: bool,
    /// True if the server does not know a statement by the name that it was given.
    is_unknown_name: bool,
}

/// The state of a connection after an attempt that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The connection has no open transaction.
    Good,
    /// The connection is not used again.
    Bad,
    /// The server went away, or accepts no writes any more. Other connections may be lost as well.
    Lost,
    /// The server did not answer. It may still be silent on every other connection.
    Silent,
}

impl AttemptError {
    fn new(failure: Failure, connection: Fate) -> Self {
        Self {
            failure,
            can_run_again: false,
            connection,
            is_without_cause: false,
            lacks_room: false,
            is_unknown_setting: false,
            is_unknown_name: false,
        }
    }

    /// Returns the error of a step that got no connection. It waited for one as long as it may.
    fn without_connection(NoConnection { error, is_without_cause }: NoConnection) -> Self {
        Self { is_without_cause, ..Self::failed(error) }
    }

    fn failed(error: StorageError) -> Self {
        Self::new(error.into(), Fate::Bad)
    }

    /// Returns the error for a fault from before the commit was sent.
    fn early(fault: &Fault, at_start: bool) -> Self {
        let fate = fate(fault);
        // If the start of a transaction fails, nothing was done.
        let is_unknown_name = fault.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME);
        let can_run_again = at_start || fate != Fate::Bad || is_collision(fault) || is_unknown_name;
        Self {
            failure: fault.storage_error().into(),
            can_run_again,
            connection: if at_start && fate == Fate::Bad { Fate::Lost } else { fate },
            is_without_cause: false,
            lacks_room: fault.code() == Some(&SqlState::DISK_FULL),
            is_unknown_setting: at_start && fault.code() == Some(&SqlState::UNDEFINED_OBJECT),
            is_unknown_name,
        }
    }

    /// Returns the error for a fault after the commit was sent.
    fn late(CommitFault { fault, in_statement }: &CommitFault) -> Self {
        if is_unknown(fault) {
            let text = format!("the database did not say whether it kept the step: {}", fault.storage_error());
            let failure = StorageError::new(text).into();
            return Self::new(failure, fate(fault));
        }
        // The server answered that it undid the transaction.
        let early = Self::early(fault, false);
        Self { can_run_again: early.can_run_again && (*in_statement || is_collision(fault)), ..early }
    }
}

/// Runs a step in a transaction. Returns whether it wrote anything.
fn run(
    session: &Session,
    start: &str,
    ids: &AuditIds,
    macs: &dyn RowMacs,
    name: &'static str,
    step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
) -> Result<bool, AttemptError> {
    let statements = Statements::new(session, start);
    let rows = Transaction::new(&statements, ids, macs);
    let done = step(&rows);
    let wrote = rows.wrote();
    let mut open = statements.end();
    if let Some(EarlyFault { fault, at_start }) = open.take_fault() {
        let mut error = AttemptError::early(&fault, at_start);
        if is_collision(&fault) && open.roll_back().is_ok() {
            error.connection = Fate::Good;
        }
        // If the step turned the error into a failure of its own, that failure is reported.
        if let (false, Err(failure)) = (error.can_run_again, done) {
            error.failure = failure;
        }
        return Err(error);
    }
    if let Err(failure) = done {
        // A step that failed by itself is undone.
        let rolled_back = open.roll_back();
        let is_storage = matches!(failure, Failure::Storage(_));
        let connection = if rolled_back.is_ok() && !is_storage { Fate::Good } else { Fate::Bad };
        let failure = rolled_back.err().map_or(failure, |fault| fault.storage_error().into());
        return Err(AttemptError::new(failure, connection));
    }
    let started = open.prepare_commit();
    if !started.map_err(|EarlyFault { fault, at_start }| AttemptError::early(&fault, at_start))? {
        return Ok(false);
    }
    if wrote {
        faults::durable_step(&format!("authority.{name}.before_commit"));
    }
    open.commit().map_err(|fault| {
        let mut error = AttemptError::late(&fault);
        if is_collision(&fault.fault) {
            // The server has ended the transaction.
            error.connection = Fate::Good;
        }
        error
    })?;
    if wrote {
        faults::durable_step(&format!("authority.{name}.after_commit"));
    }
    Ok(wrote)
}

/// Returns whether other steps changed the same rows first. Nothing was kept then.
fn is_collision(fault: &Fault) -> bool {
    matches!(fault.code(), Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED))
}

/// Returns whether nobody knows what became of a commit that was sent: the server did not answer
/// that it undid the transaction.
fn is_unknown(fault: &Fault) -> bool {
    fault.ends_connection()
        || matches!(
            fault.code(),
            Some(
                &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN
                    | &SqlState::ADMIN_SHUTDOWN
                    | &SqlState::CRASH_SHUTDOWN
                    | &SqlState::CANNOT_CONNECT_NOW
            )
        )
}

/// Returns what a fault says of the connection.
fn fate(fault: &Fault) -> Fate {
    let is_elsewhere =
        matches!(fault.code(), Some(&SqlState::READ_ONLY_SQL_TRANSACTION | &SqlState::FEATURE_NOT_SUPPORTED));
    match fault {
        Fault::Silence(_) => Fate::Silent,
        Fault::Driver(_) if is_elsewhere || is_unknown(fault) => Fate::Lost,
        Fault::Driver(_) | Fault::Gone => Fate::Bad,
    }
}

/// Returns a random part of the pause, so that steps that collided do not meet again at the same
/// moment.
fn jittered(pause: Duration) -> Result<Duration, Failure> {
    let [chance] = random::bytes()?;
    Ok(pause.mul_f64(f64::from(chance) / 256.0))
}
