//! The device record on disk: sealed, written atomically, locked against a second process.
//!
//! A [`Vault`] is one folder. It holds `device.pims` (the record), `device.pims.previous` (the generation before it), `pims.lock`
//! (held while the vault is open) and, where the host gives no key, `storage.key`. What the record means is not known here: it is
//! bytes. A record that does not open is left as it is.
//!
//! The folder is one that nobody else may write to, unless the configuration says otherwise, and no
//! file in it is believed before it was judged: see [`pims_private_files`].

mod key;
mod sealed;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pims_faults::durable_step;
use pims_private_files::{Access, Flaw, Folder, Readers, flaw_of, is_of_folder};
use zeroize::Zeroizing;

pub use pims_private_files::Sharing;

pub use key::StorageKey;
use sealed::{open, seal};

const RECORD: &str = "device.pims";
const PREVIOUS: &str = "device.pims.previous";
const LOCK: &str = "pims.lock";
const KEY: &str = "storage.key";

/// Temporary files of releases before 0.1, which had names that everybody could foresee.
const OLD_TEMPORARIES: [&str; 2] = ["device.pims.new", "storage.key.new"];

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
    /// Other users can change what is in the folder.
    #[error("the storage cannot be trusted: {0}; or allow it with storage.allowSharedFolder")]
    Folder(Flaw),
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
        move |source| match flaw_of(&source) {
            Some(flaw) if is_of_folder(&source) => Self::Folder(flaw.clone()),
            _ => Self::Io { action, path: path.to_owned(), source },
        }
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
pub struct StorageLock(Arc<Held>);

struct Held {
    folder: Arc<Folder>,
    file: File,
    id: FileId,
    /// The process that took it. A lock belongs to the open file, which a forked child shares.
    process: u32,
}

impl StorageLock {
    /// Locks the folder at `path`, which is made where it is missing. Leftovers of a crash are removed.
    pub fn take(path: &Path, sharing: Sharing) -> Result<Self, StoreError> {
        let folder = Folder::create(path, sharing).map_err(StoreError::io("used", path))?;
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            // The folder's own name must be durable too. Where the parent may not be read, the system decides.
            let _ = sync_folder(parent);
        }
        let path = folder.file(LOCK);
        let file = folder.open_or_create(LOCK, Access::Write).map_err(StoreError::io("locked", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked(path)),
            Err(fs::TryLockError::Error(error)) => return Err(StoreError::io("locked", &path)(error)),
        }
        let id = file.metadata().map(|metadata| file_id(&metadata)).map_err(StoreError::io("locked", &path))?;
        for name in OLD_TEMPORARIES {
            let _ = folder.remove(name);
        }
        for name in [RECORD, KEY] {
            folder.remove_leftovers(name);
        }
        let folder = Arc::new(folder);
        Ok(Self(Arc::new(Held { folder, file, id, process: std::process::id() })))
    }

    /// The folder that is locked.
    pub(crate) fn folder(&self) -> &Arc<Folder> {
        &self.0.folder
    }

    /// Whether the lock that is held is still that of the folder.
    fn check(&self) -> Result<(), StoreError> {
        let path = self.folder().file(LOCK);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if file_id(&metadata) == self.0.id => Ok(()),
            _ => Err(StoreError::Gone(path)),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // To close the file is not enough: a forked child has it open too. The child, on the other
        // hand, must not let go of its parent's lock.
        if self.process == std::process::id() {
            let _ = self.file.unlock();
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
    key: StorageKey,
    lock: StorageLock,
}

impl Vault {
    /// Opens the vault in `folder`, which is made where it is missing, and locks it. Without a key the one in `storage.key` is
    /// used, or made. A folder that others may write to is refused.
    pub fn open(folder: &Path, key: Option<StorageKey>) -> Result<Self, StoreError> {
        Self::in_locked(StorageLock::take(folder, Sharing::Refused)?, key)
    }

    /// The same in a folder that is locked already.
    pub fn in_locked(lock: StorageLock, key: Option<StorageKey>) -> Result<Self, StoreError> {
        let key = match key {
            Some(key) => key,
            None => {
                let folder = lock.folder();
                let is_there = |name| folder.exists(name).map_err(StoreError::io("read", &folder.file(name)));
                let has_record = is_there(RECORD)? || is_there(PREVIOUS)?;
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
}

impl RecordStore for Vault {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        // Between the two renames of `save` there is no current record; the one before it is then the last that was durable.
        for name in [RECORD, PREVIOUS] {
            let path = self.file(name);
            match read(self.folder(), name) {
                Ok(bytes) => return open(&self.key, &bytes).map(Some).ok_or(StoreError::Sealed(path)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        Ok(None)
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let sealed = seal(&self.key, record).ok_or(StoreError::Entropy)?;
        let folder = self.folder();
        let [current, path] = [folder.file(RECORD), folder.path().to_owned()];
        durable_step("store.begin");
        let new = folder.write_temporary(RECORD, &sealed).map_err(StoreError::io("written", &current))?;
        durable_step("store.temporary_written");
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

/// A record that is too long is none of ours: it is read as nothing, which does not open.
fn read(folder: &Folder, name: &str) -> io::Result<Vec<u8>> {
    let file = folder.open_file(name, Access::Read, Readers::ShutOut)?;
    let mut bytes = Vec::new();
    if file.metadata()?.len() <= MAX_RECORD {
        file.take(MAX_RECORD).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
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
        fs::write(folder.path().join("device.pims.0123456789abcdef"), b"half a rec").unwrap();
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
        assert_eq!([RECORD, KEY, LOCK].map(mode), [0o600; 3]);
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
