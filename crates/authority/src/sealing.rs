//! Cryptography under the master key: it seals secrets for the database, and hashes values that are
//! only compared.
//!
//! A sealed value begins with the number of its key. The associated data binds it to its table,
//! column and row: a value that was moved to another row or column does not open there.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};
use hmac::digest::FixedOutput;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::domain::hash::Hash;
use crate::failure::Failure;
use crate::key_material::{KeyBytes, wipe_stack};
use crate::master_key::{KeyRing, MasterKey};
use crate::random;
use crate::storage::RowMacs;

const ID: usize = 4;
const NONCE: usize = 24;

/// The binding of a sealed value: the column and the name of the row, as associated data.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    /// The table and the column.
    pub(crate) column: &'static str,
    /// The name of the row.
    pub(crate) row: &'a str,
}

/// Sealing and hashing under the master keys of a ring: new values use the current key, older
/// values use their own.
pub(crate) struct Sealer {
    current: Keys,
    others: Vec<Keys>,
}

/// The keys that are derived from one master key. Each use has a key of its own, which is wiped
/// when dropped.
struct Keys {
    id: u32,
    sealing: KeyBytes,
    codes: KeyBytes,
    tickets: KeyBytes,
    passwords: KeyBytes,
    tokens: KeyBytes,
    pins: KeyBytes,
    rows: KeyBytes,
}

impl Sealer {
    pub(crate) fn new(ring: &KeyRing) -> Self {
        let sealer = Self { current: Keys::new(ring.current()), others: ring.others().iter().map(Keys::new).collect() };
        wipe_stack();
        sealer
    }

    /// Returns the number of the key that seals new values.
    pub(crate) fn current_id(&self) -> u32 {
        self.current.id
    }

    /// Seals a value with its binding.
    pub(crate) fn seal(&self, binding: Binding<'_>, value: &[u8]) -> Result<Vec<u8>, Failure> {
        self.current.seal(binding, value)
    }

    /// Opens a value that was sealed with this binding.
    pub(crate) fn open(&self, binding: Binding<'_>, whole: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let id = key_id(whole).ok_or(Failure::Sealed)?;
        self.keys().find(|keys| keys.id == id).ok_or(Failure::Sealed)?.open(binding, whole)
    }

    /// Opens a key of 16 bytes.
    pub(crate) fn open_key(&self, binding: Binding<'_>, whole: &[u8]) -> Result<Zeroizing<[u8; 16]>, Failure> {
        let opened = self.open(binding, whole)?;
        let key = <[u8; 16]>::try_from(opened.as_slice()).map_err(|_| Failure::Sealed)?;
        Ok(Zeroizing::new(key))
    }

    /// Seals the value again under the current key. Returns `None` if the current key sealed it
    /// already.
    pub(crate) fn reseal(&self, binding: Binding<'_>, whole: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        if key_id(whole) == Some(self.current.id) {
            return Ok(None);
        }
        self.seal(binding, &self.open(binding, whole)?).map(Some)
    }

    /// Returns the hash of a new SMS code of an account.
    pub(crate) fn code_hash(&self, account: &str, purpose: &str, code: &str) -> Hash {
        self.current.code_hash(account, purpose, code)
    }

    /// Returns the hashes of an SMS code of an account: one for each key of the ring.
    pub(crate) fn code_hashes(&self, account: &str, purpose: &str, code: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.code_hash(account, purpose, code)).collect()
    }

    /// Returns the hash of a new SMS code that is compared with those of all accounts. Earlier
    /// releases hashed every code in this way.
    pub(crate) fn open_code_hash(&self, purpose: &str, code: &str) -> Hash {
        self.current.open_code_hash(purpose, code)
    }

    /// Returns the hashes of an SMS code that is compared with those of all accounts: one for each
    /// key of the ring.
    pub(crate) fn open_code_hashes(&self, purpose: &str, code: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.open_code_hash(purpose, code)).collect()
    }

    /// Returns the hash of a new ticket for an activation.
    pub(crate) fn ticket_hash(&self, purpose: &str, ticket: &str) -> Hash {
        self.current.ticket_hash(purpose, ticket)
    }

    /// Returns the hashes of a ticket for an activation: one for each key of the ring.
    pub(crate) fn ticket_hashes(&self, purpose: &str, ticket: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.ticket_hash(purpose, ticket)).collect()
    }

    /// Returns the hash of a new one-time password of an account.
    pub(crate) fn password_hash(&self, account: &str, password: &str) -> Hash {
        self.current.password_hash(account, password)
    }

    /// Returns the hashes of a one-time password: one for each key of the ring.
    pub(crate) fn password_hashes(&self, account: &str, password: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.password_hash(account, password)).collect()
    }

    /// Returns the hash of a new refresh token.
    pub(crate) fn token_hash(&self, token: &str) -> Hash {
        self.current.token_hash(token)
    }

    /// Returns the hashes of a refresh token: one for each key of the ring.
    pub(crate) fn token_hashes(&self, token: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.token_hash(token)).collect()
    }

    /// Returns the hash of a PIN for the history of an account.
    pub(crate) fn pin_hash(&self, account: &str, digits: &str) -> Hash {
        self.current.pin_hash(account, digits)
    }

    /// Returns the hashes of a PIN for a search in the history of an account: one for each key of
    /// the ring.
    pub(crate) fn pin_hashes(&self, account: &str, digits: &str) -> Vec<Hash> {
        self.keys().map(|keys| keys.pin_hash(account, digits)).collect()
    }

    /// Seals a value with its binding under the key with this number. Returns `None` if the ring
    /// has no such key.
    pub(crate) fn seal_under(&self, id: u32, binding: Binding<'_>, value: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
        self.keys().find(|keys| keys.id == id).map(|keys| keys.seal(binding, value)).transpose()
    }

    /// Lists the keys, the current one first.
    fn keys(&self) -> impl Iterator<Item = &Keys> {
        std::iter::once(&self.current).chain(&self.others)
    }
}

