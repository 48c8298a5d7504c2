//! The device record on disk: sealed, written atomically, locked against a second process.
//!
//! A [`RecordFile`] has a folder of its own. The folder holds `device.pims` (the record),
//! `device.pims.previous` (the generation before it), `pims.lock` (held while the record is open)
//! and, if the host gives no key, `storage.key`. This module does not interpret the record, which
//! is bytes. A record that does not open is left as it is, unless the generation before it opens.
//! Then a crash of the machine tore the record, and it is kept aside as `device.pims.damaged`.
//!
//! No other user may write to the folder, unless the configuration allows that. No file in it is
//! trusted before it is checked: see [`private_files`].

mod key;
mod lock;
pub mod sealed;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use faults::durable_step;
use private_files::{Access, Flaw, Folder, Readers, cause_of, flaw_of, is_of_folder};
use zeroize::Zeroizing;

pub use private_files::Sharing;

pub use key::StorageKey;
pub use lock::{Holder, StorageLock};
use sealed::{Opened, open, seal};

use crate::log;

const RECORD: &str = "device.pims";
const PREVIOUS: &str = "device.pims.previous";
const DAMAGED: &str = "device.pims.damaged";
const PROBE: &str = "pims.probe";
const KEY: &str = "storage.key";
/// File that receives the SMS of the embedded authority.
pub(crate) const OUTBOX: &str = "sms-outbox.jsonl";

/// Returns whether a storage may have a file of its own with this name. The embedded authority's
/// database is not one of them, because it may lie elsewhere.
pub(crate) fn is_file_of_storage(name: &str) -> bool {
    // The temporary files have longer names, and SQLite adds `-wal` and the like to the database's.
    [RECORD, KEY, PROBE, lock::LOCK, OUTBOX].iter().any(|own| name.starts_with(own))
}

/// Temporary files of releases before 0.1, whose names were predictable.
const OLD_TEMPORARIES: [&str; 2] = ["device.pims.new", "storage.key.new"];

/// Largest record that is read, in bytes. A usual record has two thousand.
const MAX_RECORD: u64 = 1 << 20;

/// Reason why the storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file in it cannot be made, read or written.
    #[error("the storage {path} cannot be {action}: {source}{}", cause_in_words(source))]
    Io {
        /// The action that failed, as a participle.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// Other users can change the contents of the folder.
    #[error("the storage cannot be trusted: {0}; or allow it with storage.allowSharedFolder")]
    Folder(Flaw),
    /// The storage was removed, or another one put in its place, while it was open.
    #[error("the storage was removed or replaced while the library ran: {0} is not the lock that it holds")]
    Gone(PathBuf),
    /// The database of an embedded service was removed, or another one put in its place, while it
    /// was open.
    #[error("the embedded authority's database {0} was removed or replaced while the library ran")]
    DatabaseGone(PathBuf),
    /// Another process, or another facade of this one, has the storage open.
    #[error("the storage is in use: the lock {0} is held by {1}")]
    Locked(PathBuf, Holder),
    /// The record does not open under this key, or is damaged, and so is the generation before it.
    /// The record was left as it is.
    #[error("the device state {0} does not open with this storage.key, or is damaged; it was left as it is")]
    Sealed(PathBuf),
    /// A newer version of this library wrote the record. The record was left as it is.
    #[error("the device state {0} was written by a newer version of this library; it was left as it is")]
    Newer(PathBuf),
    /// The key file does not contain a key.
    #[error("the key file {0} does not hold 32 bytes in base64")]
    KeyFile(PathBuf),
    /// Users other than the owner may read the key file.
    #[error("the key file {0} can be read by others than its owner; make its mode 0600")]
    OpenKeyFile(PathBuf),
    /// The file system would show a key file to other users.
    #[error("a key file cannot be kept here: {0}; or give the key from the host, in storage.key")]
    KeyWithoutMode(Flaw),
    /// There is a record, but no key for it.
    #[error("the device state needs a storage.key: none was given, and there is no key file {0}")]
    NoKey(PathBuf),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Entropy,
}

