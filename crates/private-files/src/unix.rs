//! Access to files and folders by descriptor.

#![allow(clippy::unnecessary_cast, clippy::useless_conversion, reason = "the widths differ between systems")]

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::facts::{Access, Facts, FileId, Kind};
use crate::flaw::Flaw;

/// A folder that is held open.
pub(crate) type Handle = OwnedFd;

const FILE: Mode = Mode::RUSR.union(Mode::WUSR);
const FOLDER: Mode = Mode::RWXU;
const OPEN_FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Returns the effective user.
pub(crate) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Returns the path of a folder without links.
pub(crate) fn real(folder: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(folder)
}

/// Makes the missing folders of a path.
pub(crate) fn make_path(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(FOLDER.as_raw_mode().into()).create(folder)
}

pub(crate) fn open_folder(real: &Path) -> io::Result<Handle> {
    Ok(rustix::fs::open(real, OPEN_FOLDER, Mode::empty())?)
}

/// Opens a subfolder. Makes it if it is missing. No link is followed.
pub(crate) fn open_subfolder(handle: &Handle, name: &OsStr) -> io::Result<Handle> {
    match rustix::fs::mkdirat(handle, name, FOLDER) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error.into()),
    }
    rustix::fs::openat(handle, name, OPEN_FOLDER, Mode::empty()).map_err(|error| match error {
        Errno::LOOP => Flaw::Link.into(),
        error => error.into(),
    })
}

/// Refuses a folder of another user, or one to which other users may write. A folder of `root` is
/// accepted: root can do everything anyway.
pub(crate) fn check_folder(handle: &Handle, path: &Path) -> io::Result<()> {
    let stat = rustix::fs::fstat(handle)?;
    refuse_foreign(&stat, path, false)
}

