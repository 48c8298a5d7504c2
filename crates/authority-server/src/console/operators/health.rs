//! The state of this instance: the database, the queue of SMS, the audit trail, charts of the last
//! hour, and the ages of certificates, tokens and keys. The page comes without the database, too.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::chart::Chart;
use super::super::form::Fields;
use super::super::page::{self, Frame};
use super::super::texts::{Sentence, Texts};
use super::ages::{AgeView, CertificateView};
use super::samples::Sample;
use super::visit::{Refusal, Visit};
use super::{Told, now};
use crate::config::Role;
use crate::http::operations;
use crate::metrics::TrailState;
use crate::service::Service;
use authority::{Authority, Failure};

/// Time limit for an answer of the database.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The page of the state.
#[derive(Template)]
#[template(path = "operators/health.html")]
struct HealthPage {
    frame: Frame,
    is_ready: bool,
    version: &'static str,
    sms_waiting: Option<u32>,
    steps_running: usize,
    connections: i64,
    /// Connections to PostgreSQL: in use, and idle.
    database_connections: Option<(u32, u32)>,
    retries: u64,
    trail: Option<TrailState>,
    sealed: Option<Told>,
    charts: Vec<ChartView>,
    certificates: Vec<CertificateView>,
    tokens: Vec<AgeView>,
    /// `None`: the database did not answer.
    keys: Option<Vec<AgeView>>,
}

/// A chart with its heading and its numbers.
struct ChartView {
    title: Sentence,
    numbers: Sentence,
    chart: Chart,
}

pub(super) async fn page(visit: Visit, RawQuery(text): RawQuery) -> Result<Response, Refusal> {
    visit.require(Role::Read).await?;
    Fields::of_query(text.as_deref(), &[])?;
    let (service, t, now) = (visit.service(), visit.t, now());
    let steps_running = service.steps_running();
    let is_ready = operations::is_ready(service).await;
    let read = if is_ready {
        asked(service, |authority| Ok((authority.waiting_sms()?, authority.key_ages()?))).await
    } else {
        None
    };
    let (sms_waiting, keys) = read.unzip();
    let trail = service.metrics.trail();
    let sealed = trail.as_ref().and_then(|trail| trail.newest.as_ref()).map(|seal| Told::new(seal.at, now, t));
    let page = HealthPage {
        is_ready,
        version: env!("CARGO_PKG_VERSION"),
        sms_waiting,
        steps_running,
        connections: service.metrics.connections.get(),
        database_connections: service.authority().database_connections(),
        retries: service.authority().retries(),
        trail,
        sealed,
        charts: charts(&visit.console.samples.all(), t),
        certificates: visit.console.certificates(now, t),
        tokens: visit.console.token_ages(now, t),
        keys: keys.map(|keys| keys.into_iter().map(|key| AgeView::of_key(key, now, t)).collect()),
        frame: visit.frame(Sentence::new("health-title"), "health"),
    };
    Ok(page::html(StatusCode::OK, &page))
}

/// Asks the database. `None`: it did not answer in time.
async fn asked<T: Send + 'static>(
    service: &Arc<Service>,
    work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
) -> Option<T> {
    tokio::time::timeout(TIMEOUT, service.step(work)).await.ok().and_then(Result::ok)
}

fn charts(samples: &[Sample], t: Texts) -> Vec<ChartView> {
    let always = |of: fn(&Sample) -> f64| samples.iter().map(|sample| Some(of(sample))).collect::<Vec<_>>();
    let times = |of: fn(&Sample) -> Option<f64>| samples.iter().map(of).collect::<Vec<_>>();
    let all = [
        (Sentence::new("chart-requests"), false, always(|sample| sample.requests)),
        (Sentence::new("chart-errors"), false, always(|sample| sample.errors)),
        (Sentence::new("chart-accepted"), false, always(|sample| sample.accepted)),
        (Sentence::new("chart-refused"), false, always(|sample| sample.refused)),
        (Sentence::new("chart-median"), true, times(|sample| sample.median)),
        (Sentence::new("chart-slowest"), true, times(|sample| sample.slowest)),
    ];
    all.into_iter().map(|(title, is_time, values)| ChartView::new(title, is_time, values, t)).collect()
}

impl ChartView {
    fn new(title: Sentence, is_time: bool, values: Vec<Option<f64>>, t: Texts) -> Self {
        let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}"));
        let last = number(values.last().copied().flatten());
        let most = number(values.iter().flatten().copied().reduce(f64::max));
        let numbers = match values.iter().flatten().next() {
            None => Sentence::new("chart-empty"),
            Some(_) if is_time => Sentence::new("chart-millis").with("last", last).with("most", most),
            Some(_) => Sentence::new("chart-rate").with("last", last).with("most", most),
        };
        let label = format!("{}: {}", t.say(&title), t.say(&numbers));
        Self { title, numbers, chart: Chart { label, values } }
    }
}
