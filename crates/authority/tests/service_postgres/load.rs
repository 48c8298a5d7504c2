//! Passwords by several threads, each for an account of its own, while the database has a fault.
//! Afterwards each one that was acknowledged is verified.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use authority::{AccountName, Authority, Verdict};

use crate::device::{Device, Password};
use crate::faulty::{Faulty, WAIT_TIMEOUT, poll};
use crate::world::World;

/// A password that the service acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    account: AccountName,
    password: String,
    state: Acknowledged,
    at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Acknowledged {
    /// It was made. Nobody checked it.
    Made,
    /// It was made, and accepted.
    Accepted,
    /// It was made. The service failed when it checked the password, so both is possible.
    Unknown,
}

#[derive(Default)]
struct Shared {
    ends: AtomicBool,
    records: Mutex<Vec<Record>>,
    failures: Mutex<Vec<String>>,
}

/// The running threads.
pub(crate) struct Load {
    shared: Arc<Shared>,
    accounts: Vec<AccountName>,
    threads: Vec<mpsc::Receiver<()>>,
}

impl Load {
    /// Starts the threads. `world` has the database; the threads ask `authority`.
    pub(crate) fn start(world: &World, authority: &Arc<Authority>, threads: usize) -> Self {
        let shared = Arc::<Shared>::default();
        let accounts: Vec<AccountName> = (0..threads).map(|number| world.account(&format!("load{number}"))).collect();
        let start = |account: &AccountName| {
            let device = Device::activate(world, account, "1234");
            let (shared, authority, account) = (shared.clone(), authority.clone(), account.clone());
            let (sender, ended) = mpsc::channel();
            std::thread::spawn(move || {
                // A panic of this thread is the end of the channel, too.
                let _sender = sender;
                run(&shared, &authority, &account, &device);
            });
            ended
        };
        let threads = accounts.iter().map(start).collect();
        let load = Self { shared, accounts, threads };
        load.goes_on("before the fault");
        load
    }

    /// Waits until every thread has made some more passwords. Returns the time to the first one.
    pub(crate) fn goes_on(&self, what: &str) -> Duration {
        let (now, begin) = (Instant::now(), self.shared.records.lock().unwrap().len());
        let more = |account: &AccountName| {
            let records = self.shared.records.lock().unwrap();
            records[begin..].iter().filter(|record| record.account == *account).count()
        };
        poll(what, || self.accounts.iter().all(|account| more(account) >= 4).then_some(()));
        self.shared.records.lock().unwrap()[begin].at - now
    }

    /// Ends the threads. Returns what they saw.
    pub(crate) fn finish(self) -> Records {
        self.shared.ends.store(true, Ordering::SeqCst);
        for thread in self.threads {
            let ended = thread.recv_timeout(WAIT_TIMEOUT);
            assert_eq!(ended, Err(mpsc::RecvTimeoutError::Disconnected), "a call has no end");
        }
        let records = std::mem::take(&mut *self.shared.records.lock().unwrap());
        let failures = std::mem::take(&mut *self.shared.failures.lock().unwrap());
        assert!(!self.accounts.is_empty());
        Records { accounts: self.accounts, records, failures }
    }
}

/// Makes passwords until the end, and checks every second one.
fn run(shared: &Shared, authority: &Authority, account: &AccountName, device: &Device) {
    let mut made = 0;
    while !shared.ends.load(Ordering::SeqCst) {
        let password = match device.password(&Faulty(authority), "1234") {
            Password::Made(password) => password,
            Password::Again(_) => panic!("K1 evolves"),
            Password::Refused(word) => {
                shared.failures.lock().unwrap().push(word);
                continue;
            }
        };
        made += 1;
        let state = match (made % 2 == 0).then(|| authority.verify_otp(account, &password)) {
            None => Acknowledged::Made,
            Some(Ok(Verdict::Accepted)) => Acknowledged::Accepted,
            // It is verified below: a panic here would only end this thread.
            Some(Ok(Verdict::Refused)) => {
                shared.failures.lock().unwrap().push("a good password was refused".to_owned());
                Acknowledged::Unknown
            }
            Some(Err(failure)) => {
                shared.failures.lock().unwrap().push(failure.to_string());
                Acknowledged::Unknown
            }
        };
        let record = Record { account: account.clone(), password, state, at: Instant::now() };
        shared.records.lock().unwrap().push(record);
    }
}

/// The passwords that were acknowledged, and the failures.
pub(crate) struct Records {
    accounts: Vec<AccountName>,
    records: Vec<Record>,
    failures: Vec<String>,
}

impl Records {
    /// Returns the time from this moment to the first password after it.
    pub(crate) fn first_since(&self, moment: Instant) -> Duration {
        let since = self.records.iter().filter_map(|record| record.at.checked_duration_since(moment));
        since.min().expect("a password after this moment")
    }

    /// Verifies each password: one that was made is accepted once, and one that was accepted is
    /// refused. The audit trail has each acceptance once. No account has a wrong PIN.
    ///
    /// Passwords from after `replicated`, if there is such a moment, may be lost with the database
    /// that knew them. Returns how many are.
    pub(crate) fn verify(&self, world: &World, replicated: Option<Instant>) -> usize {
        assert!(!self.failures.iter().any(|failure| failure.contains("refused")), "{:?}", self.failures);
        let (mut accepted, mut lost) = (0, 0);
        for record in &self.records {
            let ask = || world.authority.verify_otp(&record.account, &record.password).unwrap();
            let verdicts = [ask(), ask()];
            assert_eq!(verdicts[1], Verdict::Refused, "{record:?} is accepted again");
            let is_as_acknowledged = match record.state {
                Acknowledged::Made => verdicts[0] == Verdict::Accepted,
                Acknowledged::Accepted => verdicts[0] == Verdict::Refused,
                Acknowledged::Unknown => true,
            };
            let may_be_lost = replicated.is_some_and(|moment| record.at > moment);
            assert!(is_as_acknowledged || may_be_lost, "{record:?} is not kept: {verdicts:?}");
            lost += usize::from(!is_as_acknowledged);
            accepted += 1;
        }
        let found = world.count("password.accepted");
        // A lost row is of a password that was lost: nobody accepted it after that.
        if replicated.is_none() {
            assert_eq!(found, accepted);
        }
        assert!(found <= accepted, "{found} acceptances of {accepted} passwords");
        for account in &self.accounts {
            let info = world.authority.account(account).unwrap().unwrap();
            assert_eq!((info.pin_wrong, info.unproved_tries, info.blocked, info.devices), (0, 0, false, 1));
        }
        println!("{} passwords are as acknowledged, {lost} lost, {} failures", accepted - lost, self.failures.len());
        lost
    }
}
