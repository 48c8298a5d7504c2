//! Liveness, readiness and metrics of the service.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::metrics::Snapshot;
use crate::service::Service;

/// Time limit for the database's answer. After it the database counts as not ready.
const READINESS_TIMEOUT: Duration = Duration::from_secs(3);

/// Time for which the last answer about the database is valid.
const READINESS_LIFETIME: Duration = Duration::from_secs(1);

/// Answers that this process is alive.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Answers whether the database can be reached and written to.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    if is_ready(&service).await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database is not ready\n").into_response()
    }
}

/// Returns whether the database is ready. Anyone can ask at any rate: only one question at a time
/// reaches the database, and its answer is valid for a second. A question runs until the database
/// has answered, even if its client gave up long before.
pub(crate) async fn is_ready(service: &Arc<Service>) -> bool {
    let checked = async {
        let mut last = service.readiness.clone().lock_owned().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < READINESS_LIFETIME
        {
            return ready;
        }
        let service = service.clone();
        let check = tokio::spawn(async move {
            let ready = service.step(|authority| authority.ping()).await.is_ok();
            *last = Some((Instant::now(), ready));
            ready
        });
        check.await.unwrap_or(false)
    };
    let ready = tokio::time::timeout(READINESS_TIMEOUT, checked).await.unwrap_or(false);
    if !ready {
        tracing::warn!("the database is not ready");
    }
    ready
}

/// Returns the metrics for Prometheus, even if the database does not answer.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let steps_running = service.steps_running();
    let waiting = tokio::time::timeout(READINESS_TIMEOUT, service.step(|authority| authority.waiting_sms())).await;
    let now = Snapshot {
        sms_limited: service.authority().sms_limited(),
        retries: service.authority().retries(),
        tally: service.authority().tally(),
        sms_waiting: waiting.ok().and_then(Result::ok),
        steps_running,
        database_connections: service.authority().database_connections(),
    };
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], service.metrics.text(&now)).into_response()
}
