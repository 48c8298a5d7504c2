//! SQLite: one connection, one file that several processes may share. Steps take turns; those that wait for one another are committed together.

mod group;
mod migrations;
mod statements;
mod turns;

use std::ffi::OsStr;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use group::{Group, Member};
use pims_private_files::{Access, FileId, Flaw, Folder};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use turns::Turns;

use crate::failure::{Failure, OpenError, StorageError};
use crate::storage::audit_ids::AuditIds;
use crate::storage::database::Storage;
use crate::storage::options::SqliteFile;
use crate::storage::table::RowMacs;
use crate::storage::transaction::Transaction;

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
    pub(crate) fn open(file: &SqliteFile, macs: Arc<dyn RowMacs>) -> Result<Self, OpenError> {
        let (folder, name) = Folder::of_file(&file.path, file.sharing)?;
        let id = make_file(&folder, &name)?;
        check_files_beside(&folder, &name)?;
        // SQLite opens files by their path. It follows no link, in no part of it.
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

/// Makes the file for its owner alone, or judges the one that is there. The files that SQLite puts beside it take over its mode.
///
/// A file that is there is not opened for that: to close any descriptor of it would end the locks that SQLite holds on it in this process.
fn make_file(folder: &Folder, name: &OsStr) -> io::Result<FileId> {
    // A new file is opened, and closed before another thread can come with SQLite.
    static MAKING: Mutex<()> = Mutex::new(());
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    match folder.create_new(name, Access::Write) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => drop(made?),
    }
    folder.inspect(name)?.ok_or_else(|| Flaw::Exchanged.into())
}

/// Judges the files that SQLite makes and believes, where they are there.
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