impl RowMacs for Sealer {
    fn mac(&self, row: &[u8]) -> Vec<u8> {
        let Hash { key_id, bytes } = self.current.hash(self.current.rows.as_ref(), &[row]);
        [&key_id.to_be_bytes()[..], &bytes].concat()
    }

    fn is_mac(&self, row: &[u8], mac: &[u8]) -> bool {
        let Some((id, bytes)) = mac.split_first_chunk::<ID>() else { return false };
        let keys = self.keys().find(|keys| keys.id == u32::from_be_bytes(*id));
        keys.is_some_and(|keys| keys.hash(keys.rows.as_ref(), &[row]).bytes.ct_eq(bytes).into())
    }

    fn is_current(&self, mac: &[u8]) -> bool {
        key_id(mac) == Some(self.current.id)
    }
}

/// Returns the number of the key that a value was sealed under, or that a MAC was made with.
pub(crate) fn key_id(whole: &[u8]) -> Option<u32> {
    whole.first_chunk::<ID>().map(|id| u32::from_be_bytes(*id))
}

impl Keys {
    fn new(master: &MasterKey) -> Self {
        let key = |purpose: &str| {
            let parts = [b"pims-authority", purpose.as_bytes()];
            KeyBytes::written_by(|derived| keyed_hash_into(master.bytes(), &parts, derived))
        };
        Self {
            id: master.id(),
            sealing: key("sealing"),
            codes: key("codes"),
            tickets: key("tickets"),
            passwords: key("passwords"),
            tokens: key("tokens"),
            pins: key("pins"),
            rows: key("rows"),
        }
    }

    fn seal(&self, binding: Binding<'_>, value: &[u8]) -> Result<Vec<u8>, Failure> {
        let nonce: [u8; NONCE] = random::bytes()?;
        let associated_data = self.associated_data(binding);
        let payload = Payload { msg: value, aad: &associated_data };
        // Encryption fails only for values of hundreds of gigabytes.
        let sealed = self.cipher().encrypt(&nonce.into(), payload).map_err(|_| Failure::Sealed)?;
        Ok([&self.id.to_be_bytes()[..], &nonce, &sealed].concat())
    }

    fn open(&self, binding: Binding<'_>, whole: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (_, rest) = whole.split_first_chunk::<ID>().ok_or(Failure::Sealed)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(Failure::Sealed)?;
        let associated_data = self.associated_data(binding);
        let opened = self.cipher().decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &associated_data });
        opened.map(Zeroizing::new).map_err(|_| Failure::Sealed)
    }

    fn code_hash(&self, account: &str, purpose: &str, code: &str) -> Hash {
        self.hash(self.codes.as_ref(), &[account.as_bytes(), purpose.as_bytes(), code.as_bytes()])
    }

    fn open_code_hash(&self, purpose: &str, code: &str) -> Hash {
        self.hash(self.codes.as_ref(), &[purpose.as_bytes(), code.as_bytes()])
    }

    fn ticket_hash(&self, purpose: &str, ticket: &str) -> Hash {
        self.hash(self.tickets.as_ref(), &[purpose.as_bytes(), ticket.as_bytes()])
    }

    fn password_hash(&self, account: &str, password: &str) -> Hash {
        self.hash(self.passwords.as_ref(), &[account.as_bytes(), password.as_bytes()])
    }

    fn token_hash(&self, token: &str) -> Hash {
        self.hash(self.tokens.as_ref(), &[token.as_bytes()])
    }

    fn pin_hash(&self, account: &str, digits: &str) -> Hash {
        self.hash(self.pins.as_ref(), &[account.as_bytes(), digits.as_bytes()])
    }

    fn hash(&self, key: &[u8; 32], parts: &[&[u8]]) -> Hash {
        Hash { key_id: self.id, bytes: keyed_hash(key, parts) }
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(self.sealing.as_ref().into())
    }

    /// Returns the associated data of a binding. No column's name holds a zero byte, so the parts
    /// cannot run into one another.
    fn associated_data(&self, binding: Binding<'_>) -> Vec<u8> {
        [&self.id.to_be_bytes()[..], binding.column.as_bytes(), &[0], binding.row.as_bytes()].concat()
    }
}

