//! The ages of the keys and secrets in the database.
//!
//! The time at which a key was made is a signed value of `meta`, which the transaction that makes
//! the key writes. Keys of earlier releases have none, nor has a key that a program of an earlier
//! release makes: their age is unknown.

use crate::audit::AuditKey;
use crate::failure::Failure;
use crate::step::{Context, Step};
use crate::storage::Transaction;
use crate::{database_check, service_keys};

/// A key or a secret in the database, with its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAge {
    /// Its name: `masterKey.ID`, `serviceKey.NAME` or `secret.NAME`.
    pub name: String,
    /// The time at which it was made, in milliseconds since 1970 in UTC. For a master key, the time
    /// at which it first sealed something in this database. `None` if it is not known.
    pub made_at: Option<i64>,
}

/// The maximum number of secrets in a list.
const MAX_SECRETS: u32 = 1000;

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
    let name = meta_name(name);
    Ok(rows.put_meta(&name, &key.sign(&name, now))?)
}

/// Removes the time at which a key was made.
pub(crate) fn remove(rows: &Transaction<'_>, name: &str) -> Result<(), Failure> {
    Ok(rows.remove_meta(&meta_name(name))?)
}

/// Answers [`Authority::key_ages`](crate::Authority::key_ages).
pub(crate) fn key_ages(ctx: &Context<'_>) -> Result<Vec<KeyAge>, Failure> {
    ctx.step("keys.ages", |step| {
        let mut names: Vec<String> = database_check::key_ids(step)?.into_iter().map(master_key).collect();
        names.extend(service_keys::names(step)?.into_iter().map(service_key));
        names.extend(step.rows.secrets_after("", MAX_SECRETS)?.iter().map(|(name, _)| secret(name)));
        names.into_iter().map(|name| age(step, name)).collect()
    })
}

/// Returns the age of a key. A value that was changed counts as none.
fn age(step: &Step<'_>, name: String) -> Result<KeyAge, Failure> {
    let stored = meta_name(&name);
    let value = step.rows.meta(&stored)?;
    let made_at = value.and_then(|value| step.trail.key.open_signed(&stored, &value));
    Ok(KeyAge { name, made_at })
}

fn meta_name(name: &str) -> String {
    format!("madeAt.{name}")
}
