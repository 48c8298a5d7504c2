//! `GET /FS`: a relying party has a one-time password checked.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use zeroize::Zeroizing;

use super::reply::Trouble;
use super::token::verify;
use crate::server::config::RelyingParty;
use crate::server::identity::bearer;
use crate::server::service::Service;
use crate::{AccountName, Verdict};

/// Answers `{"err":"OK"}`, or the word that says why not. Unknown accounts and wrong passwords have the same one.
pub(crate) async fn authenticate(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = Zeroizing::new(query.unwrap_or_default());
    let request = Request::read(&query)?;
    let Some(party) = service.relying_parties.get(&request.service) else { return Ok(said(&service, "NOK:NOSRV")) };
    if !may_ask(party, &headers) {
        return Err(Trouble::Unauthorized);
    }
    let Some(account) = AccountName::new(&request.user) else { return Ok(said(&service, "NOK:ACCESS")) };
    let word = match verify(&service, account, request.token).await? {
        Verdict::Accepted => "OK",
        Verdict::Refused => "NOK:ACCESS",
    };
    Ok(said(&service, word))
}

struct Request {
    service: String,
    user: String,
    token: Zeroizing<String>,
}

impl Request {
    /// Each parameter once: of two that say different things neither is to be believed.
    fn read(query: &str) -> Result<Self, Trouble> {
        let one = |wanted: &str| {
            let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == wanted);
            let first = all.next().map(|(_, value)| Zeroizing::new(value.into_owned()));
            if all.next().is_some() { None } else { first }
        };
        let is = |name: &str, value: &str| one(name).is_some_and(|found| found.as_str() == value);
        if !is("action", "authenticate") || !is("format", "json") {
            return Err(Trouble::Malformed("`action` must be authenticate and `format` json, each once"));
        }
        let (service, user, token) = (one("serviceId"), one("userId"), one("token"));
        let (Some(service), Some(user), Some(token)) = (service, user, token) else {
            return Err(Trouble::Malformed("`serviceId`, `userId` and `token` must be there, each once"));
        };
        Ok(Self { service: service.to_string(), user: user.to_string(), token })
    }
}

fn may_ask(party: &RelyingParty, headers: &HeaderMap) -> bool {
    match &party.token {
        None => true,
        Some(token) => bearer(headers).is_some_and(|shown| token.is(shown)),
    }
}

fn said(service: &Service, word: &str) -> Response {
    service.metrics.outcome("authenticate", word);
    Json(json!({"err": word})).into_response()
}
