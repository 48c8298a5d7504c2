//! Whose request it is: the bearer token that the app shows.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::{HeaderMap, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use super::config::{Issuer, IssuerKeys, Secret, Tokens};
use super::outgoing;
use crate::AccountName;

/// The longest set of keys that is read.
const MAX_JWKS: u64 = 256 * 1024;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Knows accounts by their tokens.
pub(crate) struct Identity {
    fixed: Vec<(AccountName, Secret)>,
    issuer: Option<Known>,
}

/// An issuer and the keys that it has at the moment.
struct Known {
    issuer: Issuer,
    keys: RwLock<Arc<JwkSet>>,
}

/// What is read of a token. The rest is judged by the library.
#[derive(Deserialize)]
struct Claims {
    sub: String,
}

impl Identity {
    /// With the keys that the issuer has now. It must have some: without them every app is a stranger.
    pub(crate) fn new(tokens: Tokens) -> Result<Self, String> {
        let issuer = match tokens.issuer {
            Some(issuer) => {
                let keys = RwLock::new(Arc::new(load(&issuer.keys)?));
                Some(Known { issuer, keys })
            }
            None => None,
        };
        Ok(Self { fixed: tokens.fixed, issuer })
    }

    /// How often the keys are to be read again.
    pub(crate) fn refresh_every(&self) -> Option<Duration> {
        let known = self.issuer.as_ref()?;
        matches!(known.issuer.keys, IssuerKeys::Url { .. }).then_some(known.issuer.refresh)
    }

    /// Reads the issuer's keys again. Where that fails the old ones stay. It waits for the network.
    pub(crate) fn refresh(&self) -> Result<(), String> {
        let Some(known) = &self.issuer else { return Ok(()) };
        let keys = load(&known.issuer.keys)?;
        *known.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// The account whose token these headers carry.
    pub(crate) fn account(&self, headers: &HeaderMap) -> Option<AccountName> {
        let token = bearer(headers)?;
        // All of them are compared, whichever it is.
        let mut found = None;
        for (account, secret) in &self.fixed {
            if secret.is(token) {
                found = Some(account);
            }
        }
        found.cloned().or_else(|| self.issuer.as_ref()?.account(token))
    }
}

impl Known {
    fn account(&self, token: &str) -> Option<AccountName> {
        let header = decode_header(token).ok()?;
        // A token does not choose its algorithm: it must be one of those that the operator allows.
        if !self.issuer.algorithms.contains(&header.alg) {
            return None;
        }
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let fits = |key: &&jsonwebtoken::jwk::Jwk| {
            header.kid.is_none() || key.common.key_id.as_deref() == header.kid.as_deref()
        };
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.issuer.name]);
        validation.set_audience(&[&self.issuer.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = self.issuer.leeway.as_secs();
        validation.validate_nbf = true;
        keys.keys.iter().filter(fits).find_map(|key| {
            let key = DecodingKey::from_jwk(key).ok()?;
            let token = decode::<Claims>(token, &key, &validation).ok()?;
            AccountName::new(&token.claims.sub)
        })
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn load(keys: &IssuerKeys) -> Result<JwkSet, String> {
    let text = match keys {
        IssuerKeys::File(file) => {
            std::fs::read(file).map_err(|error| format!("the issuer's keys: {}: {error}", file.display()))?
        }
        IssuerKeys::Url { url, ca_file } => outgoing::agent(ca_file.as_deref(), TIMEOUT)?
            .get(url)
            .call()
            .and_then(|mut answer| answer.body_mut().with_config().limit(MAX_JWKS).read_to_vec())
            .map_err(|error| format!("the issuer's keys: {error}"))?,
    };
    let set: JwkSet =
        serde_json::from_slice(&text).map_err(|_| "the issuer's keys are not a JSON Web Key Set".to_owned())?;
    if set.keys.is_empty() { Err("the issuer's key set is empty".into()) } else { Ok(set) }
}
