//! `GET /FS`: a relying party has a one-time password verified.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::json;
use zeroize::Zeroizing;

use super::Peer;
use super::reply::ApiError;
use super::token::{Requester, verify};
use crate::config::Secret;
use crate::identity::bearer;
use crate::service::Service;
use authority::{AccountName, Verdict};

/// Answers `{"err":"OK"}`, or the error word. Unknown accounts and wrong passwords get the same
/// word.
pub(crate) async fn authenticate(
    State(service): State<Arc<Service>>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Zeroizing::new(query.unwrap_or_default());
    let request = Request::read(&query)?;
    let Some(party) = service.relying_parties.get(&request.service) else { return Ok(respond(&service, "NOK:NOSRV")) };
    let requester = match &party.token {
        None => Requester::Anonymous(request.service, address),
        Some(token) if presents(token, &headers) => Requester::Party(request.service, address),
        Some(_) => return Err(ApiError::Unauthorized),
    };
    let Some(account) = AccountName::new(&request.user) else { return Ok(respond(&service, "NOK:ACCESS")) };
    let word = match verify(&service, requester, account, request.token).await? {
        Verdict::Accepted => "OK",
        Verdict::Refused => "NOK:ACCESS",
    };
    Ok(respond(&service, word))
}

/// Returns the relying party of a request, if the request presents its token.
pub(super) fn party(service: &Service, query: &str, headers: &HeaderMap) -> Option<String> {
    let named = single_value(query, "serviceId")?;
    let party = service.relying_parties.get(named.as_str())?;
    party.token.as_ref().is_some_and(|token| presents(token, headers)).then(|| named.to_string())
}

fn presents(token: &Secret, headers: &HeaderMap) -> bool {
    bearer(headers).is_some_and(|presented| token.matches(presented))
}

struct Request {
    service: String,
    user: String,
    token: Zeroizing<String>,
}

impl Request {
    fn read(query: &str) -> Result<Self, ApiError> {
        let value_of = |name: &str| single_value(query, name);
        let is = |name: &str, value: &str| value_of(name).is_some_and(|found| found.as_str() == value);
        if !is("action", "authenticate") || !is("format", "json") {
            return Err(ApiError::Malformed("`action` must be authenticate and `format` json, each once"));
        }
        let (service, user, token) = (value_of("serviceId"), value_of("userId"), value_of("token"));
        let (Some(service), Some(user), Some(token)) = (service, user, token) else {
            return Err(ApiError::Malformed("`serviceId`, `userId` and `token` must be there, each once"));
        };
        Ok(Self { service: service.to_string(), user: user.to_string(), token })
    }
}

/// Returns the value of a parameter that occurs once. If it occurs twice, neither value is used.
fn single_value(query: &str, name: &str) -> Option<Zeroizing<String>> {
    let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
    let first = all.next().map(|(_, value)| Zeroizing::new(value.into_owned()));
    if all.next().is_some() { None } else { first }
}

fn respond(service: &Service, word: &str) -> Response {
    service.metrics.outcome("authenticate", word);
    Json(json!({"err": word})).into_response()
}
