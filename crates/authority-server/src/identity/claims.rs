//! The claims of tokens with a valid signature: the account of a token, and its rights.

use super::members::Members;
use super::refusal::Refusal;
use crate::config::{Issuer, StepUp};
use crate::names;
use authority::AccountName;

/// Claims of ID tokens (OpenID Connect Core 1.0, 2 and 3.3.2.11).
const ID_TOKEN_CLAIMS: [&str; 4] = ["nonce", "at_hash", "c_hash", "s_hash"];

/// Claims of logout tokens and other security events (OpenID Connect Back-Channel Logout 1.0, RFC
/// 8417).
const EVENT_CLAIMS: [&str; 2] = ["events", "toe"];

/// The account of a token, and the strength of its login.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) account: AccountName,
    /// The user's login is fresh and strong enough for changes of the phone number and the removal
    /// of enrollments.
    pub(super) stepped_up: bool,
}

/// Checks the claims of a token. Its signature, issuer, audience and time were checked before.
pub(super) fn validate(claims: &Members, issuer: &Issuer, now: u64) -> Result<Subject, Refusal> {
    // Each claim must be one text: a list of issuers names none.
    if claims.text("iss") != Some(&issuer.name) {
        return Err(Refusal::Issuer);
    }
    is_for_access(claims)?;
    lifetime(claims, issuer, now)?;
    party(claims, issuer)?;
    scope(claims, issuer)?;
    let account = claims.text("sub").and_then(names::normal).ok_or(Refusal::Name)?;
    let stepped_up = issuer.step_up.as_ref().is_none_or(|required| is_stepped_up(claims, required, issuer, now));
    Ok(Subject { account, stepped_up })
}

/// Refuses tokens that an issuer makes for other purposes. It recognises them by claims that access
/// tokens do not have, because the type in the header may not distinguish them.
fn is_for_access(claims: &Members) -> Result<(), Refusal> {
    if ID_TOKEN_CLAIMS.iter().any(|name| claims.has(name)) {
        return Err(Refusal::IdToken);
    }
    if EVENT_CLAIMS.iter().any(|name| claims.has(name)) {
        return Err(Refusal::Event);
    }
    if claims.has("cnf") {
        return Err(Refusal::Bound);
    }
    // Keycloak (`typ`) and Amazon Cognito (`token_use`) use these words.
    for name in ["typ", "token_use"] {
        match claims.text(name).map(str::to_ascii_lowercase).as_deref() {
            Some("id") => return Err(Refusal::IdToken),
            Some("logout") => return Err(Refusal::Event),
            Some("refresh" | "offline") => return Err(Refusal::RefreshToken),
            _ => {}
        }
    }
    Ok(())
}

fn lifetime(claims: &Members, issuer: &Issuer, now: u64) -> Result<(), Refusal> {
    let leeway = issuer.leeway.as_secs();
    let expires = claims.time("exp").ok_or(Refusal::Claims)?;
    let issued = match claims.has("iat") {
        true => claims.time("iat").ok_or(Refusal::Claims)?,
        false => now,
    };
    // A token issued tomorrow could be valid a day longer than its lifetime.
    if issued > now.saturating_add(leeway) {
        return Err(Refusal::Time);
    }
    let limit = issued.saturating_add(issuer.max_lifetime.as_secs());
    // Without `iat` the token was issued in the past. The leeway allows for different clocks.
    let limit = if claims.has("iat") { limit } else { limit.saturating_add(leeway) };
    if expires > limit { Err(Refusal::Lifetime) } else { Ok(()) }
}

/// Checks the client of a token. Each claim that names it must name an authorized client, and there
/// must be one.
fn party(claims: &Members, issuer: &Issuer) -> Result<(), Refusal> {
    if issuer.authorized_parties.is_empty() {
        return Ok(());
    }
    let mut named = ["azp", "client_id"].into_iter().filter(|name| claims.has(name)).peekable();
    let is_authorized = |name: &str| {
        let client = claims.text(name);
        client.is_some_and(|client| issuer.authorized_parties.iter().any(|party| party == client))
    };
    if named.peek().is_some() && named.all(is_authorized) { Ok(()) } else { Err(Refusal::Party) }
}

