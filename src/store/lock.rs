//! The lock of a storage: one process has a folder, and another process learns which one has it.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use private_files::{Access, FileId, Folder, Sharing};

use super::{KEY, OLD_TEMPORARIES, PREVIOUS, PROBE, RECORD, StoreError};
use crate::process;

pub(super) const LOCK: &str = "pims.lock";

/// The least size that a record needs on its disk, in bytes.
const LEAST_RECORD: u16 = 4096;

/// Longest text of a lock file that is read, in bytes.
const MAX_TEXT: u64 = 128;

/// Process that holds a lock, as far as the lock file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This process: another facade, or another copy of the library in it.
    ThisProcess,
    /// Another process.
    Process(u32),
    /// A process of another container, with its number there.
    Elsewhere(u32),
    /// A process whose number is not known.
    Unknown,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ThisProcess => {
                f.write_str("this very process: another facade, or another copy of the library, has it open")
            }
            Self::Process(id) => write!(f, "another process, number {id}"),
            Self::Elsewhere(id) => write!(f, "a process of another container, where its number is {id}"),
            Self::Unknown => f.write_str("another process"),
        }
    }
}

/// Identity of a process: its number, and on Linux the namespace of that number and the moment at
/// which the process began.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    process: u32,
    namespace: String,
    began_at: String,
}

impl Identity {
    fn of_this_process() -> Self {
        let process = std::process::id();
        if !cfg!(any(target_os = "linux", target_os = "android")) {
            return Self { process, namespace: String::new(), began_at: String::new() };
        }
        let namespace = fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned());
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        // The second field is the program's name in parentheses, which may contain spaces.
        let began_at = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(19)).unwrap_or_default();
        Self { process, namespace: namespace.unwrap_or_default(), began_at: began_at.to_owned() }
    }

    fn text(&self) -> String {
        format!("{} {} {}\n", self.process, self.namespace, self.began_at)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut words = text.strip_suffix('\n')?.split(' ');
        let [process, namespace, began_at] = [words.next()?, words.next()?, words.next()?];
        let process = process.parse().ok()?;
        Some(Self { process, namespace: namespace.to_owned(), began_at: began_at.to_owned() })
    }

    /// Returns the holder that `self` is for the process `here`.
    fn seen_from(&self, here: &Self) -> Holder {
        match self {
            holder if holder == here => Holder::ThisProcess,
            holder if holder.namespace != here.namespace => Holder::Elsewhere(holder.process),
            holder => Holder::Process(holder.process),
        }
    }
}

/// Lock of a folder. No other process has the folder as long as this value or a clone of it lives.
#[derive(Clone)]
pub struct StorageLock(Arc<LockedFolder>);

struct LockedFolder {
    folder: Arc<Folder>,
    file: File,
    id: FileId,
    /// If true, the folder's own name may not be durable yet.
    is_new: AtomicBool,
    /// The process that took the lock. A lock belongs to the open file, which a forked child
    /// shares.
    process: u64,
}