/// Refuses a path if another user can exchange a part of it. Each parent must belong to this user
/// or to root. Other users may write to it only if it has the sticky bit, which keeps them from
/// renaming files of others.
pub(crate) fn check_parents(real: &Path) -> io::Result<()> {
    if cfg!(any(target_os = "android", target_os = "ios", target_os = "tvos", target_os = "watchos")) {
        // On these systems each app has a folder of its own, and the parents belong to the system.
        return Ok(());
    }
    for parent in real.ancestors().skip(1) {
        match rustix::fs::stat(parent) {
            Ok(stat) => refuse_foreign(&stat, parent, true)?,
            // A sandbox may hide the parent.
            Err(Errno::ACCESS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn refuse_foreign(stat: &Stat, path: &Path, is_parent: bool) -> io::Result<()> {
    let (owner, user) = (stat.st_uid, user());
    if owner != 0 && owner != user && !(is_parent && is_root_outside(owner)) {
        return Err(Flaw::FolderOwner { folder: path.to_owned(), owner, user }.into());
    }
    let mode = Mode::from_raw_mode(stat.st_mode as _);
    let kept_apart = is_parent && mode.contains(Mode::SVTX);
    // The private group comes last: that question reads two files.
    let is_open = mode.contains(Mode::WOTH) || (mode.contains(Mode::WGRP) && !is_private_group(stat.st_gid));
    if !kept_apart && is_open {
        let mode = u32::from(mode.bits()) & 0o7777;
        return Err(Flaw::FolderOpen { folder: path.to_owned(), mode }.into());
    }
    Ok(())
}

/// Returns whether a group has no member other than this user or root.
fn is_private_group(gid: u32) -> bool {
    if cfg!(target_os = "android") {
        // Each app has a group of its own, and its folders are open to this group.
        return gid == rustix::process::getegid().as_raw();
    }
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (group, passwd) = (read("/etc/group"), read("/etc/passwd"));
    [0, user()].iter().any(|user| crate::groups::is_private(*user, gid, &group, &passwd))
}

/// Returns whether `owner` may be root of the host, seen from inside a user namespace (a rootless
/// container). All users that the namespace does not know have the same number there.
fn is_root_outside(owner: u32) -> bool {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return false;
    }
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let unknown = read("/proc/sys/kernel/overflowuid").trim().parse::<u32>().unwrap_or(65534);
    let map = read("/proc/self/uid_map");
    let knows_all = map.split_ascii_whitespace().eq(["0", "0", "4294967295"]);
    owner == unknown && !map.is_empty() && !knows_all
}

fn flags(access: Access) -> OFlags {
    let access = match access {
        Access::Read => OFlags::RDONLY,
        Access::Write => OFlags::RDWR,
        Access::Append => OFlags::WRONLY | OFlags::APPEND,
    };
    // With NONBLOCK, a FIFO does not make the process wait for its other end.
    access | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY
}

pub(crate) fn open(handle: &Handle, name: &OsStr, access: Access) -> io::Result<File> {
    match rustix::fs::openat(handle, name, flags(access), Mode::empty()) {
        Ok(file) => Ok(file.into()),
        Err(Errno::LOOP) => Err(Flaw::Link.into()),
        Err(Errno::ISDIR | Errno::NXIO | Errno::OPNOTSUPP) => Err(Flaw::NotRegular.into()),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn create_new(handle: &Handle, name: &OsStr, access: Access) -> io::Result<File> {
    let flags = flags(access) | OFlags::CREATE | OFlags::EXCL;
    Ok(rustix::fs::openat(handle, name, flags, FILE)?.into())
}

fn facts(stat: &Stat) -> Facts {
    let kind = match FileType::from_raw_mode(stat.st_mode as _) {
        FileType::RegularFile => Kind::Regular,
        FileType::Symlink => Kind::Link,
        _ => Kind::Other,
    };
    Facts {
        kind,
        names: stat.st_nlink as u64,
        owner: stat.st_uid,
        mode: u32::from(Mode::from_raw_mode(stat.st_mode as _).bits()) & 0o7777,
        id: FileId(stat.st_dev as u64, stat.st_ino as u64),
    }
}

pub(crate) fn id_of(path: &Path) -> io::Result<FileId> {
    Ok(facts(&rustix::fs::lstat(path)?).id)
}

pub(crate) fn facts_of(file: &File) -> io::Result<Facts> {
    Ok(facts(&rustix::fs::fstat(file)?))
}

pub(crate) fn facts_at(handle: &Handle, name: &OsStr) -> io::Result<Facts> {
    Ok(facts(&rustix::fs::statat(handle, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

pub(crate) fn close_to_others(file: &File) -> io::Result<()> {
    Ok(rustix::fs::fchmod(file, FILE)?)
}

pub(crate) fn close_name_to_others(handle: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::chmodat(handle, name, FILE, AtFlags::empty())?)
}

/// Returns whether the system vouches that a file of this user can be replaced: the file is no
/// mount point, and has neither of the attributes that forbid it.
pub(crate) fn is_surely_replaceable(handle: &Handle, name: &OsStr) -> bool {
    // Android's sandbox may kill a process that makes this system call.
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{StatxAttributes, StatxFlags, statx};
        let Ok(known) = statx(handle, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS) else { return false };
        let fixed = StatxAttributes::MOUNT_ROOT | StatxAttributes::IMMUTABLE | StatxAttributes::APPEND;
        // Linux before 5.8 does not tell mount points, and some file systems tell no attributes. In
        // a folder with the sticky bit, a file of another user cannot be replaced.
        FileType::from_raw_mode(known.stx_mode.into()) == FileType::RegularFile
            && known.stx_attributes_mask.contains(fixed)
            && !known.stx_attributes.intersects(fixed)
            && known.stx_uid == user()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (handle, name);
        false
    }
}

/// Reserves the first `bytes` of a file on its disk. Returns `Unsupported` if the file system
/// cannot do that.
pub(crate) fn reserve(file: &File, bytes: u64) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        let reserve = || rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, bytes);
        rustix::io::retry_on_intr(reserve).map_err(|error| match error {
            // The last one is a sandbox that forbids the call.
            Errno::NOSYS | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    {
        let _ = (file, bytes);
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) fn rename(handle: &Handle, from: &OsStr, to: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::renameat(handle, from, handle, to)?)
}

/// Renames a file, unless the new name exists. Returns `Unsupported` if the system cannot do that.
pub(crate) fn rename_new(handle: &Handle, from: &OsStr, to: &OsStr) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    {
        let flags = rustix::fs::RenameFlags::NOREPLACE;
        rustix::fs::renameat_with(handle, from, handle, to, flags).map_err(|error| match error {
            Errno::NOSYS | Errno::INVAL | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }
    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    {
        let _ = (handle, from, to);
        Err(io::ErrorKind::Unsupported.into())
    }
}

pub(crate) fn remove(handle: &Handle, name: &OsStr) -> io::Result<()> {
    Ok(rustix::fs::unlinkat(handle, name, AtFlags::empty())?)
}

pub(crate) fn sync(handle: &Handle) -> io::Result<()> {
    Ok(rustix::fs::fsync(handle)?)
}

/// Smallest free space that a folder must have, in bytes: for a record and its names.
const LEAST_ROOM: u64 = 16 * 1024;

pub(crate) fn check_room(handle: &Handle) -> io::Result<()> {
    let Ok(known) = rustix::fs::fstatvfs(handle) else { return Ok(()) };
    if known.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err(io::ErrorKind::ReadOnlyFilesystem.into());
    }
    // Some blocks are reserved for root. A file system that does not count its space reports no
    // blocks.
    let free = if user() == 0 { known.f_bfree } else { known.f_bavail };
    if known.f_blocks > 0 && free.saturating_mul(known.f_frsize) < LEAST_ROOM {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}

/// Returns the name of a folder's file system, if the system reports it.
pub(crate) fn file_system(handle: &Handle) -> Option<String> {
    if !cfg!(any(target_os = "linux", target_os = "android")) {
        return None;
    }
    let device = rustix::fs::fstat(handle).ok()?.st_dev;
    let device = format!("{}:{}", rustix::fs::major(device as _), rustix::fs::minor(device as _));
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    mounts.lines().find_map(|line| file_system_in(line, &device)).map(str::to_owned)
}

/// Returns the file system in a line of `mountinfo`, if the line is for this device.
fn file_system_in<'a>(line: &'a str, device: &str) -> Option<&'a str> {
    let (mount, source) = line.split_once(" - ")?;
    (mount.split(' ').nth(2)? == device).then(|| source.split(' ').next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_names_the_file_system() {
        let line = "36 35 0:52 / /mnt/nas rw,noatime master:1 - fuse.bindfs /srv rw,max_read=1";
        assert_eq!(file_system_in(line, "0:52"), Some("fuse.bindfs"));
        assert_eq!(file_system_in(line, "0:5"), None);
        assert_eq!(file_system_in("36 35 0:52", "0:52"), None);
    }
}
