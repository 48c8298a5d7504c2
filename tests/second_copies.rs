//! One or two devices that lose answers, crash, or cannot write, at any place: the service suspects
//! no second copy of them.
//!
//! The library's own component speaks with an authority in this process. Between the two is a wire
//! that loses requests and answers. Below the component is a store that dies before or after a
//! write.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use authority::{
    AccountName, Authority, ClonePolicy, KeySize, MasterKey, Options, Policy, Sms, SmsError, SmsGateway, SystemClock,
};
use inwebo::client::{Client, Request};
use inwebo::cvs::{CvsAnswer, CvsRefusal, CvsRequest, Purpose};
use inwebo::values::{Pin, SmsCode};
use inwebo::word::Word;
use pims::store::{RecordStore, StoreError};
use pims::strongauth::budget::Limits;
use pims::strongauth::{Failure, Host, Parts, StrongAuthentication};
use pims::transport::{Transport, TransportError};
use proptest::prelude::*;
use zeroize::Zeroizing;

/// A fault at the n-th chance of an operation.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Nothing,
    /// A request does not arrive.
    LostRequest(u32),
    /// An answer does not arrive.
    LostAnswer(u32),
    /// The process dies before a record is written.
    CrashBefore(u32),
    /// The process dies after a record was written.
    CrashAfter(u32),
    /// A record is not written, and the process goes on: the disk is full.
    WriteFails(u32),
    /// A record is written and a failure is returned, and the process goes on: the folder cannot be
    /// synchronized.
    WriteUncertain(u32),
}

#[derive(Clone, Copy, Debug)]
enum Wish {
    Password,
    PasswordWithoutPin,
    ChangePin,
    ResetPin,
}

/// Counts down to the chance at which something goes wrong.
#[derive(Default)]
struct Fate(Mutex<Option<Fault>>);

impl Fate {
    fn set(&self, fault: Fault) {
        *self.0.lock().unwrap() = Some(fault);
    }

    /// Returns whether the fault happens now. `of` returns the number of chances that are left if
    /// this is such a chance.
    fn strikes(&self, of: impl Fn(Fault) -> Option<u32>, next: impl Fn(u32) -> Fault) -> bool {
        let mut fault = self.0.lock().unwrap();
        match fault.and_then(of) {
            Some(0) => {
                *fault = None;
                true
            }
            Some(left) => {
                *fault = Some(next(left - 1));
                false
            }
            None => false,
        }
    }
}

#[derive(Clone, Default)]
struct Inbox(Arc<Mutex<String>>);

impl SmsGateway for Inbox {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        *self.0.lock().unwrap() = sms.code.to_string();
        Ok(())
    }
}

struct Wire {
    authority: Arc<Authority>,
    account: AccountName,
    fate: Arc<Fate>,
}

fn lost() -> TransportError {
    TransportError::Server { what: "lost".into(), retry_after_seconds: None }
}

impl Transport for Wire {
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        let of_request = |fault| if let Fault::LostRequest(left) = fault { Some(left) } else { None };
        if self.fate.strikes(of_request, Fault::LostRequest) {
            return Err(lost());
        }
        let answer = self.authority.mac(Some(&self.account), request.query()).unwrap();
        let of_answer = |fault| if let Fault::LostAnswer(left) = fault { Some(left) } else { None };
        if self.fate.strikes(of_answer, Fault::LostAnswer) { Err(lost()) } else { Ok(answer.xml) }
    }

    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        let CvsRequest::SendCode { purpose: Purpose::ResetPin, .. } = request else { panic!("nobody asks for it") };
        let request = CvsRequest::SendCode { purpose: Purpose::ResetPin, phone_number: None };
        match self.authority.cvs(&self.account, &request).unwrap() {
            CvsAnswer::Done => Ok(CvsAnswer::Done),
            _ => Ok(CvsAnswer::Refused(CvsRefusal::SmsNotSent)),
        }
    }
}

/// A store in memory that outlives the process.
#[derive(Clone, Default)]
struct Disk {
    record: Arc<Mutex<Option<Vec<u8>>>>,
    fate: Arc<Fate>,
    /// True when the process is dead: then nothing is written any more.
    dead: Arc<Mutex<bool>>,
}

