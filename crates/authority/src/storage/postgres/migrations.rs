//! Migrations of the tables. A released migration is never changed. New ones are appended.

use ::postgres::error::SqlState;
use ::postgres::{Client, Error};

use super::message::message;
use crate::failure::{OpenError, StorageError};

const MIGRATIONS: [&str; 4] = [
    include_str!("0001_initial.sql"),
    include_str!("0002_security.sql"),
    include_str!("0003_traits.sql"),
    include_str!("0004_growth.sql"),
];

/// Runs the missing migrations while it holds the lock of the version row. One of several instances
/// runs them. The others wait and find them done. An instance whose database is up to date needs no
/// permission to define tables.
pub(super) fn run(client: &mut Client) -> Result<(), OpenError> {
    let known = MIGRATIONS.len() as i64;
    match version(client).map_err(|error| message(&error))? {
        Some(found) if found == known => return Ok(()),
        Some(_) => {}
        None => prepare(client)?,
    }
    migrate(client, known)
}

/// Returns the version without waiting for a lock. Returns `None` if the version table does not
/// exist.
fn version(client: &mut Client) -> Result<Option<i64>, Error> {
    match client.query_opt("SELECT version FROM pims_schema WHERE name = 'schema'", &[]) {
        Ok(row) => row.map(|row| row.try_get(0)).transpose(),
        Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Makes the version table and its row. If other instances do the same at this moment, the server
/// may report a collision, so this is tried again.
fn prepare(client: &mut Client) -> Result<(), StorageError> {
    const ATTEMPTS: u32 = 20;
    let mut attempt = 0;
    loop {
        attempt += 1;
        let made = client.batch_execute(
            "CREATE TABLE IF NOT EXISTS pims_schema (name TEXT PRIMARY KEY, version BIGINT NOT NULL);
             INSERT INTO pims_schema (name, version) VALUES ('schema', 0) ON CONFLICT (name) DO NOTHING",
        );
        match made {
            Err(error) if attempt < ATTEMPTS && is_collision(&error) => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            made => return made.map_err(|error| message(&error)),
        }
    }
}

fn is_collision(error: &Error) -> bool {
    let collisions = [
        &SqlState::UNIQUE_VIOLATION,
        &SqlState::DUPLICATE_TABLE,
        &SqlState::DUPLICATE_OBJECT,
        &SqlState::T_R_SERIALIZATION_FAILURE,
    ];
    collisions.contains(&error.code().unwrap_or(&SqlState::SUCCESSFUL_COMPLETION))
}

fn migrate(client: &mut Client, known: i64) -> Result<(), OpenError> {
    let storage_error = |error: Error| message(&error);
    // READ COMMITTED: after its wait for the lock, an instance reads the version that the other
    // instance wrote.
    let mut transaction = client
        .build_transaction()
        .isolation_level(::postgres::IsolationLevel::ReadCommitted)
        .start()
        .map_err(storage_error)?;
    let sql = "SELECT version FROM pims_schema WHERE name = 'schema' FOR UPDATE";
    let found: i64 = transaction.query_one(sql, &[]).and_then(|row| row.try_get(0)).map_err(storage_error)?;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    for migration in &MIGRATIONS[done.ok_or(OpenError::Newer { found, known })?..] {
        transaction.batch_execute(migration).map_err(storage_error)?;
    }
    transaction
        .execute("UPDATE pims_schema SET version = $1 WHERE name = 'schema'", &[&known])
        .map_err(storage_error)?;
    faults::durable_step("authority.migration.before_commit");
    transaction.commit().map_err(storage_error)?;
    faults::durable_step("authority.migration.after_commit");
    Ok(())
}
