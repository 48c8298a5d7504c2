//! The MACs of the audit trail: over each row, over the rows of a seal, and over the seals.

use hmac::digest::Output;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::random;
use crate::sealing::{Binding, Sealer};
use crate::storage::{AuditRow, SealRow, Transaction};

/// The names of the hashed structures, with their versions. A name precedes the hashed data.
const ROW: &str = "audit.1";
const ROW_WITH_REASON: &str = "audit.2";
const ROWS: &str = "audit.rows.1";
const SEAL: &str = "audit_seals.1";
const VALUE: &str = "meta.audit.1";

/// The key of the audit trail: 256 random bits that are made once and kept sealed under the master
/// key. A rotation of the master key seals it again and changes no row.
pub(crate) struct AuditKey {
    key: Zeroizing<[u8; 32]>,
    /// Rows with a lower id may have no MAC: they are older than the key.
    unsigned_below: i64,
}

impl AuditKey {
    /// The name of the key among the service's secrets.
    pub(crate) const NAME: &str = "pims-authority.audit.key";

    /// Loads the key of this database. Returns `None` if there is none.
    pub(crate) fn load(rows: &Transaction<'_>, sealer: &Sealer) -> Result<Option<Self>, Failure> {
        let Some(sealed) = rows.secret(Self::NAME)? else { return Ok(None) };
        Self::read(&sealer.open(binding(), &sealed)?).map(Some)
    }

    /// Makes the key. Rows up to the id `newest` may have no MAC.
    pub(crate) fn make(rows: &Transaction<'_>, sealer: &Sealer, newest: Option<i64>) -> Result<Self, Failure> {
        let unsigned_below = newest.map_or(0, |id| id.saturating_add(1));
        let made = Self { key: Zeroizing::new(random::bytes()?), unsigned_below };
        let mut whole = Zeroizing::new([0; 40]);
        whole[..32].copy_from_slice(&*made.key);
        whole[32..].copy_from_slice(&made.unsigned_below.to_be_bytes());
        rows.put_secret(Self::NAME, &sealer.seal(binding(), &*whole)?)?;
        Ok(made)
    }

    fn read(whole: &[u8]) -> Result<Self, Failure> {
        let (key, rest) = whole.split_first_chunk::<32>().ok_or(Failure::Sealed)?;
        let below = <[u8; 8]>::try_from(rest).map_err(|_| Failure::Sealed)?;
        Ok(Self { key: Zeroizing::new(*key), unsigned_below: i64::from_be_bytes(below) })
    }

    /// Returns the MAC of a row: over the table, the version and every column but the MAC. A row
    /// without a reason has the MAC that releases without reasons made.
    pub(crate) fn row_mac(&self, row: &AuditRow) -> [u8; 32] {
        let form = if row.reason.is_some() { ROW_WITH_REASON } else { ROW };
        let mut parts = Parts::new(&self.key, form);
        parts.number(row.id);
        parts.number(row.at);
        parts.text(row.account.as_deref());
        parts.text(row.device.as_deref());
        parts.text(Some(&row.event));
        parts.text(row.actor.as_deref());
        parts.text(row.address.as_deref());
        parts.number(row.count);
        if row.reason.is_some() {
            parts.text(row.reason.as_deref());
        }
        parts.end()
    }

    /// Compares a row with its MAC.
    pub(crate) fn check_row(&self, row: &AuditRow) -> RowState {
        match &row.mac {
            Some(mac) if same(mac, &self.row_mac(row)) => RowState::Intact,
            None if row.id < self.unsigned_below && is_of_release_without_macs(row) => RowState::Intact,
            Some(_) => RowState::Changed,
            None => RowState::Unsigned,
        }
    }

    /// Returns the digest of rows in their order, with their MACs.
    pub(crate) fn rows_digest(&self, rows: &[AuditRow]) -> [u8; 32] {
        let mut parts = Parts::new(&self.key, ROWS);
        for row in rows {
            parts.bytes(Some(&self.row_mac(row)));
            parts.bytes(row.mac.as_deref());
        }
        parts.end()
    }

    /// Returns the MAC of a seal: over every column but the MAC.
    pub(crate) fn seal_mac(&self, seal: &SealRow) -> [u8; 32] {
        let mut parts = Parts::new(&self.key, SEAL);
        for number in [seal.number, seal.first_id, seal.last_id, seal.count, seal.at] {
            parts.number(number);
        }
        parts.bytes(Some(&seal.digest));
        parts.bytes(Some(&seal.previous));
        parts.end()
    }

    /// Returns whether a seal has the right MAC.
    pub(crate) fn is_intact(&self, seal: &SealRow) -> bool {
        same(&seal.mac, &self.seal_mac(seal))
    }

    /// Returns a number in the form for `meta`: with a MAC over its name and itself.
    pub(crate) fn sign(&self, name: &str, number: i64) -> Vec<u8> {
        [&number.to_be_bytes()[..], &self.value_mac(name, number)].concat()
    }

    /// Returns the number that [`sign`](Self::sign) was given. Returns `None` if any part was
    /// changed.
    pub(crate) fn open_signed(&self, name: &str, whole: &[u8]) -> Option<i64> {
        let (number, mac) = whole.split_first_chunk::<8>()?;
        let number = i64::from_be_bytes(*number);
        same(mac, &self.value_mac(name, number)).then_some(number)
    }

    fn value_mac(&self, name: &str, number: i64) -> [u8; 32] {
        let mut parts = Parts::new(&self.key, VALUE);
        parts.text(Some(name));
        parts.number(number);
        parts.end()
    }
}

