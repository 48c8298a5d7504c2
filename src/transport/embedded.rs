//! The embedded authority as a transport. The requests and answers are the same as over HTTP, but
//! travel by function call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use authority::{
    AccountName, Authority, Clock, Database, Failure, MasterKey, OpenError, Options, Outbox, Policy, Sharing,
    SqliteFile, Verdict,
};
use inwebo::client::Request;
use inwebo::cvs::{CvsAnswer, CvsRequest};
use private_files::{FileId, Flaw, Folder, cause_of, flaw_of};
use zeroize::Zeroizing;

use super::{Transport, TransportError};
use crate::clock::SharedClock;
use crate::store::{OUTBOX, StoreError};

impl Clock for SharedClock {
    fn now(&self) -> i64 {
        self.get().now()
    }
}

/// Options of the embedded authority: its files, its account, its rules.
pub struct EmbeddedOptions {
    /// The path of its database. The master key lies beside it, with the extension `key`.
    pub database: PathBuf,
    /// The folder of the storage, with the file that receives its SMS.
    pub storage: Arc<Folder>,
    /// The host's master key. It is used if the database's file system would show a key file to
    /// other users.
    pub host_key: Option<Zeroizing<[u8; 32]>>,
    /// Permission for other users to write to the folders of these files.
    pub sharing: Sharing,
    /// The name of the account.
    pub account: String,
    /// Its rules.
    pub policy: Policy,
    /// Its clock.
    pub clock: SharedClock,
}

/// Reason why the embedded authority cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// The name of its account is not valid.
    #[error("account.username is not the name of an account")]
    Account,
    /// Its master key cannot be read or made.
    #[error("the embedded authority's master key {0} cannot be read or made: {1}{help}", help = remedy(.1))]
    MasterKey(PathBuf, io::Error),
    /// Its database cannot be opened.
    #[error("the embedded authority's database {0} cannot be opened: {1}")]
    Database(PathBuf, OpenError),
}

/// Returns a remedy or a cause for a key file that cannot be created. The text follows the error.
fn remedy(error: &io::Error) -> String {
    match flaw_of(error) {
        Some(Flaw::NoModes { .. }) => "; or give the key from the host, in storage.key".to_owned(),
        _ => cause_of(error).map(|cause| format!(": {cause}")).unwrap_or_default(),
    }
}

/// Age at which rows of the audit trail, and ids of removed devices, are removed.
const KEEP_DAYS: u32 = 400;

/// Number of rows of the audit trail that are kept.
const MAX_AUDIT_ROWS: u32 = 20_000;

/// Number of requests after which the authority removes old and expired rows. It also does so at
/// the first request after it was opened.
const TIDY_EVERY: u32 = 256;

/// Embedded authority that serves one account.
pub struct Embedded {
    authority: Authority,
    requests: AtomicU32,
    account: AccountName,
    database: PathBuf,
    id: Option<FileId>,
}

impl Embedded {
    /// Opens the authority, and creates its database if there is none.
    pub fn open(options: EmbeddedOptions) -> Result<Self, EmbeddedError> {
        let account = AccountName::new(&options.account).ok_or(EmbeddedError::Account)?;
        let master_key = master_key(&options)?;
        let authority = Authority::open(Options {
            database: Database::Sqlite(SqliteFile { path: options.database.clone(), sharing: options.sharing }),
            master_key: master_key.into(),
            policy: options.policy,
            sms: Box::new(Outbox::in_open_folder(options.storage, OUTBOX)),
            sms_retry: None,
            clock: Box::new(options.clock),
        })
        .map_err(|error| EmbeddedError::Database(options.database.clone(), error))?;
        let id = Folder::id_of(&options.database).ok();
        Ok(Self { authority, requests: AtomicU32::new(0), account, database: options.database, id })
    }

    /// Sets other rules for the requests that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.authority.set_policy(policy);
    }

    /// Removes old and expired rows now and then. Each time it does a bounded part of the work.
    fn tidy(&self) {
        if self.requests.fetch_add(1, Ordering::Relaxed).is_multiple_of(TIDY_EVERY) {
            // If it fails, the next time comes. A database that cannot be written shows in the
            // request itself.
            let _ = self.authority.tidy(KEEP_DAYS, MAX_AUDIT_ROWS);
        }
    }

    /// Checks a one-time password as a relying party would. A right password is accepted once.
    pub fn verify_otp(&self, otp: &str) -> Result<bool, TransportError> {
        self.tidy();
        Ok(self.authority.verify_otp(&self.account, otp).map_err(server)? == Verdict::Accepted)
    }
}

