//! The keys that are not in the database.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use inwebo::values::hex;
use pims_private_files::{Access, Flaw, Folder, Readers, Sharing, check_given, flaw_of};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key_material::KeyBytes;

/// 32 bytes that seal what is secret in the database, and the number by which sealed values name
/// them. They lie on the heap and are wiped when dropped; no `Debug`.
#[derive(Clone)]
pub struct MasterKey {
    id: u32,
    bytes: KeyBytes,
}

/// Bytes of the longest form of a key with the end of its line, and one more: a longer input is
/// seen to be longer.
pub const INPUT: usize = 67;

/// The master keys that a service knows: the current one, which seals, and others, which only open. Two keys make a rotation possible
/// while the service runs; one alone is the rule.
#[derive(Clone)]
pub struct KeyRing {
    current: MasterKey,
    others: Vec<MasterKey>,
}

impl KeyRing {
    /// A ring of one key.
    pub fn new(current: MasterKey) -> Self {
        Self { current, others: Vec::new() }
    }

    /// The ring with one more key, which opens what it sealed before, or what another instance seals under it by now. `None` where the
    /// ring has a key of that number.
    pub fn with(mut self, other: MasterKey) -> Option<Self> {
        let taken = self.current.id == other.id || self.others.iter().any(|known| known.id == other.id);
        if taken {
            return None;
        }
        self.others.push(other);
        Some(self)
    }

    pub(crate) fn current(&self) -> &MasterKey {
        &self.current
    }

    pub(crate) fn others(&self) -> &[MasterKey] {
        &self.others
    }
}

/// Compared in constant time, number and key.
impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        (self.id.ct_eq(&other.id) & self.bytes().ct_eq(other.bytes())).into()
    }
}

impl Eq for MasterKey {}

impl From<MasterKey> for KeyRing {
    fn from(key: MasterKey) -> Self {
        Self::new(key)
    }
}

impl MasterKey {
    /// The number of a key that stands alone in a file.
    const FILE_ID: u32 = 1;

    /// Takes over 32 bytes and the number that sealed values are to carry. The caller wipes its own
    /// copy.
    pub fn new(id: u32, bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { id, bytes: KeyBytes::written_by(|key| key.copy_from_slice(&*bytes)) }
    }

    /// Returns the key of 64 hex digits; `None` where the text is something else.
    pub fn from_hex(id: u32, text: &str) -> Option<Self> {
        let written = KeyBytes::try_written_by(|key| hex::decode_into(text.as_bytes(), key).ok_or(()));
        Some(Self { id, bytes: written.ok()? })
    }

    /// Returns the key that a text or 32 raw bytes say: 64 hex digits, with or without the end of a
    /// line. `None` where it is something else.
    pub fn from_input(id: u32, input: &[u8]) -> Option<Self> {
        let written = KeyBytes::try_written_by(|key| {
            if input.len() == key.len() {
                key.copy_from_slice(input);
                return Ok(());
            }
            let last = input.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
            let text = &input[..last.map_or(0, |last| last + 1)];
            hex::decode_into(text, key).ok_or(())
        });
        Some(Self { id, bytes: written.ok()? })
    }

    /// The key in a file, under another number than a key that stands alone has: each key of a ring needs its own. The file belongs to
    /// this user or to root, and to nobody else. Links are followed: the path is the operator's.
    pub fn load(path: impl AsRef<Path>, id: u32) -> io::Result<Self> {
        let file = File::open(path.as_ref())?;
        check_given(&file).map_err(told)?;
        Self::parse(file, id)
    }

    /// As [`MasterKey::load`], for a file that is guarded by its folder and not by its own mode: systemd hands credentials to a service by an
    /// access list, which shows as a group that may read.
    pub fn load_credential(path: impl AsRef<Path>, id: u32) -> io::Result<Self> {
        Self::parse(File::open(path.as_ref())?, id)
    }

