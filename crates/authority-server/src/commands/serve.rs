//! `serve`: runs the listeners and the background work, and ends in order.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{dev, gateway, open};
use crate::config::{Config, Stage, four_eyes_warnings, guesses};
use crate::console::development::{Tools, WatchedGateway};
use crate::console::operators::{self, OperatorsConsole};
use crate::hardening;
use crate::http::{self, Additions, Guard, Listener, Pipeline, Tls, TrustedProxies};
use crate::identity::Identity;
use crate::log;
use crate::service::Service;
use crate::signer::Signer;
use authority::{AuditSeal, Clock, SystemClock};

/// Interval at which due SMS are sent.
const DELIVERY_INTERVAL: Duration = Duration::from_secs(1);

/// Interval at which expired rows are removed. They are found by their time, so a run that finds
/// none costs a few statements.
const PRUNING_INTERVAL: Duration = Duration::from_secs(600);

/// Interval at which the audit trail is sealed, and its boundary is read.
const SEALING_INTERVAL: Duration = Duration::from_secs(60);

/// Longest time for steps that still run when the last connection is closed. The longest steps wait
/// for a gateway or for another process's lock.
const STEP_DRAIN_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs until SIGTERM or SIGINT.
pub(crate) fn run(config: Config) -> Result<(), String> {
    start(config, None)
}

/// Runs a service for development.
pub(crate) fn development(folder: &Path, port: u16) -> Result<(), String> {
    let config = dev::prepare(folder, port)?;
    let started = dev::Started::new(folder, port, &config);
    start(config, Some(started))
}

