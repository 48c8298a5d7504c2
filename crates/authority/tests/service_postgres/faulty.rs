//! A service behind a proxy that makes faults, beside one that goes to the server itself, and the
//! check that every effect is exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use authority::{AccountName, Authority, Database, Options, Policy, Postgres, Verdict};

use crate::database::TestDatabase;
use crate::device::{Device, Exchange, Password};
use crate::proxy::Proxy;
use crate::world::{Inbox, ManualClock, World};

/// The longest wait before a test gives up.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The word that stands for a failure of the service.
pub(crate) const FAILED: &str = "FAILED";

/// A service whose failures are answers.
pub(crate) struct Faulty<'a>(pub(crate) &'a Authority);

impl Exchange for Faulty<'_> {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String {
        self.0.mac(caller, query).map(|answer| answer.xml.to_string()).unwrap_or_else(|failure| {
            let root = if query.contains("action=ActionFinalize") { "ActionFinalize" } else { "ActionSetup" };
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root}><err>{FAILED}</err><why>{failure}</why></{root}>"
            )
        })
    }
}

/// The result of a password and its check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The password was made, and accepted.
    Accepted,
    /// The service failed before there was a password.
    NotMade,
    /// The password was made. The service failed when it checked the password.
    NotChecked(String),
}

impl Outcome {
    pub(crate) fn is_accepted(&self) -> bool {
        *self == Self::Accepted
    }
}

/// Makes a password and checks it. A refusal is no honest result.
pub(crate) fn password(authority: &Authority, account: &AccountName, device: &Device) -> Outcome {
    match device.password(&Faulty(authority), "1234") {
        Password::Made(password) => match authority.verify_otp(account, &password) {
            Ok(Verdict::Accepted) => Outcome::Accepted,
            Ok(verdict) => panic!("a good password: {verdict:?}"),
            Err(_) => Outcome::NotChecked(password),
        },
        Password::Again(_) => panic!("K1 evolves"),
        Password::Refused(word) => {
            assert_eq!(word, FAILED);
            Outcome::NotMade
        }
    }
}

/// A database with an account and a device, a service that goes to the server itself, and one that
/// goes through the proxy.
pub(crate) struct Stage {
    pub(crate) proxy: Proxy,
    pub(crate) world: World,
    pub(crate) account: AccountName,
    pub(crate) device: Device,
    pub(crate) faulty: Arc<Authority>,
    accepted: AtomicUsize,
}

impl Stage {
    /// Creates a stage whose proxy makes no fault yet.
    pub(crate) fn new(change: impl FnOnce(&mut Postgres)) -> Self {
        let policy = Policy { max_pin_tries: 1000, pin_budget: 1000, evolve_k1_every: 0, ..Policy::default() };
        let world = World::with(policy.clone());
        let account = world.account("user");
        let device = Device::activate(&world, &account, "1234");
        let proxy = Proxy::start(world.database.cluster().socket());
        let mut server = Postgres::new(proxy.address_of(&world.database.name));
        change(&mut server);
        let faulty = world.another_with(|options| Options { database: Database::Postgres(server), policy, ..options });
        Self { proxy, world, account, device, faulty: Arc::new(faulty), accepted: AtomicUsize::new(0) }
    }

    /// Makes a password through the proxy and checks it. Then verifies that all that was answered
    /// is so in the database, once, and that no more is.
    pub(crate) fn exact_password(&self, what: &str) -> Outcome {
        let outcome = password(&self.faulty, &self.account, &self.device);
        self.verify(what, std::slice::from_ref(&outcome));
        outcome
    }

    /// Verifies the outcomes of passwords, after the end of the faults.
    pub(crate) fn verify(&self, what: &str, outcomes: &[Outcome]) {
        assert!(self.proxy.resume(), "{what}: the fault did not happen");
        for outcome in outcomes {
            if let Outcome::NotChecked(password) = outcome {
                // If the check was kept, the password is used. If not, it is good.
                let verdicts = [(); 2].map(|()| self.world.authority.verify_otp(&self.account, password).unwrap());
                assert_eq!(verdicts[1], Verdict::Refused, "{what}");
            }
            self.accepted.fetch_add(usize::from(*outcome != Outcome::NotMade), Ordering::SeqCst);
        }
        let accepted = self.accepted.load(Ordering::SeqCst);
        assert_eq!(self.world.count("password.accepted"), accepted, "{what}: {outcomes:?}");
        let info = self.world.authority.account(&self.account).unwrap().unwrap();
        assert_eq!((info.pin_tries, info.pin_wrong, info.unproved_tries, info.blocked), (0, 0, 0, false), "{what}");
        // The device works, through both services.
        for authority in [&self.world.authority, &*self.faulty] {
            assert_eq!(password(authority, &self.account, &self.device), Outcome::Accepted, "{what}");
            self.accepted.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Runs a call on a thread of its own. Fails if it does not end in time.
pub(crate) fn ends<T: Send + 'static>(what: &str, call: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::spawn(move || drop(sender.send(call())));
    match receiver.recv_timeout(WAIT_TIMEOUT) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => panic!("{what}: no end after {WAIT_TIMEOUT:?}"),
        Err(RecvTimeoutError::Disconnected) => std::panic::resume_unwind(thread.join().unwrap_err()),
    }
}

/// Repeats a question until there is an answer. Returns it, with the time that it took.
pub(crate) fn poll<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> (T, Duration) {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return (answer, start.elapsed());
        }
        assert!(start.elapsed() < WAIT_TIMEOUT, "{what}: not after {WAIT_TIMEOUT:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns a world on a database of its own, on this server.
pub(crate) fn world_on(database: TestDatabase, policy: Policy) -> World {
    let (clock, inbox) = (ManualClock::default(), Inbox::default());
    let authority = crate::world::open(&database, policy, &clock, &inbox);
    World { database, clock, inbox, authority }
}