    /// The key in a file: 64 hex digits or 32 raw bytes, for the owner alone; its number is 1. Where there is no file one is made, whole
    /// or not at all; of several processes that make it at once one wins and all get its key. A folder that others may write to is refused.
    pub fn load_or_create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::load_or_create_in(path, Sharing::Refused)
    }

    /// As [`MasterKey::load_or_create`], in a folder that may be shared.
    pub fn load_or_create_in(path: impl AsRef<Path>, sharing: Sharing) -> io::Result<Self> {
        let (folder, name) = Folder::of_file(path.as_ref(), sharing)?;
        folder.remove_leftovers(&name);
        match Self::read(&folder, &name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Self::create(&folder, &name)?;
                Self::read(&folder, &name)
            }
            read => read,
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.id
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        self.bytes.as_ref()
    }

    fn read(folder: &Folder, name: &OsStr) -> io::Result<Self> {
        let file = folder.open_file(name, Access::Read, Readers::Refused).map_err(told)?;
        Self::parse(file, Self::FILE_ID)
    }

    fn parse(mut file: File, id: u32) -> io::Result<Self> {
        let mut input = Box::new(Zeroizing::new([0; INPUT]));
        let mut length = 0;
        loop {
            match file.read(&mut input[length..]) {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Self::from_input(id, &input[..length]).ok_or_else(malformed)
    }

    fn create(folder: &Folder, name: &OsStr) -> io::Result<()> {
        let key = KeyBytes::try_written_by(|bytes| getrandom::fill(bytes)).map_err(io::Error::other)?;
        // Room for the end of the line: a text that grows leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(INPUT));
        text.push_str(&hex::encode_secret(key.as_ref()));
        text.push('\n');
        match folder.write_temporary_secret(name, text.as_bytes())?.publish() {
            // Another process was first: its key counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }?;
        folder.sync()
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the master key file holds neither 64 hex digits nor 32 bytes")
}

/// Says of a file that is refused that it is the master key's.
fn told(error: io::Error) -> io::Error {
    match flaw_of(&error) {
        Some(Flaw::FolderOwner { .. } | Flaw::FolderOpen { .. } | Flaw::NoModes { .. }) | None => error,
        Some(flaw) => io::Error::new(error.kind(), format!("the master key file is refused: {flaw}")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn write(path: &Path, content: &[u8]) {
        let (folder, name) = Folder::of_file(path, Sharing::Refused).unwrap();
        folder.write_temporary(name, content).unwrap().replace().unwrap();
    }

    #[test]
    fn all_that_race_for_a_new_key_get_the_same_one_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let load = || *MasterKey::load_or_create(&path).unwrap().bytes();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0] && *key != [0; 32]));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn hex_and_raw_files_are_read_and_others_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        for good in [&[7; 32][..], "07".repeat(32).as_bytes(), format!("{}\r\n", "07".repeat(32)).as_bytes()] {
            write(&path, good);
            assert_eq!(MasterKey::load_or_create(&path).unwrap().bytes(), &[7; 32]);
        }
        for bad in [&[7; 31][..], b"", &[b'0'; 65], &[b'x'; 64], &[0xff; 66]] {
            write(&path, bad);
            assert_eq!(MasterKey::load_or_create(&path).err().unwrap().kind(), io::ErrorKind::InvalidData);
        }
    }

    #[test]
    fn a_ring_has_each_number_once() {
        let key = |id| MasterKey::new(id, [7; 32]);
        let ring = KeyRing::from(key(2)).with(key(1)).unwrap();
        assert!(ring.clone().with(key(1)).is_none());
        assert!(ring.clone().with(key(2)).is_none());
        assert_eq!(ring.with(key(3)).unwrap().others().len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        write(&path, &[7; 32]);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(MasterKey::load_or_create(&path).err().unwrap().kind(), io::ErrorKind::PermissionDenied);
    }
}
