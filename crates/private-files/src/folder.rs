//! Folders, and the files in them.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::facts::{Access, Facts, FileId, Kind};
use crate::flaw::{Flaw, flaw_of};
use crate::names::{is_temporary_of, random_name};
use crate::system;

/// The rule for folders to which other users may be able to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sharing {
    /// A folder of another user, or one to which other users may write, is refused.
    #[default]
    Refused,
    /// Such a folder is accepted. Its files are checked all the same. If the file system keeps
    /// neither owners nor modes (FAT, some mounts of containers), owners and modes are not checked.
    Allowed,
}

impl Sharing {
    /// Returns `Allowed` if a setting permits it.
    pub fn allowed(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Refused }
    }
}

/// The rule for a file of this user that other users may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// The file is refused: a key that other users could read is no longer a secret.
    Refused,
    /// The file gets the mode 0600. A file to which other users may *write* is refused
    /// nevertheless.
    ShutOut,
}

/// A folder that was checked and is held open.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    real: PathBuf,
    handle: system::Handle,
    sharing: Sharing,
    has_modes: bool,
}

impl Folder {
    /// Opens a folder that exists. An empty path is the current folder.
    pub fn open(path: &Path, sharing: Sharing) -> io::Result<Self> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let real = system::real(path)?;
        let handle = system::open_folder(&real)?;
        if sharing == Sharing::Refused {
            system::check_folder(&handle, &real)?;
            system::check_parents(&real)?;
        }
        Self { path: path.to_owned(), real, handle, sharing, has_modes: true }.with_modes_seen()
    }

    /// Opens a folder. Makes the missing folders of the path, with the mode 0700.
    pub fn create(path: &Path, sharing: Sharing) -> io::Result<Self> {
        system::make_path(path)?;
        Self::open(path, sharing)
    }

    /// Returns the identity of the file at a path. A link is not followed.
    pub fn id_of(path: &Path) -> io::Result<FileId> {
        system::id_of(path)
    }

    /// Returns the identity of an open file, whatever file is at its path now.
    pub fn id_of_open(file: &File) -> io::Result<FileId> {
        system::facts_of(file).map(|facts| facts.id)
    }

    /// Opens the folder of a file, and returns it with the file's name.
    pub fn of_file(path: &Path, sharing: Sharing) -> io::Result<(Self, OsString)> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Ok((Self::open(folder, sharing)?, name.to_owned()))
    }

    /// Opens a subfolder. Makes it, with the mode 0700, if it is missing. A link is not followed.
    pub fn subfolder(&self, name: impl AsRef<OsStr>) -> io::Result<Self> {
        let name = name.as_ref();
        let handle = system::open_subfolder(&self.handle, name)?;
        let (path, real) = (self.path.join(name), self.real.join(name));
        if self.sharing == Sharing::Refused {
            system::check_folder(&handle, &real)?;
        }
        Self { path, real, handle, sharing: self.sharing, has_modes: self.has_modes }.with_modes_seen()
    }

    /// In a shared folder, checks a new file. If the file does not belong to the user that made it,
    /// or is open to other users, the file system has no owners or no modes.
    fn with_modes_seen(mut self) -> io::Result<Self> {
        if self.sharing == Sharing::Allowed {
            let facts = self.facts_of_new_file()?;
            self.has_modes = facts.owner == system::user() && facts.mode & 0o077 == 0;
        }
        Ok(self)
    }

    /// Returns its path, as the caller gave it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its path without links, for a library that opens files by their path.
    pub fn real_path(&self) -> &Path {
        &self.real
    }

    /// Returns the rule for writing by other users.
    pub fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Returns the path of a file in it, for messages.
    pub fn file(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn handle(&self) -> &system::Handle {
        &self.handle
    }

    /// Opens a file that exists. The error is `NotFound` if it does not exist. It is a [`Flaw`] if
    /// the file is not a regular file, has several names, belongs to another user, or is open to
    /// other users.
    pub fn open_file(&self, name: impl AsRef<OsStr>, access: Access, readers: Readers) -> io::Result<File> {
        let name = name.as_ref();
        let file = system::open(&self.handle, name, access)?;
        let mut facts = system::facts_of(&file)?;
        if facts.kind == Kind::Regular && facts.names > 1 && self.remove_names_of(name, facts.id) {
            facts = system::facts_of(&file)?;
        }
        match self.check_facts(&facts, readers) {
            Ok(false) => {}
            // If the file system keeps no modes, this call changes nothing or is denied. Then other
            // users can read the file, as they can read every file there, but they cannot write it.
            Ok(true) => drop(system::close_to_others(&file)),
            Err(error) => return Err(self.told_of_modes(error)),
        }
        Ok(file)
    }

    /// Opens a file. Makes it, with the mode 0600, if it is missing.
    pub fn open_or_create(&self, name: impl AsRef<OsStr>, access: Access) -> io::Result<File> {
        let name = name.as_ref();
        loop {
            match self.open_file(name, access, Readers::ShutOut) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                opened => return opened,
            }
            match self.create_new(name, access) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => return made,
            }
        }
    }

    /// Makes a file, with the mode 0600. If the name exists, the error is `AlreadyExists`. A file
    /// that the next open would refuse is refused now, and removed.
    pub fn create_new(&self, name: impl AsRef<OsStr>, access: Access) -> io::Result<File> {
        let name = name.as_ref();
        let file = system::create_new(&self.handle, name, access)?;
        match self.check_made(&file, Readers::ShutOut) {
            Ok(()) => Ok(file),
            Err(error) => {
                let _ = self.remove(name);
                Err(error)
            }
        }
    }

    /// Checks a file that was just made. Its mode is 0600, unless the file system keeps no modes.
    pub(crate) fn check_made(&self, file: &File, readers: Readers) -> io::Result<()> {
        let facts = system::facts_of(file)?;
        match self.check_facts(&facts, readers) {
            Ok(_) => Ok(()),
            Err(error) => match flaw_of(&error) {
                Some(Flaw::Open { mode }) => Err(self.no_modes(*mode)),
                _ => Err(error),
            },
        }
    }

    /// Checks, for a file that is open to other users, whether a mode could change that. If the
    /// file system keeps no modes, returns this as the error.
    fn told_of_modes(&self, error: io::Error) -> io::Error {
        let Some(Flaw::Open { .. }) = flaw_of(&error) else { return error };
        match self.facts_of_new_file() {
            Ok(facts) if facts.mode & 0o077 != 0 => self.no_modes(facts.mode),
            _ => error,
        }
    }

    /// Makes an empty file, and returns its properties. The file is removed again.
    fn facts_of_new_file(&self) -> io::Result<Facts> {
        let (name, file) = loop {
            let name = random_name(OsStr::new("probe"))?;
            match system::create_new(&self.handle, &name, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => break (name, made?),
            }
        };
        let facts = system::facts_of(&file);
        let _ = self.remove(&name);
        facts
    }

    fn no_modes(&self, mode: u32) -> io::Error {
        let file_system = system::file_system(&self.handle);
        Flaw::NoModes { folder: self.path.clone(), mode, file_system }.into()
    }

    /// Checks a file without opening it, for another library that opens it by its path. Returns
    /// `None` if there is no file. If other users may read the user's own file, its mode is
    /// changed. In a shared folder the file is refused instead, because another file could take its
    /// place meanwhile.
    pub fn inspect(&self, name: impl AsRef<OsStr>) -> io::Result<Option<FileId>> {
        let name = name.as_ref();
        let facts = match system::facts_at(&self.handle, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            facts => facts?,
        };
        let readers = match self.sharing {
            Sharing::Refused => Readers::ShutOut,
            Sharing::Allowed => Readers::Refused,
        };
        match self.check_facts(&facts, readers) {
            Ok(false) => {}
            // See the comment in `open_file`.
            Ok(true) => drop(system::close_name_to_others(&self.handle, name)),
            Err(error) => return Err(self.told_of_modes(error)),
        }
        Ok(Some(facts.id))
    }

    /// Returns whether the name exists, whatever it stands for. A link is not followed.
    pub fn exists(&self, name: impl AsRef<OsStr>) -> io::Result<bool> {
        match system::facts_at(&self.handle, name.as_ref()) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns an error if nothing can be written: the disk is full, or the file system is
    /// read-only. This takes one system call. It finds neither a quota nor a file that is a mount
    /// point.
    pub fn check_room(&self) -> io::Result<()> {
        system::check_room(&self.handle)
    }

    /// Returns whether the system vouches that a file can be replaced by another one: this user
    /// owns it, it is no mount point by itself, and no attribute forbids it. This takes one system
    /// call. If the answer is false, replacing may fail, or the system does not tell.
    pub fn is_surely_replaceable(&self, name: impl AsRef<OsStr>) -> bool {
        system::is_surely_replaceable(&self.handle, name.as_ref())
    }

    /// Renames a file in the folder. Replaces a file that has the new name.
    pub fn rename(&self, from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) -> io::Result<()> {
        system::rename(&self.handle, from.as_ref(), to.as_ref())
    }

    /// Removes a name. A link is not followed.
    pub fn remove(&self, name: impl AsRef<OsStr>) -> io::Result<()> {
        system::remove(&self.handle, name.as_ref())
    }

    /// Makes new and changed names durable.
    pub fn sync(&self) -> io::Result<()> {
        system::sync(&self.handle)
    }

    /// Removes the temporary files for `name` that a crash left behind. Files that a process is
    /// writing now stay. An error is ignored: a leftover does no harm.
    pub fn remove_leftovers(&self, name: impl AsRef<OsStr>) {
        self.remove_leftovers_of(&[name.as_ref()]);
    }

    /// Does the same for several names, and reads the folder once.
    pub fn remove_leftovers_of<N: AsRef<OsStr>>(&self, names: &[N]) {
        for leftover in self.temporaries_of(names) {
            let Ok(file) = self.open_unnamed(&leftover) else { continue };
            if file.try_lock().is_ok() {
                let _ = self.remove(&leftover);
            }
        }
    }

    /// Opens a temporary file of this user. The number of its names is not checked.
    fn open_unnamed(&self, name: &OsStr) -> io::Result<File> {
        let file = system::open(&self.handle, name, Access::Read)?;
        let facts = system::facts_of(&file)?;
        match self.check_facts(&Facts { names: 1, ..facts }, Readers::ShutOut) {
            Ok(_) => Ok(file),
            Err(error) => Err(error),
        }
    }

    /// Removes temporary names of a file that a crash left beside its own name. Returns whether
    /// there were any.
    fn remove_names_of(&self, name: &OsStr, id: FileId) -> bool {
        let is_same = |name: &OsString| system::facts_at(&self.handle, name).is_ok_and(|facts| facts.id == id);
        // `count` removes all of them; `any` would stop after the first.
        self.temporaries_of(&[name]).filter(is_same).filter(|name| self.remove(name).is_ok()).count() > 0
    }

    fn temporaries_of<N: AsRef<OsStr>>(&self, targets: &[N]) -> impl Iterator<Item = OsString> {
        let entries = std::fs::read_dir(&self.real).into_iter().flatten().flatten();
        let is_temporary = |name: &OsString| targets.iter().any(|target| is_temporary_of(name, target.as_ref()));
        entries.map(|entry| entry.file_name()).filter(is_temporary)
    }

    /// Refuses a file that has a flaw. Returns whether its mode must still be changed, because
    /// other users may read it.
    fn check_facts(&self, facts: &Facts, readers: Readers) -> io::Result<bool> {
        match find_flaw(facts, system::user(), self.has_modes, readers) {
            Ok(must_be_closed) => Ok(must_be_closed),
            Err(flaw) => Err(flaw.into()),
        }
    }
}

