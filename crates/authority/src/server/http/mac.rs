//! `GET /iwws/MAC`: the exchange with devices. The query is the request; it holds secrets and goes to the authority alone.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use zeroize::Zeroizing;

use super::Peer;
use super::reply::Trouble;
use crate::ActivationProof;
use crate::server::rates::{self, Advance};
use crate::server::service::Service;

/// Answers with 200 and XML, also where the word in it is a refusal: that is how the exchange speaks. An activation that lacks
/// the account's token gets 401 with the same XML: a client of HTTP understands the one, a client of the exchange the other.
pub(crate) async fn answer(
    State(service): State<Arc<Service>>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = Zeroizing::new(query.unwrap_or_default());
    // An app that says whose it is has its codes judged, and charged, for that account alone. A token that is not known is no reason to
    // go on as nobody's.
    let caller = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(service.identity.account(&headers).ok_or(Trouble::Unauthorized)?),
        false => None,
    };
    let operation = Operation::of(&query);
    // Where activations are open, a guess without a token is compared with the codes of all accounts.
    let is_open = matches!(service.authority().activation_proof(), ActivationProof::Open(_));
    let guesses = is_open && operation.mode == "activate" && caller.is_none();
    let mut advance = Advance::default();
    if guesses {
        let (network, now) = (rates::network(address), Instant::now());
        let taken = advance.take(&service.rates.wrong_codes_of_address, network, now);
        let taken = taken.and_then(|()| advance.take(&service.rates.wrong_codes, (), now));
        taken.map_err(|wait| Trouble::limited(&service, "wrong_codes", wait))?;
    }
    let answered = service.step(move |authority| authority.mac(caller.as_ref(), &query)).await;
    if !answered.as_deref().is_ok_and(|xml| word(xml) == "NOK:CODE") {
        advance.give_back();
    }
    let xml = answered?;
    service.metrics.outcome(operation.mode, word(&xml));
    let kind = HeaderValue::from_static("text/xml; charset=UTF-8");
    let lacks_token = word(&xml) == "NOK:TOKEN";
    let answer = ([(header::CONTENT_TYPE, kind)], xml);
    if lacks_token {
        return Ok((StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response());
    }
    Ok(answer.into_response())
}

/// What a query asks for, as far as numbers are kept of it.
struct Operation {
    mode: &'static str,
}

impl Operation {
    fn of(query: &str) -> Self {
        const MODES: [&str; 8] = ["activate", "ms", "otp", "synchro", "password", "reset", "status", "remove"];
        let named = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "mode");
        let known = named.and_then(|(_, mode)| MODES.into_iter().find(|known| *known == mode));
        Self { mode: known.unwrap_or("unknown") }
    }
}

/// The word of an answer.
fn word(xml: &str) -> &str {
    let inner = xml.split_once("<err>").and_then(|(_, rest)| rest.split_once("</err>"));
    inner.map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_and_the_mode_are_found_and_nothing_else_is_kept() {
        assert_eq!(word("<a><err>NOK:CODE</err></a>"), "NOK:CODE");
        assert_eq!(word("<a/>"), "");
        assert_eq!(Operation::of("action=ActionSetup&mode=otp&id=1").mode, "otp");
        assert_eq!(Operation::of("mode=%6ftp").mode, "otp");
        assert_eq!(Operation::of("mode=secret").mode, "unknown");
    }
}
