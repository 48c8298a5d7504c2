//! Token support for a server: a secret of its own to sign with, and refresh tokens that are
//! accepted once.

use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::audit;
use crate::domain::moment;
use crate::domain::rows::TokenRow;
use crate::failure::Failure;
use crate::key_times;
use crate::passwords::{Accepted, accept};
use crate::random;
use crate::sealing::Binding;
use crate::step::{Context, Step};

const SECRET_COLUMN: &str = "secrets.value";

/// The length of a token: 256 bits in base64url.
const TOKEN_LENGTH: usize = 43;

/// Answers [`Authority::secret`](crate::Authority::secret).
pub(crate) fn secret(
    ctx: &Context<'_>,
    name: &str,
    make: impl Fn() -> Result<Vec<u8>, Failure>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(secret) = ctx.step("secret.load", |step| load(step, name))? {
        return Ok(secret);
    }
    // The secret is made outside of a transaction, so that no step waits for it.
    let made = Zeroizing::new(make()?);
    ctx.step("secret.make", |step| {
        if let Some(secret) = load(step, name)? {
            return Ok(secret);
        }
        step.rows.put_secret(name, &step.sealer.seal(binding(name), &made)?)?;
        key_times::record(step.rows, &step.trail.key, &key_times::secret(name), step.now)?;
        step.audit(None, None, audit::SECRET_MADE)?;
        Ok(made.clone())
    })
}

/// Answers [`Authority::exchange_otp`](crate::Authority::exchange_otp).
pub(crate) fn exchange_otp(
    ctx: &Context<'_>,
    account: &AccountName,
    otp: &str,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let (token, family) = (random::token()?, random::hex::<16>()?);
    ctx.step("token.grant", |step| {
        let Some(Accepted { device, account }) = accept(step, account.as_str(), otp)? else { return Ok(None) };
        let (family_made_at, pin_generation) = (Some(step.now), Some(account.pin_generation));
        store(
            step,
            &token,
            TokenRow {
                hash: [0; 32],
                key_id: 0,
                account: account.name.clone(),
                family: family.clone(),
                family_made_at,
                device: Some(device.clone()),
                pin_generation,
                expires_at: 0,
                used: false,
                version: 0,
            },
        )?;
        step.audit(Some(&account.name), Some(&device), audit::TOKEN_GRANTED)?;
        Ok(Some(token.clone()))
    })
}

/// Answers [`Authority::rotate_refresh_token`](crate::Authority::rotate_refresh_token).
pub(crate) fn rotate_refresh_token(
    ctx: &Context<'_>,
    token: &str,
) -> Result<Option<(AccountName, Zeroizing<String>)>, Failure> {
    let next = random::token()?;
    ctx.step("token.rotate", |step| {
        let Some(found) = find(step, token)? else {
            step.audit(None, None, audit::TOKEN_REFUSED)?;
            return Ok(None);
        };
        let account = AccountName::stored(found.account.clone());
        if found.used {
            step.rows.remove_token_family(&found.account, &found.family)?;
            step.audit(Some(&found.account), None, audit::TOKEN_REUSED)?;
            return Ok(None);
        }
        if !is_good(step, &found)? {
            step.audit(Some(&found.account), None, audit::TOKEN_REFUSED)?;
            return Ok(None);
        }
        // A family of an earlier release counts as made at its first rotation here.
        let family_made_at = found.family_made_at.or(Some(step.now));
        store(step, &next, TokenRow { family_made_at, used: false, version: 0, ..found.clone() })?;
        step.rows.put_token(&TokenRow { used: true, ..found })?;
        step.audit(Some(account.as_str()), None, audit::TOKEN_ROTATED)?;
        Ok(Some((account, next.clone())))
    })
}

fn binding(name: &str) -> Binding<'_> {
    Binding { column: SECRET_COLUMN, row: name }
}

fn load(step: &Step<'_>, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    step.rows.secret(name)?.map(|sealed| step.sealer.open(binding(name), &sealed)).transpose()
}

/// Seals a secret again under the current key, if another key sealed it. Returns whether it
/// changed.
pub(crate) fn reseal(step: &Step<'_>, name: &str, sealed: &[u8]) -> Result<bool, Failure> {
    let Some(resealed) = step.sealer.reseal(binding(name), sealed)? else { return Ok(false) };
    step.rows.put_secret(name, &resealed)?;
    Ok(true)
}