/// Checks a file that holds a secret and that the operator named by its path: it must belong to
/// this user or to root, and be closed to other users.
pub fn check_given(file: &File) -> io::Result<()> {
    let facts = Facts { kind: Kind::Regular, names: 1, ..system::facts_of(file)? };
    find_flaw(&facts, system::user(), true, Readers::Refused).map(drop).map_err(io::Error::from)
}

/// Checks the properties of a file. `Ok(true)`: other users may read this user's file, and its mode
/// must be changed.
fn find_flaw(facts: &Facts, user: u32, has_modes: bool, readers: Readers) -> Result<bool, Flaw> {
    match facts.kind {
        Kind::Regular => {}
        Kind::Link => return Err(Flaw::Link),
        Kind::Other => return Err(Flaw::NotRegular),
    }
    if facts.names > 1 {
        return Err(Flaw::Names(facts.names));
    }
    if !has_modes {
        return Ok(false);
    }
    // A file of root is accepted: root put it there on purpose.
    if facts.owner != user && facts.owner != 0 {
        return Err(Flaw::Owner { owner: facts.owner, user });
    }
    match facts.mode & 0o077 {
        0 => Ok(false),
        open if open & 0o022 == 0 && readers == Readers::ShutOut => Ok(true),
        _ => Err(Flaw::Open { mode: facts.mode }),
    }
}