/// Computes HMAC-SHA256 over parts. The length of each part precedes it.
fn keyed_hash(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = [0; 32];
    keyed_hash_into(key, parts, &mut hash);
    hash
}

/// Computes the same into `hash`, in place: a derived key leaves no copy.
fn keyed_hash_into(key: &[u8; 32], parts: &[&[u8]], hash: &mut [u8; 32]) {
    // A key of HMAC's whole block of 64 bytes, padded with zeros as HMAC itself does: taking it
    // cannot fail.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new((&*block).into());
    for part in parts {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize_into(hash.into());
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HERE: Binding<'_> = Binding { column: "devices.k0", row: "a" };

    fn sealer(id: u32, byte: u8) -> Sealer {
        Sealer::new(&MasterKey::new(id, [byte; 32]).into())
    }

    #[test]
    fn a_sealed_value_opens_with_its_own_binding_alone() {
        let sealer = sealer(1, 7);
        let sealed = sealer.seal(HERE, b"secret").unwrap();
        assert_eq!(&**sealer.open(HERE, &sealed).unwrap(), b"secret");
        for elsewhere in [Binding { row: "b", ..HERE }, Binding { column: "devices.k1", ..HERE }] {
            assert!(sealer.open(elsewhere, &sealed).is_err());
        }
    }

    #[test]
    fn another_key_another_id_and_every_changed_byte_are_refused() {
        let sealed = sealer(1, 7).seal(HERE, b"secret").unwrap();
        assert!(sealer(1, 8).open(HERE, &sealed).is_err());
        assert!(sealer(2, 7).open(HERE, &sealed).is_err());
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(sealer(1, 7).open(HERE, &changed).is_err(), "{index}");
            assert!(sealer(1, 7).open(HERE, &sealed[..index]).is_err(), "{index}");
        }
    }

    #[test]
    fn the_same_value_is_sealed_differently_each_time() {
        let sealer = sealer(1, 7);
        assert_ne!(sealer.seal(HERE, b"1234").unwrap(), sealer.seal(HERE, b"1234").unwrap());
    }

    #[test]
    fn hashes_tell_uses_keys_and_parts_apart() {
        let first = sealer(1, 7);
        let hashes = [
            first.code_hash("ab", "c", "d"),
            first.code_hash("a", "bc", "d"),
            first.code_hash("a", "b", "cd"),
            first.code_hash("", "a", "b"),
            first.open_code_hash("a", "b"),
            first.ticket_hash("a", "b"),
            first.password_hash("a", "b"),
            sealer(1, 8).code_hash("ab", "c", "d"),
            sealer(1, 8).open_code_hash("a", "b"),
            sealer(1, 8).ticket_hash("a", "b"),
        ];
        for (index, one) in hashes.iter().enumerate() {
            assert!(hashes[index + 1..].iter().all(|other| other.bytes != one.bytes), "{index}");
        }
    }

    #[test]
    fn a_ring_opens_what_its_old_keys_sealed_and_seals_under_the_current_one() {
        let old = sealer(1, 7);
        let sealed = old.seal(HERE, b"secret").unwrap();
        let ring = KeyRing::new(MasterKey::new(2, [8; 32])).with(MasterKey::new(1, [7; 32])).unwrap();
        let rotated = Sealer::new(&ring);
        assert_eq!(&**rotated.open(HERE, &sealed).unwrap(), b"secret");
        let resealed = rotated.reseal(HERE, &sealed).unwrap().unwrap();
        assert!(rotated.reseal(HERE, &resealed).unwrap().is_none());
        assert_eq!(&**sealer(2, 8).open(HERE, &resealed).unwrap(), b"secret");
        assert!(old.open(HERE, &resealed).is_err());
        let hashes = rotated.code_hashes("a", "b", "c");
        assert_eq!(hashes[0].bytes, sealer(2, 8).code_hash("a", "b", "c").bytes);
        assert_eq!(hashes[1].bytes, old.code_hash("a", "b", "c").bytes);
    }
}