/// Returns whether an unused token can be exchanged for the next one. Tokens of a removed device or
/// an old PIN were removed with it. This check also holds if such a row is left over.
fn is_good(step: &Step<'_>, token: &TokenRow) -> Result<bool, Failure> {
    let (lifetime, family_lifetime) =
        (step.policy.refresh_token_lifetime_millis(), step.policy.refresh_token_most_millis());
    let is_in_time = moment::is_in_progress(token.expires_at, lifetime, step.now);
    let is_young = |made_at| moment::time_left(made_at, family_lifetime, step.now).is_some();
    if !is_in_time || !token.family_made_at.is_none_or(is_young) {
        return Ok(false);
    }
    let Some(account) = step.rows.account(&token.account)? else { return Ok(false) };
    let is_of_this_pin = token.pin_generation.is_none_or(|generation| generation == account.pin_generation);
    let has_device = match &token.device {
        Some(id) => step.rows.device(id)?.is_some_and(|device| device.account == account.name),
        None => true,
    };
    Ok(step.block(&account)?.is_none() && is_of_this_pin && has_device)
}

/// Finds a token by its keyed hash, so that the duration of the search reveals nothing about any
/// token.
fn find(step: &Step<'_>, token: &str) -> Result<Option<TokenRow>, Failure> {
    if token.len() != TOKEN_LENGTH {
        return Ok(None);
    }
    for hash in step.sealer.token_hashes(token) {
        if let Some(found) = step.rows.token(&hash.bytes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Stores a new token of the family of `row`. It expires by its own lifetime, and with its family.
fn store(step: &Step<'_>, token: &str, row: TokenRow) -> Result<(), Failure> {
    let hash = step.sealer.token_hash(token);
    let family_ends = row.family_made_at.map(|at| at.saturating_add(step.policy.refresh_token_most_millis()));
    let own_end = step.now.saturating_add(step.policy.refresh_token_lifetime_millis());
    let expires_at = own_end.min(family_ends.unwrap_or(i64::MAX));
    Ok(step.rows.add_token(&TokenRow { hash: hash.bytes, key_id: hash.key_id, expires_at, ..row })?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::authority::Authority;
    use crate::domain::rows::{AccountRow, DeviceRow};
    use crate::{MasterKey, Options, Outbox, Policy, SystemClock};

    /// Stores a token as an earlier release did: its device, its PIN and its age are unknown.
    fn grant_as_before(authority: &Authority, token: &str) {
        let row = TokenRow {
            hash: [0; 32],
            key_id: 0,
            account: "user".to_owned(),
            family: "family".to_owned(),
            family_made_at: None,
            device: None,
            pin_generation: None,
            expires_at: 0,
            used: false,
            version: 0,
        };
        authority.context().step("test", |step| store(step, token, row.clone())).unwrap();
    }

    #[test]
    fn a_token_of_an_earlier_release_lives_on_and_ends_with_any_device_or_with_the_pin() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(Options {
            database: folder.path().join("authority.db").into(),
            master_key: MasterKey::new(1, [7; 32]).into(),
            policy: Policy::default(),
            sms: Box::new(Outbox::new(folder.path().join("outbox"))),
            sms_retry: None,
            clock: Box::new(SystemClock),
        })
        .unwrap();
        let ctx = authority.context();
        let mut account = AccountRow::new("user", 0);
        ctx.step("test", |step| Ok(step.rows.add_account(&account)?)).unwrap();
        let device = DeviceRow { serial: "s".to_owned(), ..DeviceRow::new("device", "user", 0) };
        ctx.step("test", |step| Ok(step.rows.add_device(&device)?)).unwrap();

        let old = "A".repeat(TOKEN_LENGTH);
        grant_as_before(&authority, &old);
        let (_, next) = authority.rotate_refresh_token(&old).unwrap().unwrap();
        let found = ctx.step("test", |step| find(step, &next)).unwrap().unwrap();
        assert!(found.family_made_at.is_some(), "the family is as old as its first rotation");
        ctx.step("test", |step| Ok(step.rows.tombstone_device("device", 1)?)).unwrap();
        assert!(authority.rotate_refresh_token(&next).unwrap().is_none());

        let old = "B".repeat(TOKEN_LENGTH);
        grant_as_before(&authority, &old);
        ctx.step("test", |step| step.remove_pin(&mut account)).unwrap();
        assert!(authority.rotate_refresh_token(&old).unwrap().is_none());
    }
}