impl StoreError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| match flaw_of(&source) {
            Some(flaw) if is_of_folder(&source) => Self::Folder(flaw.clone()),
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }
}

/// Returns the meaning of an error if the system's words do not tell it. The text follows those
/// words.
fn cause_in_words(error: &io::Error) -> String {
    cause_of(error).map(|cause| format!(": {cause}")).unwrap_or_default()
}

/// Storage of a record.
pub trait RecordStore: Send {
    /// Returns the record, or `None` if none was ever saved.
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// Makes `record` durable. When this returns, the record survives a crash. If this fails, or if
    /// the process dies in it, the next load finds this record or the one before it.
    fn save(&mut self, record: &[u8]) -> Result<(), StoreError>;

    /// Returns an error if the present record could not be replaced. If the system does not vouch
    /// for it, this writes the same bytes again to find out.
    fn check_replaceable(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns an error if a saved record would not be found again. The caller asks before each
    /// request to the service.
    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns the file that a message about this store should name.
    fn path(&self) -> PathBuf;
}

/// File of one device record, with the generation before it.
pub struct RecordFile {
    key: StorageKey,
    lock: StorageLock,
}

impl RecordFile {
    /// Opens the record file in `folder`, which is created if it is missing, and locks the folder.
    /// Without a key, the key in `storage.key` is used, which is created if it is missing. Returns
    /// an error if other users may write to the folder.
    pub fn open(folder: &Path, key: Option<StorageKey>) -> Result<Self, StoreError> {
        Self::in_locked(StorageLock::take(folder, Sharing::Refused)?, key)
    }

    /// Opens the record file in a folder that is locked already.
    pub fn in_locked(lock: StorageLock, key: Option<StorageKey>) -> Result<Self, StoreError> {
        let key = match key {
            Some(key) => key,
            None => {
                let folder = lock.folder();
                let exists = |name| folder.exists(name).map_err(StoreError::io("read", &folder.file(name)));
                let has_record = exists(RECORD)? || exists(PREVIOUS)?;
                StorageKey::load_or_create(folder, KEY, has_record)?
            }
        };
        Ok(Self { key, lock })
    }

    fn folder(&self) -> &Folder {
        self.lock.folder()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder().file(name)
    }

