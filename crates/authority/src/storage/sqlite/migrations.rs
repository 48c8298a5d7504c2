//! Migrations of the tables. A released migration is never changed. New ones are appended.

use rusqlite::{Connection, TransactionBehavior};

use crate::failure::{OpenError, StorageError};

const MIGRATIONS: [&str; 7] = [
    include_str!("0001_initial.sql"),
    include_str!("0002_server.sql"),
    include_str!("0003_security.sql"),
    include_str!("0004_traits.sql"),
    include_str!("0005_growth.sql"),
    include_str!("0006_devices.sql"),
    include_str!("0007_operators.sql"),
];

/// Runs the missing migrations while it holds the lock of the database. One of several processes
/// runs them, and the others find them done.
pub(super) fn run(connection: &mut Connection) -> Result<(), OpenError> {
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Exclusive).map_err(StorageError::from)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(StorageError::from)?;
    let known = MIGRATIONS.len() as i64;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let missing = &MIGRATIONS[done.ok_or(OpenError::Newer { found, known })?..];
    if missing.is_empty() {
        return Ok(());
    }
    for migration in missing {
        transaction.execute_batch(migration).map_err(StorageError::from)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(StorageError::from)?;
    faults::durable_step("authority.migration.before_commit");
    transaction.commit().map_err(StorageError::from)?;
    faults::durable_step("authority.migration.after_commit");
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn migrations_run_once_and_a_newer_database_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        run(&mut connection).unwrap();
        run(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 1000).unwrap();
        assert!(matches!(run(&mut connection), Err(OpenError::Newer { found: 1000, known: 7 })));
    }
}
