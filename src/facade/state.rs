//! The data that the facade guards: the component, and the account changes that subscribers have
//! not received yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use inwebo::client::Client;

use crate::api::Component;
use crate::clock::{MovedClock, SharedClock};
use crate::config::{Config, ServiceUrl};
#[cfg(not(feature = "embedded"))]
use crate::error::Code;
use crate::error::Error;
use crate::log;
use crate::message::{Outcome, Output, with_wrong_pins};
use crate::store::{RecordFile, StorageLock};
use crate::strongauth::record::Block;
use crate::strongauth::{AccountView, Failure, Host, Parts, StrongAuthentication};
#[cfg(feature = "embedded")]
use crate::transport::embedded::{Embedded, EmbeddedOptions};
use crate::transport::http::{Endpoint, Http, Interrupt, ProxyInUse, Trust, check_trust as check};
use crate::transport::{AccessToken, Transport};

/// Id of the application if a development configuration names none.
const DEVELOPMENT_MAC_ID: &str = "00000000000000000000000000000000";

pub(super) struct Core {
    component: Component,
    config: Config,
    resources: Resources,
    /// The account before and after each change that subscribers have not received yet.
    changes: Vec<(AccountView, AccountView)>,
    /// The time on the monotonic clock at which the account's block ends by itself, as far as the
    /// service has said so.
    block_end: Option<Instant>,
}

/// Shortest time between two questions about a block.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);

/// Resources that are opened once and stay open as long as the facade exists. None of them is
/// looked up by its path again, because another folder may be there by then.
struct Resources {
    lock: StorageLock,
    clock: SharedClock,
    interrupt: Interrupt,
    /// The embedded authority. It stays open while another service is configured.
    #[cfg(feature = "embedded")]
    authority: Option<Arc<Embedded>>,
}

/// Connection to the service that a configuration names.
struct Backend {
    transport: Arc<dyn Transport>,
    host: Arc<LocalHost>,
    #[cfg(feature = "embedded")]
    authority: Option<Arc<Embedded>>,
}

impl Core {
    /// Opens everything that a configuration names. Nothing is created on disk before the whole
    /// configuration is validated.
    pub(super) fn open(config: &str, interrupt: Interrupt) -> Result<Self, Error> {
        let mut config = Config::read(config)?;
        check_trust(&config)?;
        // The lock comes first, because it keeps a second process out of everything else.
        let lock =
            StorageLock::take(&config.storage_path, config.storage_sharing).map_err(|error| Error::from(&error))?;
        log::begin(lock.folder().clone(), config.log_level, config.new_log_file, config.max_log_file_bytes);
        let opened = Self::open_locked(lock, &mut config, interrupt);
        let (component, resources) = opened.inspect_err(|_| log::end())?;
        // A log that cannot be written stops no operation.
        let _ = log::path();
        log::lifecycle!("the facade is there, version {}", env!("CARGO_PKG_VERSION"));
        log_settings(&config, &resources.lock);
        if config.storage_key.is_none() {
            log::warning!(
                "no storage.key was given: the device state is sealed by the key file beside it, which hides it from nobody who can read both"
            );
        }
        Ok(Self { component, config, resources, changes: Vec::new(), block_end: None })
    }

    fn open_locked(
        lock: StorageLock,
        config: &mut Config,
        interrupt: Interrupt,
    ) -> Result<(Component, Resources), Error> {
        let clock = SharedClock::default();
        clock.set(moved_clock(config, MovedClock::default()));
        let mut resources = Resources {
            lock,
            clock,
            interrupt,
            #[cfg(feature = "embedded")]
            authority: None,
        };
        let mut component = Component::new(AccessToken::default());
        // The key of the record comes before the parts of the service, because a storage without
        // its key is refused.
        let record_file = resources.record_file(config)?;
        let backend = resources.backend(config, &component.token)?;
        resources.connect(&mut component, config, backend, record_file)?;
        component.take_token(config);
        Ok((component, resources))
    }

