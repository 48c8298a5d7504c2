//! The layers around every request: an id, limits, a timeout, a log line, and a response even if a
//! handler panics.

use std::future::{Future, poll_fn};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

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

use super::forwarded::TrustedProxies;
use super::listener::{ConnectionGuard, Peer};
use super::reply::ApiError;
use super::{FS, fs, host};
use crate::rates;
use crate::service::Service;

/// Longest time that the service waits for the body of a refused request.
const REFUSED_BODY_TIMEOUT: Duration = Duration::from_secs(1);

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The settings of these layers for one listener.
#[derive(Clone)]
pub(crate) struct Pipeline {
    pub(crate) service: Arc<Service>,
    pub(crate) trusted_proxies: Arc<TrustedProxies>,
    /// Requests of an address are limited. They are not for operators and Prometheus.
    pub(crate) limited: bool,
}

/// Completes each request, even if its client disconnects: the request is counted, and settles its
/// reserved tokens.
pub(crate) async fn handle(State(pipeline): State<Pipeline>, request: Request, next: Next) -> Response {
    // The connection's permits stay in use until the request is finished.
    let guard = request.extensions().get::<ConnectionGuard>().cloned();
    let id = request_id();
    let operators = !pipeline.limited;
    let mut response = complete({
        let id = id.clone();
        async move {
            let _guard = guard;
            process(&pipeline, &id, request, next).await
        }
    })
    .await;
    add_common_headers(response.headers_mut(), &id);
    if operators {
        add_admin_headers(response.headers_mut());
    }
    response
}

/// Runs a request on the task of its connection until it waits for something, and then in a task of
/// its own, which ends with the request and not with the connection. A request that never waits
/// needs no other thread.
async fn complete(request: impl Future<Output = Response> + Send + 'static) -> Response {
    let mut request = Box::pin(request);
    match poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await {
        Poll::Ready(response) => response,
        // The task itself does not panic: the panics of handlers are caught.
        Poll::Pending => tokio::spawn(request).await.unwrap_or_else(|_| ApiError::Failed.into_response()),
    }
}

async fn process(pipeline: &Pipeline, id: &str, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    // The pattern of the path is logged, and never the path itself or the query: they hold names
    // and secrets.
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |path| path.as_str().to_owned());
    let method = method(request.method());
    let peer = client(pipeline, &request);
    request.extensions_mut().insert(Peer(peer));
    let span = tracing::info_span!("request", id = %id);
    async {
        let response =
            match timeout(pipeline.service.limits.request_timeout, respond(pipeline, request, peer, next)).await {
                Ok(response) => response,
                Err(_) => ApiError::Failed.into_response(),
            };
        let status = response.status().as_u16();
        let time = began.elapsed();
        pipeline.service.metrics.request(&route, method, status, time);
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        // Anyone can cause these lines at any rate: they are logged at debug.
        if is_probe(&route) || status == StatusCode::TOO_MANY_REQUESTS {
            tracing::debug!(%method, %route, status, millis, %peer, "answered");
        } else if response.status().is_server_error() {
            tracing::warn!(%method, %route, status, millis, %peer, "answered");
        } else {
            tracing::info!(%method, %route, status, millis, %peer, "answered");
        }
        response
    }
    .instrument(span)
    .await
}

/// Returns a method for the log and the metrics. Each unknown method would otherwise add a series.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Returns an error if the request may not continue.
fn admit(pipeline: &Pipeline, request: &Request, peer: IpAddr) -> Result<(), ApiError> {
    if !host::is_named(request.version(), request.headers()) {
        return Err(ApiError::Malformed("`Host` must stand there once and be a host"));
    }
    let limits = &pipeline.service.limits;
    if request.uri().query().is_some_and(|query| query.len() > limits.query_bytes) {
        return Err(ApiError::QueryTooLong);
    }
    if !pipeline.limited || is_probe(request.uri().path()) {
        return Ok(());
    }
    let (service, now) = (&*pipeline.service, Instant::now());
    let party = (request.uri().path() == FS).then(|| request.uri().query()).flatten();
    match party.and_then(|query| fs::party(service, query, request.headers())) {
        // A relying party sends requests for many users. Strangers at its address must not use up
        // its limit.
        Some(party) => {
            service.rates.party.try_acquire(party, now).map_err(|wait| ApiError::limited(service, "party", wait))
        }
        None => {
            let taken = service.rates.address.try_acquire(rates::network(peer), now);
            taken.map_err(|wait| ApiError::limited(service, "address", wait))
        }
    }
}

fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

async fn respond(pipeline: &Pipeline, request: Request, peer: IpAddr, next: Next) -> Response {
    let admitted = admit(pipeline, &request, peer);
    let (head, body) = request.into_parts();
    let body = to_bytes(body, pipeline.service.limits.body_bytes);
    if let Err(error) = admitted {
        // The rest of a body would end the connection, which the client may want to use again. But
        // the service does not wait long for the body of a refused request.
        let arrived = matches!(timeout(REFUSED_BODY_TIMEOUT, body).await, Ok(Ok(_)));
        let close = (!arrived).then_some([(header::CONNECTION, HeaderValue::from_static("close"))]);
        return (close, error).into_response();
    }
    let Ok(body) = body.await else { return ApiError::BodyNotRead.into_response() };
    let request = Request::from_parts(head, Body::from(body));
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!("a handler panicked");
        (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"err": "UNAVAILABLE"}))).into_response()
    })
}

/// Returns the address that a request comes from.
fn client(pipeline: &Pipeline, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |Peer(address)| *address);
    pipeline.trusted_proxies.client(peer, request.headers())
}

/// Sets the headers that every response has.
fn add_common_headers(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID.clone(), id);
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    // A page of a console has policies of its own.
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"));
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
}

/// Sets the further headers of the operators' listener: no other site may embed its responses, and
/// they depend on the requesting site.
fn add_admin_headers(headers: &mut HeaderMap) {
    headers.append(header::VARY, HeaderValue::from_static("Origin, Sec-Fetch-Site"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

/// Returns an id that marks the log lines of a request. It is not a secret: without randomness, a
/// clock serves.
fn request_id() -> String {
    authority::random::hex::<8>().map_or_else(|_| format!("{:?}", Instant::now()), |id| id.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_request_that_waits_completes_without_the_task_of_its_connection() {
        let (answer, answered) = oneshot::channel::<()>();
        let (began, begun) = oneshot::channel();
        let (completed, complete_request) = oneshot::channel();
        let request = async move {
            began.send(()).unwrap();
            answered.await.unwrap();
            completed.send(()).unwrap();
            StatusCode::OK.into_response()
        };
        let connection = tokio::spawn(complete(request));
        begun.await.unwrap();
        connection.abort();
        assert!(connection.await.unwrap_err().is_cancelled());
        answer.send(()).unwrap();
        complete_request.await.unwrap();
    }

    #[tokio::test]
    async fn a_request_that_never_waits_stays_in_the_task_of_its_connection() {
        let task = async { tokio::task::id() };
        let connection = tokio::spawn(async move {
            let (own, of_request) = oneshot::channel();
            let request = async move {
                own.send(task.await).unwrap();
                StatusCode::OK.into_response()
            };
            assert_eq!(complete(request).await.status(), StatusCode::OK);
            assert_eq!(of_request.await.unwrap(), tokio::task::id());
        });
        connection.await.unwrap();
    }
}
