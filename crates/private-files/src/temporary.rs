//! Temporary files: new content before it gets its final name.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::thread;
use std::time::Duration;

use crate::facts::Access;
use crate::folder::{Folder, Readers};
use crate::names::random_name;
use crate::system;

/// New content under a random name, complete and durable. The file is removed when dropped, unless
/// it got its final name before.
pub struct Temporary<'a> {
    folder: &'a Folder,
    name: OsString,
    target: OsString,
    // The file stays locked while the value lives. A process that removes leftovers of a crash
    // skips locked files.
    file: File,
    named: bool,
}

impl Folder {
    /// Writes new content for a file under a random name, durably. The file gets its final name by
    /// [`Temporary::replace`] or [`Temporary::publish`].
    pub fn write_temporary(&self, name: impl AsRef<OsStr>, content: &[u8]) -> io::Result<Temporary<'_>> {
        Temporary::write(self, name.as_ref(), content)
    }

    /// Proves that a file of this size can be written in the folder and renamed to `name`. The file
    /// is removed again. A file with this name is replaced.
    ///
    /// The system reserves the space at once. A file system that cannot do that, such as an older
    /// NFS, has to write the file durably, because it may report a full disk only then.
    pub fn prove_writable(&self, name: impl AsRef<OsStr>, size: u16) -> io::Result<()> {
        let name = name.as_ref();
        let reserved = Temporary::make(self, name)?;
        match system::reserve(&reserved.file, size.into()) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let mut file = &reserved.file;
                file.write_all(&vec![0x5a; size.into()])?;
                file.sync_all()?;
            }
            done => done?,
        }
        reserved.replace()?;
        self.remove(name)
    }

    /// Does the same as [`Folder::write_temporary`] for a secret. The secret is refused if other
    /// users could read it.
    pub fn write_temporary_secret(&self, name: impl AsRef<OsStr>, content: &[u8]) -> io::Result<Temporary<'_>> {
        Temporary::write_secret(self, name.as_ref(), content)
    }
}

impl<'a> Temporary<'a> {
    fn write(folder: &'a Folder, target: &OsStr, content: &[u8]) -> io::Result<Self> {
        let mut temporary = Self::make(folder, target)?;
        temporary.file.write_all(content)?;
        temporary.file.sync_all()?;
        Ok(temporary)
    }

    /// Does the same for a secret. Nothing is written if other users could read it.
    fn write_secret(folder: &'a Folder, target: &OsStr, content: &[u8]) -> io::Result<Self> {
        let mut temporary = Self::make(folder, target)?;
        folder.check_made(&temporary.file, Readers::Refused)?;
        temporary.file.write_all(content)?;
        temporary.file.sync_all()?;
        Ok(temporary)
    }

    fn make(folder: &'a Folder, target: &OsStr) -> io::Result<Self> {
        loop {
            let name = random_name(target)?;
            let file = match system::create_new(folder.handle(), &name, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            // On a file system without locks, leftovers are not removed.
            let removing = matches!(file.try_lock(), Err(std::fs::TryLockError::WouldBlock));
            let temporary = Self { folder, name, target: target.to_owned(), file, named: false };
            // Another process removed it as a leftover before it was locked.
            if removing || system::facts_of(&temporary.file)?.names == 0 {
                continue;
            }
            return Ok(temporary);
        }
    }

    /// Renames the file to its final name. Replaces a file that has this name.
    pub fn replace(mut self) -> io::Result<()> {
        system::rename(self.folder.handle(), &self.name, &self.target)?;
        self.named = true;
        Ok(())
    }

    /// Renames the file to its final name. If another file has this name, the error is
    /// `AlreadyExists`.
    pub fn publish(mut self) -> io::Result<()> {
        match system::rename_new(self.folder.handle(), &self.name, &self.target) {
            Err(error) if is_unsupported(&error) => {
                // Some file systems (FAT, NFS) have no such atomic rename. There a second file
                // guards the name: only one process can make it.
                let mut guard = self.target.clone();
                guard.push(".guard");
                let _guard = Guard::claim(self.folder, guard)?;
                if self.folder.exists(&self.target)? {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                system::rename(self.folder.handle(), &self.name, &self.target)?;
            }
            done => done?,
        }
        self.named = true;
        Ok(())
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.named {
            let _ = system::remove(self.folder.handle(), &self.name);
        }
    }
}

fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput)
}

/// An empty file that only one process can hold. It is removed when dropped.
struct Guard<'a> {
    folder: &'a Folder,
    name: OsString,
}

impl<'a> Guard<'a> {
    /// Makes the file. Waits while another process holds it.
    fn claim(folder: &'a Folder, name: OsString) -> io::Result<Self> {
        const TRIES: u32 = 500;
        for _ in 0..TRIES {
            match system::create_new(folder.handle(), &name, Access::Write) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    thread::sleep(Duration::from_millis(10));
                }
                made => return made.map(|_| Self { folder, name }),
            }
        }
        let what = format!("the guard {} does not go away; remove it", folder.file(&name).display());
        Err(io::Error::new(io::ErrorKind::TimedOut, what))
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let _ = system::remove(self.folder.handle(), &self.name);
    }
}
