//! The data that the facade guards: the component, and the account changes that subscribers have
//! not received yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use inwebo::client::Client;

use crate::api::Component;
use crate::clock::{MovedClock, SharedClock};
use crate::config::{Config, ServiceUrl};
#[cfg(not(feature = "embedded"))]
use crate::error::Code;
use crate::error::Error;
use crate::log;
use crate::message::{Outcome, Output, noting};
use crate::store::{StorageLock, Vault};
use crate::strongauth::{AccountView, Failure, Host, Parts, StrongAuthentication};
#[cfg(feature = "embedded")]
use crate::transport::embedded::{Embedded, Place};
use crate::transport::http::{Endpoint, Http, Interrupt, ProxyInUse, Trust, check_trust as check};
use crate::transport::{AccessToken, Transport};

/// Id of the application if a development configuration names none.
const DEVELOPMENT_MAC_ID: &str = "00000000000000000000000000000000";

pub(super) struct Core {
    component: Component,
    config: Config,
    open: Open,
    news: Vec<(AccountView, AccountView)>,
}

/// Resources that are opened once and stay open as long as the facade exists. None of them is
/// looked up by its path again, because another folder may be there by then.
struct Open {
    lock: StorageLock,
    clock: SharedClock,
    interrupt: Interrupt,
    /// The embedded authority. It stays open while another service is configured.
    #[cfg(feature = "embedded")]
    authority: Option<Arc<Embedded>>,
}

/// Way to the service that a configuration names.
struct Way {
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
        log::begin(lock.folder().clone(), config.log_level, config.new_log_file);
        let opened = Self::open_locked(lock, &mut config, interrupt);
        let (component, open) = opened.inspect_err(|_| log::end())?;
        // A log that cannot be written stops no operation.
        let _ = log::path();
        log::lifecycle!("the facade is there, version {}", env!("CARGO_PKG_VERSION"));
        log_surroundings(&config, &open.lock);
        if config.storage_key.is_none() {
            log::warning!(
                "no storage.key was given: the device state is sealed by the key file beside it, which hides it from nobody who can read both"
            );
        }
        Ok(Self { component, config, open, news: Vec::new() })
    }

    fn open_locked(lock: StorageLock, config: &mut Config, interrupt: Interrupt) -> Result<(Component, Open), Error> {
        let clock = SharedClock::default();
        clock.set(moved_clock(config, MovedClock::default()));
        let mut open = Open {
            lock,
            clock,
            interrupt,
            #[cfg(feature = "embedded")]
            authority: None,
        };
        let mut component = Component::new(AccessToken::default());
        // The key of the record comes before the parts of the service, because a storage without
        // its key is refused.
        let vault = open.vault(config)?;
        let way = open.way(config, &component.token)?;
        open.connect(&mut component, config, way, vault)?;
        component.take_token(config);
        Ok((component, open))
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
        let vault = match self.component.strong {
            Some(_) => None,
            None => self.open.vault(&config)?,
        };
        let way = self.open.way(&config, &self.component.token)?;
        self.open.connect(&mut self.component, &config, way, vault)?;
        self.open.clock.set(moved_clock(&config, self.open.clock.get()));
        self.component.take_token(&mut config);
        log::change(config.log_level, config.new_log_file);
        log_surroundings(&config, &self.open.lock);
        self.config = config;
        self.note_news(before);
        Ok(Output::Null)
    }

    /// Returns an error if the open storage is not the one at its path any more: later changes
    /// would be lost.
    fn check(&self) -> Result<(), Error> {
        self.open.lock.check().map_err(|error| Error::from(&error))?;
        #[cfg(feature = "embedded")]
        if let Some(authority) = &self.component.authority {
            authority.check().map_err(|error| Error::from(&error))?;
        }
        Ok(())
    }

    /// Runs a task, and returns its panic if it panics. After a panic the data in memory may be
    /// half changed, so it is read again from the store.
    pub(super) fn run(
        &mut self,
        task: Box<dyn FnOnce(&mut Component) -> Outcome + Send>,
    ) -> std::thread::Result<Outcome> {
        if self.component.strong.is_some()
            && let Err(error) = self.check()
        {
            return Ok(Err(error));
        }
        let before = self.account();
        let outcome = catch_unwind(AssertUnwindSafe(|| task(&mut self.component)));
        if outcome.is_err()
            && let Some(strong) = &mut self.component.strong
            && let Err(error) = strong.reload()
        {
            log::error!("after an internal error the device state could not be read again: {error}");
        }
        self.note_news(before);
        let wrong = self.component.strong.as_mut().and_then(StrongAuthentication::take_wrong_pins);
        outcome.map(|outcome| noting(outcome, wrong))
    }

    fn account(&self) -> Option<AccountView> {
        self.component.strong.as_ref().map(StrongAuthentication::account_view)
    }

    fn note_news(&mut self, before: Option<AccountView>) {
        if let (Some(before), Some(after)) = (before, self.account())
            && before != after
        {
            self.news.push((before, after));
        }
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(super) fn take_news(&mut self) -> Vec<(AccountView, AccountView)> {
        std::mem::take(&mut self.news)
    }
}

