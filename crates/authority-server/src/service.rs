//! The state that all requests share, and the permits for steps in the database.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::RuntimeFlavor;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};

use super::config::{Limits, RelyingParty};
use super::identity::Identity;
use super::metrics::Metrics;
use super::rates::Rate;
use super::signer::Signer;
use authority::{AccountName, Actor, Authority, Failure, wipe_stack};

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
    /// True if the database is a file: a step waits for the disk alone, for a fraction of a
    /// millisecond.
    has_file: bool,
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
        let has_file = authority.database_connections().is_none();
        Self { authority, identity, signer, relying_parties, rates, limits, metrics, readiness, steps, sends, has_file }
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
    ///
    /// A step on a file, while no other step runs, does not change threads: waking another thread,
    /// and this one again, takes about as long as the step. The runtime gives this thread's tasks
    /// to another one meanwhile.
    pub(crate) async fn step<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failed> {
        let began = Instant::now();
        let permit = self.steps.clone().acquire_owned().await.map_err(|_| Failed)?;
        let done = if self.has_file && self.steps_running() == 1 && may_block_in_place() {
            let _permit = permit;
            self.finish(tokio::task::block_in_place(|| with_wiped_stack(|| work(&self.authority))))
        } else {
            self.run(permit, work).await
        };
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
            with_wiped_stack(|| work(&service.authority))
        });
        self.finish(done.await.ok().flatten())
    }

    /// Counts and logs the failure of work. `None` means that it panicked.
    fn finish<T>(&self, done: Option<Result<T, Failure>>) -> Result<T, Failed> {
        match done {
            Some(Ok(value)) => Ok(value),
            Some(Err(failure)) => {
                if matches!(failure, Failure::Altered { .. }) {
                    self.metrics.failed("altered_row");
                }
                tracing::error!(%failure, "a step failed");
                Err(Failed)
            }
            None => {
                tracing::error!("a step panicked");
                Err(Failed)
            }
        }
    }
}

/// Does work, and then wipes the part of this thread's stack that it used: the work may have left a
/// PIN or a key there, and the thread may sleep for long. Returns `None` if the work panicked.
#[inline(never)]
fn with_wiped_stack<T>(work: impl FnOnce() -> T) -> Option<T> {
    let done = without_panic(work);
    wipe_stack();
    done
}

/// Does work in a frame of its own, below that of the caller. Returns `None` if it panicked.
#[inline(never)]
fn without_panic<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Returns whether this thread has others beside it that take its tasks while it blocks.
fn may_block_in_place() -> bool {
    tokio::runtime::Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// A step failed without a result. The log has the cause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs::File;
    use std::hint::black_box;
    use std::os::unix::fs::FileExt;

    use super::*;

    const PIECE: [u8; 8] = *b"\x935Lq\xe7\x1dPZ";
    const PIECES: usize = 2048;

    /// Fills an array on the stack. Returns its address.
    #[inline(never)]
    fn fill_stack() -> usize {
        let pieces = black_box([PIECE; PIECES]);
        black_box(&pieces).as_ptr() as usize
    }

    /// Returns the number of pieces at an address in this process.
    fn pieces_at(address: usize) -> usize {
        let mut bytes = vec![0; PIECES * PIECE.len()];
        File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address as u64).unwrap();
        bytes.chunks(PIECE.len()).filter(|piece| **piece == PIECE).count()
    }

    #[test]
    fn work_leaves_nothing_on_the_stack_also_if_it_panics() {
        // Without the wiping, the pieces stay.
        let address = without_panic(fill_stack).unwrap();
        assert!(pieces_at(address) > PIECES / 2);
        let address = with_wiped_stack(fill_stack).unwrap();
        assert_eq!(pieces_at(address), 0);

        let mut address = 0;
        let work = || {
            address = fill_stack();
            std::panic::resume_unwind(Box::new(()));
        };
        assert!(with_wiped_stack(work).is_none());
        assert_eq!(pieces_at(address), 0);
    }
}
