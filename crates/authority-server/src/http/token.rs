//! The exchange of one-time passwords for access tokens, and the public keys of these tokens.
//! Requests and responses have the form of OAuth 2.0 (RFC 6749, 5).

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroizing;

use super::cvs;
use super::reply::{ApiError, object};
use crate::rates::{self, Reservation};
use crate::service::Service;
use authority::{AccountName, Actor, Authority, Failure, Verdict};

/// The body of a request, as one flat object. For a tagged enum, serde would first read the values
/// into a buffer of its own, which is not wiped.
#[derive(Deserialize)]
struct Body {
    grant_type: String,
    password: Option<Zeroizing<String>>,
    refresh_token: Option<Zeroizing<String>>,
}

/// The response. It is written directly, so that the tokens are copied nowhere else.
#[derive(Serialize)]
struct Granted<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
}

/// The grant of a request: a one-time password or a refresh token.
enum Grant {
    Password(Zeroizing<String>),
    RefreshToken(Zeroizing<String>),
}

impl Grant {
    fn read(body: &[u8]) -> Option<Self> {
        let Body { grant_type, password, refresh_token } = object(body)?;
        match grant_type.as_str() {
            "password" => password.map(Self::Password),
            "refresh_token" => refresh_token.map(Self::RefreshToken),
            _ => None,
        }
    }
}

/// Exchanges a one-time password or a refresh token for new tokens. The app's token names the
/// account of the password. A refresh token is valid only for the account that received it.
pub(crate) async fn exchange(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    let Some(signer) = &service.signer else { return Err(ApiError::NotFound) };
    let account = cvs::account(&service, &headers)?;
    let Some(grant) = Grant::read(&body) else { return Ok(refused("invalid_request")) };
    let (operation, granted) = match grant {
        Grant::Password(password) => ("token.password", by_password(&service, &account, password).await?),
        Grant::RefreshToken(refresh_token) => ("token.refresh", by_refresh(&service, &account, refresh_token).await?),
    };
    service.metrics.outcome(operation, if granted.is_some() { "OK" } else { "invalid_grant" });
    let Some(refresh_token) = granted else { return Ok(refused("invalid_grant")) };
    let access_token = Zeroizing::new(signer.sign(&account).map_err(|_| ApiError::Failed)?);
    let granted = Granted {
        access_token: &access_token,
        token_type: "Bearer",
        expires_in: signer.lifetime().as_secs(),
        refresh_token: &refresh_token,
    };
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(granted)).into_response())
}

async fn by_password(
    service: &Arc<Service>,
    account: &AccountName,
    password: Zeroizing<String>,
) -> Result<Option<Zeroizing<String>>, ApiError> {
    let exchange = move |authority: &Authority, account: &AccountName| authority.exchange_otp(account, &password);
    with_guess_limit(service, Requester::App, account.clone(), exchange, Option::is_some).await
}

async fn by_refresh(
    service: &Arc<Service>,
    account: &AccountName,
    token: Zeroizing<String>,
) -> Result<Option<Zeroizing<String>>, ApiError> {
    let rotated = service.step(move |authority| cvs::app(authority).rotate_refresh_token(&token)).await?;
    // A refresh token that another account presents is used up: its owner gets a new one with a
    // password.
    Ok(rotated.filter(|(owner, _)| owner == account).map(|(_, next)| next))
}

/// The client that has a one-time password verified.
pub(super) enum Requester {
    /// The account's own app.
    App,
    /// A relying party at this address that presented its token.
    Party(String, IpAddr),
    /// An anonymous client at this address, in the name of a relying party that is open to
    /// everybody.
    Anonymous(String, IpAddr),
}

/// Verifies a one-time password. Wrong ones are counted for the account, separately for each
/// relying party and the app. After too many of them, none is verified for a while.
pub(super) async fn verify(
    service: &Arc<Service>,
    requester: Requester,
    account: AccountName,
    password: Zeroizing<String>,
) -> Result<Verdict, ApiError> {
    let verify = move |authority: &Authority, account: &AccountName| authority.verify_otp(account, &password);
    with_guess_limit(service, requester, account, verify, |verdict| *verdict == Verdict::Accepted).await
}

/// Verifies a one-time password, unless too many were wrong. `is_accepted` evaluates the result.
async fn with_guess_limit<T: Send + 'static>(
    service: &Arc<Service>,
    requester: Requester,
    account: AccountName,
    verify: impl FnOnce(&Authority, &AccountName) -> Result<T, Failure> + Send + 'static,
    is_accepted: impl FnOnce(&T) -> bool,
) -> Result<T, ApiError> {
    // If users ask themselves, their addresses do not belong in the audit trail.
    let (actor, from) = match &requester {
        Requester::App => (Actor::App, None),
        Requester::Party(party, address) => (Actor::Party(party.clone()), Some(*address)),
        Requester::Anonymous(party, _) => (Actor::Anybody(party.clone()), None),
    };
    let (party, address) = match requester {
        Requester::App => (None, None),
        Requester::Party(party, _) => (Some(party), None),
        Requester::Anonymous(party, address) => (Some(party), Some(rates::network(address))),
    };
    let (now, mut reservation) = (Instant::now(), Reservation::default());
    let taken = match address {
        Some(network) => reservation.try_acquire(&service.rates.wrong_otps_of_address, network, now),
        None => Ok(()),
    };
    let taken = taken.and_then(|()| reservation.try_acquire(&service.rates.wrong_otps, (party, account.clone()), now));
    taken.map_err(|wait| ApiError::limited(service, "wrong_otps", wait))?;
    let verified = service.step(move |authority| verify(&authority.acting_as(&actor, from), &account)).await;
    // A password that could not be verified does not count as wrong.
    if verified.as_ref().map_or(true, is_accepted) {
        reservation.refund();
    }
    Ok(verified?)
}

/// Returns the public keys of the access tokens.
pub(crate) async fn key_set(State(service): State<Arc<Service>>) -> Result<Response, ApiError> {
    let signer = service.signer.as_ref().ok_or(ApiError::NotFound)?;
    let cached = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];
    Ok((cached, Json(signer.key_set().clone())).into_response())
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({"error": error}))).into_response()
}