/// Logs the settings in use, and the settings and variables that are ignored. The log shows no path
/// of the service, and no user and no password of a proxy.
fn log_surroundings(config: &Config, lock: &StorageLock) {
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

impl Open {
    /// Opens the device record's folder, which is locked already, if the configuration names a
    /// service.
    fn vault(&self, config: &Config) -> Result<Option<Vault>, Error> {
        if config.service().is_none() {
            return Ok(None);
        }
        let vault = Vault::in_locked(self.lock.clone(), config.storage_key.clone());
        vault.map(Some).map_err(|error| Error::from(&error))
    }

    /// Creates the way to the service that a configuration names. The component stays as it is.
    fn way(&mut self, config: &Config, token: &AccessToken) -> Result<Option<Way>, Error> {
        match config.service() {
            None => Ok(None),
            Some(ServiceUrl::Embedded) => self.embedded(config).map(Some),
            Some(ServiceUrl::Remote(inwebo)) => {
                let transport = Http::new(Endpoint {
                    inwebo,
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
                Ok(Some(Way {
                    transport: Arc::new(transport.map_err(|error| Error::from(&error))?),
                    host: Arc::default(),
                    #[cfg(feature = "embedded")]
                    authority: None,
                }))
            }
        }
    }

    /// Returns the way to the embedded authority, which is opened at its first use and then kept.
    #[cfg(feature = "embedded")]
    fn embedded(&mut self, config: &Config) -> Result<Way, Error> {
        let authority = match &self.authority {
            Some(authority) => authority.clone(),
            None => {
                super::use_sqlite()?;
                let place = Place {
                    database: config.database(),
                    storage: self.lock.folder().clone(),
                    host_key: config.storage_key.as_ref().map(|key| key.derive("pims embedded authority master key")),
                    sharing: config.storage_sharing,
                    account: config.username.clone(),
                    policy: config.embedded.policy.clone(),
                    clock: self.clock.clone(),
                };
                let authority = Arc::new(Embedded::open(place).map_err(|error| Error::from(&error))?);
                self.authority.insert(authority).clone()
            }
        };
        let host = Arc::new(LocalHost { clock: self.clock.clone() });
        Ok(Way { transport: authority.clone(), host, authority: Some(authority) })
    }

    #[cfg(not(feature = "embedded"))]
    fn embedded(&mut self, _: &Config) -> Result<Way, Error> {
        Err(Error::new(Code::ConfigurationInvalid)
            .with_detail("credential.inWeboURL: this library was built without the embedded authority"))
    }

    /// Lets a component use a way to its service. An open device record stays as it is. Else the
    /// record is read from `vault`.
    fn connect(
        &self,
        component: &mut Component,
        config: &Config,
        way: Option<Way>,
        vault: Option<Vault>,
    ) -> Result<(), Error> {
        let Some(way) = way else {
            component.strong = None;
            #[cfg(feature = "embedded")]
            {
                component.authority = None;
            }
            return Ok(());
        };
        let mac_id = config.mac_id.clone().unwrap_or_else(|| DEVELOPMENT_MAC_ID.to_owned());
        let client = Client { mac_id, name: device_name() };
        match (&mut component.strong, vault) {
            (Some(strong), _) => strong.reconnect(client, config.factory_key.clone(), way.transport, way.host),
            (strong @ None, Some(vault)) => {
                let parts = Parts {
                    client,
                    account: config.username.clone(),
                    factory_key: config.factory_key.clone(),
                    transport: way.transport,
                    store: Box::new(vault),
                    host: way.host,
                };
                *strong = Some(StrongAuthentication::open(parts).map_err(|error| Error::from(&error))?);
            }
            // A way to a service comes with a vault, unless a record is open.
            (None, None) => {}
        }
        #[cfg(feature = "embedded")]
        {
            if let Some(authority) = &way.authority {
                authority.set_policy(config.embedded.policy.clone());
            }
            component.authority = way.authority;
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
