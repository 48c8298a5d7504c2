//! Files on systems whose owners and modes this crate does not know.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::facts::{Access, Facts, FileId, Kind};

pub(crate) type Handle = PathBuf;

pub(crate) fn user() -> u32 {
    0
}

pub(crate) fn real(folder: &Path) -> io::Result<PathBuf> {
    // Some libraries do not accept the system's canonical form, `\\?\C:\…`.
    std::path::absolute(folder)
}

pub(crate) fn make_path(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

pub(crate) fn open_folder(real: &Path) -> io::Result<Handle> {
    if fs::metadata(real)?.is_dir() { Ok(real.to_owned()) } else { Err(io::ErrorKind::NotADirectory.into()) }
}

pub(crate) fn open_subfolder(handle: &Handle, name: &OsStr) -> io::Result<Handle> {
    let path = handle.join(name);
    fs::create_dir_all(&path)?;
    open_folder(&path)
}

pub(crate) fn check_folder(_: &Handle, _: &Path) -> io::Result<()> {
    Ok(())
}

pub(crate) fn check_parents(_: &Path) -> io::Result<()> {
    Ok(())
}

fn options(access: Access) -> OpenOptions {
    let mut options = OpenOptions::new();
    match access {
        Access::Read => options.read(true),
        Access::Write => options.read(true).write(true),
        Access::Append => options.append(true),
    };
    options
}

pub(crate) fn open(handle: &Handle, name: &OsStr, access: Access) -> io::Result<File> {
    options(access).open(handle.join(name))
}

pub(crate) fn create_new(handle: &Handle, name: &OsStr, access: Access) -> io::Result<File> {
    options(access).create_new(true).open(handle.join(name))
}

fn facts(metadata: &fs::Metadata) -> Facts {
    let kind = match metadata.file_type() {
        kind if kind.is_symlink() => Kind::Link,
        kind if kind.is_file() => Kind::Regular,
        _ => Kind::Other,
    };
    Facts { kind, names: 1, owner: 0, mode: 0o600, id: FileId(0, 0) }
}

pub(crate) fn id_of(path: &Path) -> io::Result<FileId> {
    fs::symlink_metadata(path).map(|metadata| facts(&metadata).id)
}

pub(crate) fn facts_of(file: &File) -> io::Result<Facts> {
    file.metadata().map(|metadata| facts(&metadata))
}

pub(crate) fn facts_at(handle: &Handle, name: &OsStr) -> io::Result<Facts> {
    fs::symlink_metadata(handle.join(name)).map(|metadata| facts(&metadata))
}

pub(crate) fn close_to_others(_: &File) -> io::Result<()> {
    Ok(())
}

pub(crate) fn close_name_to_others(_: &Handle, _: &OsStr) -> io::Result<()> {
    Ok(())
}

pub(crate) fn is_surely_replaceable(_: &Handle, _: &OsStr) -> bool {
    false
}

pub(crate) fn reserve(_: &File, _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn rename(handle: &Handle, from: &OsStr, to: &OsStr) -> io::Result<()> {
    fs::rename(handle.join(from), handle.join(to))
}

pub(crate) fn rename_new(_: &Handle, _: &OsStr, _: &OsStr) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(crate) fn remove(handle: &Handle, name: &OsStr) -> io::Result<()> {
    fs::remove_file(handle.join(name))
}

pub(crate) fn sync(_: &Handle) -> io::Result<()> {
    // Windows has no such call. There the journal of the file system makes a rename durable.
    Ok(())
}

pub(crate) fn check_room(_: &Handle) -> io::Result<()> {
    Ok(())
}

pub(crate) fn file_system(_: &Handle) -> Option<String> {
    None
}
