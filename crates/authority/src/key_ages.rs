//! The ages of the keys and secrets in the database.

use crate::failure::Failure;
use crate::key_times::{master_key, read, secret, service_key};
use crate::step::Context;
use crate::{database_check, service_keys};

/// The maximum number of secrets in a list.
const MAX_SECRETS: u32 = 1000;

/// A key or a secret in the database, with its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAge {
    /// Its name: `masterKey.ID`, `serviceKey.NAME` or `secret.NAME`.
    pub name: String,
    /// The time at which it was made, in milliseconds since 1970 in UTC. For a master key, the time
    /// at which it first sealed something in this database. `None` if it is not known.
    pub made_at: Option<i64>,
}

/// Answers [`Authority::key_ages`](crate::Authority::key_ages).
pub(crate) fn key_ages(ctx: &Context<'_>) -> Result<Vec<KeyAge>, Failure> {
    ctx.step("keys.ages", |step| {
        let mut names: Vec<String> = database_check::key_ids(step)?.into_iter().map(master_key).collect();
        names.extend(service_keys::names(step)?.into_iter().map(service_key));
        names.extend(step.rows.secrets_after("", MAX_SECRETS)?.iter().map(|(name, _)| secret(name)));
        let age = |name: String| {
            let made_at = read(step.rows, &step.trail.key, &name)?;
            Ok(KeyAge { name, made_at })
        };
        names.into_iter().map(age).collect()
    })
}