/// Runs the service, and the development console of a service for development.
fn start(config: Config, development: Option<dev::Started>) -> Result<(), String> {
    log::start(config.log);
    let protects_nothing = "development = true: this service protects nothing".to_owned();
    let mut warnings = Vec::from_iter((config.stage == Stage::Development).then_some(protects_nothing));
    // Memory is locked before the threads start, so that their stacks are locked, too.
    warnings.extend(hardening::lock_memory(config.lock_memory)?);
    warnings.extend(guesses::warning(&config.policy, &config.limits));
    warnings.extend(config.admin.as_ref().map(four_eyes_warnings).unwrap_or_default());
    // A developer looks for the address of the console, which comes first.
    let later = if development.is_some() { warnings.split_off(0) } else { Vec::new() };
    warn(&warnings);
    // Steps wait for the database on threads of their own, and as many requests wait for the SMS
    // gateway.
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(2 * config.limits.steps + 8)
        .build()
        .map_err(|error| error.to_string())?;
    // A PostgreSQL connection blocks when it is dropped, and a thread of the runtime must not
    // block. So this thread holds the service until the runtime is gone, on every way out.
    let opened = OnceLock::new();
    let ended = runtime.block_on(serve(config, &opened, development, later));
    // Steps of requests that the drain cut off may still wait for the database or the gateway. The
    // opening of a database is not awaited: each of its steps is a transaction.
    runtime.shutdown_timeout(if opened.get().is_some() { STEP_DRAIN_TIMEOUT } else { Duration::ZERO });
    drop(opened);
    ended
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// Serves until a signal. `service_slot` holds the service when this function returns. `warnings`
/// are logged after the address of the development console.
async fn serve(
    config: Config,
    service_slot: &OnceLock<Arc<Service>>,
    development: Option<dev::Started>,
    warnings: Vec<String>,
) -> Result<(), String> {
    // The handlers are set first: a signal without a handler kills the process, and opening the
    // service takes a while.
    let mut signals = Signals::listen()?;
    let proxies = Arc::new(TrustedProxies::new(config.listen.trusted_proxies.clone()));
    let no_proxies = Arc::new(TrustedProxies::new(Vec::new()));
    let listener = Listener::bind(config.listen.address, config.listen.tls.as_ref(), proxies.clone()).await?;
    let admin = match &config.admin {
        Some(admin) => {
            let listener = Listener::bind(admin.address, admin.tls.as_ref(), no_proxies.clone()).await?;
            Some((listener, admin.operators.clone(), admin.console, admin.four_eyes))
        }
        None => None,
    };
    let console = match &development {
        Some(development) => Some(development.listen(no_proxies.clone()).await?),
        None => None,
    };
    let (keep_days, stage) = (config.keep_days, config.stage);
    // The opening waits for the database and perhaps for an issuer.
    let tools = development.as_ref().map(|development| development.tools.clone());
    let opening = tokio::task::spawn_blocking(move || open_service(config, tools));
    let opened = tokio::select! {
        opened = opening => opened.map_err(|error| error.to_string())??,
        () = signals.end() => {
            tracing::info!("stopped before the database was open");
            return Ok(());
        }
    };
    let service = service_slot.get_or_init(|| Arc::new(opened)).clone();
    let (stop, stopped) = watch::channel(false);
    let certificates: Vec<Tls> =
        [listener.tls(), admin.as_ref().and_then(|(listener, ..)| listener.tls())].into_iter().flatten().collect();
    let address = listener.address()?;
    let operators_address = admin.as_ref().map(|(listener, ..)| listener.address()).transpose()?;
    let recorder = development.as_ref().map(|development| development.recorder(stopped.clone()));
    let mut work = tokio::task::JoinSet::new();
    // Before the first line of the log: the first line in the terminal is the console's address.
    if let (Some(development), Some(listener)) = (development, console) {
        let pipeline = Pipeline { service: service.clone(), trusted_proxies: no_proxies.clone(), limited: false };
        let port = listener.address()?.port();
        let router = development.begin(&service, pipeline, port, (address, operators_address), stopped.clone())?;
        work.spawn(listener.serve(router, service.clone(), stopped.clone()));
    }
    warn(&warnings);
    tracing::info!(%address, tls = listener.tls().is_some(), "listening");
    let pipeline = Pipeline { service: service.clone(), trusted_proxies: proxies, limited: true };
    let public_tls = listener.tls();
    let recorder = recorder.as_ref().map(|recorder| recorder as &dyn Additions);
    let router = http::public(&service, pipeline, stage, recorder);
    work.spawn(listener.serve(router, service.clone(), stopped.clone()));
    if let Some((listener, operators, console, four_eyes)) = admin {
        tracing::info!(address = %listener.address()?, "admin API listening");
        let pipeline = Pipeline { service: service.clone(), trusted_proxies: no_proxies.clone(), limited: false };
        let tls = listener.tls();
        let guard = Guard { service: service.clone(), operators: operators.into(), tls: tls.is_some(), four_eyes };
        let listeners = [("listen", public_tls), ("admin", tls)];
        let listeners = listeners.into_iter().filter_map(|(name, tls)| Some((name, tls?))).collect();
        let console = console.map(|settings| Arc::new(OperatorsConsole::new(guard.clone(), settings, listeners)));
        if let Some(console) = console.clone() {
            let sampling = move |_: &Service| operators::take_sample(&console);
            let interval = Interval::of(operators::SAMPLING_INTERVAL);
            work.spawn(run_periodically(interval, stopped.clone(), service.clone(), sampling));
        }
        let router = http::admin(&service, pipeline, guard, console.as_ref().map(|console| console as &dyn Additions));
        work.spawn(listener.serve(router, service.clone(), stopped.clone()));
    }
    let ending = stopped.clone();
    work.spawn(run_periodically(
        Interval::of(DELIVERY_INTERVAL),
        stopped.clone(),
        service.clone(),
        move |service: &Service| deliver(service, || !*ending.borrow()),
    ));
    work.spawn(run_periodically(Interval::of(SEALING_INTERVAL), stopped.clone(), service.clone(), seal));
    let ending = stopped.clone();
    let pruning = Interval { first: first_pruning()?, every: PRUNING_INTERVAL };
    work.spawn(run_periodically(pruning, stopped.clone(), service.clone(), move |service: &Service| {
        prune(service, keep_days, || !*ending.borrow());
    }));
    if let Some(every) = service.identity.refresh_every() {
        work.spawn(run_periodically(Interval::of(every), stopped, service.clone(), refresh));
    }
    signals.wait(&service, &certificates).await;
    tracing::info!("shutting down, finishing the requests in progress");
    let _ = stop.send(true);
    while work.join_next().await.is_some() {}
    tracing::info!("ended");
    Ok(())
}

/// Opens the service. That of a service for development has the clock and the gateway of its tools.
fn open_service(config: Config, tools: Option<Arc<Tools>>) -> Result<Service, String> {
    let gateway = gateway(&config.sms)?;
    let clock = || -> Box<dyn Clock> {
        match &tools {
            Some(tools) => Box::new(tools.clock.clone()),
            None => Box::new(SystemClock),
        }
    };
    let gateway = match tools.clone() {
        Some(tools) => Box::new(WatchedGateway { gateway, tools }),
        None => gateway,
    };
    let authority = open(&config, gateway, clock())?;
    if authority.migrated_rows() > 0 {
        // This is expected once, after an update. At any other time it means that rows of an
        // earlier release were put back.
        tracing::warn!(rows = authority.migrated_rows(), "rows of an earlier release were given MACs");
    }
    let identity = Identity::new(config.tokens)?;
    let signer = match &config.access_tokens {
        Some(settings) => Some(Signer::new(&authority, settings, clock()).map_err(|failure| failure.to_string())?),
        None => None,
    };
    Ok(Service::new(authority, identity, signer, config.relying_parties, config.limits))
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| error.to_string());
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for SIGTERM or SIGINT.
    async fn end(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Waits for SIGTERM or SIGINT. At SIGHUP, reads the certificates, the issuer's keys and the
    /// static tokens again.
    async fn wait(mut self, service: &Arc<Service>, certificates: &[Tls]) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    for certificate in certificates {
                        match certificate.reload() {
                            Ok(()) => tracing::info!("certificate reloaded"),
                            Err(error) => tracing::error!(%error, "certificate reload failed, keeping the current one"),
                        }
                    }
                    let service = service.clone();
                    let _ = tokio::task::spawn_blocking(move || refresh(&service)).await;
                }
            }
        }
    }
}

