//! PostgreSQL, and databases that are compatible with its protocol and SQL.
//!
//! Every step is one SERIALIZABLE transaction: the outcome of concurrent steps equals that of some
//! serial order of them. The rules were written for that, and no rule has to say which rows it must
//! lock. It also makes counters exact. If two steps read the same count of wrong PINs, one commits;
//! the other is refused (40001), runs again and reads the new count. Only steps that touch the same
//! rows pay for this, and those are the rows of one account. REPEATABLE READ with row locks would
//! cost the same there: a row that changed since the snapshot is a 40001 as well. It would also
//! need a separate proof for every rule over several rows, such as the maximum number of devices of
//! an account or the codes that no two accounts may hold.
//!
//! A step that only reads is committed, too: the data that a serializable transaction read is known
//! to be consistent only after the commit.

mod connection;
mod message;
mod migrations;
mod pool;
mod statements;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ::postgres::error::SqlState;
use ::postgres::{Error, IsolationLevel};
use r2d2::Pool;

use crate::failure::{Failure, OpenError, StorageError};
use crate::random;
use crate::storage::audit_ids::AuditIds;
use crate::storage::database::Storage;
use crate::storage::isolation::Isolation;
use crate::storage::options::Postgres;
use crate::storage::table::RowMacs;
use crate::storage::transaction::Transaction;
use connection::{Server, Session};
use message::message;
use pool::Connections;
use statements::Statements;

/// The time limit for runs of one step, and for the wait for a connection.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest pause before a step is run again.
const MAX_PAUSE: Duration = Duration::from_millis(100);

/// A database server, or several servers that form one database.
pub(crate) struct PostgreSql {
    connections: Connections,
    ids: AuditIds,
    macs: Arc<dyn RowMacs>,
    retries: AtomicU64,
}

impl PostgreSql {
    /// Connects, and migrates the tables to this release.
    pub(crate) fn open(options: &Postgres, macs: Arc<dyn RowMacs>) -> Result<Self, OpenError> {
        let server = Server::new(options)?;
        migrations::run(&mut server.plain_connection()?)?;
        let pool = Pool::builder()
            .max_size(options.connections.max(1))
            .min_idle(Some(1))
            // A step that uses a lost connection notices the loss. It then runs again on another
            // connection.
            .test_on_check_out(false)
            .connection_timeout(RETRY_TIMEOUT)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build(server)
            .map_err(|_| StorageError::new("no connection to the database"))?;
        Ok(Self { connections: Connections::new(pool), ids: AuditIds::default(), macs, retries: AtomicU64::new(0) })
    }

    fn attempt(
        &self,
        name: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), AttemptError> {
        let mut session = self
            .connections
            .get()
            .ok_or_else(|| AttemptError::failed(StorageError::new("no connection to the database")))?;
        let done = run(&mut session, &self.ids, &*self.macs, name, step);
        // An error other than a collision may come from the session, so the session is not used
        // again.
        session.broken |=
            matches!(&done, Err(AttemptError::Retry(RetryCause::Lost, _) | AttemptError::Failed(Failure::Storage(_))));
        done
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
        loop {
            match self.attempt(name, step) {
                Ok(()) => return Ok(()),
                Err(AttemptError::Retry(_, _)) if Instant::now() < deadline => {}
                Err(AttemptError::Retry(_, failure) | AttemptError::Failed(failure)) => return Err(failure),
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
        let (all, idle) = self.connections.count()?;
        Some((all.saturating_sub(idle), idle))
    }
}

/// The reason for which an attempt failed. Nothing of the attempt was kept, unless the connection
/// was lost during the commit.
enum AttemptError {
    /// The step can run again: it is certain that nothing was kept.
    Retry(RetryCause, Failure),
    Failed(Failure),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RetryCause {
    /// Other steps changed the same rows first.
    Collision,
    /// The server went away before the commit was requested, or it does not accept writes any more.
    Lost,
}

impl AttemptError {
    fn failed(error: StorageError) -> Self {
        Self::Failed(error.into())
    }

    /// Classifies an error from before the commit was requested.
    fn early(error: &Error, lost: bool) -> Self {
        match retry_cause(error, lost) {
            Some(cause) => Self::Retry(cause, message(error).into()),
            None => Self::failed(message(error)),
        }
    }
}

/// Runs a step in a transaction.
fn run(
    session: &mut Session,
    ids: &AuditIds,
    macs: &dyn RowMacs,
    name: &'static str,
    step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
) -> Result<(), AttemptError> {
    let Session { client, prepared, .. } = session;
    let began = client.build_transaction().isolation_level(isolation_level(name)).start();
    // If the start of a transaction fails, nothing was done.
    let statements = Statements::new(began.map_err(|error| AttemptError::early(&error, true))?, prepared);
    let rows = Transaction::new(&statements, ids, macs);
    let done = step(&rows);
    let wrote = rows.wrote();
    let (transaction, first_error) = statements.end();
    if let Some(error) = first_error {
        // Dropping the transaction undoes it, if the server is still there.
        drop(transaction);
        let error_of_attempt = AttemptError::early(&error, client.is_closed());
        return Err(match (error_of_attempt, done) {
            // If the step turned the error into a failure of its own, that failure is reported.
            (AttemptError::Failed(_), Err(failure)) => AttemptError::Failed(failure),
            (error_of_attempt, _) => error_of_attempt,
        });
    }
    if let Err(failure) = done {
        // A step that failed by itself is undone. If the rollback fails, too, the session is
        // broken.
        return Err(match transaction.rollback() {
            Ok(()) => AttemptError::Failed(failure),
            Err(error) => AttemptError::failed(message(&error)),
        });
    }
    if wrote {
        faults::durable_step(&format!("authority.{name}.before_commit"));
    }
    transaction.commit().map_err(|error| match retry_cause(&error, false) {
        // After a collision it is certain that nothing was kept. If the connection was lost
        // instead, the outcome is unknown, and the step does not run again.
        Some(RetryCause::Collision) => AttemptError::Retry(RetryCause::Collision, message(&error).into()),
        _ => AttemptError::failed(message(&error)),
    })?;
    if wrote {
        faults::durable_step(&format!("authority.{name}.after_commit"));
    }
    Ok(())
}

fn isolation_level(step: &str) -> IsolationLevel {
    match Isolation::of(step) {
        Isolation::Serializable => IsolationLevel::Serializable,
        Isolation::RepeatableRead => IsolationLevel::RepeatableRead,
    }
}

/// Returns the cause of an error after which a step can run again. Returns `None` if it cannot.
fn retry_cause(error: &Error, lost: bool) -> Option<RetryCause> {
    let state = error.code();
    if matches!(state, Some(&SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED)) {
        return Some(RetryCause::Collision);
    }
    let gone = [
        &SqlState::ADMIN_SHUTDOWN,
        &SqlState::CRASH_SHUTDOWN,
        &SqlState::CANNOT_CONNECT_NOW,
        &SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    (lost || error.is_closed() || state.is_some_and(|state| gone.contains(&state))).then_some(RetryCause::Lost)
}

/// Returns a random part of the pause, so that steps that collided do not meet again at the same
/// moment.
fn jittered(pause: Duration) -> Result<Duration, Failure> {
    let [chance] = random::bytes()?;
    Ok(pause.mul_f64(f64::from(chance) / 256.0))
}
