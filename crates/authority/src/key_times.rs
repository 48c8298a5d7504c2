//! The times at which keys were made: signed values of `meta`, which the transaction that makes a
//! key writes.
//!
//! Keys of earlier releases have none, nor has a key that a program of an earlier release makes.

use crate::audit::AuditKey;
use crate::failure::Failure;
use crate::storage::Transaction;

/// Returns the name of a master key.
pub(crate) fn master_key(id: u32) -> String {
    format!("masterKey.{id}")
}

/// Returns the name of one of the service's own RSA keys.
pub(crate) fn service_key(name: &str) -> String {
    format!("serviceKey.{name}")
}

/// Returns the name of a secret.
pub(crate) fn secret(name: &str) -> String {
    format!("secret.{name}")
}

/// Records the time at which a key was made.
pub(crate) fn record(rows: &Transaction<'_>, key: &AuditKey, name: &str, now: i64) -> Result<(), Failure> {
    let stored = stored_name(name);
    Ok(rows.put_meta(&stored, &key.sign(&stored, now))?)
}

/// Returns the time at which a key was made. Returns `None` if it is not recorded, or if another
/// program changed it.
pub(crate) fn read(rows: &Transaction<'_>, key: &AuditKey, name: &str) -> Result<Option<i64>, Failure> {
    let stored = stored_name(name);
    Ok(rows.meta(&stored)?.and_then(|value| key.open_signed(&stored, &value)))
}

/// Removes the time at which a key was made.
pub(crate) fn remove(rows: &Transaction<'_>, name: &str) -> Result<(), Failure> {
    Ok(rows.remove_meta(&stored_name(name))?)
}

fn stored_name(name: &str) -> String {
    format!("madeAt.{name}")
}
