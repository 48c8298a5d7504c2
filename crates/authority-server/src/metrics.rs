//! The metrics for Prometheus. Labels name routes, statuses and outcomes, never an account or a
//! device.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::process::Process;
use authority::AuditSeal;

/// The metrics of one instance.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram>,
    steps: Histogram,
    limited: Family<LimitLabels, Counter>,
    handshakes: Family<HandshakeLabels, Counter>,
    outcomes: Family<OutcomeLabels, Counter>,
    sms: Family<OutcomeLabels, Counter>,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    retries: Counter,
    sms_limited: Counter,
    sms_waiting: Gauge,
    steps_running: Gauge,
    database_up: Gauge,
    database_used: Gauge,
    database_idle: Gauge,
    failures: Family<WorkLabels, Counter>,
    operators_refused: Family<ReasonLabels, Counter>,
    audit_broken: Gauge,
    audit_seal: Gauge,
    pins_forgiven: Counter,
    budgets_half_spent: Counter,
    clones_suspected: Counter,
    blocks: Family<BlockLabels, Counter>,
    process: Process,
    /// Sums for the console.
    totals: Totals,
    /// The result of the last audit check.
    trail: Mutex<Option<TrailState>>,
}

/// The number of classes of the duration of a step: that of the histogram's buckets, and one more
/// for longer steps.
pub(crate) const STEP_CLASSES: usize = 17;

/// The longest duration of the first class, in microseconds. Each further class reaches twice as
/// far.
pub(crate) const FIRST_CLASS_MICROS: u64 = 500;

/// Sums since the start. The families of Prometheus cannot be summed up.
#[derive(Default)]
struct Totals {
    requests: AtomicU64,
    errors: AtomicU64,
    accepted: AtomicU64,
    refused: AtomicU64,
    steps: [AtomicU64; STEP_CLASSES],
}

/// The sums at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sums {
    pub(crate) requests: u64,
    /// Answers of 5xx.
    pub(crate) errors: u64,
    /// One-time passwords.
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    /// Steps in the database, by the class of their duration.
    pub(crate) steps: [u64; STEP_CLASSES],
}

/// The state of the audit trail after a check.
#[derive(Clone, Debug)]
pub(crate) struct TrailState {
    pub(crate) newest: Option<AuditSeal>,
    /// Stays true until the program restarts.
    pub(crate) is_broken: bool,
}

/// Values that are read at each scrape.
pub(crate) struct Snapshot {
    /// Number of steps that were run again.
    pub(crate) retries: u64,
    /// SMS that this instance did not send because the budget was spent.
    pub(crate) sms_limited: u64,
    /// Counts that the service's rules keep.
    pub(crate) tally: authority::Tally,
    /// SMS in the queue, or `None` if the database did not answer.
    pub(crate) sms_waiting: Option<u32>,
    /// Steps that run in the database now.
    pub(crate) steps_running: usize,
    /// Connections to the database that are in use, and that are idle; `None` without a connection
    /// pool.
    pub(crate) database_connections: Option<(u32, u32)>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct LimitLabels {
    limit: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct HandshakeLabels {
    group: &'static str,
    version: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WorkLabels {
    work: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BlockLabels {
    ends: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    operation: String,
    outcome: String,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("pims_authority");
        let requests = Family::default();
        registry.register("requests", "Requests by route, method and status", requests.clone());
        let seconds = Family::<RouteLabels, Histogram>::new_with_constructor(histogram);
        registry.register_with_unit(
            "request_duration",
            "Time from a request to its response",
            Unit::Seconds,
            seconds.clone(),
        );
        let steps = histogram();
        registry.register_with_unit(
            "step_duration",
            "Time of a database step, including its wait for a permit",
            Unit::Seconds,
            steps.clone(),
        );
        let limited = Family::default();
        registry.register("limited", "Requests that were refused because of a limit", limited.clone());
        let handshakes = Family::default();
        registry.register("tls_handshakes", "TLS handshakes by key exchange group and version", handshakes.clone());
        let outcomes = Family::default();
        registry.register("outcomes", "Operations by result word", outcomes.clone());
        let sms = Family::default();
        registry.register("sms", "SMS of the queue by outcome", sms.clone());
        let connections = Gauge::default();
        registry.register("connections", "Open connections", connections.clone());
        let retries = Counter::default();
        registry.register(
            "database_retries",
            "Database steps that ran again after a conflict with another one",
            retries.clone(),
        );
        let sms_limited = Counter::default();
        registry.register("sms_limited", "SMS that were not sent because the budget was spent", sms_limited.clone());
        let sms_waiting = Gauge::default();
        registry.register("sms_waiting", "SMS in the queue", sms_waiting.clone());
        registry.register("build", "Version of the program", Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]));
        let [steps_running, database_up, database_used, database_idle]: [Gauge; 4] = Default::default();
        registry.register("steps_running", "Database steps that run now", steps_running.clone());
        registry.register("database_up", "1 if the database answered this scrape, else 0", database_up.clone());
        registry.register("database_connections_used", "Connections to PostgreSQL in use", database_used.clone());
        registry.register("database_connections_idle", "Idle connections to PostgreSQL", database_idle.clone());
        let failures = Family::default();
        registry.register(
            "failures",
            "Failures of background work, and of steps that found a row changed by another program (altered_row)",
            failures.clone(),
        );
        let operators_refused = Family::default();
        registry.register(
            "operators_refused",
            "Refused requests to the operators' listener",
            operators_refused.clone(),
        );
        let [audit_broken, audit_seal]: [Gauge; 2] = Default::default();
        registry.register("audit_broken", "1 if the audit trail was found changed, else 0", audit_broken.clone());
        registry.register("audit_seal", "Number of the newest seal of the audit trail", audit_seal.clone());
        let [pins_forgiven, budgets_half_spent, clones_suspected]: [Counter; 3] = Default::default();
        registry.register("pins_forgiven", "Wrong PINs that a right PIN forgave", pins_forgiven.clone());
        registry.register(
            "pin_budgets_half_spent",
            "PINs whose wrong PINs reached half of pin.budget",
            budgets_half_spent.clone(),
        );
        registry.register(
            "clones_suspected",
            "Devices that presented an older K1 or lastsync: a second copy, or a restored backup",
            clones_suspected.clone(),
        );
        let blocks = Family::default();
        registry.register(
            "blocks",
            "Blocks of accounts: those that end by themselves (itself), and the others (reset)",
            blocks.clone(),
        );
        let metrics = Self {
            registry,
            requests,
            seconds,
            steps,
            limited,
            handshakes,
            outcomes,
            sms,
            connections,
            retries,
            sms_limited,
            sms_waiting,
            steps_running,
            database_up,
            database_used,
            database_idle,
            failures,
            operators_refused,
            audit_broken,
            audit_seal,
            pins_forgiven,
            budgets_half_spent,
            clones_suspected,
            blocks,
            process: Process::default(),
            totals: Totals::default(),
            trail: Mutex::default(),
        };
        metrics.init_series();
        metrics
    }
}

fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
}

