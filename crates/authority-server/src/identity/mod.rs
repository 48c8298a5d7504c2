//! Accounts, identified by the bearer tokens of apps.
//!
//! A token is refused at its first fault. The log names this fault at level `debug`, without any
//! part of the token. The response is the same for all faults.

mod claims;
mod header;
mod keys;
mod members;
mod refusal;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, HeaderValue, header as http_header};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode};
use tls_faults::Peer;

use super::config::{Issuer, IssuerKeys, Secret, StaticTokens, StepUp, Tokens};
use super::outgoing;
use authority::AccountName;
use claims::Subject;
use header::Header;
use keys::{IgnoredKey, Keys};
use members::Members;
use refusal::Refusal;

/// Largest key set that is read, in bytes.
const MAX_JWKS: u64 = 256 * 1024;

const TIMEOUT: Duration = Duration::from_secs(10);

/// The accepted tokens, by which accounts are identified.
pub(crate) struct Identity {
    static_accounts: StaticAccounts,
    issuer: Option<KnownIssuer>,
}

/// The tokens of the configuration, for development.
struct StaticAccounts {
    tokens: RwLock<Vec<(AccountName, Secret)>>,
    /// The file of the tokens. It is read again if a token is unknown, because `account add
    /// --token` adds tokens.
    file: Option<StaticTokens>,
}

/// An issuer and its present keys.
struct KnownIssuer {
    issuer: Issuer,
    keys: RwLock<Arc<Loaded>>,
    /// The challenge for a client whose login is not fresh or strong enough.
    challenge: HeaderValue,
}

/// A set of keys, and the keys that were left out of it.
struct Loaded {
    keys: Keys,
    ignored: Vec<IgnoredKey>,
}

/// A client that presented the token of an account.
pub(crate) struct Caller {
    account: AccountName,
    /// The challenge for an operation that requires a fresher or stronger login.
    login_challenge: Option<HeaderValue>,
}

impl Caller {
    /// Returns the account's name, under which its requests are counted.
    pub(crate) fn name(&self) -> &AccountName {
        &self.account
    }

    /// Returns the account, for operations that any of its tokens permits.
    pub(crate) fn account(self) -> AccountName {
        self.account
    }

    /// Returns the account, for operations that require a fresh or strong login. If the token does
    /// not prove one, returns the challenge of RFC 9470.
    pub(crate) fn stepped_up(self) -> Result<AccountName, HeaderValue> {
        match self.login_challenge {
            None => Ok(self.account),
            Some(challenge) => Err(challenge),
        }
    }
}

impl Identity {
    /// Loads the issuer's present keys. There must be a usable one: without it, no app can be
    /// identified.
    pub(crate) fn new(tokens: Tokens) -> Result<Self, String> {
        let issuer = tokens.issuer.map(KnownIssuer::new).transpose()?;
        Ok(Self {
            static_accounts: StaticAccounts { tokens: RwLock::new(tokens.static_tokens), file: tokens.file },
            issuer,
        })
    }

    /// Returns the interval at which the keys must be read again.
    pub(crate) fn refresh_every(&self) -> Option<Duration> {
        let known = self.issuer.as_ref()?;
        matches!(known.issuer.keys, IssuerKeys::Url { .. }).then_some(known.issuer.refresh)
    }

    /// Reads the issuer's keys and the static tokens again. If that fails, the old ones stay. It
    /// blocks on the network.
    pub(crate) fn refresh(&self) -> Result<(), String> {
        self.static_accounts.refresh();
        self.issuer.as_ref().map_or(Ok(()), KnownIssuer::refresh)
    }

    /// Returns the client whose token these headers carry.
    pub(crate) fn caller(&self, headers: &HeaderMap) -> Option<Caller> {
        let token = bearer(headers)?;
        if let Some(account) = self.static_accounts.account(token) {
            // Tokens of the configuration are for development: they have no login.
            return Some(Caller { account, login_challenge: None });
        }
        let known = self.issuer.as_ref()?;
        match known.subject(token) {
            Ok(Subject { account, stepped_up }) => {
                Some(Caller { account, login_challenge: (!stepped_up).then(|| known.challenge.clone()) })
            }
            Err(why) => {
                tracing::debug!(%why, "a token was refused");
                None
            }
        }
    }
}

impl StaticAccounts {
    /// Returns the account of a token, even if the token was added to the file after the last read.
    fn account(&self, token: &str) -> Option<AccountName> {
        self.known(token).or_else(|| {
            self.refresh();
            self.known(token)
        })
    }

    /// Reads the file again. If that fails, the old tokens stay.
    fn refresh(&self) {
        match self.file.as_ref().map(StaticTokens::read) {
            Some(Ok(tokens)) => *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = tokens,
            Some(Err(error)) => tracing::warn!(%error, "static token reload failed, keeping the current tokens"),
            None => {}
        }
    }

    fn known(&self, token: &str) -> Option<AccountName> {
        // All tokens are compared, so that the running time does not tell which one matches.
        let mut found = None;
        for (account, secret) in &*self.tokens.read().unwrap_or_else(PoisonError::into_inner) {
            if secret.matches(token) {
                found = Some(account.clone());
            }
        }
        found
    }
}

