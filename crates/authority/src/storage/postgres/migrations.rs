//! Migrations of the tables. A released migration is never changed. New ones are appended.
//!
//! Several instances may migrate at once. On PostgreSQL the first one holds the version's row, and
//! the others wait for it. A database that commits each definition by itself holds no row: each
//! migration can be run again, and only one instance replaces the version that it found.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::connection::{Server, Session};
use super::message::Fault;
use super::{Fate, fate, is_collision, jittered};
use crate::failure::{Failure, OpenError, StorageError};

const MIGRATIONS: [&str; 6] = [
    include_str!("0001_initial.sql"),
    include_str!("0002_security.sql"),
    include_str!("0003_traits.sql"),
    include_str!("0004_growth.sql"),
    include_str!("0005_devices.sql"),
    include_str!("0006_operators.sql"),
];

/// The time for which migrations are tried again after a collision or on another connection.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest pause before they are tried again.
const MAX_PAUSE: Duration = Duration::from_millis(500);

/// The time limit for a migration. A large table takes long.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// Runs the missing migrations. Returns the connection on which it did. An instance whose database
/// is up to date needs no permission to define tables.
pub(super) fn run(server: &Server) -> Result<Session, OpenError> {
    let deadline = Instant::now() + RETRY_TIMEOUT;
    let mut pause = Duration::from_millis(20);
    let connect = || server.connect().map_err(|error| OpenError::Storage(error.error));
    let mut session = connect()?;
    let mut has_defined = false;
    loop {
        let (error, fate) = match attempt(&session, server.statement_timeout(), &mut has_defined) {
            Ok(()) => return Ok(session),
            Err(Problem::Newer { found, known }) => return Err(OpenError::Newer { found, known }),
            Err(Problem::OtherInstance) => (other_instance(), Fate::Good),
            Err(Problem::Fault(fault)) => match next_try(&fault) {
                Some(fate) => (fault.storage_error(), fate),
                None => return Err(OpenError::Storage(fault.storage_error())),
            },
        };
        if Instant::now() >= deadline {
            return Err(OpenError::Storage(error));
        }
        std::thread::sleep(jittered(pause).map_err(|failure| match failure {
            Failure::Storage(error) => OpenError::Storage(error),
            _ => OpenError::Randomness,
        })?);
        pause = (2 * pause).min(MAX_PAUSE);
        if fate != Fate::Good {
            session = connect()?;
        }
    }
}

/// A reason for which an attempt ended.
enum Problem {
    Fault(Fault),
    Newer {
        found: i64,
        known: i64,
    },
    /// Another instance migrated the tables at the same time.
    OtherInstance,
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

fn other_instance() -> StorageError {
    StorageError::new("other instances keep changing the version of the tables")
}

/// Returns what to do with the connection before the next attempt. Returns `None` if another
/// attempt has the same end.
fn next_try(fault: &Fault) -> Option<Fate> {
    // Two instances that make the same table, or of which one already removes it, may get any of
    // these.
    let collisions = [
        &SqlState::UNIQUE_VIOLATION,
        &SqlState::DUPLICATE_TABLE,
        &SqlState::DUPLICATE_COLUMN,
        &SqlState::DUPLICATE_OBJECT,
        &SqlState::UNDEFINED_TABLE,
        &SqlState::UNDEFINED_COLUMN,
        &SqlState::UNDEFINED_OBJECT,
        &SqlState::LOCK_NOT_AVAILABLE,
        &SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
    ];
    let is_code = |codes: &[&SqlState]| fault.code().is_some_and(|code| codes.contains(&code));
    match fate(fault) {
        _ if is_collision(fault) || is_code(&collisions) => Some(Fate::Bad),
        Fate::Bad | Fate::Good => None,
        lost => Some(lost),
    }
}

/// Runs the missing migrations once. `has_defined` becomes true when the first one begins. If an
/// earlier attempt began one, it may have made something that a later migration of another instance
/// had removed. Then the latest migration runs again.
fn attempt(session: &Session, limit: Duration, has_defined: &mut bool) -> Result<(), Problem> {
    let known = MIGRATIONS.len() as i64;
    match version(session)? {
        Some(found) if found == known && !*has_defined => return Ok(()),
        Some(_) => {}
        None => prepare(session)?,
    }
    migrate(session, known, limit, has_defined)
}

/// Returns the version. Returns `None` if the version table does not exist.
fn version(session: &Session) -> Result<Option<i64>, Fault> {
    match first_value(session, "SELECT version FROM pims_schema WHERE name = 'schema'") {
        Err(fault) if fault.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        found => found,
    }
}

/// Returns the first column of the first row as a number.
fn first_value(session: &Session, sql: &'static str) -> Result<Option<i64>, Fault> {
    Ok(session.first_text(sql)?.and_then(|text| text.parse().ok()))
}

/// Makes the version table and its row.
fn prepare(session: &Session) -> Result<(), Fault> {
    batch(
        session,
        "CREATE TABLE IF NOT EXISTS pims_schema (name TEXT PRIMARY KEY, version BIGINT NOT NULL);
         INSERT INTO pims_schema (name, version) VALUES ('schema', 0) ON CONFLICT (name) DO NOTHING",
    )
}

fn batch(session: &Session, sql: &str) -> Result<(), Fault> {
    session.wait(async |client| client.batch_execute(sql).await)
}

fn migrate(session: &Session, known: i64, limit: Duration, has_defined: &mut bool) -> Result<(), Problem> {
    let migrated = migrate_in_transaction(session, known, limit, has_defined);
    if let Err(Problem::OtherInstance | Problem::Newer { .. }) = &migrated {
        batch(session, "ROLLBACK")?;
    }
    migrated
}

fn migrate_in_transaction(
    session: &Session,
    known: i64,
    limit: Duration,
    has_defined: &mut bool,
) -> Result<(), Problem> {
    let limit = limit.as_millis();
    // READ COMMITTED: after its wait for the lock, an instance reads the version that the other
    // instance wrote.
    batch(
        session,
        &format!(
            "START TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {limit}; \
             SET LOCAL statement_timeout = {}",
            MIGRATION_TIMEOUT.as_millis()
        ),
    )?;
    let found = first_value(session, "SELECT version FROM pims_schema WHERE name = 'schema' FOR UPDATE")?;
    let found = found.ok_or(Problem::OtherInstance)?;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let done = done.ok_or(Problem::Newer { found, known })?;
    if *has_defined && let (true, Some(latest)) = (done == MIGRATIONS.len(), MIGRATIONS.last()) {
        define(session, latest)?;
    }
    for (migration, before) in MIGRATIONS.iter().zip(0_i64..).skip(done) {
        *has_defined = true;
        define(session, migration)?;
        // A server that keeps each definition at once also keeps how far it came.
        let replace =
            format!("UPDATE pims_schema SET version = {} WHERE name = 'schema' AND version = {before}", before + 1);
        if session.wait(async |client| client.execute_typed(&replace, &[]).await)? != 1 {
            return Err(Problem::OtherInstance);
        }
    }
    faults::durable_step("authority.migration.before_commit");
    batch(session, "COMMIT")?;
    faults::durable_step("authority.migration.after_commit");
    Ok(())
}

fn define(session: &Session, migration: &str) -> Result<(), Fault> {
    session.wait_for(MIGRATION_TIMEOUT, async |client| client.batch_execute(migration).await)
}