/// The pause before the first run of periodic work, and the pause after each run.
#[derive(Clone, Copy)]
struct Interval {
    first: Duration,
    every: Duration,
}

impl Interval {
    fn of(every: Duration) -> Self {
        Self { first: every, every }
    }
}

/// Returns the pause before the first removal of expired rows: 30 to 60 seconds by chance, so that
/// instances that start together do not do it together. An instance that is soon replaced does it,
/// too.
fn first_pruning() -> Result<Duration, String> {
    let chance = authority::random::hex::<2>().map_err(|failure| failure.to_string())?;
    let chance = u16::from_str_radix(&chance, 16).map_err(|error| error.to_string())?;
    Ok(Duration::from_millis(30_000 + u64::from(chance) * 30_000 / u64::from(u16::MAX)))
}

/// Runs `work` at an interval, on a thread that may block, until the service ends.
async fn run_periodically(
    interval: Interval,
    mut stop: watch::Receiver<bool>,
    service: Arc<Service>,
    work: impl Fn(&Service) + Clone + Send + 'static,
) {
    let mut pause = interval.first;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        pause = interval.every;
        let (service, work) = (service.clone(), work.clone());
        let _ = tokio::task::spawn_blocking(move || work(&service)).await;
    }
}

fn deliver(service: &Service, may_continue: impl Fn() -> bool) {
    match service.authority().deliver_due_while(may_continue) {
        Ok(delivered) => service.metrics.sms(delivered),
        Err(failure) => {
            service.metrics.failed("sms");
            tracing::error!(%failure, "due SMS could not be read from the queue");
        }
    }
}

/// Removes expired rows. Without a number of days, the audit trail and the ids of removed devices
/// are kept.
fn prune(service: &Service, days: Option<u32>, may_continue: impl Fn() -> bool) {
    match service.authority().prune_while(days, may_continue) {
        Ok(pruned) => tracing::info!(
            audit = pruned.audit,
            devices = pruned.tombstones,
            codes = pruned.codes,
            passwords = pruned.passwords,
            tokens = pruned.tokens,
            "expired rows pruned"
        ),
        Err(failure) => {
            service.metrics.failed("housekeeping");
            tracing::error!(%failure, "expired rows could not be pruned");
        }
    }
}

fn seal(service: &Service) {
    match service.authority().seal_audit() {
        Ok(sealing) => {
            for fault in &sealing.faults {
                tracing::error!(%fault, "the audit trail was changed");
            }
            for AuditSeal { number, head, rows, .. } in &sealing.made {
                tracing::info!(number, head, rows, "the audit trail was sealed");
            }
            service.metrics.audit(sealing.newest, !sealing.faults.is_empty());
        }
        Err(failure) => {
            service.metrics.failed("audit");
            tracing::error!(%failure, "the audit trail could not be sealed");
        }
    }
}

fn refresh(service: &Service) {
    if let Err(error) = service.identity.refresh() {
        service.metrics.failed("issuer_keys");
        tracing::warn!(%error, "issuer key refresh failed, keeping the current keys");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn housekeeping_begins_within_the_first_minute_and_not_everywhere_at_once() {
        let pauses: std::collections::BTreeSet<Duration> = (0..100).map(|_| first_pruning().unwrap()).collect();
        assert!(pauses.iter().all(|pause| (30_000..=60_000).contains(&pause.as_millis())), "{pauses:?}");
        assert!(pauses.len() > 50, "{pauses:?}");
    }
}