impl KnownIssuer {
    fn new(issuer: Issuer) -> Result<Self, String> {
        let loaded = Loaded::read(&issuer)?;
        loaded.log_ignored(&[]);
        let challenge = challenge(issuer.step_up.as_ref());
        Ok(Self { keys: RwLock::new(Arc::new(loaded)), challenge, issuer })
    }

    fn refresh(&self) -> Result<(), String> {
        let loaded = Arc::new(Loaded::read(&self.issuer)?);
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *keys, loaded.clone());
        drop(keys);
        loaded.log_ignored(&before.ignored);
        Ok(())
    }

    fn subject(&self, token: &str) -> Result<Subject, Refusal> {
        let header = Header::read(token, &self.issuer)?;
        let mut validation = Validation::new(header.algorithm);
        validation.set_issuer(&[&self.issuer.name]);
        validation.set_audience(&[&self.issuer.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = self.issuer.leeway.as_secs();
        validation.validate_nbf = true;
        let loaded = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut refusal = Refusal::Key;
        for key in loaded.keys.candidates(header.algorithm, header.key_id.as_deref()) {
            match decode::<Members>(token, key, &validation) {
                Ok(token) => return claims::validate(&token.claims, &self.issuer, now()),
                Err(error) => refusal = refusal_of(error.kind()),
            }
            // If two keys have one id, the other one may have signed the token.
            if refusal != Refusal::Signature {
                break;
            }
        }
        Err(refusal)
    }
}

const ISSUER: Peer<'static> =
    Peer { name: "the server of tokens.jwks_url", roots: "tokens.ca_file", address: "tokens.jwks_url" };

impl Loaded {
    fn read(issuer: &Issuer) -> Result<Self, String> {
        let text = match &issuer.keys {
            IssuerKeys::File(file) => {
                std::fs::read(file).map_err(|error| format!("the issuer's keys: {}: {error}", file.display()))?
            }
            IssuerKeys::Url { url, ca_file } => outgoing::agent(ca_file.as_deref(), TIMEOUT)?
                .get(url)
                .call()
                .and_then(|mut answer| answer.body_mut().with_config().limit(MAX_JWKS).read_to_vec())
                .map_err(|error| format!("the issuer's keys: {}", outgoing::describe(&error, ISSUER)))?,
        };
        let (keys, ignored) = Keys::read(&text, &issuer.algorithms)?;
        Ok(Self { keys, ignored })
    }

    /// Logs the keys that are left out, except those that were logged before: a set is read again
    /// every few minutes.
    fn log_ignored(&self, before: &[IgnoredKey]) {
        for IgnoredKey { key, reason } in self.ignored.iter().filter(|ignored| !before.contains(ignored)) {
            tracing::info!(?key, why = %reason, "a key of the issuer cannot be used and is ignored");
        }
    }
}

fn refusal_of(error: &ErrorKind) -> Refusal {
    match error {
        ErrorKind::InvalidSignature => Refusal::Signature,
        ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Refusal::Time,
        ErrorKind::InvalidIssuer => Refusal::Issuer,
        ErrorKind::InvalidAudience => Refusal::Audience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => Refusal::Claims,
        _ => Refusal::Form,
    }
}

/// Returns the challenge of RFC 9470, which names the login that the client's next token must
/// prove.
fn challenge(required: Option<&StepUp>) -> HeaderValue {
    let mut text = r#"Bearer error="insufficient_user_authentication""#.to_owned();
    if let Some(StepUp { max_age, acr }) = required {
        if !acr.is_empty() {
            text += &format!(r#", acr_values="{}""#, acr.join(" "));
        }
        if let Some(limit) = max_age {
            text += &format!(r#", max_age="{}""#, limit.as_secs());
        }
    }
    // The configuration accepts only classes that a header can hold.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(http_header::AUTHORIZATION).iter();
    let (value, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TokenType;

    /// Returns an issuer of access tokens that EdDSA signs.
    pub(super) fn issuer() -> Issuer {
        Issuer {
            name: "https://login.example".into(),
            audience: "pims".into(),
            keys: IssuerKeys::File("jwks.json".into()),
            refresh: Duration::from_secs(300),
            algorithms: vec![jsonwebtoken::Algorithm::EdDSA],
            leeway: Duration::from_secs(30),
            types: vec![TokenType::AccessToken],
            authorized_parties: Vec::new(),
            scope: Vec::new(),
            max_lifetime: Duration::from_secs(86_400),
            step_up: None,
        }
    }

    #[test]
    fn a_challenge_names_the_required_login() {
        let of = |max_age: Option<u64>, acr: &[&str]| {
            let acr = acr.iter().map(|class| (*class).to_owned()).collect();
            challenge(Some(&StepUp { max_age: max_age.map(Duration::from_secs), acr })).to_str().map(str::to_owned)
        };
        let begin = r#"Bearer error="insufficient_user_authentication""#;
        assert_eq!(of(Some(300), &[]).ok(), Some(format!(r#"{begin}, max_age="300""#)));
        let both = format!(r#"{begin}, acr_values="gold urn:x:silver", max_age="60""#);
        assert_eq!(of(Some(60), &["gold", "urn:x:silver"]).ok(), Some(both));
    }
}