/// Returns whether a release that made no MACs can have written a row: it recorded neither actor,
/// count nor reason.
fn is_of_release_without_macs(row: &AuditRow) -> bool {
    row.actor.is_none() && row.address.is_none() && row.count == 1 && row.reason.is_none()
}

/// The result of the comparison of a row with its MAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    Intact,
    /// Its MAC belongs to another row or to other columns.
    Changed,
    /// It has no MAC, and is too new to have none.
    Unsigned,
}

fn binding() -> Binding<'static> {
    Binding { column: "secrets.value", row: AuditKey::NAME }
}

fn same(shown: &[u8], right: &[u8; 32]) -> bool {
    shown.ct_eq(right).into()
}

/// HMAC-SHA256 over parts. The length of each part precedes it. A null part differs from an empty
/// one.
struct Parts(Hmac<Sha256>);

impl Parts {
    fn new(key: &[u8; 32], name: &str) -> Self {
        // A key of HMAC's whole block, padded with zeros as HMAC itself does: taking it cannot
        // fail.
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(key);
        let mut parts = Self(<Hmac<Sha256> as hmac::KeyInit>::new(&(*block).into()));
        parts.text(Some(name));
        parts
    }

    fn bytes(&mut self, bytes: Option<&[u8]>) {
        let length = bytes.map_or(u64::MAX, |bytes| bytes.len() as u64);
        self.0.update(&length.to_be_bytes());
        self.0.update(bytes.unwrap_or_default());
    }

    fn text(&mut self, text: Option<&str>) {
        self.bytes(text.map(str::as_bytes));
    }

    fn number(&mut self, number: i64) {
        self.bytes(Some(&number.to_be_bytes()));
    }

    fn end(self) -> [u8; 32] {
        let made: Output<Hmac<Sha256>> = self.0.finalize().into_bytes();
        made.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> AuditKey {
        AuditKey { key: Zeroizing::new([7; 32]), unsigned_below: 100 }
    }

    fn row() -> AuditRow {
        AuditRow {
            id: 1000,
            at: 5,
            account: Some("alice".into()),
            device: None,
            event: "code.refused".into(),
            actor: Some("app".into()),
            address: None,
            count: 1,
            reason: None,
            mac: None,
        }
    }

    #[test]
    fn every_column_of_a_row_is_in_its_mac() {
        let (key, row) = (key(), row());
        let mac = Some(key.row_mac(&row).to_vec());
        assert_eq!(key.check_row(&AuditRow { mac: mac.clone(), ..row.clone() }), RowState::Intact);
        let changed = [
            AuditRow { id: 1001, ..row.clone() },
            AuditRow { at: 6, ..row.clone() },
            AuditRow { account: Some("bob".into()), ..row.clone() },
            AuditRow { account: None, device: Some("alice".into()), ..row.clone() },
            AuditRow { device: Some(String::new()), ..row.clone() },
            AuditRow { event: "code.accepted".into(), ..row.clone() },
            AuditRow { actor: None, ..row.clone() },
            AuditRow { actor: None, address: Some("app".into()), ..row.clone() },
            AuditRow { address: Some(String::new()), ..row.clone() },
            AuditRow { count: 2, ..row.clone() },
            AuditRow { reason: Some(String::new()), ..row.clone() },
            AuditRow { reason: Some("lost phone".into()), ..row.clone() },
        ];
        for other in changed {
            assert_eq!(key.check_row(&AuditRow { mac: mac.clone(), ..other }), RowState::Changed);
        }
        let given = AuditRow { reason: Some("lost phone".into()), ..row.clone() };
        let mac = Some(key.row_mac(&given).to_vec());
        assert_eq!(key.check_row(&AuditRow { mac: mac.clone(), ..given.clone() }), RowState::Intact);
        for other in [
            row.clone(),
            AuditRow { reason: Some("lost phones".into()), ..row.clone() },
            AuditRow { reason: None, address: Some("lost phone".into()), ..row.clone() },
            AuditRow { count: 2, ..given },
        ] {
            assert_eq!(key.check_row(&AuditRow { mac: mac.clone(), ..other }), RowState::Changed);
        }
        assert_eq!(key.check_row(&row), RowState::Unsigned);
    }

    #[test]
    fn only_a_row_that_is_older_than_the_key_may_have_no_mac() {
        let old = AuditRow { id: 99, actor: None, ..row() };
        assert_eq!(key().check_row(&old), RowState::Intact);
        assert_eq!(key().check_row(&AuditRow { id: 100, ..old.clone() }), RowState::Unsigned);
        assert_eq!(key().check_row(&AuditRow { actor: Some("app".into()), ..old.clone() }), RowState::Unsigned);
        assert_eq!(key().check_row(&AuditRow { count: 2, ..old.clone() }), RowState::Unsigned);
        assert_eq!(key().check_row(&AuditRow { reason: Some("lost phone".into()), ..old }), RowState::Unsigned);
    }

    #[test]
    fn a_row_without_a_reason_has_the_mac_of_earlier_releases() {
        let mut parts = Parts::new(&key().key, "audit.1");
        parts.number(1000);
        parts.number(5);
        for text in [Some("alice"), None, Some("code.refused"), Some("app"), None] {
            parts.text(text);
        }
        parts.number(1);
        assert_eq!(key().row_mac(&row()), parts.end());
    }

    #[test]
    fn a_signed_number_is_of_its_name_alone() {
        let signed = key().sign("a", -5);
        assert_eq!(key().open_signed("a", &signed), Some(-5));
        assert_eq!(key().open_signed("b", &signed), None);
        for index in 0..signed.len() {
            let mut changed = signed.clone();
            changed[index] ^= 1;
            assert_eq!(key().open_signed("a", &changed), None);
            assert_eq!(key().open_signed("a", &signed[..index]), None);
        }
    }
}
