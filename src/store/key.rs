//! The key that seals the device record.

use std::io;
use std::path::Path;

use base64ct::{Base64, Encoding};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{StoreError, write_new};

/// 32 bytes, from the host's Keychain or Keystore, or from a key file beside the state. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct StorageKey([u8; 32]);

impl StorageKey {
    /// Takes over 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key in base64 text, or `None` where it is not 32 bytes of it.
    pub fn from_base64(text: &str) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        let decoded = Base64::decode(text.trim(), &mut *bytes).ok()?;
        (decoded.len() == 32).then(|| Self(*bytes))
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key in a key file, made with mode 0600 where there is none, unless a record waits for the one that is gone. The folder's
    /// lock is held: nobody races.
    pub(super) fn load_or_create(path: &Path, has_record: bool) -> Result<Self, StoreError> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let text = Zeroizing::new(text);
                if is_open(path) {
                    return Err(StoreError::OpenKeyFile(path.to_owned()));
                }
                Self::from_base64(&text).ok_or_else(|| StoreError::KeyFile(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && has_record => {
                Err(StoreError::NoKey(path.to_owned()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(StoreError::io("read", path)(error)),
        }
    }

    fn create(path: &Path) -> Result<Self, StoreError> {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *bytes).map_err(|_| StoreError::Entropy)?;
        let text = Zeroizing::new(Base64::encode_string(&*bytes));
        // Whole or not at all: half a key file would lock the owner out.
        let temporary = path.with_extension("key.new");
        write_new(&temporary, text.as_bytes()).map_err(StoreError::io("written", &temporary))?;
        std::fs::rename(&temporary, path).map_err(StoreError::io("renamed", &temporary))?;
        Ok(Self(*bytes))
    }
}

/// Compared in constant time.
impl PartialEq for StorageKey {
    fn eq(&self, other: &Self) -> bool {
        subtle::ConstantTimeEq::ct_eq(&self.0[..], &other.0[..]).into()
    }
}

impl Eq for StorageKey {}

/// Whether others than its owner may read a file.
#[cfg(unix)]
fn is_open(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
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
    fn a_key_file_is_made_once_and_a_broken_one_is_reported() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage.key");
        assert!(matches!(StorageKey::load_or_create(&path, true).err(), Some(StoreError::NoKey(_))));
        let made = StorageKey::load_or_create(&path, false).ok().unwrap();
        let found = StorageKey::load_or_create(&path, true).ok().unwrap();
        assert_eq!(made.bytes(), found.bytes());
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(StorageKey::load_or_create(&path, true).err(), Some(StoreError::KeyFile(_))));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(StorageKey::load_or_create(&path, true).err(), Some(StoreError::OpenKeyFile(_))));
        }
    }
}
