//! The embedded authority as a transport: the same requests and answers that would travel over HTTP, by function call.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use inwebo::client::Request;
use inwebo::cvs::{CvsAnswer, CvsRequest};
use pims_authority::{
    AccountName, Authority, Clock, Database, Failure, MasterKey, OpenError, Options, Outbox, Policy, Sharing,
    SqliteFile, Verdict,
};
use pims_private_files::{FileId, Flaw, Folder, cause_of, flaw_of};
use zeroize::Zeroizing;

use super::{Transport, TransportError};
use crate::clock::SharedClock;

impl Clock for SharedClock {
    fn now(&self) -> i64 {
        self.get().now()
    }
}

/// Where the embedded authority keeps what it has, and whose account it serves.
pub struct Place {
    /// Its database. The master key lies beside it, with the extension `key`.
    pub database: PathBuf,
    /// The folder of the storage, in which its SMS go to a file.
    pub storage: Arc<Folder>,
    /// The master key, where the database's file system would show a key file to others.
    pub host_key: Option<Zeroizing<[u8; 32]>>,
    /// Whether others may be able to write to the folders of these files.
    pub sharing: Sharing,
    /// The account.
    pub account: String,
    /// Its rules.
    pub policy: Policy,
    /// Its clock.
    pub clock: SharedClock,
}

/// The file in the storage that SMS go to.
const OUTBOX: &str = "sms-outbox.jsonl";

/// Why the embedded authority cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// Its account's name is not one.
    #[error("account.username is not the name of an account")]
    Account,
    /// Its master key cannot be read or made.
    #[error("the embedded authority's master key {0} cannot be read or made: {1}{help}", help = what_to_do(.1))]
    MasterKey(PathBuf, io::Error),
    /// Its database cannot be opened.
    #[error("the embedded authority's database {0} cannot be opened: {1}")]
    Database(PathBuf, OpenError),
    /// Its database was removed, or another one put in its place, while it was open.
    #[error("the embedded authority's database {0} was removed or replaced while the library ran")]
    Gone(PathBuf),
}

/// Returns what helps where a key file cannot be made, to stand behind the error.
fn what_to_do(error: &io::Error) -> String {
    match flaw_of(error) {
        Some(Flaw::NoModes { .. }) => "; or give the key from the host, in storage.key".to_owned(),
        _ => cause_of(error).map(|cause| format!(": {cause}")).unwrap_or_default(),
    }
}

/// The embedded authority, serving one account.
pub struct Embedded {
    authority: Authority,
    account: AccountName,
    database: PathBuf,
    id: Option<FileId>,
}

impl Embedded {
    /// Opens the authority, making its database where there is none.
    pub fn open(place: Place) -> Result<Self, EmbeddedError> {
        let account = AccountName::new(&place.account).ok_or(EmbeddedError::Account)?;
        let master_key = master_key(&place)?;
        let authority = Authority::open(Options {
            database: Database::Sqlite(SqliteFile { path: place.database.clone(), sharing: place.sharing }),
            master_key: master_key.into(),
            policy: place.policy,
            sms: Box::new(Outbox::in_open_folder(place.storage, OUTBOX)),
            sms_retry: None,
            clock: Box::new(place.clock),
        })
        .map_err(|error| EmbeddedError::Database(place.database.clone(), error))?;
        let id = Folder::id_of(&place.database).ok();
        Ok(Self { authority, account, database: place.database, id })
    }

    /// Sets other rules, for the requests that begin from now on.
    pub fn set_policy(&self, policy: Policy) {
        self.authority.set_policy(policy);
    }

    /// Returns an error where the database that is open is not the one at its path any more: what is
    /// written to it would not be found again.
    pub fn check(&self) -> Result<(), EmbeddedError> {
        if Folder::id_of(&self.database).ok() == self.id {
            Ok(())
        } else {
            Err(EmbeddedError::Gone(self.database.clone()))
        }
    }

    /// Checks a one-time password as a relying party would: right once.
    pub fn verify_otp(&self, otp: &str) -> Result<bool, TransportError> {
        Ok(self.authority.verify_otp(&self.account, otp).map_err(server)? == Verdict::Accepted)
    }
}

/// The master key in its file, which is made where it is missing. Where the file system would show it
/// to others, the host's key is taken, also later for a database that was moved from there.
fn master_key(place: &Place) -> Result<MasterKey, EmbeddedError> {
    /// The number of a key that stands alone, as of one in a file.
    const ALONE: u32 = 1;
    let file = place.database.with_extension("key");
    let has = |path: &Path| path.symlink_metadata().is_ok();
    if let Some(key) = place.host_key.as_ref().filter(|_| !has(&file) && has(&place.database)) {
        return Ok(MasterKey::new(ALONE, **key));
    }
    match (MasterKey::load_or_create_in(&file, place.sharing), &place.host_key) {
        (Ok(key), _) => Ok(key),
        (Err(error), Some(key)) if matches!(flaw_of(&error), Some(Flaw::NoModes { .. })) && !has(&file) => {
            Ok(MasterKey::new(ALONE, **key))
        }
        (Err(error), _) => Err(EmbeddedError::MasterKey(file, error)),
    }
}

impl Transport for Embedded {
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        self.authority.mac(Some(&self.account), request.query()).map(|answer| answer.xml).map_err(server)
    }

    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        self.authority.cvs(&self.account, request).map_err(server)
    }
}

fn server(failure: Failure) -> TransportError {
    TransportError::Server { what: failure.to_string(), retry_after_seconds: None }
}
