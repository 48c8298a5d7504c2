//! The device record on disk: sealed, written atomically, locked against a second process.
//!
//! A [`Vault`] is one folder. It holds `device.pims` (the record), `device.pims.previous` (the generation before it), `pims.lock`
//! (held while the vault is open) and, where the host gives no key, `storage.key`. What the record means is not known here: it is
//! bytes. A record that does not open is left as it is.

mod key;
mod sealed;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pims_faults::durable_step;
use zeroize::Zeroizing;

pub use key::StorageKey;
use sealed::{open, seal};

const RECORD: &str = "device.pims";
const PREVIOUS: &str = "device.pims.previous";
const TEMPORARY: &str = "device.pims.new";
const LOCK: &str = "pims.lock";

/// The largest record that is read, in bytes: ours have two thousand.
const MAX_RECORD: u64 = 1 << 20;

/// Why the storage cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder or a file in it cannot be made, read or written.
    #[error("the storage {path} cannot be {action}: {source}")]
    Io {
        /// What was being done, as a participle.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The storage was removed, or another one put in its place, while it was open.
    #[error("the storage was removed or replaced while the library ran: {0} is not the lock that it holds")]
    Gone(PathBuf),
    /// Another process has the storage open.
    #[error("the storage is in use by another process, which holds the lock {0}")]
    Locked(PathBuf),
    /// The record does not open under this key, or is damaged. It was left as it is.
    #[error("the device state {0} does not open with this storage.key, or is damaged; it was left as it is")]
    Sealed(PathBuf),
    /// The record was written by a newer version of this library. It was left as it is.
    #[error("the device state {0} was written by a newer version of this library; it was left as it is")]
    Newer(PathBuf),
    /// A key file that does not hold a key.
    #[error("the key file {0} does not hold 32 bytes in base64")]
    KeyFile(PathBuf),
    /// A key file that others than its owner may read.
    #[error("the key file {0} can be read by others than its owner; make its mode 0600")]
    OpenKeyFile(PathBuf),
    /// There is a record and no key for it.
    #[error("the device state needs a storage.key: none was given, and there is no key file {0}")]
    NoKey(PathBuf),
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Entropy,
}

impl StoreError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

/// Where a record is kept.
pub trait RecordStore: Send {
    /// The record, or `None` where none was ever saved.
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError>;

    /// Makes `record` durable. When this returns, it survives a crash; when it fails, or the process dies in it, either this record
    /// or the one before it is found.
    fn save(&mut self, record: &[u8]) -> Result<(), StoreError>;

    /// Whether what is saved would be found again: an operation asks before it begins.
    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The file that a message about this store should name.
    fn path(&self) -> PathBuf;
}

/// A folder that no other process has, as long as this or a clone of it lives.
#[derive(Clone)]
pub struct StorageLock {
    folder: PathBuf,
    // Held: the lock ends with the file.
    _file: Arc<File>,
    id: FileId,
}

impl StorageLock {
    /// Locks `folder`, which is made where it is missing.
    pub fn take(folder: &Path) -> Result<Self, StoreError> {
        create_folder(folder).map_err(StoreError::io("created", folder))?;
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // The folder's own name must be durable too. Where the parent may not be read, the system decides.
            let _ = sync_folder(parent);
        }
        let path = folder.join(LOCK);
        let file = lock(&path)?;
        let id = file.metadata().map(|metadata| file_id(&metadata)).map_err(StoreError::io("locked", &path))?;
        Ok(Self { folder: folder.to_owned(), _file: Arc::new(file), id })
    }

    /// Whether the lock that is held is still that of the folder.
    fn check(&self) -> Result<(), StoreError> {
        let path = self.folder.join(LOCK);
        match fs::metadata(&path) {
            Ok(metadata) if file_id(&metadata) == self.id => Ok(()),
            _ => Err(StoreError::Gone(path)),
        }
    }
}

