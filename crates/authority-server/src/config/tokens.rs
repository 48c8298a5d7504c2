//! The section `tokens`: the issuer whose tokens are accepted, and the claims that they must have.

use jsonwebtoken::Algorithm;

use super::endpoints::url_of;
use super::reader::Reader;
use super::secret::MIN_TOKEN;
use super::source::Value;
use super::{Issuer, IssuerKeys, Secret, StepUp, TokenType, Tokens};
use crate::names;
use authority::AccountName;

/// Reads the tokens that CVS accepts.
pub(super) fn tokens(reader: &mut Reader) -> Tokens {
    let issuer = issuer(reader);
    let static_tokens = static_tokens(reader);
    if issuer.is_none() && static_tokens.is_empty() && !reader.has("tokens.issuer") {
        reader.problem(
            "tokens.issuer",
            "is missing: without an issuer the service cannot identify apps; a service for development can have [tokens.static] instead",
        );
    }
    Tokens { issuer, static_tokens, file: None }
}

/// Reads the tokens in the configuration.
pub(super) fn static_tokens(reader: &mut Reader) -> Vec<(AccountName, Secret)> {
    let mut static_tokens = Vec::new();
    for (account, token) in reader.table("tokens.static") {
        match (names::normal(&account), token) {
            (Some(account), Value::Text(token)) if token.len() >= MIN_TOKEN => {
                static_tokens.push((account, Secret::new(token)))
            }
            (None, _) => reader.problem("tokens.static", format!("`{account}` is no name: {}", names::RULE)),
            _ => reader.problem(
                "tokens.static",
                format!("the token of `{account}` must be a text of {MIN_TOKEN} characters or more"),
            ),
        }
    }
    if !static_tokens.is_empty() {
        reader.check_secret_in_file("tokens.static");
    }
    static_tokens
}

fn issuer(reader: &mut Reader) -> Option<Issuer> {
    const ALGORITHMS: [(&str, Algorithm); 9] = [
        ("ES256", Algorithm::ES256),
        ("ES384", Algorithm::ES384),
        ("EdDSA", Algorithm::EdDSA),
        ("RS256", Algorithm::RS256),
        ("RS384", Algorithm::RS384),
        ("RS512", Algorithm::RS512),
        ("PS256", Algorithm::PS256),
        ("PS384", Algorithm::PS384),
        ("PS512", Algorithm::PS512),
    ];
    let refresh = reader.seconds("tokens.jwks_refresh_seconds");
    let leeway = reader.seconds("tokens.leeway_seconds");
    let mut algorithms = Vec::new();
    for name in
        reader.list("tokens.algorithms").unwrap_or_else(|| ["ES256", "EdDSA", "RS256"].map(str::to_owned).to_vec())
    {
        match ALGORITHMS.iter().find(|(known, _)| *known == name) {
            Some((_, algorithm)) => algorithms.push(*algorithm),
            None => reader.problem("tokens.algorithms", format!("`{name}` is none of the asymmetric algorithms")),
        }
    }
    if algorithms.is_empty() {
        reader.problem("tokens.algorithms", "names none: no token could be checked");
    }
    let types = types(reader);
    let authorized_parties = authorized_parties(reader);
    let scope = scope(reader);
    let max_lifetime = reader.seconds("tokens.max_lifetime_seconds");
    let step_up = step_up(reader);
    if !reader.has("tokens.issuer") {
        return None;
    }
    let name = reader.text("tokens.issuer");
    let audience = reader.required("tokens.audience");
    let ca_file = reader.path("tokens.ca_file");
    if let Some(file) = &ca_file {
        reader.check_readable("tokens.ca_file", file);
    }
    let keys = match (reader.path("tokens.jwks_file"), reader.text("tokens.jwks_url")) {
        (Some(file), None) => {
            reader.check_readable("tokens.jwks_file", &file);
            Some(IssuerKeys::File(file))
        }
        (None, Some(url)) => url_of(reader, "tokens.jwks_url", url).map(|url| IssuerKeys::Url { url, ca_file }),
        (Some(_), Some(_)) => {
            reader.problem("tokens.jwks_url", "tokens.jwks_file is given, too: remove one of them");
            None
        }
        (None, None) => {
            reader.problem("tokens.jwks_url", "is missing, and so is tokens.jwks_file");
            None
        }
    };
    Some(Issuer {
        name: name?,
        audience: audience?,
        keys: keys?,
        refresh,
        algorithms,
        leeway,
        types,
        authorized_parties,
        scope,
        max_lifetime,
        step_up,
    })
}

fn types(reader: &mut Reader) -> Vec<TokenType> {
    const KEY: &str = "tokens.types";
    let Some(named) = reader.list(KEY) else { return vec![TokenType::AccessToken] };
    let mut types = Vec::new();
    for name in named {
        match name.to_ascii_lowercase().as_str() {
            "at+jwt" | "application/at+jwt" => types.push(TokenType::AccessToken),
            "jwt" => types.push(TokenType::Jwt),
            _ => reader.problem(KEY, format!("`{name}` must be `at+jwt` or `JWT`")),
        }
    }
    if types.is_empty() {
        reader.problem(KEY, "names none: every token would be refused");
    }
    types
}

fn authorized_parties(reader: &mut Reader) -> Vec<String> {
    const KEY: &str = "tokens.authorized_parties";
    let Some(parties) = reader.list(KEY) else { return Vec::new() };
    if parties.is_empty() {
        reader.problem(KEY, "names none: every token would be refused");
    }
    // These are the characters of a client id (RFC 6749, A.1).
    for party in &parties {
        if party.is_empty() || !party.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
            reader.problem(KEY, format!("`{}` is no client id", party.escape_debug()));
        }
    }
    parties
}

fn scope(reader: &mut Reader) -> Vec<String> {
    const KEY: &str = "tokens.scope";
    let Some(text) = reader.text(KEY) else { return Vec::new() };
    let scope: Vec<String> = text.split(' ').map(str::to_owned).collect();
    if !scope.iter().all(|token| is_token(token)) {
        reader.problem(KEY, "must be scopes of OAuth 2.0 with single spaces between them");
    }
    scope
}

fn step_up(reader: &mut Reader) -> Option<StepUp> {
    const ACR: &str = "tokens.acr";
    const AGE: &str = "tokens.max_auth_age_seconds";
    let max_age = reader.optional_number(AGE).map(std::time::Duration::from_secs);
    let acr = reader.list(ACR).unwrap_or_default();
    if reader.has(ACR) && acr.is_empty() {
        reader.problem(ACR, "names none: no login would be strong enough");
    }
    // The classes are in a header, with spaces between them.
    for class in acr.iter().filter(|class| !is_token(class)) {
        reader.problem(ACR, format!("`{}` is no class that a header can name", class.escape_debug()));
    }
    (max_age.is_some() || !acr.is_empty()).then_some(StepUp { max_age, acr })
}

/// Returns whether a text is a scope (RFC 6749, 3.3): printable ASCII without spaces, quotes and
/// backslashes.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
}
