//! SQLite: one connection, and one file that several processes may share. Steps take turns. Steps
//! that wait for one another are committed together.

mod group;
mod handoff_mutex;
mod migrations;
mod statements;

use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use group::{Group, GroupStep};
use handoff_mutex::HandoffMutex;
use private_files::{Access, FileId, Flaw, Folder};
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::failure::{Failure, OpenError, StorageError};
use crate::storage::audit_ids::AuditIds;
use crate::storage::database::Storage;
use crate::storage::durability::Durability;
use crate::storage::options::SqliteFile;
use crate::storage::table::RowMacs;
use crate::storage::transaction::Transaction;

/// The time that a step waits for the steps of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A database file.
pub(crate) struct Sqlite {
    group: HandoffMutex<Group>,
    ids: AuditIds,
    macs: Arc<dyn RowMacs>,
}

impl Sqlite {
    /// Opens the file and migrates its tables to this release. Creates the file if it does not
    /// exist.
    pub(crate) fn open(file: &SqliteFile, macs: Arc<dyn RowMacs>) -> Result<Self, OpenError> {
        let (folder, name) = Folder::of_file(&file.path, file.sharing)?;
        let id = make_file(&folder, &name)?;
        check_files_beside(&folder, &name)?;
        // SQLite opens files by their path. With this flag it follows no link in any part of the
        // path.
        let flags =
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
        let mut connection =
            Connection::open_with_flags(folder.real_path().join(&name), flags).map_err(StorageError::from)?;
        configure(&connection).map_err(StorageError::from)?;
        check_files_beside(&folder, &name)?;
        if folder.inspect(&name)? != Some(id) {
            return Err(io::Error::from(Flaw::Exchanged).into());
        }
        migrations::run(&mut connection)?;
        Ok(Self { group: HandoffMutex::new(Group::new(connection, BUSY_TIMEOUT)), ids: AuditIds::default(), macs })
    }
}

impl Storage for Sqlite {
    fn transact(
        &self,
        name: &'static str,
        step: &mut dyn FnMut(&Transaction<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let group_step = GroupStep::begin(self.group.lock(), Durability::of(name))?;
        let wrote = {
            let rows = Transaction::new(group_step.connection(), &self.ids, &*self.macs);
            step(&rows)?;
            rows.wrote()
        };
        if !wrote && group_step.is_first() {
            return Ok(());
        }
        faults::durable_step(&format!("authority.{name}.before_commit"));
        group_step.commit()?;
        faults::durable_step(&format!("authority.{name}.after_commit"));
        Ok(())
    }
}

/// Takes the message of the library. It names tables and columns and never holds bound values.
impl From<rusqlite::Error> for StorageError {
    fn from(error: rusqlite::Error) -> Self {
        Self::new(match error {
            rusqlite::Error::SqliteFailure(code, message) => message.unwrap_or_else(|| code.to_string()),
            other => other.to_string(),
        })
    }
}

/// Creates the file for its owner alone, or checks the existing one. The files that SQLite puts
/// beside it get the same mode.
///
/// An existing file is not opened for this check. If any descriptor of it were closed, the locks
/// that SQLite holds on the file in this process would end.
fn make_file(folder: &Folder, name: &OsStr) -> io::Result<FileId> {
    // A new file is opened here. It must be closed before another thread opens it with SQLite.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match folder.create_new(name, Access::Write) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => drop(made?),
    }
    folder.inspect(name)?.ok_or_else(|| Flaw::Exchanged.into())
}

/// Checks the files that SQLite puts beside the database and trusts, if they exist.
fn check_files_beside(folder: &Folder, name: &OsStr) -> io::Result<()> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let mut beside = name.to_owned();
        beside.push(suffix);
        folder
            .inspect(&beside)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", folder.file(&beside).display())))?;
    }
    Ok(())
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(128);
    write_ahead(connection)?;
    connection.execute_batch("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;")
}

/// Switches to write-ahead logging. The switch needs exclusive access to the file, and it does not
/// observe the busy timeout in every case.
fn write_ahead(connection: &Connection) -> rusqlite::Result<()> {
    let deadline = Instant::now() + BUSY_TIMEOUT;
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
