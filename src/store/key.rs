//! The key that seals the device record.

use std::io::{self, Read};

use base64ct::{Base64, Encoding};
use private_files::{Access, Flaw, Folder, Readers, flaw_of};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::StoreError;

/// Key of 32 bytes, from the host's Keychain or Keystore, or from a key file beside the state. It
/// is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; 32]);

impl StorageKey {
    /// Creates a key from 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a key from base64 text. Returns `None` unless the text is 32 bytes in base64.
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let decoded = Base64::decode(text.trim(), &mut *bytes).ok()?;
        (decoded.len() == 32).then(|| Self(*bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the key of a key file. If there is no file, creates one with mode 0600, unless there
    /// is a record: its key is lost, which is an error. The caller holds the folder's lock, so
    /// there is no race.
    pub(super) fn load_or_create(folder: &Folder, name: &str, has_record: bool) -> Result<Self, StoreError> {
        let path = folder.file(name);
        match read(folder, name) {
            Ok(text) => Self::from_base64(&text).ok_or(StoreError::KeyFile(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_record => Err(StoreError::NoKey(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(folder, name),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(StoreError::KeyFile(path)),
            Err(error) if matches!(flaw_of(&error), Some(Flaw::Open { .. })) => Err(StoreError::OpenKeyFile(path)),
            Err(error) => match flaw_of(&error) {
                Some(flaw @ Flaw::NoModes { .. }) => Err(StoreError::KeyWithoutMode(flaw.clone())),
                _ => Err(StoreError::io("read", &path)(error)),
            },
        }
    }

    /// Returns another key that only a holder of this key can know. `purpose` says for what the
    /// other key is used.
    #[cfg(any(feature = "embedded", test))]
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(purpose.as_bytes());
        hash.update([0]);
        hash.update(self.0);
        Zeroizing::new(hash.finalize().into())
    }

    fn create(folder: &Folder, name: &str) -> Result<Self, StoreError> {
        let path = folder.file(name);
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| StoreError::Entropy)?;
        let text = Zeroizing::new(Base64::encode_string(&*bytes));
        // The file is written whole or not at all: half a key file would lock the owner out.
        let temporary =
            folder.write_temporary_secret(name, text.as_bytes()).map_err(|error| match flaw_of(&error) {
                Some(flaw @ Flaw::NoModes { .. }) => StoreError::KeyWithoutMode(flaw.clone()),
                _ => StoreError::io("written", &path)(error),
            })?;
        temporary.publish().map_err(StoreError::io("renamed", &path))?;
        Ok(Self(*bytes))
    }
}

/// Returns the text of a key file. A file that is longer than that of a key is cut, and is then not
/// a key.
fn read(folder: &Folder, name: &str) -> io::Result<Zeroizing<String>> {
    const MAX: usize = 256;
    let file = folder.open_file(name, Access::Read, Readers::Refused)?;
    let mut text = Zeroizing::new(String::with_capacity(MAX));
    file.take(MAX as u64).read_to_string(&mut text)?;
    Ok(text)
}

/// Comparison in constant time.
impl PartialEq for StorageKey {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
    }
}

impl Eq for StorageKey {}

#[cfg(test)]
mod tests {
    use private_files::Sharing;

    use super::*;

    #[test]
    fn only_thirty_two_bytes_of_base64_are_a_key() {
        let text = Base64::encode_string(&[9; 32]);
        assert_eq!(StorageKey::from_base64(&text).unwrap().bytes(), &[9; 32]);
        assert!(StorageKey::from_base64(&format!(" {text}\n")).is_some());
        for bad in ["", "AAAA", &text[1..], &Base64::encode_string(&[9; 31]), &Base64::encode_string(&[9; 33]), "!"] {
            assert!(StorageKey::from_base64(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn derived_keys_differ_by_purpose_and_by_key() {
        let key = StorageKey::new([9; 32]);
        assert_eq!(key.derive("a"), key.derive("a"));
        assert_ne!(key.derive("a"), key.derive("b"));
        assert_ne!(key.derive("a"), StorageKey::new([8; 32]).derive("a"));
        assert_ne!(*key.derive("a"), [9; 32]);
    }

    #[test]
    fn a_key_file_is_made_once_and_a_broken_one_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage.key");
        let folder = Folder::open(folder.path(), Sharing::Refused).unwrap();
        let load = |has_record| StorageKey::load_or_create(&folder, "storage.key", has_record);
        assert!(matches!(load(true).err(), Some(StoreError::NoKey(_))));
        let made = load(false).ok().unwrap();
        let found = load(true).ok().unwrap();
        assert_eq!(made.bytes(), found.bytes());
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(load(true).err(), Some(StoreError::KeyFile(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(load(true).err(), Some(StoreError::OpenKeyFile(_))));
        }
    }
}
