//! The state that all requests share, and the permits for steps in the database.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::config::{Limits, RelyingParty};
use super::identity::Identity;
use super::metrics::Metrics;
use super::rates::Rate;
use super::signer::Signer;
use authority::{AccountName, Actor, Authority, Failure};

/// Longest time that a request waits for a permit for the SMS gateway.
const GATEWAY_PERMIT_TIMEOUT: Duration = Duration::from_secs(2);

/// The service that the listeners serve.
pub(crate) struct Service {
    authority: Authority,
    pub(crate) identity: Identity,
    pub(crate) signer: Option<Signer>,
    pub(crate) relying_parties: BTreeMap<String, RelyingParty>,
    pub(crate) rates: Rates,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// Time and result of the last readiness check of the database.
    pub(crate) readiness: Arc<Mutex<Option<(Instant, bool)>>>,
    steps: Arc<Semaphore>,
    sends: Arc<Semaphore>,
}

/// The rate limits of the listeners.
pub(crate) struct Rates {
    pub(crate) address: Rate<IpAddr>,
    pub(crate) account: Rate<AccountName>,
    pub(crate) wrong_codes_of_address: Rate<IpAddr>,
    pub(crate) wrong_codes: Rate<()>,
    /// Key: the relying party that asks, or `None` for the account's own app. Strangers at a
    /// relying party cannot use up the app's limit.
    pub(crate) wrong_otps: Rate<(Option<String>, AccountName)>,
    /// For relying parties that are open to everybody.
    pub(crate) wrong_otps_of_address: Rate<IpAddr>,
    /// Finalize steps that were refused after RSA work, by address.
    pub(crate) refused_finalize: Rate<IpAddr>,
    /// For relying parties that present a token.
    pub(crate) party: Rate<String>,
    /// SMS codes that certify a phone number, by number.
    pub(crate) codes_of_number: Rate<String>,
    /// Requests to the operators' listener that presented no operator's token or certificate.
    pub(crate) unknown_operators_of_address: Rate<IpAddr>,
    pub(crate) unknown_operators: Rate<()>,
}

impl Service {
    pub(crate) fn new(
        authority: Authority,
        identity: Identity,
        signer: Option<Signer>,
        relying_parties: BTreeMap<String, RelyingParty>,
        limits: Limits,
    ) -> Self {
        // The audit trail names the service itself as the actor of its background work.
        let authority = authority.acting_as(&Actor::Service, None);
        let rates = Rates {
            address: Rate::per_minute(limits.address_per_minute),
            account: Rate::per_minute(limits.account_per_minute),
            wrong_codes_of_address: Rate::per_minute(limits.wrong_codes_per_address_and_minute),
            wrong_codes: Rate::per_minute(limits.wrong_codes_per_minute),
            wrong_otps: Rate::per_minute(limits.wrong_otps_per_account_and_minute),
            wrong_otps_of_address: Rate::per_minute(limits.wrong_otps_per_address_and_minute),
            refused_finalize: Rate::per_minute(limits.refused_finalize_per_address_and_minute),
            party: Rate::per_minute(limits.party_per_minute),
            codes_of_number: Rate::per_hour(limits.codes_per_number_and_hour),
            unknown_operators_of_address: Rate::per_minute(limits.unknown_operators_per_minute),
            unknown_operators: Rate::per_minute(limits.unknown_operators_per_minute),
        };
        let [steps, sends] = [(); 2].map(|()| Arc::new(Semaphore::new(limits.steps)));
        let (metrics, readiness) = (Metrics::default(), Arc::default());
        Self { authority, identity, signer, relying_parties, rates, limits, metrics, readiness, steps, sends }
    }

    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Returns the number of steps that run now.
    pub(crate) fn steps_running(&self) -> usize {
        self.limits.steps.saturating_sub(self.steps.available_permits())
    }

    /// Runs work with the database on a thread that may block. The number of permits is limited;
    /// other steps wait. A step completes even if its caller is gone.
    pub(crate) async fn step<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        let permit = self.steps.clone().acquire_owned().await.map_err(|_| Failed)?;
        let done = self.run(permit, work).await;
        self.metrics.step(began.elapsed());
        done
    }

    /// Does the same for work that waits for the SMS gateway. It has permits of its own, as many as
    /// there are for steps, so it takes none from steps. Returns `None` if all of them stay in use.
    pub(crate) async fn send<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Option<T>, Failed> {
        match tokio::time::timeout(GATEWAY_PERMIT_TIMEOUT, self.sends.clone().acquire_owned()).await {
            Ok(permit) => self.run(permit.map_err(|_| Failed)?, work).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Runs work with a permit. The permit is released however the work ends.
    async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failed> {
        let service = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&service.authority)
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(failure)) => {
                if matches!(failure, Failure::Altered { .. }) {
                    self.metrics.failed("altered_row");
                }
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

/// A step failed without a result. The log has the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;