fn scope(claims: &Members, issuer: &Issuer) -> Result<(), Refusal> {
    let granted: Vec<&str> = claims.text("scope").unwrap_or_default().split(' ').collect();
    let has_all = issuer.scope.iter().all(|required| granted.contains(&required.as_str()));
    if has_all { Ok(()) } else { Err(Refusal::Scope) }
}

fn is_stepped_up(claims: &Members, required: &StepUp, issuer: &Issuer, now: u64) -> bool {
    let leeway = issuer.leeway.as_secs();
    let is_fresh = required.max_age.is_none_or(|limit| {
        claims.time("auth_time").is_some_and(|login| {
            login <= now.saturating_add(leeway) && now <= login.saturating_add(limit.as_secs()).saturating_add(leeway)
        })
    });
    let is_strong = required.acr.is_empty()
        || claims.text("acr").is_some_and(|reached| required.acr.iter().any(|class| class == reached));
    is_fresh && is_strong
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use base64ct::{Base64UrlUnpadded, Encoding};
    use serde_json::{Value, json};

    use super::*;
    use crate::identity::tests::issuer;

    const NOW: u64 = 1_800_000_000;

    fn claims() -> Value {
        json!({"iss": "https://login.example", "aud": "pims", "sub": "dora", "exp": NOW + 600, "iat": NOW})
    }

    fn with(more: Value) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        claims
    }

    fn validated(claims: &Value, issuer: &Issuer) -> Result<Subject, Refusal> {
        let text = Base64UrlUnpadded::encode_string(claims.to_string().as_bytes());
        validate(&Members::decode(&text).unwrap(), issuer, NOW)
    }

    fn refused(more: Value, issuer: &Issuer) -> Option<Refusal> {
        validated(&with(more), issuer).err()
    }

    #[test]
    fn a_token_for_another_end_is_refused() {
        let issuer = issuer();
        assert_eq!(validated(&claims(), &issuer).unwrap().account.as_str(), "dora");
        for (more, refusal) in [
            (json!({"nonce": "n"}), Refusal::IdToken),
            (json!({"nonce": null}), Refusal::IdToken),
            (json!({"at_hash": "x"}), Refusal::IdToken),
            (json!({"c_hash": "x"}), Refusal::IdToken),
            (json!({"typ": "ID"}), Refusal::IdToken),
            (json!({"token_use": "id"}), Refusal::IdToken),
            (json!({"events": {"http://schemas.openid.net/event/backchannel-logout": {}}}), Refusal::Event),
            (json!({"typ": "Logout"}), Refusal::Event),
            (json!({"typ": "Refresh"}), Refusal::RefreshToken),
            (json!({"typ": "Offline"}), Refusal::RefreshToken),
            (json!({"cnf": {"jkt": "x"}}), Refusal::Bound),
            (json!({"iss": ["https://login.example"]}), Refusal::Issuer),
            (json!({"iss": ["https://login.example", "https://other.example"]}), Refusal::Issuer),
            (json!({"sub": 7}), Refusal::Name),
            (json!({"sub": ["dora"]}), Refusal::Name),
            (json!({"sub": "dora "}), Refusal::Name),
        ] {
            assert_eq!(refused(more.clone(), &issuer), Some(refusal), "{more}");
        }
        for more in [json!({"typ": "Bearer"}), json!({"token_use": "access"}), json!({"other": [1]})] {
            assert_eq!(refused(more.clone(), &issuer), None, "{more}");
        }
    }

    #[test]
    fn a_lifetime_has_a_bound() {
        let issuer = Issuer { max_lifetime: Duration::from_secs(3600), ..issuer() };
        for (more, refusal) in [
            (json!({"exp": NOW + 3600}), None),
            (json!({"exp": NOW + 3601}), Some(Refusal::Lifetime)),
            (json!({"exp": NOW + 1800, "iat": NOW - 1800}), None),
            (json!({"exp": NOW + 1801, "iat": NOW - 1800}), Some(Refusal::Lifetime)),
            (json!({"exp": 253_402_300_799_u64}), Some(Refusal::Lifetime)),
            (json!({"exp": 253_402_300_799_u64, "iat": 253_402_300_000_u64}), Some(Refusal::Time)),
            (json!({"exp": NOW + 3630, "iat": NOW + 30}), None),
            (json!({"exp": NOW + 600, "iat": NOW + 31}), Some(Refusal::Time)),
            (json!({"iat": "now"}), Some(Refusal::Claims)),
            (json!({"iat": -1}), Some(Refusal::Claims)),
            (json!({"iat": null}), Some(Refusal::Claims)),
            (json!({"exp": 1e300}), Some(Refusal::Claims)),
            (json!({"exp": u64::MAX}), Some(Refusal::Lifetime)),
        ] {
            assert_eq!(refused(more.clone(), &issuer), refusal, "{more}");
        }
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove("iat");
        claims["exp"] = json!(NOW + 3630);
        assert!(validated(&claims, &issuer).is_ok());
        claims["exp"] = json!(NOW + 3631);
        assert_eq!(validated(&claims, &issuer), Err(Refusal::Lifetime));
    }

    #[test]
    fn every_name_of_the_client_is_an_authorized_one() {
        let issuer = Issuer { authorized_parties: vec!["app".into(), "ios".into()], ..issuer() };
        for (more, is_taken) in [
            (json!({"azp": "app"}), true),
            (json!({"client_id": "ios"}), true),
            (json!({"azp": "app", "client_id": "app"}), true),
            (json!({}), false),
            (json!({"azp": "other"}), false),
            (json!({"azp": "App"}), false),
            (json!({"azp": "other", "client_id": "app"}), false),
            (json!({"azp": "app", "client_id": "other"}), false),
            (json!({"azp": "app", "client_id": null}), false),
            (json!({"azp": ["app"]}), false),
            (json!({"azp": ""}), false),
        ] {
            assert_eq!(refused(more.clone(), &issuer), (!is_taken).then_some(Refusal::Party), "{more}");
        }
    }

    #[test]
    fn every_scope_that_is_wanted_is_granted() {
        let issuer = Issuer { scope: vec!["pims".into(), "openid".into()], ..issuer() };
        for (more, is_taken) in [
            (json!({"scope": "openid pims"}), true),
            (json!({"scope": "a pims b openid"}), true),
            (json!({}), false),
            (json!({"scope": "pims"}), false),
            (json!({"scope": "openid pims2"}), false),
            (json!({"scope": "openid\u{a0}pims"}), false),
            (json!({"scope": ["openid", "pims"]}), false),
        ] {
            assert_eq!(refused(more.clone(), &issuer), (!is_taken).then_some(Refusal::Scope), "{more}");
        }
    }

    #[test]
    fn a_step_up_is_a_login_that_is_fresh_and_strong_enough() {
        let step_up_of = |max_age: Option<u64>, acr: &[&str]| Issuer {
            step_up: Some(StepUp {
                max_age: max_age.map(Duration::from_secs),
                acr: acr.iter().map(|class| (*class).to_owned()).collect(),
            }),
            ..issuer()
        };
        let (age, class, both) =
            (step_up_of(Some(300), &[]), step_up_of(None, &["gold", "silver"]), step_up_of(Some(300), &["gold"]));
        for (more, issuer, stepped_up) in [
            (json!({}), &issuer(), true),
            (json!({"auth_time": NOW}), &age, true),
            (json!({"auth_time": NOW - 330}), &age, true),
            (json!({"auth_time": NOW - 331}), &age, false),
            (json!({"auth_time": NOW + 31}), &age, false),
            (json!({"auth_time": u64::MAX}), &age, false),
            (json!({"auth_time": "now"}), &age, false),
            (json!({}), &age, false),
            (json!({"acr": "silver"}), &class, true),
            (json!({"acr": "bronze"}), &class, false),
            (json!({"acr": "gold silver"}), &class, false),
            (json!({"acr": ["gold"]}), &class, false),
            (json!({}), &class, false),
            (json!({"acr": "gold", "auth_time": NOW}), &both, true),
            (json!({"acr": "gold"}), &both, false),
            (json!({"auth_time": NOW}), &both, false),
        ] {
            assert_eq!(validated(&with(more.clone()), issuer).unwrap().stepped_up, stepped_up, "{more}");
        }
    }
}