/// What tells a file from another one of the same name, where the system has such a thing.
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(metadata: &fs::Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn file_id(_: &fs::Metadata) -> FileId {
    (0, 0)
}

/// A folder with one device record.
pub struct Vault {
    folder: PathBuf,
    key: StorageKey,
    lock: StorageLock,
}

impl Vault {
    /// Opens the vault in `folder`, which is made where it is missing, and locks it. Without a key the one in `storage.key` is
    /// used, or made.
    pub fn open(folder: &Path, key: Option<StorageKey>) -> Result<Self, StoreError> {
        Self::in_locked(StorageLock::take(folder)?, key)
    }

    /// The same in a folder that is locked already.
    pub fn in_locked(lock: StorageLock, key: Option<StorageKey>) -> Result<Self, StoreError> {
        let folder = lock.folder.clone();
        let key = match key {
            Some(key) => key,
            None => {
                let has_record = [RECORD, PREVIOUS].iter().any(|name| folder.join(name).exists());
                StorageKey::load_or_create(&folder.join("storage.key"), has_record)?
            }
        };
        Ok(Self { folder, key, lock })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl RecordStore for Vault {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        // Between the two renames of `save` there is no current record; the one before it is then the last that was durable.
        for name in [RECORD, PREVIOUS] {
            let path = self.file(name);
            match read(&path) {
                Ok(bytes) => return open(&self.key, &bytes).map(Some).ok_or(StoreError::Sealed(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        Ok(None)
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let sealed = seal(&self.key, record).ok_or(StoreError::Entropy)?;
        let [temporary, current, previous] = [TEMPORARY, RECORD, PREVIOUS].map(|name| self.file(name));
        durable_step("store.begin");
        write_new(&temporary, &sealed).map_err(StoreError::io("written", &temporary))?;
        durable_step("store.temporary_written");
        match fs::rename(&current, &previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(StoreError::io("renamed", &current)(error));
            }
            _ => {}
        }
        durable_step("store.previous_kept");
        fs::rename(&temporary, &current).map_err(StoreError::io("renamed", &temporary))?;
        durable_step("store.renamed");
        sync_folder(&self.folder).map_err(StoreError::io("synchronized", &self.folder))?;
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

/// Makes a folder that only its owner may enter; one that exists is left as it is.
pub(crate) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = private().read(true).write(true).create(true).open(path).map_err(StoreError::io("locked", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => Err(StoreError::Locked(path.to_owned())),
        Err(fs::TryLockError::Error(error)) => Err(StoreError::io("locked", path)(error)),
    }
}

/// Options that make files which only their owner may read.
fn private() -> OpenOptions {
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if fs::metadata(path)?.len() > MAX_RECORD {
        return Ok(Vec::new());
    }
    fs::read(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = private().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows has no such call: there a rename is durable with the file system's journal.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(folder: &Path) -> Vault {
        Vault::open(folder, Some(StorageKey::new([7; 32]))).unwrap()
    }

    #[test]
    fn a_record_is_found_again_and_the_generation_before_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = vault(folder.path());
        assert!(store.load().unwrap().is_none());
        store.save(b"first").unwrap();
        store.save(b"second").unwrap();
        drop(store);
        assert_eq!(**vault(folder.path()).load().unwrap().as_ref().unwrap(), *b"second");
        let previous = fs::read(folder.path().join(PREVIOUS)).unwrap();
        assert_eq!(**open(&StorageKey::new([7; 32]), &previous).as_ref().unwrap(), *b"first");
    }

    #[test]
    fn a_crash_between_the_renames_finds_the_record_before() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = vault(folder.path());
        store.save(b"first").unwrap();
        fs::rename(folder.path().join(RECORD), folder.path().join(PREVIOUS)).unwrap();
        fs::write(folder.path().join(TEMPORARY), b"half a rec").unwrap();
        assert_eq!(**store.load().unwrap().as_ref().unwrap(), *b"first");
    }

    #[test]
    fn what_does_not_open_is_reported_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        vault(folder.path()).save(b"first").unwrap();
        let path = folder.path().join(RECORD);
        let sealed = fs::read(&path).unwrap();
        let other = Vault::open(folder.path(), Some(StorageKey::new([8; 32]))).unwrap();
        assert!(matches!(other.load(), Err(StoreError::Sealed(_))));
        drop(other);
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert!(matches!(vault(folder.path()).load(), Err(StoreError::Sealed(_))), "byte {place}");
            assert_eq!(fs::read(&path).unwrap(), damaged);
        }
        for length in 0..sealed.len() {
            fs::write(&path, &sealed[..length]).unwrap();
            assert!(matches!(vault(folder.path()).load(), Err(StoreError::Sealed(_))), "length {length}");
        }
    }

    #[test]
    fn a_second_vault_on_the_same_folder_is_locked_out_until_the_first_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let first = vault(folder.path());
        let second = Vault::open(folder.path(), None);
        assert!(matches!(second.err(), Some(StoreError::Locked(path)) if path.ends_with(LOCK)));
        drop(first);
        vault(folder.path());
    }

    #[test]
    fn a_storage_that_was_taken_away_or_exchanged_is_noticed() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("storage");
        let store = vault(&folder);
        store.check().unwrap();
        fs::rename(&folder, parent.path().join("elsewhere")).unwrap();
        assert!(matches!(store.check(), Err(StoreError::Gone(path)) if path.ends_with(LOCK)));
        let other = vault(&folder);
        assert!(cfg!(not(unix)) || store.check().is_err());
        other.check().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn its_files_are_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("a/b");
        let mut store = Vault::open(&folder, None).unwrap();
        store.save(b"x").unwrap();
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!([RECORD, "storage.key", LOCK].map(mode), [0o600; 3]);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