impl Totals {
    fn add(total: &AtomicU64) {
        total.fetch_add(1, Ordering::Relaxed);
    }

    fn step(&self, time: Duration) {
        if let Some(class) = self.steps.get(step_class(time)) {
            Self::add(class);
        }
    }

    /// Counts a one-time password that a relying party or an app has verified.
    fn password(&self, operation: &str, outcome: &str) {
        match (operation, outcome) {
            ("authenticate" | "token.password", "OK") => Self::add(&self.accepted),
            ("authenticate", "NOK:ACCESS") | ("token.password", "invalid_grant") => Self::add(&self.refused),
            _ => {}
        }
    }
}

/// Returns the class of the duration of a step.
fn step_class(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let firsts = micros.saturating_sub(1) / FIRST_CLASS_MICROS;
    let class = usize::try_from(u64::BITS - firsts.leading_zeros()).unwrap_or(usize::MAX);
    class.min(STEP_CLASSES - 1)
}

impl Metrics {
    /// Sets known series to 0, so that `rate()` sees the first increment.
    fn init_series(&self) {
        for limit in [
            "address",
            "connections",
            "account",
            "party",
            "number",
            "wrong_codes",
            "wrong_otps",
            "refused_finalize",
            "operators",
        ] {
            let _ = self.limited.get_or_create(&LimitLabels { limit });
        }
        for work in ["sms", "housekeeping", "issuer_keys", "altered_row", "audit"] {
            let _ = self.failures.get_or_create(&WorkLabels { work });
        }
        for reason in ["token", "role", "cross_site", "type", "four_eyes", "csrf"] {
            let _ = self.operators_refused.get_or_create(&ReasonLabels { reason });
        }
        self.sms(authority::Delivered::default());
        self.blocks(&authority::Tally::default());
    }

    fn blocks(&self, tally: &authority::Tally) {
        for (ends, count) in [("itself", tally.timed_blocks), ("reset", tally.lasting_blocks)] {
            self.blocks.get_or_create(&BlockLabels { ends }).inner().store(count, Ordering::Relaxed);
        }
    }

