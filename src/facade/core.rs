//! What the facade guards: the component, and what of it subscribers have not been told yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::api::Component;
use crate::clock::MovedClock;
use crate::config::{Config, ServiceUrl};
use crate::error::{Code, Error};
use crate::inwebo::Client;
use crate::log;
use crate::message::{Outcome, Output, noting};
use crate::store::{StorageLock, Vault};
use crate::strongauth::{AccountView, Failure, Host, Parts, StrongAuthentication};
use crate::transport::http::{Endpoint, Http, Interrupt, ProxyInUse, Trust, check_trust as check};
use crate::transport::{AccessToken, Transport};

/// The application's id where a development configuration names none.
const DEVELOPMENT_MAC_ID: &str = "00000000000000000000000000000000";

pub(super) struct Core {
    component: Component,
    config: Config,
    clock: MovedClock,
    lock: StorageLock,
    interrupt: Interrupt,
    news: Vec<(AccountView, AccountView)>,
}

impl Core {
    /// Opens everything that a configuration names. Nothing is made on disk before the whole of it was judged.
    pub(super) fn open(config: &str, interrupt: Interrupt) -> Result<Self, Error> {
        let mut config = Config::read(config)?;
        check_trust(&config)?;
        // The lock first: it keeps a second process out of everything else.
        let lock =
            StorageLock::take(&config.storage_path, config.storage_sharing).map_err(|error| Error::from(&error))?;
        let clock = clock(&config, MovedClock::default());
        let component = build(&config, clock, lock.clone(), AccessToken::default(), &interrupt)?;
        component.take_token(&mut config);
        log::begin(lock.folder().clone(), config.log_level, config.new_log_file);
        log::lifecycle!("the facade is there, version {}", env!("CARGO_PKG_VERSION"));
        log_surroundings(&config, &lock);
        if config.storage_key.is_none() {
            log::warning!(
                "no storage.key was given: the device state is sealed by the key file beside it, which hides it from nobody who can read both"
            );
        }
        Ok(Self { component, config, clock, lock, interrupt, news: Vec::new() })
    }

    pub(super) fn component(&self) -> &Component {
        &self.component
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Applies a configuration to what runs: all of it, or, where any of it is bad, nothing.
    pub(super) fn configure(&mut self, text: &str) -> Outcome {
        let mut config = self.config.change(text)?;
        check_trust(&config)?;
        let clock = clock(&config, self.clock);
        let before = self.account();
        self.component = build(&config, clock, self.lock.clone(), self.component.token.clone(), &self.interrupt)?;
        self.component.take_token(&mut config);
        log::change(config.log_level, config.new_log_file);
        log_surroundings(&config, &self.lock);
        (self.config, self.clock) = (config, clock);
        self.note_news(before);
        Ok(Output::Null)
    }

    /// Runs a task. After a panic, which is handed back, what is in memory may be half changed: it is read again from the store.
    pub(super) fn run(
        &mut self,
        task: Box<dyn FnOnce(&mut Component) -> Outcome + Send>,
    ) -> std::thread::Result<Outcome> {
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

/// Logs what is in use, and what of the configuration or the environment is not. No path of the
/// service, no user and no password of a proxy is among it.
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

/// The host and port of a URL that was checked.
fn host(url: &str) -> String {
    let uri = url.parse::<http::Uri>().ok();
    uri.and_then(|uri| uri.authority().map(ToString::to_string)).unwrap_or_default()
}

fn clock(config: &Config, before: MovedClock) -> MovedClock {
    let clock = MovedClock::ahead(config.embedded.clock_offset_seconds);
    if config.embedded.clock_frozen { clock.frozen(before) } else { clock }
}

fn trust(config: &Config) -> Trust {
    Trust { ca_file: config.ca_file.clone(), pins: config.pins.clone() }
}

/// What a service cannot be trusted by is refused before anything is made.
fn check_trust(config: &Config) -> Result<(), Error> {
    match (config.service(), &config.ca_file) {
        (Some(ServiceUrl::Remote(_)), Some(_)) => check(&trust(config)).map_err(|error| Error::from(&error)),
        _ => Ok(()),
    }
}

/// Makes the component that a configuration names, on a storage that is locked.
fn build(
    config: &Config,
    clock: MovedClock,
    lock: StorageLock,
    token: AccessToken,
    interrupt: &Interrupt,
) -> Result<Component, Error> {
    let mut component = Component::new(token.clone());
    match config.service() {
        None => {}
        Some(ServiceUrl::Embedded) => {
            let vault = open_vault(config, lock)?;
            let transport = embedded(config, clock, &mut component)?;
            component.strong = Some(open_strong(config, vault, transport, clock)?);
        }
        Some(ServiceUrl::Remote(inwebo)) => {
            let vault = open_vault(config, lock)?;
            let transport = Http::new(Endpoint {
                inwebo,
                cvs: config.cvs.clone(),
                client_id: config.client_id.clone(),
                realm: config.realm(),
                connect_timeout: config.connect_timeout,
                request_timeout: config.request_timeout,
                proxy: config.proxy.clone(),
                trust: trust(config),
                token,
                interrupt: interrupt.clone(),
            });
            let transport = transport.map_err(|error| Error::from(&error))?;
            component.strong = Some(open_strong(config, vault, Arc::new(transport), MovedClock::default())?);
        }
    }
    Ok(component)
}

#[cfg(feature = "embedded")]
fn embedded(config: &Config, clock: MovedClock, component: &mut Component) -> Result<Arc<dyn Transport>, Error> {
    use crate::transport::embedded::{Embedded, Place};
    super::use_sqlite()?;
    let authority = Embedded::open(Place {
        database: config.database(),
        outbox: config.storage_path.join("sms-outbox.jsonl"),
        sharing: config.storage_sharing,
        account: config.username.clone(),
        policy: config.embedded.policy.clone(),
        clock,
    })
    .map_err(|error| Error::new(Code::CoreNotConfigured).with_detail(error.to_string()))?;
    let authority = Arc::new(authority);
    component.authority = Some(authority.clone());
    Ok(authority)
}

#[cfg(not(feature = "embedded"))]
fn embedded(_: &Config, _: MovedClock, _: &mut Component) -> Result<Arc<dyn Transport>, Error> {
    Err(Error::new(Code::ConfigurationInvalid)
        .with_detail("credential.inWeboURL: this library was built without the embedded authority"))
}

fn open_vault(config: &Config, lock: StorageLock) -> Result<Vault, Error> {
    Vault::in_locked(lock, config.storage_key.clone()).map_err(|error| Error::from(&error))
}

fn open_strong(
    config: &Config,
    vault: Vault,
    transport: Arc<dyn Transport>,
    clock: MovedClock,
) -> Result<StrongAuthentication, Error> {
    let mac_id = config.mac_id.clone().unwrap_or_else(|| DEVELOPMENT_MAC_ID.to_owned());
    StrongAuthentication::open(Parts {
        client: Client { mac_id, name: device_name() },
        account: config.username.clone(),
        factory_key: config.factory_key.clone(),
        transport,
        store: Box::new(vault),
        host: Arc::new(LocalHost { clock }),
    })
    .map_err(|error| Error::from(&error))
}

/// What a person recognises this device by.
fn device_name() -> String {
    format!("libpims on {} / {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The machine that the library runs on.
struct LocalHost {
    clock: MovedClock,
}

impl Host for LocalHost {
    fn now(&self) -> i64 {
        self.clock.now()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        getrandom::fill(bytes).map_err(|_| Failure::Entropy)
    }
}
