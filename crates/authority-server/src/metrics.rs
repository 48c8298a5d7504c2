//! The metrics for Prometheus. Labels name routes, statuses and outcomes, never an account or a
//! device.

use std::sync::atomic::Ordering;
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
        };
        metrics.init_series();
        metrics
    }
}

fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 16))
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
        for reason in ["token", "role", "cross_site", "type"] {
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
        self.seconds.get_or_create(&RouteLabels { route: route.to_owned() }).observe(time.as_secs_f64());
    }

    pub(crate) fn step(&self, time: Duration) {
        self.steps.observe(time.as_secs_f64());
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
    pub(crate) fn audit(&self, newest: i64, broken: bool) {
        self.audit_seal.set(newest);
        if broken {
            self.audit_broken.set(1);
        }
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
