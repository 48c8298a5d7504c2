//! Whether the service lives, whether it can work, and its numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::metrics::Snapshot;
use crate::service::Service;

/// Longer than that the database is not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long an answer about the database is good.
const FRESH: Duration = Duration::from_secs(1);

/// This process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The database can be reached and written to.
pub(crate) async fn ready(State(service): State<Arc<Service>>) -> Response {
    if is_ready(&service).await {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the database is not ready\n").into_response()
    }
}

/// Anybody may ask, as often as they like: one question at a time reaches the database, and its answer is good for a second. A question is
/// under way until the database has answered, however long ago its asker lost patience.
async fn is_ready(service: &Arc<Service>) -> bool {
    let answered = async {
        let mut last = service.readiness.clone().lock_owned().await;
        if let Some((at, ready)) = *last
            && at.elapsed() < FRESH
        {
            return ready;
        }
        let service = service.clone();
        let asked = tokio::spawn(async move {
            let ready = service.step(|authority| authority.ping()).await.is_ok();
            *last = Some((Instant::now(), ready));
            ready
        });
        asked.await.unwrap_or(false)
    };
    let ready = tokio::time::timeout(PATIENCE, answered).await.unwrap_or(false);
    if !ready {
        tracing::warn!("the database is not ready");
    }
    ready
}

/// The text that Prometheus reads. It comes also where the database does not answer.
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let steps_running = service.steps_running();
    let waiting = tokio::time::timeout(PATIENCE, service.step(|authority| authority.waiting_sms())).await;
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
