//! A service with a clock that is moved by hand and an inbox for its SMS.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use authority::{
    AccountName, ActivationProof, Authority, Clock, CodeLetters, CvsAnswer, CvsRequest, MasterKey, Message, Options,
    Policy, Purpose, Sms, SmsError, SmsGateway, SmsRetry,
};

use crate::database::TestDatabase;
use crate::device::{Device, Scene};
pub(crate) use crate::state::STATE;

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
    ids: Arc<Mutex<Vec<String>>>,
    messages: Arc<Mutex<Vec<(String, Message, String)>>>,
    pub(crate) broken: Arc<AtomicBool>,
    /// A clock that each message moves on, and the seconds of a message.
    slow: Arc<Mutex<Option<(HandClock, i64)>>>,
}

impl Inbox {
    pub(crate) fn len(&self) -> usize {
        self.codes.lock().unwrap().len()
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }

    /// Returns the number, the kind and the text of each message.
    pub(crate) fn messages(&self) -> Vec<(String, Message, String)> {
        self.messages.lock().unwrap().clone()
    }

    /// Makes every message take this many seconds from now on.
    pub(crate) fn slow_down(&self, clock: &HandClock, seconds: i64) {
        *self.slow.lock().unwrap() = Some((clock.clone(), seconds));
    }

    pub(crate) fn last(&self) -> (String, String) {
        self.codes.lock().unwrap().last().unwrap().clone()
    }
}

impl SmsGateway for Inbox {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        assert!(sms.text.contains(sms.code.as_str()));
        self.codes.lock().unwrap().push((sms.to.clone(), sms.code.to_string()));
        self.ids.lock().unwrap().push(sms.id.clone());
        self.messages.lock().unwrap().push((sms.to.clone(), sms.message, sms.text.to_string()));
        if let Some((clock, seconds)) = &*self.slow.lock().unwrap() {
            clock.forward(*seconds);
        }
        if self.broken.load(Ordering::SeqCst) { Err(SmsError::new("broken")) } else { Ok(()) }
    }
}

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) clock: HandClock,
    pub(crate) inbox: Inbox,
    pub(crate) authority: Authority,
}

impl World {
    pub(crate) fn new() -> Self {
        // Evolution has tests of its own, so it is off.
        Self::with(Policy { evolve_k1_every: 0, ..Policy::default() })
    }

    /// Creates a service whose activations show this proof.
    pub(crate) fn showing(activation_proof: ActivationProof) -> Self {
        Self::with(Policy { activation_proof, evolve_k1_every: 0, ..Policy::default() })
    }

    /// Creates a service whose activations show nothing.
    pub(crate) fn open() -> Self {
        Self::showing(ActivationProof::Open(CodeLetters::MIN))
    }

    pub(crate) fn with(policy: Policy) -> Self {
        Self::retrying(policy, None)
    }

    /// Creates a service that tries SMS again.
    pub(crate) fn retrying(policy: Policy, sms_retry: Option<SmsRetry>) -> Self {
        let database = TestDatabase::prepared();
        let (clock, inbox) = (HandClock::default(), Inbox::default());
        let options = options(&database, policy, &clock, &inbox);
        let authority = Authority::open(Options { sms_retry, ..options }).unwrap();
        Self { database, clock, inbox, authority }
    }

    /// Opens another service over the same database.
    pub(crate) fn another(&self, policy: Policy) -> Authority {
        self.another_with(|options| Options { policy, ..options })
    }

    /// Opens another service over the same database, with other options.
    pub(crate) fn another_with(&self, change: impl FnOnce(Options) -> Options) -> Authority {
        Authority::open(change(self.options())).unwrap()
    }

    pub(crate) fn options(&self) -> Options {
        options(&self.database, Policy { evolve_k1_every: 0, ..Policy::default() }, &self.clock, &self.inbox)
    }