    /// Returns the content of a file under the key of the record, or `None` if there is no file.
    fn read(&self, name: &str) -> Result<Option<Opened>, StoreError> {
        match read(self.folder(), name) {
            Ok(bytes) => Ok(Some(open(&self.key, &bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StoreError::io("read", &self.file(name))(error)),
        }
    }

    /// Renames a torn record. No other file has the new name.
    fn set_aside(&self) -> Result<(), StoreError> {
        let (folder, path) = (self.folder(), self.file(RECORD));
        let names = std::iter::once(DAMAGED.to_owned()).chain((2..).map(|number| format!("{DAMAGED}.{number}")));
        for name in names {
            if folder.exists(&name).map_err(StoreError::io("read", &path))? {
                continue;
            }
            folder.rename(RECORD, &name).map_err(StoreError::io("renamed", &path))?;
            log::error!(
                "the device state {} is damaged: it was kept as {name}, and the generation before it is used",
                path.display()
            );
            break;
        }
        Ok(())
    }
}

impl RecordStore for RecordFile {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        // Between the two renames of `save` there is no current record. Then the record before it
        // is the last durable one.
        match self.read(RECORD)? {
            Some(Opened::Record(record)) => Ok(Some(record)),
            Some(Opened::Newer) => Err(StoreError::Newer(self.file(RECORD))),
            Some(Opened::Nothing) => match self.read(PREVIOUS) {
                // The key is right, because it opens the other record.
                Ok(Some(Opened::Record(record))) => {
                    self.set_aside()?;
                    Ok(Some(record))
                }
                _ => Err(StoreError::Sealed(self.file(RECORD))),
            },
            None => match self.read(PREVIOUS)? {
                Some(Opened::Record(record)) => Ok(Some(record)),
                Some(Opened::Newer) => Err(StoreError::Newer(self.file(PREVIOUS))),
                Some(Opened::Nothing) => Err(StoreError::Sealed(self.file(PREVIOUS))),
                None => Ok(None),
            },
        }
    }

    fn check_replaceable(&self) -> Result<(), StoreError> {
        let folder = self.folder();
        for name in [RECORD, PREVIOUS] {
            if folder.is_surely_replaceable(name) {
                continue;
            }
            let path = folder.file(name);
            let bytes = match read(folder, name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                // The next record replaces a link like any other file.
                Err(error) if name == PREVIOUS && !matches!(flaw_of(&error), None | Some(Flaw::NotRegular)) => continue,
                read => read.map_err(StoreError::io("read", &path))?,
            };
            if bytes.is_empty() {
                // The file is empty, or too long for a record. It is left as it is.
                continue;
            }
            let same = folder.write_temporary(name, &bytes).map_err(StoreError::io("written", &path))?;
            same.replace().map_err(StoreError::io("replaced", &path))?;
        }
        Ok(())
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let sealed = seal(&self.key, record).ok_or(StoreError::Entropy)?;
        let folder = self.folder();
        let [current, path] = [folder.file(RECORD), folder.path().to_owned()];
        durable_step("store.begin");
        let new = folder.write_temporary(RECORD, &sealed).map_err(StoreError::io("written", &current))?;
        durable_step("store.temporary_written");
        // Before the first record has its name: a folder with a record has a durable name.
        self.lock.sync_name();
        match folder.rename(RECORD, PREVIOUS) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("renamed", &current)(error));
            }
            _ => {}
        }
        durable_step("store.previous_kept");
        new.replace().map_err(StoreError::io("renamed", &current))?;
        durable_step("store.renamed");
        folder.sync().map_err(StoreError::io("synchronized", &path))?;
        durable_step("store.durable");
        Ok(())
    }

    fn check(&self) -> Result<(), StoreError> {
        self.lock.check()
    }

    fn path(&self) -> PathBuf {
        self.file(RECORD)
    }
}

