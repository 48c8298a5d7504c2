//! The reasons for which a token is refused. They are in the log (level `debug`), never in a
//! response.

/// The reason for which a token is refused. It holds nothing of the token itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("it is no signed JSON Web Token")]
    Form,
    #[error("its header has `crit` or `b64`")]
    Extension,
    #[error("its algorithm is none of `tokens.algorithms`")]
    Algorithm,
    #[error("its type (`typ`) is none of `tokens.types`")]
    Type,
    #[error("the issuer has no key with its key id (`kid`) for its algorithm")]
    Key,
    #[error("its signature is wrong")]
    Signature,
    #[error("it has expired, or is not valid yet")]
    Time,
    #[error("its lifetime is longer than `tokens.max_lifetime_seconds`")]
    Lifetime,
    #[error("its issuer (`iss`) is not `tokens.issuer`")]
    Issuer,
    #[error("its audience (`aud`) is not `tokens.audience`")]
    Audience,
    #[error("it lacks `exp`, `iss`, `aud` or `sub`, or has one in another form")]
    Claims,
    #[error("it is an ID token")]
    IdToken,
    #[error("it is a logout token or another security event")]
    Event,
    #[error("it is a refresh token")]
    RefreshToken,
    #[error("it is bound to a key (`cnf`), whose possession is not checked here")]
    Bound,
    #[error("its client (`azp`, `client_id`) is none of `tokens.authorized_parties`")]
    Party,
    #[error("its `scope` lacks a scope of `tokens.scope`")]
    Scope,
    #[error("its `sub` is no account name in the normal form of RFC 8265")]
    Name,
}
