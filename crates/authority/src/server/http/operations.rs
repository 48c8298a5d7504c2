//! Whether the service lives, whether it can work, and its numbers.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::server::service::Service;

/// Longer than that the database is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// This process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The database can be reached and written to.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    let asked = tokio::time::timeout(PATIENCE, service.step(|authority| authority.ping())).await;
    match asked {
        Ok(Ok(())) => "ready\n".into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database is not ready\n").into_response(),
    }
}

/// The text that Prometheus reads.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    let waiting = tokio::time::timeout(PATIENCE, service.step(|authority| authority.waiting_sms())).await;
    let waiting = waiting.ok().and_then(Result::ok);
    ([(header::CONTENT_TYPE, kind)], service.metrics.text(service.authority().retries(), waiting)).into_response()
}