    pub(super) fn component(&self) -> &Component {
        &self.component
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Applies a configuration to the facade: all of it, or nothing if any part is bad.
    pub(super) fn configure(&mut self, text: &str) -> Outcome {
        let mut config = self.config.change(text)?;
        check_trust(&config)?;
        self.check()?;
        let before = self.account();
        let record_file = match self.component.strong {
            Some(_) => None,
            None => self.resources.record_file(&config)?,
        };
        let backend = self.resources.backend(&config, &self.component.token)?;
        self.resources.connect(&mut self.component, &config, backend, record_file)?;
        self.resources.clock.set(moved_clock(&config, self.resources.clock.get()));
        self.component.take_token(&mut config);
        log::change(config.log_level, config.new_log_file, config.max_log_file_bytes);
        log_settings(&config, &self.resources.lock);
        self.config = config;
        self.record_change(before);
        Ok(Output::Null)
    }

    /// Returns an error if the open storage is not the one at its path any more: later changes
    /// would be lost.
    fn check(&self) -> Result<(), Error> {
        let checked = match &self.component.strong {
            Some(strong) => strong.check_storage(),
            None => self.resources.lock.check(),
        };
        checked.map_err(|error| Error::from(&error))
    }

    /// Runs a task, and returns its panic if it panics. The message of the outcome reports wrong
    /// PINs.
    pub(super) fn run(
        &mut self,
        task: Box<dyn FnOnce(&mut Component) -> Outcome + Send>,
    ) -> std::thread::Result<Outcome> {
        let outcome = self.run_silently(task);
        let wrong = self.component.strong.as_mut().and_then(StrongAuthentication::take_wrong_pins);
        outcome.map(|outcome| with_wrong_pins(outcome, wrong))
    }

    /// Runs a task whose outcome is no message, and returns its panic if it panics. After a panic
    /// the data in memory may be half changed, so it is read again from the store.
    pub(super) fn run_silently<T>(&mut self, task: impl FnOnce(&mut Component) -> T) -> std::thread::Result<T> {
        let before = self.account();
        let outcome = catch_unwind(AssertUnwindSafe(|| task(&mut self.component)));
        if outcome.is_err()
            && let Some(strong) = &mut self.component.strong
            && let Err(error) = strong.reload()
        {
            log::error!("after an internal error the device state could not be read again: {error}");
        }
        self.record_change(before);
        self.record_block_end();
        outcome
    }

    fn account(&self) -> Option<AccountView> {
        self.component.strong.as_ref().map(StrongAuthentication::account_view)
    }

    fn record_change(&mut self, before: Option<AccountView>) {
        if let (Some(before), Some(after)) = (before, self.account())
            && before != after
        {
            self.changes.push((before, after));
        }
    }

    /// Records the end of a block that the service has told since the last message.
    fn record_block_end(&mut self) {
        let strong = self.component.strong.as_mut();
        let told = strong.and_then(StrongAuthentication::take_block_times);
        if self.account().is_none_or(|account| account.block != Some(Block::PinBlocked)) {
            self.block_end = None;
        } else if let Some(times) = told {
            let wait = times.map(|times| Duration::from_secs(times.retry_after_seconds).max(SHORTEST_WAIT));
            self.block_end = wait.and_then(|wait| Instant::now().checked_add(wait));
        }
    }

    /// Returns the time at which the service may be asked whether the account's block is over.
    pub(super) fn block_end(&self) -> Option<Instant> {
        self.block_end
    }

    pub(super) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(super) fn take_changes(&mut self) -> Vec<(AccountView, AccountView)> {
        std::mem::take(&mut self.changes)
    }
}

/// Logs the settings in use, and the settings and variables that are ignored. The log shows no path
/// of the service, and no user and no password of a proxy.
fn log_settings(config: &Config, lock: &StorageLock) {
    let (service, proxy) = match config.service() {
        None => ("none".to_owned(), ProxyInUse::None),
        Some(ServiceUrl::Embedded) => ("the embedded authority".to_owned(), ProxyInUse::None),
        Some(ServiceUrl::Remote(url)) => (host(&url), ProxyInUse::find(config.proxy.as_deref(), &url)),
    };
    log::lifecycle!(
        "service: {service}; storage: {}; pinned certificates: {}; proxy: {proxy}",
        lock.folder().path().display(),
        config.pins.len(),
    );
    if let ProxyInUse::Unusable(variable) = proxy {
        log::warning!(
            "{variable} names no HTTP proxy, and connections are made without one: set network.proxy to http://host:port"
        );
    }
    for warning in &config.unknown_keys {
        log::warning!("{warning}");
    }
}

/// Returns the host and port of a URL that was checked.
fn host(url: &str) -> String {
    let uri = url.parse::<http::Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default()
}

fn moved_clock(config: &Config, before: MovedClock) -> MovedClock {
    let clock = MovedClock::ahead(config.embedded.clock_offset_seconds);
    if config.embedded.clock_frozen { clock.frozen(before) } else { clock }
}

fn trust(config: &Config) -> Trust {
    Trust { ca_file: config.ca_file.clone(), pins: config.pins.clone() }
}

/// Returns an error if the configured roots cannot be used. This comes before anything is created.
fn check_trust(config: &Config) -> Result<(), Error> {
    match (config.service(), &config.ca_file) {
        (Some(ServiceUrl::Remote(_)), Some(_)) => check(&trust(config)).map_err(|error| Error::from(&error)),
        _ => Ok(()),
    }
}

impl Resources {
    /// Opens the device record's folder, which is locked already, if the configuration names a
    /// service.
    fn record_file(&self, config: &Config) -> Result<Option<RecordFile>, Error> {
        if config.service().is_none() {
            return Ok(None);
        }
        let record_file = RecordFile::in_locked(self.lock.clone(), config.storage_key.clone());
        record_file.map(Some).map_err(|error| Error::from(&error))
    }

