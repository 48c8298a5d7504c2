//! `GET /iwws/MAC`: the exchange with devices. The query is the request. It holds secrets and goes
//! to the authority alone.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use inwebo::mode::Mode;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::reply::ApiError;
use super::{Peer, cvs};
use crate::rates::{self, Reservation};
use crate::service::Service;
use authority::{ActivationProof, Actor, MacAnswer, MacRequest};

/// Answers with 200 and XML, even if the word in it is a refusal: the exchange requires that. An
/// activation without the account's token gets 401 with the same XML: an HTTP client understands
/// the status, and a client of the exchange the XML.
pub(crate) async fn answer(
    State(service): State<Arc<Service>>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Zeroizing::new(query.unwrap_or_default());
    // If the app presents a token, its codes are verified, and counted, for that account alone. A
    // request with an unknown token is refused; it does not continue as an anonymous one.
    let caller = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(cvs::account(&service, &headers)?),
        false => None,
    };
    let request = MacRequest::read(&query);
    drop(query);
    // If activations are open, a guess without a token is compared with the codes of all accounts.
    // So it is with a code that may be one that a device made.
    let authority = service.authority();
    let is_open = matches!(authority.activation_proof(), ActivationProof::Open(_))
        || (authority.has_codes_of_devices() && request.has_code_of_device());
    let guesses = is_open && request.mode() == Some(Mode::Activate) && caller.is_none();
    let (network, now) = (rates::network(address), Instant::now());
    let mut decryption = Reservation::default();
    if request.may_open_blocks() {
        let taken = decryption.try_acquire(&service.rates.refused_finalize, network, now);
        taken.map_err(|wait| ApiError::limited(&service, "refused_finalize", wait))?;
    }
    let mut guess = Reservation::default();
    if guesses {
        let taken = guess.try_acquire(&service.rates.wrong_codes_of_address, network, now);
        let taken = taken.and_then(|()| guess.try_acquire(&service.rates.wrong_codes, (), now));
        if let Err(wait) = taken {
            decryption.refund();
            return Err(ApiError::limited(&service, "wrong_codes", wait));
        }
    }
    let actor = if caller.is_some() { Actor::App } else { Actor::Device };
    let answered =
        service.step(move |authority| authority.acting_as(&actor, None).mac_request(caller.as_ref(), &request)).await;
    let answer = answered.as_ref().ok();
    if answer.is_none_or(|answer| answer.word != Some(Word::Code)) {
        guess.refund();
    }
    // RSA work for a refused operation counts against the client's address.
    if answer.is_none_or(|answer| answer.word.is_none() || !answer.opened_blocks) {
        decryption.refund();
    }
    let answer = answered?;
    let mode = answer.mode.map_or("unknown", Mode::as_str);
    service.metrics.outcome(mode, answer.word.as_ref().map_or("OK", Word::as_str));
    Ok(respond(answer))
}

/// Returns the response with an answer of the exchange.
pub(crate) fn respond(MacAnswer { word, xml, .. }: MacAnswer) -> Response {
    let kind = HeaderValue::from_static("text/xml; charset=UTF-8");
    let answer = ([(header::CONTENT_TYPE, kind)], Bytes::from_owner(xml));
    if word == Some(Word::Token) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], answer).into_response();
    }
    answer.into_response()
}