impl StorageLock {
    /// Locks the folder at `path`, which is created if it is missing. Removes the leftovers of a
    /// crash. Returns an error if no file can be written and renamed in the folder.
    pub fn take(path: &Path, sharing: Sharing) -> Result<Self, StoreError> {
        let folder = Folder::create(path, sharing).map_err(StoreError::io("used", path))?;
        let path = folder.file(LOCK);
        let mut file = folder.open_or_create(LOCK, Access::Write).map_err(StoreError::io("locked", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(StoreError::Locked(path, holder(&mut file))),
            Err(fs::TryLockError::Error(error)) => return Err(StoreError::io("locked", &path)(error)),
        }
        let id = Folder::id_of_open(&file).map_err(StoreError::io("locked", &path))?;
        // The name of a folder is made durable before its first record has a name.
        let is_new = AtomicBool::new(!folder.exists(RECORD).unwrap_or(false));
        let folder = Arc::new(folder);
        let lock = Self(Arc::new(LockedFolder { folder, file, id, is_new, process: process::number() }));
        let folder = lock.folder();
        for name in OLD_TEMPORARIES {
            let _ = folder.remove(name);
        }
        folder.remove_leftovers_of(&[RECORD, PREVIOUS, KEY, PROBE]);
        folder.prove_writable(PROBE, LEAST_RECORD).map_err(StoreError::io("written", folder.path()))?;
        // The text is for users only: the open file holds the lock, not its text.
        let _ = lock.0.write(&Identity::of_this_process().text());
        Ok(lock)
    }

    /// Returns the folder that is locked.
    pub(crate) fn folder(&self) -> &Arc<Folder> {
        &self.0.folder
    }

    /// Makes the folder's own name durable, if that was not done. Each record that is made durable
    /// needs it.
    pub(super) fn sync_name(&self) {
        if !self.0.is_new.swap(false, Ordering::Relaxed) {
            return;
        }
        if let Some(parent) = self.folder().real_path().parent() {
            // If the parent may not be read, the system decides.
            let _ = sync_folder(parent);
        }
    }

    /// Returns an error if the lock that is held is not that of the folder any more, or if nothing
    /// can be written there.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let path = self.folder().file(LOCK);
        match Folder::id_of(&path) {
            Ok(id) if id == self.0.id => {}
            _ => return Err(StoreError::Gone(path)),
        }
        self.folder().check_room().map_err(StoreError::io("written", self.folder().path()))
    }
}

/// Returns the process that a lock file names.
fn holder(file: &mut File) -> Holder {
    let mut text = String::new();
    // Some systems do not let another process read a locked file.
    let read = file.take(MAX_TEXT).read_to_string(&mut text);
    let holder = read.ok().and_then(|_| Identity::parse(&text));
    holder.map_or(Holder::Unknown, |holder| holder.seen_from(&Identity::of_this_process()))
}

impl LockedFolder {
    /// Replaces the text of the lock file.
    fn write(&self, text: &str) -> std::io::Result<()> {
        let mut file = &self.file;
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for LockedFolder {
    fn drop(&mut self) {
        // It is not enough to close the file, because a forked child has it open, too. The child,
        // on the other hand, must not release its parent's lock.
        if self.process == process::number() {
            let _ = self.write("");
            let _ = self.file.unlock();
        }
    }
}

fn sync_folder(folder: &Path) -> std::io::Result<()> {
    // Windows has no such call. There, a rename is durable with the file system's journal.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_lock_names_the_process_that_holds_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let take = || StorageLock::take(folder.path(), Sharing::Refused);
        let first = take().unwrap();
        let refused = take().err().unwrap();
        assert!(matches!(&refused, StoreError::Locked(path, Holder::ThisProcess) if path.ends_with(LOCK)));
        assert!(refused.to_string().contains("this very process"), "{refused}");
        let there = Identity { process: 4711, ..Identity::of_this_process() };
        first.0.write(&there.text()).unwrap();
        let refused = take().err().unwrap();
        assert!(refused.to_string().contains("another process, number 4711"), "{refused}");
        first.0.write("").unwrap();
        assert!(matches!(take().err(), Some(StoreError::Locked(_, Holder::Unknown))));
        drop(first);
        drop(take().unwrap());
        assert_eq!(fs::read(folder.path().join(LOCK)).unwrap(), b"");
    }

    #[test]
    fn an_identity_survives_being_written_and_read() {
        let here = Identity::of_this_process();
        assert_eq!(Identity::parse(&here.text()), Some(here.clone()));
        assert_eq!(here.seen_from(&here), Holder::ThisProcess);
        let later = Identity { began_at: "1".into(), ..here.clone() };
        assert_eq!(later.seen_from(&here), Holder::Process(here.process));
        let contained = Identity { namespace: "pid:[1]".into(), ..here.clone() };
        assert_eq!(contained.seen_from(&here), Holder::Elsewhere(here.process));
        for bad in ["", "\n", "1", "x y z\n", "1 pid:[1]"] {
            assert_eq!(Identity::parse(bad), None, "{bad}");
        }
    }
}