    pub(crate) fn request(&self, route: &str, method: &str, status: u16, time: Duration) {
        let labels = RequestLabels { route: route.to_owned(), method: method.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        Totals::add(&self.totals.requests);
        if status >= 500 {
            Totals::add(&self.totals.errors);
        }
        self.seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(time.as_secs_f64());
    }

    pub(crate) fn step(&self, time: Duration) {
        self.steps.observe(time.as_secs_f64());
        self.totals.step(time);
    }

    pub(crate) fn limited(&self, limit: &'static str) {
        self.limited.get_or_create(&LimitLabels { limit }).inc();
    }

    /// Counts a TLS handshake. Both words come from fixed lists.
    pub(crate) fn handshake(&self, group: &'static str, version: &'static str) {
        self.handshakes.get_or_create(&HandshakeLabels { group, version }).inc();
    }

    pub(crate) fn outcome(&self, operation: &str, outcome: &str) {
        let labels = OutcomeLabels { operation: operation.to_owned(), outcome: outcome.to_owned() };
        self.outcomes.get_or_create(&labels).inc();
        self.totals.password(operation, outcome);
    }

    pub(crate) fn sms(&self, delivered: authority::Delivered) {
        for (outcome, count) in [("sent", delivered.sent), ("failed", delivered.failed), ("dropped", delivered.dropped)]
        {
            let labels = OutcomeLabels { operation: "retry".to_owned(), outcome: outcome.to_owned() };
            self.sms.get_or_create(&labels).inc_by(count.into());
        }
    }

    pub(crate) fn operator_refused(&self, reason: &'static str) {
        self.operators_refused.get_or_create(&ReasonLabels { reason }).inc();
    }

    /// Records the result of an audit check. Once the trail was found changed, the metric stays set
    /// until the program restarts.
    pub(crate) fn audit(&self, newest: Option<AuditSeal>, broken: bool) {
        self.audit_seal.set(newest.as_ref().map_or(0, |seal| seal.number));
        if broken {
            self.audit_broken.set(1);
        }
        let state = TrailState { newest, is_broken: self.audit_broken.get() == 1 };
        *self.trail.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }

    /// Returns the result of the last audit check of this instance. `None`: there was none yet.
    pub(crate) fn trail(&self) -> Option<TrailState> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the sums.
    pub(crate) fn sums(&self) -> Sums {
        let Totals { requests, errors, accepted, refused, steps } = &self.totals;
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        let steps = std::array::from_fn(|class| steps.get(class).map_or(0, read));
        Sums { requests: read(requests), errors: read(errors), accepted: read(accepted), refused: read(refused), steps }
    }

    /// Counts a failure of background work or an altered row. The log has the details.
    pub(crate) fn failed(&self, work: &'static str) {
        self.failures.get_or_create(&WorkLabels { work }).inc();
    }

    /// Returns the text for Prometheus. If the queue of SMS could not be counted, its last value
    /// stays.
    pub(crate) fn text(&self, now: &Snapshot) -> String {
        self.retries.inner().store(now.retries, Ordering::Relaxed);
        self.sms_limited.inner().store(now.sms_limited, Ordering::Relaxed);
        self.pins_forgiven.inner().store(now.tally.pins_forgiven, Ordering::Relaxed);
        self.budgets_half_spent.inner().store(now.tally.budgets_half_spent, Ordering::Relaxed);
        self.clones_suspected.inner().store(now.tally.clones_suspected, Ordering::Relaxed);
        self.blocks(&now.tally);
        self.database_up.set(now.sms_waiting.is_some().into());
        if let Some(waiting) = now.sms_waiting {
            self.sms_waiting.set(waiting.into());
        }
        self.steps_running.set(i64::try_from(now.steps_running).unwrap_or(i64::MAX));
        let (used, idle) = now.database_connections.unwrap_or_default();
        self.database_used.set(used.into());
        self.database_idle.set(idle.into());
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = encode_registry(&mut text, &self.registry);
        self.process.write(&mut text);
        let _ = encode_eof(&mut text);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_of_the_class_that_the_bucket_of_the_histogram_is() {
        for (micros, class) in
            [(0, 0), (1, 0), (500, 0), (501, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3), (16_384_000, 15)]
        {
            assert_eq!(step_class(Duration::from_micros(micros)), class, "{micros}");
        }
        assert_eq!(step_class(Duration::from_micros(16_384_001)), 16);
        assert_eq!(step_class(Duration::MAX), 16);
    }

    #[test]
    fn the_sums_are_those_of_the_counters() {
        let metrics = Metrics::default();
        metrics.request("/FS", "GET", 200, Duration::ZERO);
        metrics.request("/FS", "GET", 503, Duration::ZERO);
        metrics.step(Duration::from_millis(3));
        for (operation, outcome) in [
            ("authenticate", "OK"),
            ("token.password", "OK"),
            ("authenticate", "NOK:ACCESS"),
            ("authenticate", "NOK:NOSRV"),
            ("otp", "OK"),
            ("token.refresh", "invalid_grant"),
        ] {
            metrics.outcome(operation, outcome);
        }
        let mut steps = [0; STEP_CLASSES];
        steps[3] = 1;
        assert_eq!(metrics.sums(), Sums { requests: 2, errors: 1, accepted: 2, refused: 1, steps });
    }
}
