//! The library alone: its rules and its arithmetic, with a database in memory and without a socket.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use authority::{
    AccountName, Authority, CvsAnswer, CvsRequest, Database, MasterKey, Options, Policy, Purpose, Sms, SmsError,
    SmsGateway, SystemClock, Verdict,
};
use tempfile::TempDir;

use crate::device::{Device, Scene};
use crate::load::{Measured, measure};
use crate::program::PIN;

const NUMBER: &str = "+33612345678";

/// A service without a program around it.
pub(crate) struct Library {
    pub(crate) authority: Authority,
    last: Inbox,
    _folder: TempDir,
}

/// The last code that was sent to each thread's account.
#[derive(Clone, Default)]
pub(crate) struct Inbox(Arc<Mutex<HashMap<ThreadId, String>>>);

impl SmsGateway for Inbox {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        self.0.lock().unwrap().insert(thread::current().id(), sms.code.as_str().to_owned());
        Ok(())
    }
}

/// Opens a database with the master key of the programs and without their limits.
pub(crate) fn open(database: Database, sms: Inbox) -> Authority {
    let authority = Authority::open(Options {
        database,
        master_key: MasterKey::new(1, [7; 32]).into(),
        policy: Policy {
            evolve_k1_every: 0,
            max_devices: 1_000_000,
            codes_per_hour: 1_000_000,
            codes_per_day: 1_000_000,
            ..Policy::default()
        },
        sms: Box::new(sms),
        sms_retry: None,
        clock: Box::new(SystemClock),
    });
    authority.unwrap()
}

impl Library {
    /// Creates a service over this folder's file, or over the database that is named instead.
    pub(crate) fn new(folder: TempDir, database: Option<Database>) -> Self {
        let last = Inbox::default();
        let database = database.unwrap_or_else(|| folder.path().join("authority.db").into());
        Self { authority: open(database, last.clone()), last, _folder: folder }
    }

    /// Closes the database and returns its folder.
    #[cfg(feature = "bulk")]
    pub(crate) fn into_folder(self) -> TempDir {
        let Self { authority, _folder: folder, .. } = self;
        drop(authority);
        folder
    }

    pub(crate) fn in_memory() -> Self {
        Self::new(tempfile::tempdir_in("/dev/shm").unwrap(), None)
    }

    /// Returns an account with a phone number.
    pub(crate) fn account(&self, name: &str) -> AccountName {
        let account = AccountName::new(name).unwrap();
        let purpose = Purpose::PhoneNumberCertification;
        let code = self.sent(&account, CvsRequest::SendCode { purpose, phone_number: Some(NUMBER) });
        let request = CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: NUMBER };
        assert_eq!(self.authority.cvs(&account, &request).unwrap(), CvsAnswer::Done);
        account
    }

    fn sent(&self, account: &AccountName, request: CvsRequest<'_>) -> String {
        assert_eq!(self.authority.cvs(account, &request).unwrap(), CvsAnswer::Done);
        self.last.0.lock().unwrap()[&thread::current().id()].clone()
    }
}

impl Scene for Library {
    type Service = Authority;

    fn service(&self) -> &Authority {
        &self.authority
    }

    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String {
        self.sent(account, CvsRequest::SendCode { purpose, phone_number: None })
    }
}

pub(crate) fn passwords(time: Duration) {
    let library = Library::in_memory();
    let account = library.account("bench");
    let measured = measure(1, time, |_| {
        let device = Device::activate(&library, &account, PIN);
        let (library, account) = (&library, &account);
        move || {
            let otp = device.made(&library.authority, PIN);
            assert_eq!(library.authority.verify_otp(account, &otp).unwrap(), Verdict::Accepted);
        }
    });
    println!("{}", measured.line("the library alone, in memory, one thread"));
}

/// Measures activations, each of a new device: the RSA and the database alone, without a socket.
/// Each thread has an account of its own.
pub(crate) fn activations(library: &Library, threads: usize, time: Duration) -> Measured {
    measure(threads, time, |thread| {
        let account = library.account(&format!("bench{thread}"));
        move || drop(Device::activate(library, &account, PIN))
    })
}
