//! What every request goes through: a number of its own, limits, a time, a line in the log, and an answer also where a handler panics.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use serde_json::json;
use tokio::time::timeout;
use tracing::Instrument;

use super::listener::Peer;
use super::reply::Trouble;
use crate::server::rates;
use crate::server::service::Service;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The shell of one listener.
#[derive(Clone)]
pub(crate) struct Shell {
    pub(crate) service: Arc<Service>,
    /// Whose word about addresses is believed.
    pub(crate) trusted_proxies: Arc<[IpAddr]>,
    /// Whether addresses are limited: not where operators and Prometheus come.
    pub(crate) limited: bool,
}

pub(crate) async fn around(State(shell): State<Shell>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id();
    // The pattern of the path, never the path itself or the query: they hold names and secrets.
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = method(request.method());
    let peer = client(&shell, &request);
    request.extensions_mut().insert(Peer(peer));
    let span = tracing::info_span!("request", id = %id);
    let mut response = async {
        let response = match timeout(shell.service.limits.request_timeout, answer(&shell, request, peer, next)).await {
            Ok(response) => response,
            Err(_) => Trouble::Failed.into_response(),
        };
        let status = response.status().as_u16();
        let time = began.elapsed();
        shell.service.metrics.request(&route, method, status, time);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        if response.status().is_server_error() {
            tracing::warn!(%method, %route, status, millis, %peer, "answered");
        } else {
            tracing::info!(%method, %route, status, millis, %peer, "answered");
        }
        response
    }
    .instrument(span)
    .await;
    seal(response.headers_mut(), &id);
    response
}

/// A method as it is logged and counted: of those that strangers make up each would be a series of its own.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Whether a request may go on.
fn admit(shell: &Shell, request: &Request, peer: IpAddr) -> Result<(), Trouble> {
    let limits = &shell.service.limits;
    if request.uri().query().is_some_and(|query| query.len() > limits.query_bytes) {
        return Err(Trouble::TooLong);
    }
    let probe = matches!(request.uri().path(), "/healthz" | "/readyz");
    if shell.limited && !probe {
        shell.service.rates.address.take(rates::network(peer), Instant::now()).map_err(|wait| {
            shell.service.metrics.limited("address");
            Trouble::TooMany(wait)
        })?;
    }
    Ok(())
}

async fn answer(shell: &Shell, request: Request, peer: IpAddr, next: Next) -> Response {
    // The body is read whoever may come in: what is left of it would end the connection, which the client may be using again.
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, shell.service.limits.body_bytes).await else {
        return Trouble::NoBody.into_response();
    };
    let request = Request::from_parts(head, Body::from(body));
    if let Err(trouble) = admit(shell, &request, peer) {
        return trouble.into_response();
    }
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"err": "UNAVAILABLE"}))).into_response()
    })
}

/// Where a request comes from: the nearest address that no proxy of ours has.
fn client(shell: &Shell, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| *address);
    if !shell.trusted_proxies.contains(&peer) {
        return peer;
    }
    forwarded(request.headers()).rev().find(|address| !shell.trusted_proxies.contains(address)).unwrap_or(peer)
}

fn forwarded(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = IpAddr> {
    let all: Vec<IpAddr> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|address| address.trim().parse().ok())
        .collect();
    all.into_iter()
}

/// Headers that every answer has.
fn seal(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    );
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
}

/// A number to find a request's lines by. Not a secret; without randomness a clock does.
fn request_id() -> String {
    crate::random::hex::<8>().map_or_else(|_| format!("{:?}", Instant::now()), |id| id.to_string())
}
