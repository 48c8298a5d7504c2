//! SQLite: one connection, one file that several processes may share. Steps take turns; those that wait for one another are committed together.

mod group;
mod migrations;
mod statements;
mod turns;

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use group::{Group, Member};
use rusqlite::{Connection, ErrorCode};
use turns::Turns;

use super::{AuditIds, RowMacs, Storage, StorageError, Transaction};
use crate::failure::{Failure, OpenError};
use crate::sms::owner_only;

/// How long a step waits for the steps of other processes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A database file.
pub(crate) struct Sqlite {
    group: Turns<Group>,
    ids: AuditIds,
    macs: Arc<dyn RowMacs>,
}

impl Sqlite {
    /// Opens the file, makes it where there is none, and brings its tables up to date.
    pub(crate) fn open(path: &Path, macs: Arc<dyn RowMacs>) -> Result<Self, OpenError> {
        make_file(path)?;
        let mut connection = Connection::open(path).map_err(StorageError::from)?;
        configure(&connection).map_err(StorageError::from)?;
        migrations::run(&mut connection)?;
        Ok(Self { group: Turns::new(Group::new(connection, PATIENCE)), ids: AuditIds::default(), macs })
    }
}

impl Storage for Sqlite {
    fn transact(
        &self,
        what: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let member = Member::begin(self.group.take())?;
        let wrote = {
            let rows = Transaction::new(member.connection(), &self.ids, &*self.macs);
            step(&rows)?;
            rows.wrote()
        };
        if !wrote && member.is_first() {
            return Ok(());
        }
        pims_faults::durable_step(&format!("authority.{what}.before_commit"));
        member.keep()?;
        pims_faults::durable_step(&format!("authority.{what}.after_commit"));
        Ok(())
    }
}

/// The message of the library, which names tables and columns; bound values never stand in it.
impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(match error {
            rusqlite::Error::SqliteFailure(code, message) => message.unwrap_or_else(|| code.to_string()),
            other => other.to_string(),
        })
    }
}

/// Makes the file for its owner alone; the files that SQLite puts beside it take over its mode.
fn make_file(path: &Path) -> io::Result<()> {
    match owner_only(OpenOptions::new().write(true).create_new(true)).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.set_prepared_statement_cache_capacity(128);
    write_ahead(connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")
}

/// The change to write-ahead logging needs the file for itself and does not wait by the busy timeout in every case.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(Duration::from_millis(10)),
            done => return done,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
