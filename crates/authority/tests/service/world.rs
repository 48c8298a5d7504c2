//! A service with a clock that is moved by hand and an inbox for its SMS.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use pims_authority::{
    AccountName, Authority, Clock, CvsAnswer, CvsRequest, MasterKey, Options, Policy, Purpose, Sms, SmsError,
    SmsGateway,
};
use rusqlite::Connection;
use tempfile::TempDir;

pub(crate) const NUMBER: &str = "+33612345678";
pub(crate) const MASTER: [u8; 32] = [7; 32];

#[derive(Clone, Default)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub(crate) fn forward(&self, seconds: i64) {
        self.0.fetch_add(1000 * seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> i64 {
        1_700_000_000_000 + self.0.load(Ordering::SeqCst)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Inbox {
    codes: Arc<Mutex<Vec<(String, String)>>>,
    pub(crate) broken: Arc<AtomicBool>,
}

impl Inbox {
    pub(crate) fn len(&self) -> usize {
        self.codes.lock().unwrap().len()
    }

    pub(crate) fn last(&self) -> (String, String) {
        self.codes.lock().unwrap().last().unwrap().clone()
    }
}

impl SmsGateway for Inbox {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        assert!(sms.text.contains(sms.code.as_str()));
        self.codes.lock().unwrap().push((sms.to.clone(), sms.code.to_string()));
        if self.broken.load(Ordering::SeqCst) { Err(SmsError::new("broken")) } else { Ok(()) }
    }
}

pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: HandClock,
    pub(crate) inbox: Inbox,
    pub(crate) authority: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        // Evolution has tests of its own.
        Self::with(Policy { evolve_k1_every: 0, ..Policy::default() })
    }

    pub(crate) fn with(policy: Policy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(template(), folder.path().join("authority.db")).unwrap();
        let (clock, inbox) = (HandClock::default(), Inbox::default());
        let authority = open(&folder.path().join("authority.db"), policy, &clock, &inbox);
        Self { folder, clock, inbox, authority }
    }

    /// Another service over the same file.
    pub(crate) fn another(&self, policy: Policy) -> Authority {
        open(&self.database(), policy, &self.clock, &self.inbox)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("authority.db")
    }

    pub(crate) fn cvs(&self, account: &AccountName, request: CvsRequest<'_>) -> CvsAnswer {
        self.authority.cvs(account, &request).unwrap()
    }

    /// An account with a trusted phone number.
    pub(crate) fn account(&self, name: &str) -> AccountName {
        let account = AccountName::new(name).unwrap();
        let code = self.number_code(&account, NUMBER);
        let request = CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: NUMBER };
        assert_eq!(self.cvs(&account, request), CvsAnswer::Done);
        account
    }

    /// Asks for a code and reads it.
    pub(crate) fn code(&self, account: &AccountName, purpose: Purpose) -> String {
        assert_eq!(self.cvs(account, CvsRequest::SendCode { purpose, phone_number: None }), CvsAnswer::Done);
        self.inbox.last().1
    }

    /// Asks for a code that certifies a number and reads it.
    pub(crate) fn number_code(&self, account: &AccountName, number: &str) -> String {
        let request = CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number: Some(number) };
        assert_eq!(self.cvs(account, request), CvsAnswer::Done);
        assert_eq!(self.inbox.last().0, number);
        self.inbox.last().1
    }

    /// Every row of these tables, as text.
    pub(crate) fn rows(&self, tables: &[&str]) -> Vec<String> {
        let connection = Connection::open(self.database()).unwrap();
        tables.iter().flat_map(|table| table_rows(&connection, table)).collect()
    }

    /// The events of the audit trail.
    pub(crate) fn events(&self) -> Vec<String> {
        let connection = Connection::open(self.database()).unwrap();
        let mut statement = connection.prepare("SELECT event FROM audit ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

/// The tables that hold the state of the service.
pub(crate) const STATE: [&str; 8] =
    ["accounts", "devices", "challenges", "codes", "code_requests", "passwords", "service_keys", "meta"];

fn table_rows(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let text = |row: &rusqlite::Row<'_>| {
        let values: Vec<String> = (0..columns).map(|column| format!("{:?}", row.get_ref(column).unwrap())).collect();
        Ok(format!("{table}: {}", values.join(", ")))
    };
    statement.query_map([], text).unwrap().map(Result::unwrap).collect()
}

pub(crate) fn open(database: &Path, policy: Policy, clock: &HandClock, inbox: &Inbox) -> Authority {
    let options = Options {
        database: database.into(),
        master_key: MasterKey::new(1, MASTER).into(),
        policy,
        sms: Box::new(inbox.clone()),
        sms_retry: None,
        clock: Box::new(clock.clone()),
    };
    Authority::open(options).unwrap()
}

/// A database whose RSA keys are made already: to make them takes a while.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = TEMPLATE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.db");
        let authority = open(&path, Policy::default(), &HandClock::default(), &Inbox::default());
        let query = "action=ActionSetup&mode=activate&id=&lastsync=0&version=1&macid=0123456789abcdef0123456789abcdef\
                     &code=000000";
        authority.mac(None, query).unwrap();
        (folder, path)
    });
    path
}
