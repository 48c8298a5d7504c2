//! `GET /iwws/MAC`: the exchange with devices. The query is the request; it holds secrets and goes to the authority alone.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use zeroize::Zeroizing;

use super::reply::Trouble;
use super::{Peer, cvs};
use crate::server::rates::{self, Advance};
use crate::server::service::Service;
use crate::{ActivationProof, Actor};

/// Answers with 200 and XML, also where the word in it is a refusal: that is how the exchange speaks. An activation that lacks
/// the account's token gets 401 with the same XML: a client of HTTP understands the one, a client of the exchange the other.
pub(crate) async fn answer(
    State(service): State<Arc<Service>>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Trouble> {
    let query = Zeroizing::new(query.unwrap_or_default());
    // An app that says whose it is has its codes judged, and charged, for that account alone. A token
    // that is not known is no reason to go on as nobody's.
    let caller = match headers.contains_key(header::AUTHORIZATION) {
        true => Some(cvs::account(&service, &headers)?),
        false => None,
    };
    let operation = Operation::of(&query);
    // Where activations are open, a guess without a token is compared with the codes of all accounts.
    let is_open = matches!(service.authority().activation_proof(), ActivationProof::Open(_));
    let guesses = is_open && operation.mode == "activate" && caller.is_none();
    let (network, now) = (rates::network(address), Instant::now());
    let mut decryption = Advance::default();
    if operation.may_decrypt {
        let taken = decryption.take(&service.rates.refused_finalize, network, now);
        taken.map_err(|wait| Trouble::limited(&service, "refused_finalize", wait))?;
    }
    let mut guess = Advance::default();
    if guesses {
        let taken = guess.take(&service.rates.wrong_codes_of_address, network, now);
        let taken = taken.and_then(|()| guess.take(&service.rates.wrong_codes, (), now));
        if let Err(wait) = taken {
            decryption.give_back();
            return Err(Trouble::limited(&service, "wrong_codes", wait));
        }
    }
    let actor = if caller.is_some() { Actor::App } else { Actor::Device };
    let answered =
        service.step(move |authority| authority.acting_as(&actor, None).exchange(caller.as_ref(), &query)).await;
    let outcome = answered.as_ref().ok().map(|answer| (word(&answer.xml), answer.opened_blocks));
    if !matches!(outcome, Some(("NOK:CODE", _))) {
        guess.give_back();
    }
    // RSA work for an operation that was refused is charged to the address that asked for it.
    if !matches!(outcome, Some((word, true)) if word != "OK") {
        decryption.give_back();
    }
    let xml = answered?.xml;
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
    /// Whether it is a step that may have RSA blocks opened.
    may_decrypt: bool,
}

impl Operation {
    fn of(query: &str) -> Self {
        const MODES: [&str; 8] = ["activate", "ms", "otp", "synchro", "password", "reset", "status", "remove"];
        const DECRYPTING: [&str; 4] = ["activate", "ms", "password", "reset"];
        let find = |wanted: &str| {
            let mut parameters = form_urlencoded::parse(query.as_bytes());
            parameters.find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let named = find("mode");
        let known = named.and_then(|mode| MODES.into_iter().find(|known| *known == mode));
        let mode = known.unwrap_or("unknown");
        let finalizes = find("action").is_some_and(|action| action == "ActionFinalize");
        Self { mode, may_decrypt: finalizes && DECRYPTING.contains(&mode) }
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
        assert!(Operation::of("action=ActionFinalize&mode=ms").may_decrypt);
        assert!(Operation::of("mode=reset&action=%41ctionFinalize").may_decrypt);
        assert!(!Operation::of("action=ActionSetup&mode=reset").may_decrypt);
        assert!(!Operation::of("action=ActionFinalize&mode=otp").may_decrypt);
    }
}
