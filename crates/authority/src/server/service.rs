//! What all requests share, and how a request gets its turn in the database.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};

use super::config::{Limits, RelyingParty};
use super::identity::Identity;
use super::metrics::Metrics;
use super::rates::Rate;
use super::signer::Signer;
use crate::{AccountName, Authority, Failure};

/// The service behind its listeners.
pub(crate) struct Service {
    authority: Authority,
    pub(crate) identity: Identity,
    pub(crate) signer: Option<Signer>,
    pub(crate) relying_parties: BTreeMap<String, RelyingParty>,
    pub(crate) rates: Rates,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// Whether the database was ready, and when that was asked.
    pub(crate) readiness: Mutex<Option<(Instant, bool)>>,
    steps: Semaphore,
}

/// How often who may do what.
pub(crate) struct Rates {
    pub(crate) address: Rate<IpAddr>,
    pub(crate) account: Rate<AccountName>,
    pub(crate) wrong_codes_of_address: Rate<IpAddr>,
    pub(crate) wrong_codes: Rate<()>,
    pub(crate) wrong_otps: Rate<AccountName>,
}

impl Service {
    pub(crate) fn new(
        authority: Authority,
        identity: Identity,
        signer: Option<Signer>,
        relying_parties: BTreeMap<String, RelyingParty>,
        limits: Limits,
    ) -> Self {
        let rates = Rates {
            address: Rate::new(limits.address_per_minute),
            account: Rate::new(limits.account_per_minute),
            wrong_codes_of_address: Rate::new(limits.wrong_codes_per_address_and_minute),
            wrong_codes: Rate::new(limits.wrong_codes_per_minute),
            wrong_otps: Rate::new(limits.wrong_otps_per_account_and_minute),
        };
        let steps = Semaphore::new(limits.steps);
        let (metrics, readiness) = (Metrics::default(), Mutex::default());
        Self { authority, identity, signer, relying_parties, rates, limits, metrics, readiness, steps }
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How many steps have their turn at the moment.
    pub(crate) fn steps_running(&self) -> usize {
        self.limits.steps.saturating_sub(self.steps.available_permits())
    }

    /// Runs work with the database on a thread that may wait. So many run at once, the others wait for their turn; one whose caller is gone
    /// is finished all the same.
    pub(crate) async fn step<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        let turn = self.clone();
        let permit = self.steps.acquire().await.map_err(|_| Failed)?;
        permit.forget();
        let done = tokio::task::spawn_blocking(move || {
            let _turn = Turn(&turn.steps);
            work(&turn.authority)
        });
        let done = done.await;
        self.metrics.step(began.elapsed());
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => {
                tracing::error!(%failure, "a step failed");
                Err(Failed)
            }
            Err(_) => {
                tracing::error!("a step panicked");
                Err(Failed)
            }
        }
    }
}

/// Gives a turn back, however the work ended.
struct Turn<'a>(&'a Semaphore);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

/// The service could not judge. What was wrong is in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;
