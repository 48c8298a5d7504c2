//! Master keys: the keys that are not in the database.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use inwebo::values::hex;
use private_files::{Access, Flaw, Folder, Readers, Sharing, check_given, flaw_of};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::key_material::KeyBytes;

/// A master key: 32 bytes that seal the secrets in the database, and the number by which sealed
/// values name it. The bytes lie on the heap and are wiped when dropped. It has no `Debug`.
#[derive(Clone)]
pub struct MasterKey {
    id: u32,
    bytes: KeyBytes,
}

/// The maximum length of an input: the longest form of a key with its line end, and one byte more.
/// The additional byte shows that an input is too long.
pub const INPUT: usize = 67;

/// The master keys that a service knows: the current one, which seals, and others, which only open.
/// A service usually has one key. With two keys it can rotate its master key while it runs.
#[derive(Clone)]
pub struct KeyRing {
    current: MasterKey,
    others: Vec<MasterKey>,
}

impl KeyRing {
    /// Makes a ring of one key.
    pub fn new(current: MasterKey) -> Self {
        Self { current, others: Vec::new() }
    }

    /// Adds a key that only opens values: ones that it sealed before, or ones that another instance
    /// already seals under it. Returns `None` if the ring has a key with that number.
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

/// Compares the number and the key in constant time.
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
    /// The number of a key that is alone in its file.
    const FILE_ID: u32 = 1;

    /// Makes a key from 32 bytes and the number that sealed values carry. The caller wipes its own
    /// copy.
    pub fn new(id: u32, bytes: [u8; 32]) -> Self {
        let bytes = Zeroizing::new(bytes);
        Self { id, bytes: KeyBytes::written_by(|key| key.copy_from_slice(&*bytes)) }
    }

    /// Reads a key of 64 hex digits. Returns `None` if the text is anything else.
    pub fn from_hex(id: u32, text: &str) -> Option<Self> {
        let written = KeyBytes::try_written_by(|key| hex::decode_into(text.as_bytes(), key).ok_or(()));
        Some(Self { id, bytes: written.ok()? })
    }

    /// Reads a key from 64 hex digits, with or without a line end, or from 32 raw bytes. Returns
    /// `None` if the input is anything else.
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

    /// Reads a key from a file, under a number of its own: each key of a ring needs one. The file
    /// must belong to this user or to root, and be closed to other users. Links are followed,
    /// because the operator chose the path.
    pub fn load(path: impl AsRef<Path>, id: u32) -> io::Result<Self> {
        let file = File::open(path.as_ref())?;
        check_given(&file).map_err(described)?;
        Self::parse(file, id)
    }

    /// Reads a key as [`MasterKey::load`] does, from a file that its folder protects and not its
    /// own mode. For instance, systemd passes credentials to a service by an access list, which
    /// appears as a group with the right to read.
    pub fn load_credential(path: impl AsRef<Path>, id: u32) -> io::Result<Self> {
        Self::parse(File::open(path.as_ref())?, id)
    }

    /// Reads the key from a file of 64 hex digits or 32 raw bytes, to which only the owner has
    /// access. Its number is 1. If there is no file, makes one atomically. If several processes
    /// make it at once, one wins and all get its key. A folder that others may write to is refused.
    pub fn load_or_create(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::load_or_create_in(path, Sharing::Refused)
    }

    /// Reads or makes the key as [`MasterKey::load_or_create`] does, in a folder that may be
    /// shared.
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
        let file = folder.open_file(name, Access::Read, Readers::Refused).map_err(described)?;
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
        // The capacity includes the line end: a text that grows leaves a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(INPUT));
        text.push_str(&hex::encode_secret(key.as_ref()));
        text.push('\n');
        match folder.write_temporary_secret(name, text.as_bytes())?.publish() {
            // Another process made the file first. Its key is used.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }?;
        folder.sync()
    }
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the master key file holds neither 64 hex digits nor 32 bytes")
}

/// Adds to the error of a refused file that the file is the master key's.
fn described(error: io::Error) -> io::Error {
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