    pub(crate) fn cvs(&self, account: &AccountName, request: CvsRequest<'_>) -> CvsAnswer {
        self.authority.cvs(account, &request).unwrap()
    }

    /// Returns an account with a trusted phone number.
    pub(crate) fn account(&self, name: &str) -> AccountName {
        let account = AccountName::new(name).unwrap();
        let code = self.number_code(&account, NUMBER);
        let request = CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: NUMBER };
        assert_eq!(self.cvs(&account, request), CvsAnswer::Done);
        account
    }

    /// Asks for a code and reads it.
    pub(crate) fn code(&self, account: &AccountName, purpose: Purpose) -> String {
        let answer = self.cvs(account, CvsRequest::SendCode { purpose, phone_number: None });
        assert!(matches!(answer, CvsAnswer::Done | CvsAnswer::Ticket(_)), "{answer:?}");
        self.inbox.last().1
    }

    /// Asks for a code and reads it, and the answer's ticket.
    pub(crate) fn code_with_ticket(&self, account: &AccountName, purpose: Purpose) -> (String, String) {
        let phone_number = (purpose == Purpose::PhoneNumberCertification).then_some(NUMBER);
        let answer = self.cvs(account, CvsRequest::SendCode { purpose, phone_number });
        let CvsAnswer::Ticket(ticket) = answer else { panic!("{answer:?}") };
        (self.inbox.last().1, ticket.reveal().to_owned())
    }

    /// Asks for a code that certifies a number and reads it.
    pub(crate) fn number_code(&self, account: &AccountName, number: &str) -> String {
        let request = CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number: Some(number) };
        let answer = self.cvs(account, request);
        assert!(matches!(answer, CvsAnswer::Done | CvsAnswer::Ticket(_)), "{answer:?}");
        assert_eq!(self.inbox.last().0, number);
        self.inbox.last().1
    }

    /// Returns a refresh token for a password of this device, whose PIN is 1234.
    pub(crate) fn token(&self, account: &AccountName, device: &Device) -> String {
        let password = device.made(&self.authority, "1234");
        self.authority.exchange_otp(account, &password).unwrap().unwrap().to_string()
    }

    /// Returns how often an event stands in the audit trail.
    pub(crate) fn count(&self, event: &str) -> usize {
        self.events().iter().filter(|found| *found == event).count()
    }

    /// Returns every row of these tables, as text.
    pub(crate) fn rows(&self, tables: &[&str]) -> Vec<String> {
        tables.iter().flat_map(|table| self.database.rows(table)).collect()
    }

    /// Returns the events of the audit trail.
    pub(crate) fn events(&self) -> Vec<String> {
        self.database.column("SELECT event FROM audit ORDER BY id")
    }
}

impl Scene for World {
    type Service = Authority;

    fn service(&self) -> &Authority {
        &self.authority
    }

    fn sent_code(&self, account: &AccountName, purpose: Purpose) -> String {
        self.code(account, purpose)
    }
}

pub(crate) fn options(database: &TestDatabase, policy: Policy, clock: &HandClock, inbox: &Inbox) -> Options {
    Options {
        database: database.address(),
        master_key: MasterKey::new(1, MASTER).into(),
        policy,
        sms: Box::new(inbox.clone()),
        sms_retry: None,
        clock: Box::new(clock.clone()),
    }
}

pub(crate) fn open(database: &TestDatabase, policy: Policy, clock: &HandClock, inbox: &Inbox) -> Authority {
    Authority::open(options(database, policy, clock, inbox)).unwrap()
}

/// Makes the service create the RSA keys of a database.
pub(crate) fn make_keys(database: &TestDatabase) {
    let authority = open(database, Policy::default(), &HandClock::default(), &Inbox::default());
    let query = "action=ActionSetup&mode=activate&id=&lastsync=0&version=1&macid=0123456789abcdef0123456789abcdef\
                 &code=000000";
    authority.mac(Some(&AccountName::new("nobody").unwrap()), query).unwrap();
}