impl RecordStore for Disk {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.record.lock().unwrap().clone().map(Zeroizing::new))
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        let before = |fault| if let Fault::CrashBefore(left) = fault { Some(left) } else { None };
        let after = |fault| if let Fault::CrashAfter(left) = fault { Some(left) } else { None };
        if self.fate.strikes(before, Fault::CrashBefore) {
            *self.dead.lock().unwrap() = true;
        }
        self.check()?;
        let fails = |fault| if let Fault::WriteFails(left) = fault { Some(left) } else { None };
        let uncertain = |fault| if let Fault::WriteUncertain(left) = fault { Some(left) } else { None };
        if self.fate.strikes(fails, Fault::WriteFails) {
            return Err(StoreError::Entropy);
        }
        *self.record.lock().unwrap() = Some(record.to_vec());
        if self.fate.strikes(uncertain, Fault::WriteUncertain) {
            return Err(StoreError::Entropy);
        }
        if self.fate.strikes(after, Fault::CrashAfter) {
            *self.dead.lock().unwrap() = true;
        }
        self.check()
    }

    /// Fails if the process is dead: a dead process sends no request.
    fn check(&self) -> Result<(), StoreError> {
        if *self.dead.lock().unwrap() { Err(StoreError::Entropy) } else { Ok(()) }
    }

    fn path(&self) -> PathBuf {
        "memory".into()
    }
}

struct Machine;

impl Host for Machine {
    fn now(&self) -> i64 {
        1_000_000
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        bytes.fill(0x5a);
        let number = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        bytes.iter_mut().zip(number).for_each(|(byte, digit)| *byte = digit);
        Ok(())
    }
}

/// A user's device.
struct Phone {
    component: StrongAuthentication,
    disk: Disk,
    wire: Arc<Wire>,
}

impl Phone {
    fn new(authority: &Arc<Authority>, account: &AccountName) -> Self {
        let fate = Arc::new(Fate::default());
        let wire = Arc::new(Wire { authority: authority.clone(), account: account.clone(), fate: fate.clone() });
        let disk = Disk { fate, ..Disk::default() };
        Self { component: open(&disk, &wire), disk, wire }
    }

    /// Starts the process again if it died.
    fn revive(&mut self) {
        self.disk.fate.set(Fault::Nothing);
        *self.disk.dead.lock().unwrap() = false;
        self.component = open(&self.disk, &self.wire);
    }
}

fn open(disk: &Disk, wire: &Arc<Wire>) -> StrongAuthentication {
    StrongAuthentication::open(Parts {
        client: Client::new("0".repeat(32), "test"),
        account: "person".into(),
        factory_key: None,
        limits: Limits::default(),
        transport: wire.clone(),
        store: Box::new(disk.clone()),
        host: Arc::new(Machine),
    })
    .unwrap_or_else(|error| panic!("{error}"))
}

fn pin(number: u32) -> Pin {
    Pin::new(&format!("{number:06}")).unwrap()
}