/// Reads a file. A file that is too long for a record is read as an empty one, which does not open.
fn read(folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
    let file = folder.open_file(name, Access::Read, Readers::ShutOut)?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    if length <= MAX_RECORD {
        // With one byte more, the end is found without another piece of memory.
        bytes.reserve_exact(usize::try_from(length).unwrap_or_default() + 1);
        file.take(MAX_RECORD).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const LOCK: &str = "pims.lock";

    fn record_file(folder: &Path) -> RecordFile {
        RecordFile::open(folder, Some(StorageKey::new([7; 32]))).unwrap()
    }

    #[test]
    fn a_record_is_found_again_and_the_generation_before_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = record_file(folder.path());
        assert!(store.load().unwrap().is_none());
        store.save(b"first").unwrap();
        store.save(b"second").unwrap();
        drop(store);
        assert_eq!(**record_file(folder.path()).load().unwrap().as_ref().unwrap(), *b"second");
        let previous = fs::read(folder.path().join(PREVIOUS)).unwrap();
        let Opened::Record(previous) = open(&StorageKey::new([7; 32]), &previous) else { panic!("it does not open") };
        assert_eq!(**previous, *b"first");
    }

    #[test]
    fn a_crash_between_the_renames_finds_the_record_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = record_file(folder.path());
        store.save(b"first").unwrap();
        fs::rename(folder.path().join(RECORD), folder.path().join(PREVIOUS)).unwrap();
        fs::write(folder.path().join("device.pims.0123456789abcdef"), b"half a rec").unwrap();
        assert_eq!(**store.load().unwrap().as_ref().unwrap(), *b"first");
    }

    #[test]
    fn a_record_that_does_not_open_is_reported_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        record_file(folder.path()).save(b"first").unwrap();
        let path = folder.path().join(RECORD);
        let sealed = fs::read(&path).unwrap();
        let other = RecordFile::open(folder.path(), Some(StorageKey::new([8; 32]))).unwrap();
        assert!(matches!(other.load(), Err(StoreError::Sealed(_))));
        drop(other);
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(matches!(record_file(folder.path()).load(), Err(StoreError::Sealed(_))), "byte {place}");
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
        for length in 0..sealed.len() {
            fs::write(&path, &sealed[..length]).unwrap();
            assert!(matches!(record_file(folder.path()).load(), Err(StoreError::Sealed(_))), "length {length}");
        }
    }

    #[test]
    fn a_torn_record_gives_way_to_the_generation_before_it_and_is_kept_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RECORD);
        let mut store = record_file(folder.path());
        store.save(b"first").unwrap();
        store.save(b"second").unwrap();
        let sealed = fs::read(&path).unwrap();
        let torn = (0..sealed.len()).map(|length| sealed[..length].to_vec());
        let zeros = [vec![0; sealed.len()], [&sealed[..20], &vec![0; sealed.len() - 20]].concat()];
        for (number, torn) in torn.chain(zeros).enumerate() {
            fs::write(&path, &torn).unwrap();
            assert_eq!(**store.load().unwrap().as_ref().unwrap(), *b"first");
            let aside = if number == 0 { DAMAGED.to_owned() } else { format!("{DAMAGED}.{}", number + 1) };
            assert_eq!(fs::read(folder.path().join(aside)).unwrap(), torn);
            assert!(!path.exists());
        }
        store.save(b"third").unwrap();
        assert_eq!(**store.load().unwrap().as_ref().unwrap(), *b"third");
    }

    #[test]
    fn a_record_of_a_newer_envelope_is_not_a_torn_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(RECORD);
        let mut store = record_file(folder.path());
        store.save(b"first").unwrap();
        store.save(b"second").unwrap();
        let newer = [&b"PIMSREC2"[..], &fs::read(&path).unwrap()[8..]].concat();
        fs::write(&path, &newer).unwrap();
        assert!(matches!(store.load(), Err(StoreError::Newer(_))));
        assert_eq!(fs::read(&path).unwrap(), newer);
    }

    #[test]
    fn the_bytes_of_both_generations_are_replaced_by_themselves() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = record_file(folder.path());
        store.check_replaceable().unwrap();
        store.save(b"first").unwrap();
        store.save(b"second").unwrap();
        let bytes = || [RECORD, PREVIOUS].map(|name| fs::read(folder.path().join(name)).unwrap());
        let before = bytes();
        store.check_replaceable().unwrap();
        assert_eq!(bytes(), before);
    }

    #[test]
    fn a_second_record_file_in_the_same_folder_is_locked_out_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let first = record_file(folder.path());
        let second = RecordFile::open(folder.path(), None);
        assert!(matches!(second.err(), Some(StoreError::Locked(path, Holder::ThisProcess)) if path.ends_with(LOCK)));
        drop(first);
        record_file(folder.path());
    }

    #[test]
    fn a_storage_that_was_removed_or_replaced_is_detected() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("storage");
        let store = record_file(&folder);
        store.check().unwrap();
        fs::rename(&folder, parent.path().join("elsewhere")).unwrap();
        assert!(matches!(store.check(), Err(StoreError::Gone(path)) if path.ends_with(LOCK)));
        let other = record_file(&folder);
        assert!(cfg!(not(unix)) || store.check().is_err());
        other.check().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn its_files_are_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let mut store = RecordFile::open(&folder, None).unwrap();
        store.save(b"x").unwrap();
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!([RECORD, KEY, LOCK].map(mode), [0o600; 3]);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
