//! What the master key does: it seals secrets for the database and hashes what must only be recognised.
//!
//! A sealed value names its key in front and is bound to its place (table, column and row): a value that was moved to another
//! row or column does not open there.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::failure::Failure;
use crate::master_key::MasterKey;
use crate::random;

const ID: usize = 4;
const NONCE: usize = 24;

/// The place of a sealed value: its column, and the row by its name.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Table and column.
    pub(crate) column: &'static str,
    /// What the row is found by.
    pub(crate) row: &'a str,
}

/// Seals and hashes under one master key. Each use has a key of its own.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct Vault {
    id: u32,
    sealing: [u8; 32],
    codes: [u8; 32],
    passwords: [u8; 32],
}

impl Vault {
    pub(crate) fn new(master: &MasterKey) -> Self {
        let key = |purpose: &str| keyed_hash(master.bytes(), &[b"pims-authority", purpose.as_bytes()]);
        Self { id: master.id(), sealing: key("sealing"), codes: key("codes"), passwords: key("passwords") }
    }

    /// Seals a value for its place.
    pub(crate) fn seal(&self, place: Place<'_>, value: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce: [u8; NONCE] = random::bytes()?;
        let bound = self.bound(place);
        let payload = Payload { msg: value, aad: &bound };
        // Encryption fails only for values of hundreds of gigabytes.
        let sealed = self.cipher().encrypt(&nonce.into(), payload).map_err(|_| Failure::Sealed)?;
        Ok([&self.id.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    /// Opens a value that was sealed for this place.
    pub(crate) fn open(&self, place: Place<'_>, whole: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (id, rest) = whole.split_first_chunk::<ID>().ok_or(Failure::Sealed)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(Failure::Sealed)?;
        if u32::from_be_bytes(*id) != self.id {
            return Err(Failure::Sealed);
        }
        let bound = self.bound(place);
        let opened = self.cipher().decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &bound });
        opened.map(Zeroizing::new).map_err(|_| Failure::Sealed)
    }

    /// Opens a key of 16 bytes.
    pub(crate) fn open_key(&self, place: Place<'_>, whole: &[u8]) -> Result<Zeroizing<[u8; 16]>, Failure> {
        let opened = self.open(place, whole)?;
        let key = <[u8; 16]>::try_from(opened.as_slice()).map_err(|_| Failure::Sealed)?;
        Ok(Zeroizing::new(key))
    }

    /// By what an SMS code is recognised.
    pub(crate) fn code_hash(&self, purpose: &str, code: &str) -> [u8; 32] {
        keyed_hash(&self.codes, &[purpose.as_bytes(), code.as_bytes()])
    }

    /// By what a one-time password of an account is recognised.
    pub(crate) fn password_hash(&self, account: &str, password: &str) -> [u8; 32] {
        keyed_hash(&self.passwords, &[account.as_bytes(), password.as_bytes()])
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.sealing.into())
    }

    /// No column's name holds a zero byte, so the parts cannot run into one another.
    fn bound(&self, place: Place<'_>) -> Vec<u8> {
        [&self.id.to_be_bytes()[..], place.column.as_bytes(), &[0], place.row.as_bytes()].concat()
    }
}

/// HMAC-SHA256 over parts, each with its length in front.
fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key of HMAC's whole block of 64 bytes, padded with zeros as HMAC itself does: taking it cannot fail.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new(&(*block).into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HERE: Place<'_> = Place { column: "devices.k0", row: "a" };

    fn vault(id: u32, byte: u8) -> Vault {
        Vault::new(&MasterKey::new(id, [byte; 32]))
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_place_alone() {
        let vault = vault(1, 7);
        let sealed = vault.seal(HERE, b"secret").unwrap();
        assert_eq!(&**vault.open(HERE, &sealed).unwrap(), b"secret");
        for elsewhere in [Place { row: "b", ..HERE }, Place { column: "devices.k1", ..HERE }] {
            assert!(vault.open(elsewhere, &sealed).is_err());
        }
    }

    #[test]
    fn another_key_another_id_and_every_changed_byte_are_refused() {
        let sealed = vault(1, 7).seal(HERE, b"secret").unwrap();
        assert!(vault(1, 8).open(HERE, &sealed).is_err());
        assert!(vault(2, 7).open(HERE, &sealed).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(vault(1, 7).open(HERE, &changed).is_err(), "{place}");
            assert!(vault(1, 7).open(HERE, &sealed[..place]).is_err(), "{place}");
        }
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let vault = vault(1, 7);
        assert_ne!(vault.seal(HERE, b"1234").unwrap(), vault.seal(HERE, b"1234").unwrap());
    }

    #[test]
    fn hashes_tell_uses_keys_and_parts_apart() {
        let first = vault(1, 7);
        assert_ne!(first.code_hash("ab", "c"), first.code_hash("a", "bc"));
        assert_ne!(first.code_hash("a", "b"), first.password_hash("a", "b"));
        assert_ne!(first.code_hash("a", "b"), vault(1, 8).code_hash("a", "b"));
    }
}