struct World {
    authority: Arc<Authority>,
    inbox: Inbox,
    phones: Vec<Phone>,
    /// The PINs of which one is the right one, the likeliest first.
    pins: Vec<u32>,
    next: u32,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.db");
        let inbox = Inbox::default();
        let authority = Arc::new(
            Authority::open(Options {
                database: file.as_path().into(),
                master_key: MasterKey::new(1, [7; 32]).into(),
                policy: Policy {
                    evolve_k1_every: 2,
                    clone: ClonePolicy::Suspend,
                    otp_without_pin: true,
                    max_pin_tries: 100_000,
                    pin_budget: 100_000,
                    codes_per_hour: 100_000,
                    codes_per_day: 100_000,
                    device_key_bits: KeySize::Bits1024,
                    ..Policy::default()
                },
                sms: Box::new(inbox.clone()),
                sms_retry: None,
                clock: Box::new(SystemClock),
            })
            .unwrap(),
        );
        let account = AccountName::new("person").unwrap();
        let world_number = "+33612345678";
        let request =
            CvsRequest::SendCode { purpose: Purpose::PhoneNumberCertification, phone_number: Some(world_number) };
        authority.cvs(&account, &request).unwrap();
        let code = inbox.0.lock().unwrap().clone();
        authority.cvs(&account, &CvsRequest::AddPhoneNumber { sms_code: &code, phone_number: world_number }).unwrap();
        let mut world = Self { authority, inbox, phones: Vec::new(), pins: vec![1], next: 2, _folder: folder };
        for _ in 0..2 {
            let request = CvsRequest::SendCode { purpose: Purpose::Enrollment, phone_number: None };
            world.authority.cvs(&account, &request).unwrap();
            let mut phone = Phone::new(&world.authority, &account);
            phone.component.enroll(&pin(1), Some(&world.code())).unwrap_or_else(|error| panic!("{error}"));
            world.phones.push(phone);
        }
        world
    }

    fn code(&self) -> SmsCode {
        SmsCode::new(&self.inbox.0.lock().unwrap()).unwrap()
    }

    /// Does one action of the user, with a fault in it.
    fn act(&mut self, phone: usize, wish: Wish, fault: Fault) {
        self.phones[phone].disk.fate.set(fault);
        match wish {
            Wish::Password => drop(self.log_in(phone)),
            Wish::PasswordWithoutPin => drop(self.phones[phone].component.otp_without_pin()),
            Wish::ChangePin => {
                let (old, new) = (self.pins[0], self.next);
                self.next += 1;
                let outcome = self.phones[phone].component.update_pin(&pin(old), &pin(new));
                self.learn(new, &outcome);
            }
            Wish::ResetPin => {
                let component = &mut self.phones[phone].component;
                if component.request_code(Purpose::ResetPin, None).is_ok() {
                    let (code, new) = (self.code(), self.next);
                    self.next += 1;
                    let outcome = self.phones[phone].component.reset_pin(&pin(new), &code);
                    self.learn(new, &outcome);
                }
            }
        }
        match fault {
            Fault::WriteFails(_) | Fault::WriteUncertain(_) => self.phones[phone].disk.fate.set(Fault::Nothing),
            _ => self.phones[phone].revive(),
        }
    }

    /// Learns the possible PINs after a requested change.
    fn learn(&mut self, new: u32, outcome: &Result<(), Failure>) {
        match outcome {
            Ok(()) | Err(Failure::PostSynchronization(_)) => self.pins = vec![new],
            // It may or may not be the new one.
            Err(_) => self.pins.insert(0, new),
        }
    }

    /// Makes a password, with each PIN that may be the right one.
    fn log_in(&mut self, phone: usize) -> Result<(), Failure> {
        let mut last = Err(Failure::Entropy);
        for number in self.pins.clone() {
            match self.phones[phone].component.otp_with_pin(&pin(number)) {
                Ok(_) => {
                    self.pins = vec![number];
                    return Ok(());
                }
                Err(failure) => last = Err(failure),
            }
        }
        last
    }
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        2 => Just(Fault::Nothing),
        1 => (0..8_u32).prop_map(Fault::LostRequest),
        3 => (0..8_u32).prop_map(Fault::LostAnswer),
        2 => (0..5_u32).prop_map(Fault::CrashBefore),
        2 => (0..5_u32).prop_map(Fault::CrashAfter),
        2 => (0..5_u32).prop_map(Fault::WriteFails),
        2 => (0..5_u32).prop_map(Fault::WriteUncertain),
    ]
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        6 => Just(Wish::Password),
        1 => Just(Wish::PasswordWithoutPin),
        1 => Just(Wish::ChangePin),
        1 => Just(Wish::ResetPin),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn no_device_that_loses_answers_and_crashes_is_taken_for_two(
        acts in prop::collection::vec((0..2_usize, wish(), fault()), 1..40),
    ) {
        let mut world = World::new();
        for (phone, wish, fault) in acts {
            world.act(phone, wish, fault);
            prop_assert_eq!(world.authority.tally().clones_suspected, 0, "{:?} with {:?}", wish, fault);
        }
        // After all of that, both devices work.
        for phone in 0..2 {
            world.log_in(phone).unwrap_or_else(|failure| panic!("{failure}"));
        }
    }

    #[test]
    fn a_device_that_is_used_beside_its_copy_is_found_out(
        acts in prop::collection::vec((wish(), fault()), 0..10),
    ) {
        let mut world = World::new();
        for (wish, fault) in acts {
            world.act(0, wish, fault);
        }
        world.log_in(0).unwrap_or_else(|failure| panic!("{failure}"));
        let copied = world.phones[0].disk.record.lock().unwrap().clone();
        // K1 evolves within three passwords.
        for _ in 0..3 {
            world.log_in(0).unwrap_or_else(|failure| panic!("{failure}"));
        }
        *world.phones[0].disk.record.lock().unwrap() = copied;
        world.phones[0].revive();
        let refused = world.log_in(0).err();
        prop_assert!(refused.is_some_and(|failure| failure.word() == Some(&Word::State)));
        prop_assert_eq!(world.authority.tally().clones_suspected, 1);
    }
}
