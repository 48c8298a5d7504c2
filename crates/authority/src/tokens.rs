//! What a server needs for its tokens: a secret of its own to sign with, and refresh tokens that are good once.

use zeroize::Zeroizing;

use crate::account::AccountName;
use crate::audit;
use crate::authority::Authority;
use crate::failure::Failure;
use crate::random;
use crate::sealing::Place;
use crate::step::Step;
use crate::storage::TokenRow;

const SECRET_COLUMN: &str = "secrets.value";

/// 256 bits in base64url.
const TOKEN_LENGTH: usize = 43;

impl Authority {
    /// The secret of this name, sealed in the database: made once, at the first need. Of instances that make it at once one wins and
    /// all get its secret. The names are the host's.
    pub fn secret(
        &self,
        name: &str,
        make: impl Fn() -> Result<Vec<u8>, Failure>,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let around = self.surroundings();
        if let Some(secret) = around.step("secret.load", |step| load(step, name))? {
            return Ok(secret);
        }
        // Outside of a transaction: nobody waits for it.
        let made = Zeroizing::new(make()?);
        around.step("secret.make", |step| {
            if let Some(secret) = load(step, name)? {
                return Ok(secret);
            }
            step.rows.put_secret(name, &step.vault.seal(place(name), &made)?)?;
            step.audit(None, None, audit::SECRET_MADE)?;
            Ok(made.clone())
        })
    }

    /// A refresh token for an account: 256 random bits in base64url, kept as a keyed hash. `None`: there is no such account, or it is
    /// blocked.
    pub fn grant_refresh_token(&self, account: &AccountName) -> Result<Option<Zeroizing<String>>, Failure> {
        let (token, family) = (random::token()?, random::hex::<16>()?);
        self.surroundings().step("token.grant", |step| {
            if !may_have_tokens(step, account.as_str())? {
                return Ok(None);
            }
            keep(step, &token, account.as_str(), &family)?;
            step.audit(Some(account.as_str()), None, audit::TOKEN_GRANTED)?;
            Ok(Some(token.clone()))
        })
    }

    /// Takes a refresh token and gives the next one, with the account that they are of. `None`: it is unknown or expired, its account is
    /// blocked, or it was used before. One that is shown again was stolen from one of those who showed it: it revokes all tokens that
    /// followed it and those that it followed.
    pub fn rotate_refresh_token(&self, token: &str) -> Result<Option<(AccountName, Zeroizing<String>)>, Failure> {
        let next = random::token()?;
        self.surroundings().step("token.rotate", |step| {
            let Some(found) = find(step, token)? else {
                step.audit(None, None, audit::TOKEN_REFUSED)?;
                return Ok(None);
            };
            let account = AccountName::stored(found.account.clone());
            if found.used {
                step.rows.forget_token_family(&found.account, &found.family)?;
                step.audit(Some(&found.account), None, audit::TOKEN_REUSED)?;
                return Ok(None);
            }
            if step.now >= found.expires_at || !may_have_tokens(step, &found.account)? {
                step.audit(Some(&found.account), None, audit::TOKEN_REFUSED)?;
                return Ok(None);
            }
            keep(step, &next, &found.account, &found.family)?;
            step.rows.put_token(&TokenRow { used: true, ..found })?;
            step.audit(Some(account.as_str()), None, audit::TOKEN_ROTATED)?;
            Ok(Some((account, next.clone())))
        })
    }
}

fn place(name: &str) -> Place<'_> {
    Place { column: SECRET_COLUMN, row: name }
}

fn load(step: &Step<'_>, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Failure> {
    step.rows.secret(name)?.map(|sealed| step.vault.open(place(name), &sealed)).transpose()
}

/// Seals a secret anew under the current key, where it is not.
pub(crate) fn reseal(step: &Step<'_>, name: &str, sealed: &[u8]) -> Result<bool, Failure> {
    let Some(resealed) = step.vault.reseal(place(name), sealed)? else { return Ok(false) };
    step.rows.put_secret(name, &resealed)?;
    Ok(true)
}

fn may_have_tokens(step: &Step<'_>, account: &str) -> Result<bool, Failure> {
    Ok(step.rows.account(account)?.is_some_and(|account| !account.blocked))
}

/// Found by its keyed hash: how long the search takes tells nothing about any token.
fn find(step: &Step<'_>, token: &str) -> Result<Option<TokenRow>, Failure> {
    if token.len() != TOKEN_LENGTH {
        return Ok(None);
    }
    for hash in step.vault.token_hashes(token) {
        if let Some(found) = step.rows.token(&hash.bytes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn keep(step: &Step<'_>, token: &str, account: &str, family: &str) -> Result<(), Failure> {
    let hash = step.vault.token_hash(token);
    Ok(step.rows.put_token(&TokenRow {
        hash: hash.bytes,
        key_id: hash.key_id,
        account: account.to_owned(),
        family: family.to_owned(),
        expires_at: step.now.saturating_add(step.policy.refresh_token_lifetime_millis()),
        used: false,
        version: 0,
    })?)
}