/// Returns the master key of its file, which is created if it is missing. If the file system would
/// show the file to other users, returns the host's key. Returns that key also for a database that
/// was moved later from such a file system.
fn master_key(options: &EmbeddedOptions) -> Result<MasterKey, EmbeddedError> {
    /// Number of a key that stands alone, such as the key of a file.
    const ALONE: u32 = 1;
    let file = options.database.with_extension("key");
    let exists = |path: &Path| path.symlink_metadata().is_ok();
    if let Some(key) = options.host_key.as_ref().filter(|_| !exists(&file) && exists(&options.database)) {
        return Ok(MasterKey::new(ALONE, **key));
    }
    match (MasterKey::load_or_create_in(&file, options.sharing), &options.host_key) {
        (Ok(key), _) => Ok(key),
        (Err(error), Some(key)) if matches!(flaw_of(&error), Some(Flaw::NoModes { .. })) && !exists(&file) => {
            Ok(MasterKey::new(ALONE, **key))
        }
        (Err(error), _) => Err(EmbeddedError::MasterKey(file, error)),
    }
}

impl Transport for Embedded {
    fn check(&self) -> Result<(), StoreError> {
        if Folder::id_of(&self.database).ok() == self.id {
            Ok(())
        } else {
            Err(StoreError::DatabaseGone(self.database.clone()))
        }
    }

    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        self.tidy();
        self.authority.mac(Some(&self.account), request.query()).map(|answer| answer.xml).map_err(server)
    }

    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        self.tidy();
        self.authority.cvs(&self.account, request).map_err(server)
    }
}

fn server(failure: Failure) -> TransportError {
    TransportError::Server { what: failure.to_string(), retry_after_seconds: None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    fn open(folder: &Path) -> Embedded {
        Embedded::open(EmbeddedOptions {
            database: folder.join("authority.db"),
            storage: Arc::new(Folder::open(folder, Sharing::Refused).unwrap()),
            host_key: None,
            sharing: Sharing::Refused,
            account: "local".to_owned(),
            policy: Policy::default(),
            clock: SharedClock::default(),
        })
        .unwrap()
    }

    #[test]
    fn old_and_expired_rows_are_removed_at_the_first_request_and_then_now_and_again() {
        const ADDED: u32 = MAX_AUDIT_ROWS + 1500;
        let folder = tempfile::tempdir().unwrap();
        drop(open(folder.path()));
        let database = Connection::open(folder.path().join("authority.db")).unwrap();
        let count = |table: &str| -> u32 {
            database.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        let add = |rows: u32| {
            let numbers = format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})");
            database
                .execute_batch(&format!(
                    "BEGIN;
                     {numbers} INSERT INTO audit (id, at, event) SELECT i, 9000000000000, 'pin.refused' FROM n
                         WHERE i NOT IN (SELECT id FROM audit);
                     INSERT INTO passwords (account, hash, device, expires_at, used, key_id)
                         VALUES ('local', x'00', '', 5, 0, 1);
                     COMMIT"
                ))
                .unwrap();
        };
        add(ADDED);
        let embedded = open(folder.path());
        assert!(!embedded.verify_otp("abcdefgh").unwrap());
        let kept = MAX_AUDIT_ROWS..=MAX_AUDIT_ROWS + TIDY_EVERY;
        assert!(kept.contains(&count("audit")) && count("passwords") == 0, "{}", count("audit"));

        add(ADDED);
        for _ in 1..TIDY_EVERY {
            assert!(!embedded.verify_otp("abcdefgh").unwrap());
        }
        assert!(count("audit") >= ADDED && count("passwords") == 1);
        assert!(!embedded.verify_otp("abcdefgh").unwrap());
        assert!(kept.contains(&count("audit")) && count("passwords") == 0, "{}", count("audit"));
    }
}
