//! What the facade guards: the component, and what of it subscribers have not been told yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use crate::api::Component;
use crate::config::{Config, ServiceUrl};
use crate::error::{Code, Error};
use crate::inwebo::Client;
use crate::log;
use crate::message::Outcome;
use crate::store::{Vault, create_folder};
use crate::strongauth::{AccountView, Failure, Host, OpenError, Parts, StrongAuthentication};
use crate::transport::Transport;

/// The application's id where a development configuration names none.
const DEVELOPMENT_MAC_ID: &str = "00000000000000000000000000000000";

pub(super) struct Core {
    component: Component,
    news: Vec<(AccountView, AccountView)>,
}

impl Core {
    /// Opens everything that a configuration names. Nothing is made on disk before the whole of it was judged.
    pub(super) fn open(config: &str) -> Result<Self, Error> {
        let config = Config::read(config)?;
        let component = match config.service() {
            None => {
                create_folder(&config.storage_path).map_err(|error| Error::from(&error))?;
                Component {
                    strong: None,
                    #[cfg(feature = "embedded")]
                    authority: None,
                }
            }
            Some(ServiceUrl::Embedded) => open_embedded(&config)?,
            Some(ServiceUrl::Remote(_)) => {
                return Err(Error::new(Code::ConfigurationInvalid).with_detail(
                    "credential.inWeboURL: expected \"embedded:\": this version of the library has no HTTPS transport yet",
                ));
            }
        };
        log::begin(&config.storage_path.join("logs"), config.log_level, config.new_log_file);
        log::lifecycle!("the facade is there, version {}", env!("CARGO_PKG_VERSION"));
        if config.storage_key.is_none() {
            log::warning!(
                "no storage.key was given: the device state is sealed by the key file beside it, which hides it from nobody who can read both"
            );
        }
        Ok(Self { component, news: Vec::new() })
    }

    pub(super) fn component(&self) -> &Component {
        &self.component
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
        if let (Some(before), Some(after)) = (before, self.account())
            && before != after
        {
            self.news.push((before, after));
        }
        outcome
    }

    fn account(&self) -> Option<AccountView> {
        self.component.strong.as_ref().map(StrongAuthentication::account_view)
    }

    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub(super) fn take_news(&mut self) -> Vec<(AccountView, AccountView)> {
        std::mem::take(&mut self.news)
    }
}

#[cfg(feature = "embedded")]
fn open_embedded(config: &Config) -> Result<Component, Error> {
    use crate::transport::embedded::{Embedded, MovedClock, Place};
    // The vault first: its lock keeps a second process out of everything else.
    let vault = open_vault(config)?;
    let clock = MovedClock::ahead(config.embedded.clock_offset_seconds);
    let database = config.embedded.database.clone().unwrap_or_else(|| config.storage_path.join("authority.db"));
    let authority = Embedded::open(Place {
        database,
        outbox: config.storage_path.join("sms-outbox.jsonl"),
        account: config.username.clone(),
        policy: config.embedded.policy.clone(),
        clock: clock.clone(),
    })
    .map_err(|error| Error::new(Code::CoreNotConfigured).with_detail(error.to_string()))?;
    let authority = Arc::new(authority);
    let strong = open_strong(config, vault, authority.clone(), Arc::new(LocalHost { now: move || clock.now() }))?;
    Ok(Component { strong: Some(strong), authority: Some(authority) })
}

#[cfg(not(feature = "embedded"))]
fn open_embedded(_: &Config) -> Result<Component, Error> {
    Err(Error::new(Code::ConfigurationInvalid)
        .with_detail("credential.inWeboURL: this library was built without the embedded authority"))
}

#[cfg_attr(not(feature = "embedded"), allow(dead_code))]
fn open_vault(config: &Config) -> Result<Vault, Error> {
    let path: &Path = &config.storage_path;
    Vault::open(path, config.storage_key.clone()).map_err(|error| Error::from(&error))
}

#[cfg_attr(not(feature = "embedded"), allow(dead_code))]
fn open_strong(
    config: &Config,
    vault: Vault,
    transport: Arc<dyn Transport>,
    host: Arc<dyn Host>,
) -> Result<StrongAuthentication, Error> {
    let mac_id = config.mac_id.clone().unwrap_or_else(|| DEVELOPMENT_MAC_ID.to_owned());
    let parts = Parts {
        client: Client { mac_id, name: device_name() },
        account: config.username.clone(),
        factory_key: config.factory_key.clone(),
        transport,
        store: Box::new(vault),
        host,
    };
    StrongAuthentication::open(parts).map_err(|error: OpenError| Error::from(&error))
}

/// What a person recognises this device by.
#[cfg_attr(not(feature = "embedded"), allow(dead_code))]
fn device_name() -> String {
    format!("libpims on {} / {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The machine that the library runs on.
#[cfg_attr(not(feature = "embedded"), allow(dead_code))]
struct LocalHost<F> {
    now: F,
}

impl<F: Fn() -> i64 + Send + Sync> Host for LocalHost<F> {
    fn now(&self) -> i64 {
        (self.now)()
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        getrandom::fill(bytes).map_err(|_| Failure::Entropy)
    }
}