    /// Creates the connection to the service that a configuration names. The component stays as it
    /// is.
    fn backend(&mut self, config: &Config, token: &AccessToken) -> Result<Option<Backend>, Error> {
        match config.service() {
            None => Ok(None),
            Some(ServiceUrl::Embedded) => self.embedded(config).map(Some),
            Some(ServiceUrl::Remote(inwebo)) => {
                let transport = Http::new(Endpoint {
                    inwebo,
                    mac_path: config.mac_path.clone(),
                    mac_user_agent: config.mac_user_agent.clone(),
                    locale: config.locale.clone(),
                    cvs_user_agent: config.cvs_user_agent.clone(),
                    cvs: config.cvs.clone(),
                    client_id: config.client_id.clone(),
                    realm: config.realm(),
                    connect_timeout: config.connect_timeout,
                    request_timeout: config.request_timeout,
                    proxy: config.proxy.clone(),
                    trust: trust(config),
                    token: token.clone(),
                    interrupt: self.interrupt.clone(),
                });
                Ok(Some(Backend {
                    transport: Arc::new(transport.map_err(|error| Error::from(&error))?),
                    host: Arc::default(),
                    #[cfg(feature = "embedded")]
                    authority: None,
                }))
            }
        }
    }

    /// Returns the connection to the embedded authority, which is opened at its first use and then
    /// kept.
    #[cfg(feature = "embedded")]
    fn embedded(&mut self, config: &Config) -> Result<Backend, Error> {
        let authority = match &self.authority {
            Some(authority) => authority.clone(),
            None => {
                super::record_sqlite_use()?;
                let options = EmbeddedOptions {
                    database: config.database(),
                    storage: self.lock.folder().clone(),
                    host_key: config.storage_key.as_ref().map(|key| key.derive("pims embedded authority master key")),
                    sharing: config.storage_sharing,
                    account: config.username.clone(),
                    policy: config.embedded.policy.clone(),
                    clock: self.clock.clone(),
                };
                let authority = Arc::new(Embedded::open(options).map_err(|error| Error::from(&error))?);
                self.authority.insert(authority).clone()
            }
        };
        let host = Arc::new(LocalHost { clock: self.clock.clone() });
        Ok(Backend { transport: authority.clone(), host, authority: Some(authority) })
    }

    #[cfg(not(feature = "embedded"))]
    fn embedded(&mut self, _: &Config) -> Result<Backend, Error> {
        Err(Error::new(Code::ConfigurationInvalid)
            .with_detail("credential.inWeboURL: this library was built without the embedded authority"))
    }

    /// Lets a component use a connection to its service. An open device record stays as it is. Else
    /// the record is read from `record_file`.
    fn connect(
        &self,
        component: &mut Component,
        config: &Config,
        backend: Option<Backend>,
        record_file: Option<RecordFile>,
    ) -> Result<(), Error> {
        let Some(backend) = backend else {
            component.strong = None;
            #[cfg(feature = "embedded")]
            {
                component.authority = None;
            }
            return Ok(());
        };
        let mac_id = config.mac_id.clone().unwrap_or_else(|| DEVELOPMENT_MAC_ID.to_owned());
        let client = Client {
            mac_id,
            name: device_name(),
            version: config.protocol_version.clone().into(),
            keystore: config.keystore,
        };
        match (&mut component.strong, record_file) {
            (Some(strong), _) => {
                strong.reconnect(client, config.factory_key.clone(), config.limits, backend.transport, backend.host);
            }
            (strong @ None, Some(record_file)) => {
                let parts = Parts {
                    client,
                    account: config.username.clone(),
                    factory_key: config.factory_key.clone(),
                    limits: config.limits,
                    transport: backend.transport,
                    store: Box::new(record_file),
                    host: backend.host,
                };
                *strong = Some(StrongAuthentication::open(parts).map_err(|error| Error::from(&error))?);
            }
            // A backend comes with a record file, unless a record is open.
            (None, None) => {}
        }
        #[cfg(feature = "embedded")]
        {
            if let Some(authority) = &backend.authority {
                authority.set_policy(config.embedded.policy.clone());
            }
            component.authority = backend.authority;
        }
        Ok(())
    }
}

/// Returns a name by which a user recognises this device.
fn device_name() -> String {
    format!("libpims on {} / {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The machine that the library runs on.
#[derive(Default)]
struct LocalHost {
    clock: SharedClock,
}

impl Host for LocalHost {
    fn now(&self) -> i64 {
        self.clock.get().now()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        getrandom::fill(bytes).map_err(|_| Failure::Entropy)
    }
}
