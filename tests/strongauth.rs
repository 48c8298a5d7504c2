//! The component against a scripted service: its requests, its records, and its work after lost
//! answers.
//!
//! Other tests use the embedded authority. These tests have the answers that this authority never
//! gives, and the faults of a broken wire.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use inwebo::client::activate::PinMode;
use inwebo::client::checkpush::ApprovalState;
use inwebo::client::devices::Change;
use inwebo::client::messages::Notice;
use inwebo::client::{BlockTimes, Client, Device, EngineError, Request};
use inwebo::cvs::{CvsAnswer, CvsRefusal, CvsRequest, Purpose};
use inwebo::mode::Mode;
use inwebo::values::{
    Approval, ApprovalNumber, DeviceName, K0, K1, Kma, Modulus, Pin, Proofs, SecVal, Serial, SmsCode, Ticket,
    bound_challenge,
};
use inwebo::word::Word;
use pims::store::{RecordStore, StoreError};
use pims::strongauth::budget::{Exhausted, Limits, Use};
use pims::strongauth::machine::{Refusal, State, Sync};
use pims::strongauth::record::{Block, Enrollment, Intent, Record, Standing};
use pims::strongauth::{ApprovalStatus, FactoryKey, Failure, Host, Parts, PendingDevice, StrongAuthentication};
use pims::transport::{TimeLimit, Transport, TransportError};
use zeroize::Zeroizing;

/// A script of answers. It records the requests.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Result<String, TransportError>>>,
    cvs: Mutex<VecDeque<Result<CvsAnswer, TransportError>>>,
    asked: Mutex<Vec<String>>,
}

impl Script {
    fn answer(&self, mode: &str, children: &str) {
        let xml = format!("<?xml version=\"1.0\"?><{mode}>{children}</{mode}>");
        self.answers.lock().unwrap().push_back(Ok(xml));
    }

    fn lose(&self) {
        self.fail(TransportError::Server { what: "HTTP 503".into(), retry_after_seconds: None });
    }

    fn fail(&self, error: TransportError) {
        self.answers.lock().unwrap().push_back(Err(error));
    }

    /// Returns the action and mode of every request so far.
    fn asked(&self) -> Vec<String> {
        let short = |query: &String| {
            let pairs: std::collections::HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
            format!("{} {}", pairs["action"].trim_start_matches("Action"), pairs["mode"])
        };
        self.asked.lock().unwrap().iter().map(short).collect()
    }
}

impl Transport for Script {
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError> {
        self.asked.lock().unwrap().push(request.query().to_owned());
        let next = self.answers.lock().unwrap().pop_front();
        next.unwrap_or_else(|| panic!("nothing was expected after {:?}", self.asked())).map(Zeroizing::new)
    }

    fn cvs(&self, _: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError> {
        self.cvs.lock().unwrap().pop_front().unwrap()
    }
}

/// A store in memory, which outlives the component. It can be full.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Option<Vec<u8>>>>, Arc<AtomicBool>);

impl RecordStore for Memory {
    fn load(&self) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        Ok(self.0.lock().unwrap().clone().map(Zeroizing::new))
    }

    fn save(&mut self, record: &[u8]) -> Result<(), StoreError> {
        if self.1.load(Ordering::SeqCst) {
            return Err(StoreError::Entropy);
        }
        *self.0.lock().unwrap() = Some(record.to_vec());
        Ok(())
    }

    fn path(&self) -> PathBuf {
        "memory".into()
    }
}

impl Memory {
    fn record(&self) -> Record {
        Record::decode(self.0.lock().unwrap().as_ref().unwrap()).unwrap_or_else(|error| panic!("{error:?}")).record
    }
}

/// A clock that stands still until a test sets it.
struct Still(AtomicI64);

impl Default for Still {
    fn default() -> Self {
        Self(AtomicI64::new(1_000_000))
    }
}

impl Host for Still {
    fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn random(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        bytes.fill(0x5a);
        Ok(())
    }
}

#[derive(Default)]
struct Bench {
    script: Arc<Script>,
    memory: Memory,
    clock: Arc<Still>,
    limits: Limits,
}

fn pin(text: &str) -> Pin {
    Pin::new(text).unwrap()
}

/// Opens a component on a record.
fn bench(record: &Record) -> (Bench, StrongAuthentication) {
    bench_with(record, Limits::default())
}

/// Opens a component on a record, with limits.
fn bench_with(record: &Record, limits: Limits) -> (Bench, StrongAuthentication) {
    let bench = Bench { limits, ..Bench::default() };
    bench.memory.clone().save(&record.encode()).unwrap();
    let component = bench.open();
    (bench, component)
}

impl Bench {
    fn open(&self) -> StrongAuthentication {
        let parts = Parts {
            client: Client::new("0".repeat(32), "test"),
            account: "local".into(),
            factory_key: None,
            limits: self.limits,
            transport: self.script.clone(),
            store: Box::new(self.memory.clone()),
            host: self.clock.clone(),
        };
        StrongAuthentication::open(parts).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn modulus() -> Modulus {
    Modulus::from_hex(&VECTORS.0).unwrap()
}

/// The factory modulus and a sealed device and service modulus of the recorded exchanges.
static VECTORS: std::sync::LazyLock<(String, String, String)> = std::sync::LazyLock::new(|| {
    let file: serde_json::Value =
        serde_json::from_str(include_str!("../crates/inwebo/tests/vectors/inwebo-mac.json")).unwrap();
    let case = &file["cases"][0];
    let child = |exchange: usize, name: &str| {
        let answer = case["exchanges"][exchange]["response"].as_str().unwrap();
        let (_, rest) = answer.split_once(&format!("<{name}>")).unwrap();
        rest.split_once("</").unwrap().0.to_owned()
    };
    (case["factoryModulus"].as_str().unwrap().to_owned(), child(0, "Kiw"), child(1, "ms_key"))
});

fn enrolled(standing: Standing) -> Record {
    let serial = Serial::new([1; 8], [2; 16]);
    let device = Device {
        id: "973d95c599fffbe9".into(),
        serial: serial.clone(),
        last_sync: "0".into(),
        service: "7001".into(),
        factory: modulus(),
        k0: K0::new([3; 16]),
        hidden_k1: [4; 16],
        secval: Some(SecVal::new([5; 16])),
    };
    Record {
        account: "local".into(),
        serial: Some(serial),
        enrollment: Some(Enrollment { device, standing }),
        ..Record::default()
    }
}

fn keys() -> String {
    format!(
        "<err>OK</err><challenge>c</challenge><Kfact>{}</Kfact><Kiw>{}</Kiw><pinmode>1</pinmode>",
        VECTORS.0, VECTORS.1
    )
}

/// The answer of a service that keeps its secret.
const SYNCHRONIZED: &str =
    "<err>OK</err><K0>00112233445566778899aabbccddeeff</K0><K1>ffeeddccbbaa99887766554433221100</K1><Tsync>7</Tsync>";

/// Adds the answers of our own service, which wants a fresh secret.
fn synchronize(script: &Script) {
    script.answer("ActionSetup", CHALLENGE);
    let wanted = format!("<ms_n>1</ms_n><ms_id>9001</ms_id><ms_key>{}</ms_key><challenge>d</challenge>", VECTORS.2);
    script.answer("ActionFinalize", &format!("{SYNCHRONIZED}{wanted}"));
    script.answer("ActionFinalize", "<err>OK</err>");
}

const CHALLENGE: &str = "<err>OK</err><challenge>c</challenge>";

#[test]
fn a_changed_pin_is_followed_by_a_synchronization_and_a_fresh_secret() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    synchronize(&bench.script);
    component.update_pin(&pin("1234"), &pin("4321")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(
        bench.script.asked(),
        ["Setup password", "Finalize password", "Setup synchro", "Finalize synchro", "Finalize ms"]
    );
    let record = bench.memory.record();
    assert_eq!((record.state(0), record.intent), (State::Activated(Sync::Done), None));
    let device = record.enrollment.unwrap().device;
    assert_eq!(device.last_sync, "7");
    assert!(device.secval.unwrap() != SecVal::new([5; 16]));
}

#[test]
fn a_service_that_keeps_its_secret_finds_it_under_the_new_pin() {
    let record = enrolled(Standing::Active);
    let device = &record.enrollment.as_ref().unwrap().device;
    let rehidden = device.unlock(&pin("1234")).secval_under(&pin("4321")).unwrap();
    let (bench, mut component) = bench(&record);
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", SYNCHRONIZED);
    component.update_pin(&pin("1234"), &pin("4321")).unwrap_or_else(|error| panic!("{error}"));
    assert!(bench.memory.record().enrollment.unwrap().device.secval.unwrap() == rehidden);
}

#[test]
fn a_secret_that_may_be_hidden_under_another_pin_makes_no_password() {
    let (bench, mut component) = bench(&enrolled(Standing::MustSynchronize));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", SYNCHRONIZED);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    let failure = component.otp_with_pin(&pin("4321")).err().unwrap();
    assert!(matches!(failure, Failure::Engine(EngineError::Unusable(_))), "{failure}");
}

#[test]
fn a_lost_synchronization_is_2316_and_done_first_thing_next_time() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    bench.script.lose();
    let failure = component.update_pin(&pin("1234"), &pin("4321")).err().unwrap();
    assert!(matches!(failure, Failure::PostSynchronization(_)), "{failure}");
    assert_eq!(bench.memory.record().state(0), State::Activated(Sync::Due));

    let mut component = bench.open();
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    component.otp_with_pin(&pin("4321")).unwrap_or_else(|error| panic!("{error}"));
    let repair = ["Setup synchro", "Finalize synchro", "Finalize ms", "Setup otp", "Finalize otp"];
    assert_eq!(bench.script.asked()[3..], repair);
    assert_eq!(bench.memory.record().state(0), State::Activated(Sync::Done));
}

#[test]
fn a_lost_answer_to_a_new_pin_leaves_it_open_and_nothing_is_sent_twice() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", &keys());
    bench.script.lose();
    let failure = component.update_pin(&pin("1234"), &pin("4321")).err().unwrap();
    assert!(matches!(failure, Failure::PinUncertain(_)), "{failure}");
    assert_eq!(bench.script.asked(), ["Setup password", "Finalize password"]);
    let record = bench.memory.record();
    assert_eq!(record.state(0), State::Activated(Sync::Due));
    assert_eq!(record.intent, Some(Intent::ChangePin));
}

#[test]
fn after_a_change_that_was_cut_off_a_wrong_pin_is_told_with_the_other_that_may_be_right() {
    let (bench, mut component) =
        bench(&Record { intent: Some(Intent::ChangePin), ..enrolled(Standing::MustSynchronize) });
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:ACCESS</err><attemptsLeft>4</attemptsLeft>");
    let failure = component.otp_with_pin(&pin("1234")).err().unwrap();
    assert!(matches!(failure, Failure::PinUncertain(_)), "{failure}");
    let told = serde_json::to_value(pims::api::from_failure(&failure, "pinCode")).unwrap();
    assert_eq!((&told["code"], &told["info"]["attemptsLeft"]), (&2308.into(), &4.into()));
    assert!(told["detail"].as_str().unwrap().contains("try the new one first"), "{told}");
    assert_eq!(bench.memory.record().intent, Some(Intent::ChangePin), "it is still open");
}

#[test]
fn a_refused_new_pin_leaves_everything_as_it_was() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>NOK:ACCESS</err><attemptsLeft>2</attemptsLeft>");
    let failure = component.update_pin(&pin("1234"), &pin("4321")).err().unwrap();
    assert_eq!(failure.word(), Some(&Word::Access));
    let record = bench.memory.record();
    assert_eq!((record.state(0), record.intent), (State::Activated(Sync::Done), None));
}

#[test]
fn another_factory_key_than_the_one_of_the_enrollment_is_refused_before_the_pin_leaves() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    let other = "f".repeat(256);
    bench.script.answer("ActionSetup", &keys().replace(&VECTORS.0, &other));
    let failure = component.update_pin(&pin("1234"), &pin("4321")).err().unwrap();
    assert!(matches!(failure, Failure::Engine(EngineError::FactoryKey)), "{failure}");
    assert_eq!(bench.script.asked(), ["Setup password"]);
}

#[test]
fn a_device_that_was_disabled_trusts_no_other_factory_key_when_it_enrolls_again() {
    let (bench, mut component) = bench(&enrolled(Standing::Disabled));
    let setup = keys().replace(&VECTORS.0, &"f".repeat(256));
    bench.script.answer("ActionSetup", &setup);
    let failure = component.accept_code(&SmsCode::new("2424").unwrap()).err().unwrap();
    assert!(matches!(failure, Failure::Engine(EngineError::FactoryKey)), "{failure}");
    assert_eq!(component.state(), State::Disabled);
}

#[test]
fn after_a_lost_finalize_the_same_code_asks_for_the_pin_that_was_sent() {
    let (bench, mut component) = bench(&Record { account: "local".into(), ..Record::default() });
    let code = SmsCode::new("2424").unwrap();
    bench.script.answer("ActionSetup", &keys().replace("<pinmode>1", "<pinmode>2"));
    assert_eq!(component.accept_code(&code).ok(), Some(PinMode::New));
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), None).is_err());
    assert_eq!(component.accept_code(&code).ok(), Some(PinMode::Current));
    assert_eq!(bench.script.asked(), ["Setup activate", "Finalize activate"], "a used code is not shown again");
}

#[test]
fn an_evolved_k1_is_durable_before_the_second_round() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench
        .script
        .answer("ActionFinalize", "<err>OK</err><defi>1</defi><J>1</J><dK1>00112233445566778899aabbccddeeff</dK1>");
    bench.script.lose();
    assert!(component.otp_with_pin(&pin("1234")).is_err());
    assert_ne!(bench.memory.record().enrollment.unwrap().device.hidden_k1, [4; 16]);
}

#[test]
fn the_words_of_the_service_move_the_state_and_are_written_down() {
    for (word, state, block) in [
        ("NOK_BLOCKED", State::Blocked, Some(Block::PinBlocked)),
        ("OK:BLOCKED", State::Blocked, Some(Block::PinBlocked)),
        ("NOK:NODEVICE", State::Disabled, None),
        ("NOK:ACCESS", State::Activated(Sync::Done), None),
        ("NOK:NOSRV", State::Activated(Sync::Done), None),
        ("NOK:VERSION", State::Activated(Sync::Done), None),
    ] {
        let (bench, mut component) = bench(&enrolled(Standing::Active));
        bench.script.answer("ActionSetup", &format!("<err>{word}</err>"));
        assert!(component.otp_with_pin(&pin("1234")).is_err());
        assert_eq!(component.state(), state, "{word}");
        let record = bench.memory.record();
        assert_eq!((record.state(0), record.block), (state, block), "{word}");
    }
}

#[test]
fn a_blocked_device_asks_for_its_block_before_it_refuses() {
    for (answer, state, block) in
        [("OK", State::Activated(Sync::Due), Block::NotBlocked), ("NOK_BLOCKED", State::Blocked, Block::PinBlocked)]
    {
        let (bench, mut component) = bench(&enrolled(Standing::Blocked));
        bench.script.answer("ActionSetup", &format!("<err>{answer}</err>"));
        assert!(component.otp_without_pin().is_err(), "{answer}");
        assert_eq!(bench.script.asked(), ["Setup status"], "{answer}");
        let record = bench.memory.record();
        assert_eq!((record.state(0), record.block), (state, Some(block)), "{answer}");
    }
}

#[test]
fn the_end_of_a_block_is_told_and_not_written_down() {
    const TIMES: &str = "<retryAfterSeconds>60</retryAfterSeconds><blockedUntil>1700000000000</blockedUntil>";
    let times = BlockTimes { retry_after_seconds: 60, until: Some(1_700_000_000_000) };
    let blocked = format!("<err>NOK_BLOCKED</err>{TIMES}");
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", &blocked);
    let refused = component.otp_with_pin(&pin("1234")).unwrap_err();
    assert_eq!((refused.word(), refused.block_times()), (Some(&Word::Blocked), Some(times)));
    assert_eq!((component.block_times(), component.take_block_times()), (Some(times), Some(Some(times))));
    assert_eq!((component.block_times(), component.take_block_times()), (None, None));
    let written = bench.memory.record().encode();
    assert!(!String::from_utf8_lossy(&written).contains("1700000000000"));

    // The next operation asks, and tells the answer.
    bench.script.answer("ActionSetup", &blocked);
    let refused = component.otp_with_pin(&pin("1234")).unwrap_err();
    assert!(matches!(refused, Failure::StillBlocked(Refusal::Forbidden, told) if told == times), "{refused}");
    assert_eq!(bench.memory.record().encode(), written);
    // Without an answer, the end that an earlier answer named is not repeated.
    bench.script.lose();
    let refused = component.otp_with_pin(&pin("1234")).unwrap_err();
    assert!(matches!(refused, Failure::State(Refusal::Forbidden, State::Blocked)), "{refused}");
    // A block that ends by itself may become one that does not.
    bench.script.answer("ActionSetup", "<err>NOK_BLOCKED</err>");
    assert!(matches!(component.otp_with_pin(&pin("1234")), Err(Failure::State(..))));
    assert_eq!(component.take_block_times(), Some(None));
}

#[test]
fn a_device_whose_block_is_over_goes_on_in_the_same_call() {
    let (bench, mut component) = bench(&enrolled(Standing::Blocked));
    bench.script.answer("ActionSetup", "<err>OK</err>");
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    component.otp_with_pin(&pin("1234")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.script.asked()[0], "Setup status");
    assert_eq!(component.state(), State::Activated(Sync::Done));
}

#[test]
fn a_desynchronized_device_synchronizes_and_goes_on_in_the_same_call() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:DESYNCHRONIZED</err>");
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    component.otp_with_pin(&pin("1234")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.script.asked().len(), 7);
}

#[test]
fn a_removal_that_was_lost_is_found_out_by_status_before_the_next_operation() {
    for (answer, expected) in [("NOK:NODEVICE", State::NotActivated), ("OK", State::Activated(Sync::Done))] {
        let (bench, mut component) = bench(&enrolled(Standing::Active));
        bench
            .script
            .cvs
            .lock()
            .unwrap()
            .push_back(Err(TransportError::Server { what: "HTTP 502".into(), retry_after_seconds: None }));
        assert!(component.remove().is_err());
        assert_eq!(bench.memory.record().intent, Some(Intent::Remove));
        assert_eq!(component.state(), State::Activated(Sync::Done), "it keeps its enrollment");

        let mut component = bench.open();
        bench.script.answer("ActionSetup", &format!("<err>{answer}</err>"));
        if answer == "OK" {
            bench.script.answer("ActionSetup", "<err>NOK:NOSRV</err>");
        }
        assert!(component.otp_with_pin(&pin("1234")).is_err());
        assert_eq!(bench.script.asked()[0], "Setup status");
        let record = bench.memory.record();
        assert_eq!((record.state(0), record.intent), (expected, None));
    }
}

#[test]
fn a_malformed_code_is_a_wrong_one_to_the_person_and_changes_nothing() {
    let (bench, mut component) = bench(&Record { account: "local".into(), ..Record::default() });
    bench.script.answer("ActionSetup", "<err>NOK:SN</err>");
    let failure = component.accept_code(&SmsCode::new("2424").unwrap()).err().unwrap();
    assert!(matches!(failure, Failure::BadCode(_)), "{failure}");
    assert_eq!(component.state(), State::NotActivated);
}

#[test]
fn an_unusable_answer_changes_nothing() {
    for answer in ["<html/>", "", "<ActionSetup><err>OK</err></ActionSetup>"] {
        let record = enrolled(Standing::Active);
        let (bench, mut component) = bench(&record);
        bench.script.answers.lock().unwrap().push_back(Ok(answer.to_owned()));
        let failure = component.otp_with_pin(&pin("1234")).err().unwrap();
        assert!(matches!(failure, Failure::Engine(EngineError::Unusable(_))), "{failure}");
        assert_eq!(*bench.memory.record().encode(), *record.encode());
    }
}

#[test]
fn the_record_of_another_account_is_not_taken_over() {
    let record = Record { account: "somebody else".into(), ..enrolled(Standing::Active) };
    let memory = Memory::default();
    memory.clone().save(&record.encode()).unwrap();
    let parts = Parts {
        client: Client::new("0".repeat(32), "test"),
        account: "local".into(),
        factory_key: None,
        limits: Limits::default(),
        transport: Arc::new(Script::default()),
        store: Box::new(memory.clone()),
        host: Arc::new(Still::default()),
    };
    assert!(StrongAuthentication::open(parts).is_err());
    assert_eq!(*memory.record().encode(), *record.encode());
}

/// A thief of the phone may have the storage key, too. Nothing in the record may distinguish a
/// right PIN from a wrong one.
#[test]
fn the_record_holds_nothing_that_depends_on_the_pin_but_what_is_hidden_by_it() {
    let record = enrolled(Standing::Active);
    let text = String::from_utf8(record.encode().to_vec()).unwrap();
    let stored: serde_json::Value = serde_json::from_str(&text).unwrap();
    let members: Vec<_> = stored["device"].as_object().unwrap().keys().cloned().collect();
    // Sixteen random bytes under kma decrypt to sixteen bytes under any PIN. Nothing else of the
    // device depends on the PIN.
    assert_eq!(members, ["factory", "id", "k0", "k1UnderKma", "lastSync", "secretUnderKma", "serial", "service"]);
    for name in ["k0", "k1UnderKma", "secretUnderKma"] {
        assert_eq!(stored["device"][name].as_str().unwrap().len(), 32, "{name}: no padding, no check value");
    }
}

#[test]
fn a_record_that_is_too_old_to_be_read_is_not_written_over_by_what_the_service_says() {
    let bench = Bench::default();
    let old = br#"{"format":0,"account":"local","keys":[]}"#;
    bench.memory.clone().save(old).unwrap();
    let mut component = bench.open();
    for refused in [
        component_removal(&bench, &mut component, Word::Blocked),
        component_removal(&bench, &mut component, Word::MaxDevices),
    ] {
        assert!(matches!(refused, Err(Failure::Cvs(_))));
        assert_eq!(component.state(), State::Upgradable);
        assert_eq!(bench.memory.0.lock().unwrap().as_deref(), Some(&old[..]));
    }
}

fn component_removal(bench: &Bench, component: &mut StrongAuthentication, word: Word) -> Result<(), Failure> {
    let refusal = CvsAnswer::Refused(CvsRefusal::Word { word, attempts_left: None });
    bench.script.cvs.lock().unwrap().push_back(Ok(refusal));
    component.remove()
}

#[test]
fn a_removal_that_was_lost_takes_no_started_enrollment_from_a_disabled_device() {
    let (bench, mut component) = bench(&enrolled(Standing::Disabled));
    bench.script.answer("ActionSetup", &keys());
    component.accept_code(&SmsCode::new("2424").unwrap()).unwrap();
    bench.script.cvs.lock().unwrap().push_back(Err(TransportError::Unreachable("cut".into())));
    assert!(matches!(component.remove(), Err(Failure::Transport(_))));
    // The service does not know the device: that was so before.
    bench.script.answer("ActionSetup", "<err>NOK:NODEVICE</err>");
    bench.script.lose();
    assert!(matches!(component.enroll(&pin("1234"), None), Err(Failure::Transport(_))));
    assert_eq!(component.state().name(), "ActivationStarted");
    assert!(bench.memory.record().activation.is_some());
}

#[test]
fn a_removal_that_was_done_or_refused_leaves_the_intent_that_is_true() {
    let (bench, mut component) =
        bench(&Record { intent: Some(Intent::ChangePin), ..enrolled(Standing::MustSynchronize) });
    assert!(component_removal(&bench, &mut component, Word::Forbidden).is_err());
    assert_eq!(bench.memory.record().intent, Some(Intent::ChangePin));
    assert!(component_removal(&bench, &mut component, Word::SynchroFailed).is_err());
    assert_eq!(bench.memory.record().intent, Some(Intent::Remove));
}

impl Bench {
    fn set_full(&self, full: bool) {
        self.memory.1.store(full, Ordering::SeqCst);
    }

    /// Asserts that a password needs neither `status` nor `synchro` before it.
    fn assert_ready(&self, component: &mut StrongAuthentication) {
        self.set_full(false);
        let before = self.script.asked().len();
        self.script.answer("ActionSetup", CHALLENGE);
        self.script.answer("ActionFinalize", "<err>NOK:ACCESS</err><attemptsLeft>4</attemptsLeft>");
        let failure = component.otp_with_pin(&pin("9999")).err().unwrap();
        assert!(matches!(failure, Failure::Engine(EngineError::Refused { word: Word::Access, .. })), "{failure}");
        assert_eq!(self.script.asked()[before..], ["Setup otp", "Finalize otp"]);
    }
}

#[test]
fn what_was_about_to_be_done_is_not_remembered_where_it_could_not_be_written_down() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    // A removal: nothing is sent, and no later operation asks for its result.
    bench.set_full(true);
    assert!(matches!(component.remove().err(), Some(Failure::Store(_))));
    assert_eq!(bench.script.asked(), [""; 0]);
    bench.assert_ready(&mut component);
    // A new PIN: it is not sent, and the old one is not in doubt.
    bench.set_full(true);
    bench.script.answer("ActionSetup", &keys());
    assert!(matches!(component.update_pin(&pin("1234"), &pin("4321")).err(), Some(Failure::Store(_))));
    assert_eq!(bench.script.asked().last().unwrap(), "Setup password");
    assert_eq!(component.state(), State::Activated(Sync::Done));
    bench.assert_ready(&mut component);
    bench.set_full(true);
    bench.script.answer("ActionSetup", &keys());
    let code = SmsCode::new("2424").unwrap();
    assert!(matches!(component.reset_pin(&pin("4321"), &code).err(), Some(Failure::Store(_))));
    bench.assert_ready(&mut component);
}

#[test]
fn a_code_that_was_not_sent_for_want_of_room_is_shown_again() {
    let (bench, mut component) = bench(&Record { account: "local".into(), ..Record::default() });
    let code = SmsCode::new("2424").unwrap();
    let setup = keys().replace("<pinmode>1", "<pinmode>2");
    bench.set_full(true);
    bench.script.answer("ActionSetup", &setup);
    assert!(matches!(component.accept_code(&code).err(), Some(Failure::Store(_))));
    assert_eq!(component.state(), State::NotActivated, "it is not remembered as accepted");
    bench.set_full(false);
    bench.script.answer("ActionSetup", &setup);
    assert_eq!(component.accept_code(&code).ok(), Some(PinMode::New));
    // The last step is not sent, so the code does not count as used.
    bench.set_full(true);
    assert!(matches!(component.enroll(&pin("1234"), None).err(), Some(Failure::Store(_))));
    bench.set_full(false);
    bench.script.answer("ActionSetup", &setup);
    assert_eq!(component.accept_code(&code).ok(), Some(PinMode::New));
    assert_eq!(bench.script.asked(), ["Setup activate"; 3]);
}

#[test]
fn a_ticket_that_could_not_be_written_down_twice_is_used_all_the_same() {
    let (bench, mut component) = bench(&Record { account: "local".into(), ..Record::default() });
    let ticket = Ticket::new("a-ticket-of-forty-three-letters-and-digits-0").unwrap();
    bench.set_full(true);
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Ticket(ticket)));
    component.request_code(Purpose::Enrollment, None).unwrap_or_else(|error| panic!("{error}"));
    // There is still no room: nothing is sent, and the ticket is kept.
    let code = SmsCode::new("2424").unwrap();
    assert!(matches!(component.accept_code(&code).err(), Some(Failure::Store(_))));
    assert_eq!(bench.script.asked(), [""; 0]);
    bench.set_full(false);
    bench.script.answer("ActionSetup", &keys().replace("<pinmode>1", "<pinmode>2"));
    assert_eq!(component.accept_code(&code).ok(), Some(PinMode::New));
    let asked = bench.script.asked.lock().unwrap();
    assert!(asked[0].contains("a-ticket-of-forty-three-letters-and-digits-0"), "{}", asked[0]);
}

#[test]
fn a_key_that_could_not_be_written_down_is_not_shown_to_the_service() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    let durable = bench.memory.record().enrollment.unwrap().device.hidden_k1;
    bench.set_full(true);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench
        .script
        .answer("ActionFinalize", "<err>OK</err><defi>1</defi><J>1</J><dK1>000102030405060708090a0b0c0d0e0f</dK1>");
    assert!(matches!(component.otp_with_pin(&pin("1234")).err(), Some(Failure::Store(_))));
    let proofs = |bench: &Bench| -> Vec<String> {
        let asked = bench.script.asked.lock().unwrap();
        let proof = |query: &String| query.split('&').find_map(|pair| pair.strip_prefix("R1=")).map(str::to_owned);
        asked.iter().filter_map(proof).collect()
    };
    bench.set_full(false);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    component.otp_with_pin(&pin("1234")).unwrap_or_else(|error| panic!("{error}"));
    let shown = proofs(&bench);
    assert_eq!(shown.len(), 2);
    // The challenge was the same: another K1 would make another proof.
    assert_eq!(shown[0], shown[1]);
    assert_eq!(bench.memory.record().enrollment.unwrap().device.hidden_k1, durable);
}

const FORBIDDEN: &str = "<err>NOK:FORBIDDEN</err>";

const GRANTED: &str = "<err>OK</err><defi>00112233445566778899aabbccddeeff</defi>";

/// Asks for a password whose finalize step gets this answer.
fn ask(bench: &Bench, component: &mut StrongAuthentication, answer: &str) -> Result<(), Failure> {
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", answer);
    component.otp_with_pin(&pin("1234")).map(drop)
}

#[test]
fn a_device_that_the_service_forbids_is_kept_and_can_be_enrolled_anew() {
    let code = SmsCode::new("2424").unwrap();
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    assert!(matches!(component.accept_code(&code), Err(Failure::State(..))));
    assert!(ask(&bench, &mut component, FORBIDDEN).unwrap_err().is_forbidden());
    assert_eq!(component.state(), State::Activated(Sync::Done));

    // A success of CVS says nothing about the device.
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
    component.modify_phone_number(&code, "0612345678").unwrap();
    assert!(bench.memory.record().is_forbidden);

    // A wrong code changes nothing, also after a restart, and the device can still try.
    let mut component = bench.open();
    bench.script.answer("ActionSetup", "<err>NOK:CODE</err>");
    assert!(component.accept_code(&code).is_err());
    assert_eq!(component.state(), State::Activated(Sync::Done));
    ask(&bench, &mut component, GRANTED).unwrap();
    // It succeeded: the device is not dead.
    assert!(matches!(component.accept_code(&code), Err(Failure::State(..))));

    // A new enrollment begins beside the device, which keeps its enrollment.
    ask(&bench, &mut component, FORBIDDEN).unwrap_err();
    assert!(matches!(component.enroll(&pin("1234"), None), Err(Failure::State(Refusal::WrongStep, State::Disabled))));
    bench.script.answer("ActionSetup", &keys());
    component.accept_code(&code).unwrap();
    assert_eq!(component.state(), State::Activated(Sync::Done));
    let mut component = bench.open();
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(component.state(), State::Activated(Sync::Done));
    assert_eq!(bench.memory.record().enrollment.unwrap().device.id, "0123456789abcdef");
    assert!(matches!(component.accept_code(&code), Err(Failure::State(..))));
}

/// The account was reset elsewhere, and the device was blocked before: the PIN cannot be reset, so
/// the way out is a new enrollment.
#[test]
fn a_blocked_device_that_the_service_forbids_can_be_enrolled_anew() {
    let code = SmsCode::new("2424").unwrap();
    let (bench, mut component) = bench(&enrolled(Standing::Blocked));
    assert!(matches!(component.accept_code(&code), Err(Failure::State(..))));
    bench.script.answer("ActionSetup", FORBIDDEN);
    assert!(component.reset_pin(&pin("4321"), &code).unwrap_err().is_forbidden());
    let mut component = bench.open();
    assert_eq!(component.state(), State::Blocked);
    bench.script.answer("ActionSetup", &keys());
    component.accept_code(&code).unwrap();
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(component.state(), State::Activated(Sync::Done));
}

/// A live device to which the service once answered `NOK:FORBIDDEN`. The service accepted a code.
fn started_beside_a_device() -> (Bench, StrongAuthentication) {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    ask(&bench, &mut component, FORBIDDEN).unwrap_err();
    bench.script.answer("ActionSetup", &keys());
    component.accept_code(&SmsCode::new("2424").unwrap()).unwrap();
    assert!(bench.memory.record().activation.is_some());
    (bench, component)
}

#[test]
fn one_forbidden_operation_and_an_accepted_code_leave_a_live_device_alive() {
    for end in ["", "<err>NOK:MAXNBTOOLS</err>", "<err>NOK:CODE</err>", FORBIDDEN, "lost"] {
        let (bench, mut component) = started_beside_a_device();
        match end {
            "" => {}
            "lost" => bench.script.lose(),
            refused => bench.script.answer("ActionFinalize", refused),
        }
        if !end.is_empty() {
            assert!(component.enroll(&pin("1234"), None).is_err(), "{end}");
        }
        // The code's lifetime is over, or not: the device makes passwords.
        let mut component = bench.open();
        bench.clock.0.fetch_add(i64::from(end.is_empty()) * 86_400_000, Ordering::SeqCst);
        ask(&bench, &mut component, GRANTED).unwrap_or_else(|error| panic!("{end}: {error}"));
        // The device is not dead, so nothing may replace it, but a request that is on its way.
        assert_eq!(bench.memory.record().activation.is_some(), end == "lost");
        assert!(matches!(component.enroll(&pin("1234"), None), Err(Failure::State(..))));
        assert!(matches!(component.accept_code(&SmsCode::new("2424").unwrap()), Err(Failure::State(..))));
    }
}

/// The answer to the last step came too late, and before the service made the new device, the old
/// one made a password.
#[test]
fn a_password_before_the_lost_enrollment_is_done_does_not_lose_the_enrollment() {
    let (bench, mut component) = started_beside_a_device();
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), None).is_err());
    ask(&bench, &mut component, GRANTED).unwrap();
    let mut component = bench.open();
    assert!(ask(&bench, &mut component, "<err>NOK:NODEVICE</err>").is_err());
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(component.state(), State::Activated(Sync::Done));
}

#[test]
fn a_started_enrollment_goes_on_where_the_service_then_says_that_the_device_is_unknown() {
    let (bench, mut component) = started_beside_a_device();
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), None).is_err());
    // The service made the new device, which replaced the old one.
    assert!(ask(&bench, &mut component, "<err>NOK:NODEVICE</err>").is_err());
    assert_eq!(component.state().name(), "ActivationStarted");
    let mut component = bench.open();
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(component.state(), State::Activated(Sync::Done));
}

#[test]
fn a_forbidden_operation_with_a_reason_says_nothing_about_the_device() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    for more in
        ["<reason>dailyLimit</reason>", "<reason>noPasswords</reason>", "<retryAfterSeconds>9</retryAfterSeconds>"]
    {
        let failure = ask(&bench, &mut component, &format!("{FORBIDDEN}{more}")).unwrap_err();
        assert!(!failure.is_forbidden(), "{more}");
        assert!(!bench.memory.record().is_forbidden);
    }
}

fn limits(passwords: u32, activations: u32) -> Limits {
    Limits { passwords_per_day: NonZeroU32::new(passwords), activations: NonZeroU32::new(activations) }
}

/// Asserts that the limit refuses a password for this time, and that nothing is sent.
#[track_caller]
fn waits(bench: &Bench, component: &mut StrongAuthentication, seconds: u64) {
    let asked = bench.script.asked().len();
    let with_pin = component.otp_with_pin(&pin("1234")).map(drop);
    for refused in [with_pin, component.otp_without_pin().map(drop)] {
        match refused {
            Err(Failure::Limit(Exhausted::Passwords { retry_after_seconds, .. })) => {
                assert_eq!(retry_after_seconds, seconds);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.script.asked().len(), asked);
}

const DAY: u64 = 24 * 3600;

#[test]
fn passwords_are_counted_before_their_request_and_refused_before_anything_is_sent() {
    let (bench, mut component) = bench_with(&enrolled(Standing::Active), limits(3, 0));
    // The request may have arrived: it counts, also if the process dies now.
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.lose();
    assert!(matches!(component.otp_with_pin(&pin("1234")), Err(Failure::Transport(_))));
    let mut component = bench.open();
    // No password was asked for, or the service refused to make one: neither counts.
    bench.script.lose();
    assert!(matches!(component.otp_with_pin(&pin("1234")), Err(Failure::Transport(_))));
    assert!(ask(&bench, &mut component, "<err>NOK:ACCESS</err>").is_err());
    ask(&bench, &mut component, GRANTED).unwrap();
    // The first answer makes no password: the service wants the operation once more.
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", &format!("{GRANTED}<dK1>00112233445566778899aabbccddeeff</dK1><J>1</J>"));
    ask(&bench, &mut component, GRANTED).unwrap();
    waits(&bench, &mut component, DAY);
    waits(&bench, &mut bench.open(), DAY);

    // A removal and a clock that goes back give no fresh budget.
    let start = 1_000_000;
    bench.clock.0.store(start - 900_000, Ordering::SeqCst);
    waits(&bench, &mut component, DAY);
    bench.clock.0.store(start - 900_000 + 3_600_000, Ordering::SeqCst);
    waits(&bench, &mut bench.open(), DAY - 3600);
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
    let mut component = bench.open();
    component.remove().unwrap();
    assert_eq!(bench.memory.record().used.passwords().len(), 3);

    let mut record = enrolled(Standing::Active);
    record.used = bench.memory.record().used;
    bench.memory.clone().save(&record.encode()).unwrap();
    let mut component = bench.open();
    bench.clock.0.store(start - 900_000 + 86_400_000, Ordering::SeqCst);
    ask(&bench, &mut component, GRANTED).unwrap();
}

/// Failures before the service acted.
fn not_served() -> Vec<TransportError> {
    let refused = || TransportError::NotServed(Box::new(TransportError::Unusable("HTTP 403".into())));
    vec![
        refused(),
        TransportError::Gateway { code: None, error: Box::new(refused()), retry_after_seconds: None },
        TransportError::NotServed(Box::new(TransportError::Unreachable("connection refused".into()))),
        TransportError::Timeout(TimeLimit::Connect),
        TransportError::Pin,
        TransportError::NotAuthenticated("no token"),
    ]
}

/// Failures after which the service may have acted.
fn lost() -> Vec<TransportError> {
    let failed = || TransportError::Server { what: "HTTP 500".into(), retry_after_seconds: None };
    vec![
        failed(),
        TransportError::Gateway { code: None, error: Box::new(failed()), retry_after_seconds: None },
        TransportError::Unreachable("connection reset".into()),
        TransportError::Timeout(TimeLimit::Request),
        TransportError::Timeout(TimeLimit::System),
        TransportError::Unusable("it is not HTTP".into()),
    ]
}

#[test]
fn what_the_service_did_not_see_uses_no_budget_and_changes_nothing() {
    let code = SmsCode::new("2424").unwrap();
    let failures =
        not_served().into_iter().map(|error| (error, false)).chain(lost().into_iter().map(|error| (error, true)));
    for (error, counts) in failures {
        let (bench, mut component) = bench_with(&enrolled(Standing::Active), limits(1, 1));
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.fail(error.clone());
        assert!(matches!(component.otp_with_pin(&pin("1234")), Err(Failure::Transport(_))));
        assert_eq!(bench.memory.record().used.passwords().len(), usize::from(counts), "{error}");

        // A PIN that was not changed is the PIN.
        bench.script.answer("ActionSetup", &keys());
        bench.script.fail(error.clone());
        let failure = component.update_pin(&pin("1234"), &pin("5678")).unwrap_err();
        assert_eq!(matches!(failure, Failure::PinUncertain(_)), counts, "{error}: {failure}");
        let record = bench.memory.record();
        assert_eq!(record.intent, counts.then_some(Intent::ChangePin), "{error}");
        assert_eq!(record.state(0), State::Activated(if counts { Sync::Due } else { Sync::Done }), "{error}");

        // Nothing was removed.
        let (bench, mut component) = bench_with(&enrolled(Standing::Active), limits(1, 1));
        bench.script.cvs.lock().unwrap().push_back(Err(error.clone()));
        assert!(component.remove().is_err());
        assert_eq!(bench.memory.record().intent, counts.then_some(Intent::Remove), "{error}");
        // The outcome of an earlier removal stays unknown.
        bench.script.cvs.lock().unwrap().push_back(Err(lost().remove(0)));
        assert!(component.remove().is_err());
        bench.script.cvs.lock().unwrap().push_back(Err(error.clone()));
        assert!(component.remove().is_err());
        assert_eq!(bench.memory.record().intent, Some(Intent::Remove), "{error}");

        let (bench, mut component) = bench_with(&unenrolled(), limits(1, 1));
        bench.script.answer("ActionSetup", &keys());
        bench.script.fail(error.clone());
        assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
        let record = bench.memory.record();
        assert_eq!(record.used.activations(), u32::from(counts), "{error}");
        assert_eq!(record.activation.unwrap().finalizing, counts, "{error}");
    }
}

#[test]
fn an_enrollment_that_the_service_refuses_does_not_count_unless_an_earlier_answer_was_lost() {
    let code = SmsCode::new("2424").unwrap();
    for word in ["MAXNBTOOLS", "CODE", "ACCESS", "FORBIDDEN", "PINREFUSED", "PINREUSED", "NOK_BLOCKED", "SOMETHING"] {
        let refusal = format!("<err>NOK:{word}</err>");
        let (bench, mut component) = bench_with(&unenrolled(), limits(0, 1));
        bench.script.answer("ActionSetup", &keys().replace("<pinmode>1", "<pinmode>2"));
        bench.script.answer("ActionFinalize", &refusal);
        assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
        let record = bench.memory.record();
        assert_eq!((record.used.activations(), may_be_enrolled(&record)), (0, false), "{word}");

        // The lost answer may have been a success. A refusal of the repeated step does not tell.
        let (bench, mut component) = bench_with(&unenrolled(), limits(0, 1));
        bench.script.answer("ActionSetup", &keys());
        bench.script.lose();
        assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
        bench.script.answer("ActionFinalize", &refusal);
        assert!(component.enroll(&pin("1234"), None).is_err());
        let record = bench.memory.record();
        // A code that cannot be used any more ends the activation in any case.
        assert_eq!((record.used.activations(), may_be_enrolled(&record)), (1, word != "CODE"), "{word}");
    }
    // The step whose challenge is too old is sent once more, and counts once.
    let (bench, mut component) = bench_with(&unenrolled(), limits(0, 1));
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>NOK:TIMEOUT</err>");
    bench.script.answer("ActionSetup", &keys());
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
    assert_eq!(bench.memory.record().used.activations(), 1);
}

fn may_be_enrolled(record: &Record) -> bool {
    record.activation.as_ref().is_some_and(|activation| activation.finalizing)
}

#[test]
fn the_limit_of_enrollments_is_asked_where_an_enrollment_was_started_before() {
    let code = SmsCode::new("2424").unwrap();
    let (bench, mut component) = bench_with(&unenrolled(), limits(0, 1));
    bench.script.answer("ActionSetup", &keys());
    component.accept_code(&code).unwrap();
    // Meanwhile the device reached the limit, as after a change of the configuration.
    let mut record = bench.memory.record();
    record.used = Use::new(Vec::new(), 1);
    bench.memory.clone().save(&record.encode()).unwrap();
    let mut component = bench.open();
    let asked = bench.script.asked().len();
    let refused = component.enroll(&pin("1234"), None);
    assert!(matches!(refused, Err(Failure::Limit(Exhausted::Activations { limit: 1 }))), "{refused:?}");
    assert_eq!(bench.script.asked().len(), asked);
    // An enrollment that counted already, because its answer was lost, may be finished.
    record.activation.as_mut().unwrap().finalizing = true;
    bench.memory.clone().save(&record.encode()).unwrap();
    let mut component = bench.open();
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(bench.memory.record().used.activations(), 1);
}

#[test]
fn a_password_whose_count_cannot_be_stored_is_not_asked_for() {
    let (bench, mut component) = bench_with(&enrolled(Standing::Active), limits(3, 0));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.memory.1.store(true, Ordering::SeqCst);
    assert!(matches!(component.otp_with_pin(&pin("1234")), Err(Failure::Store(_))));
    assert_eq!(bench.script.asked(), ["Setup otp"]);
}

#[test]
fn enrollments_are_counted_once_each_and_refused_before_an_sms_is_spent() {
    let code = SmsCode::new("2424").unwrap();
    let enrolled = format!("{SYNCHRONIZED}<id>0123456789abcdef</id>");
    let (bench, mut component) = bench_with(&Record { account: "local".into(), ..Record::default() }, limits(0, 2));
    // The service refuses the PIN: nothing was enrolled.
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", "<err>NOK:PINREFUSED</err>");
    assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
    assert_eq!(bench.memory.record().used.activations(), 0);
    // The answer is lost, and the same step is sent again.
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), None).is_err());
    assert_eq!(bench.memory.record().used.activations(), 1);
    let mut component = bench.open();
    bench.script.answer("ActionFinalize", &enrolled);
    component.enroll(&pin("1234"), None).unwrap();
    assert_eq!(bench.memory.record().used.activations(), 1);

    // A removal gives no fresh budget.
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
    component.remove().unwrap();
    let mut component = bench.open();
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", &enrolled);
    component.enroll(&pin("1234"), Some(&code)).unwrap();
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
    component.remove().unwrap();
    let mut component = bench.open();
    let asked = bench.script.asked().len();
    for refused in [
        component.request_code(Purpose::Enrollment, None),
        component.accept_code(&code).map(drop),
        component.enroll(&pin("1234"), Some(&code)).map(drop),
        component.enroll_with_phone_number(&pin("1234"), &code, "0612345678").map(drop),
    ] {
        assert!(matches!(refused, Err(Failure::Limit(Exhausted::Activations { limit: 2 }))), "{refused:?}");
    }
    assert_eq!(bench.script.asked().len(), asked);
}

/// A state of another client, for the PIN 1234.
fn foreign_state() -> foreign_state::State {
    foreign_state::State {
        mac_id: Some("0".repeat(32)),
        serial: Serial::parse("0f8c6a1e-52d3-4b/_/00112233445566778899aabbccddeeff").unwrap(),
        id: "a73d95c599fffbe9".into(),
        service: "4012".into(),
        last_sync: "17".into(),
        factory: Some(modulus()),
        k0: K0::new([6; 16]),
        k1: K1::new([7; 16]),
        secval: SecVal::new([8; 16]),
    }
}

fn unenrolled() -> Record {
    Record { account: "local".into(), ..Record::default() }
}

fn k1_of(record: &Record) -> K1 {
    let device = &record.enrollment.as_ref().unwrap().device;
    K1::new(Kma::derive(&pin("1234"), &device.serial).decrypt(&device.hidden_k1))
}

#[test]
fn an_import_proves_the_pin_by_one_password_and_stores_k1_as_it_evolved_meanwhile() {
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi><dK1>00ff</dK1><J>1</J>");
    let factory = component.import(&foreign_state(), &pin("1234"), false).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(factory, FactoryKey::Proved);
    assert_eq!(bench.script.asked(), ["Setup password", "Setup otp", "Finalize otp"]);
    let record = bench.memory.record();
    assert_eq!(record.state(0), State::Activated(Sync::Done));
    assert!(k1_of(&record) == K1::new([7; 16]).evolve("00ff"));
    let device = record.enrollment.unwrap().device;
    assert_eq!(Some(&device.serial), record.serial.as_ref());
    assert_eq!(device.serial.as_str(), "0f8c6a1e-52d3-4b/_/00112233445566778899aabbccddeeff");
    assert_eq!(
        (device.id.as_str(), device.service.as_str(), device.last_sync.as_str()),
        ("a73d95c599fffbe9", "4012", "17")
    );
    assert!(device.factory == modulus() && device.secval.unwrap() == SecVal::new([8; 16]));
}

#[test]
fn an_import_without_a_factory_key_pins_the_one_that_the_service_names_first() {
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    let state = foreign_state::State { factory: None, ..foreign_state() };
    component.import(&state, &pin("1234"), false).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bench.script.asked(), ["Setup password", "Setup otp", "Finalize otp"]);
    assert!(bench.memory.record().enrollment.unwrap().device.factory == modulus());
    // From now on another one is refused.
    bench.script.answer("ActionSetup", &keys().replace(&VECTORS.0, &"f".repeat(256)));
    let failure = component.update_pin(&pin("1234"), &pin("4321")).err().unwrap();
    assert!(matches!(failure, Failure::Engine(EngineError::FactoryKey)), "{failure}");
}

#[test]
fn an_import_of_another_application_or_factory_key_sends_nothing() {
    let (bench, mut component) = bench(&enrolled(Standing::Disabled));
    let other = Modulus::from_hex(&"f".repeat(256)).unwrap();
    for state in [
        foreign_state::State { mac_id: Some("1".repeat(32)), ..foreign_state() },
        foreign_state::State { factory: Some(other), ..foreign_state() },
    ] {
        let failure = component.import(&state, &pin("1234"), false).err().unwrap();
        assert!(matches!(failure, Failure::Unfit(_)), "{failure}");
    }
    assert!(bench.script.asked().is_empty());
    assert_eq!(bench.memory.record().encode(), enrolled(Standing::Disabled).encode());
}

#[test]
fn an_import_compares_its_factory_key_with_the_one_that_the_service_names() {
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys().replace(&VECTORS.0, &"f".repeat(256)));
    let failure = component.import(&foreign_state(), &pin("1234"), false).err().unwrap();
    assert!(matches!(failure, Failure::Unfit(_)), "{failure}");
    assert_eq!(bench.script.asked(), ["Setup password"]);
    assert_eq!(bench.memory.record().encode(), unenrolled().encode());
    // Without an answer nothing is known, and the import does not go on.
    bench.script.lose();
    let failure = component.import(&foreign_state(), &pin("1234"), false).err().unwrap();
    assert!(matches!(failure, Failure::Transport(_)), "{failure}");
    assert_eq!(bench.memory.record().encode(), unenrolled().encode());
}

/// The request that names the key is ours. A service that refuses it may still make passwords.
#[test]
fn a_factory_key_that_the_service_does_not_name_counts_unproved() {
    let status = |text: &str| TransportError::NotServed(Box::new(TransportError::Unusable(text.into())));
    let by_gateway = |error| TransportError::Gateway { code: None, error: Box::new(error), retry_after_seconds: None };
    let answers = [
        Ok("<err>NOK:SN</err>"),
        Ok("<err>NOK:NEWWORD</err>"),
        Ok("<err>OK</err>"),
        Err(TransportError::Unusable("it is no XML".into())),
        Err(status("HTTP 404")),
        Err(status("HTTP 302")),
        Err(by_gateway(status("HTTP 404"))),
    ];
    for answer in answers {
        let give = |script: &Script| match &answer {
            Ok(children) => script.answer("ActionSetup", children),
            Err(error) => script.fail(error.clone()),
        };
        let (bench, mut component) = bench(&unenrolled());
        give(&bench.script);
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", GRANTED);
        let factory = component.import(&foreign_state(), &pin("1234"), false).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(factory, FactoryKey::Unproved, "{answer:?}");
        assert!(bench.memory.record().enrollment.unwrap().device.factory == modulus());
        // A state without a key has none to go on with.
        let (bench, mut component) = self::bench(&unenrolled());
        give(&bench.script);
        let state = foreign_state::State { factory: None, ..foreign_state() };
        assert!(component.import(&state, &pin("1234"), false).is_err(), "{answer:?}");
        assert_eq!(bench.script.asked(), ["Setup password"]);
    }
}

#[test]
fn an_import_that_is_refused_or_lost_or_cannot_be_stored_leaves_the_record_as_it_is() {
    let before = enrolled(Standing::Active);
    let (bench, mut component) = bench(&before);
    for word in ["NOK:ACCESS", "NOK:NODEVICE", "NOK_BLOCKED", "NOK:NEWWORD"] {
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", &format!("<err>{word}</err>"));
        assert!(component.import(&foreign_state(), &pin("1234"), true).is_err());
        assert_eq!(bench.memory.record().encode(), before.encode(), "{word}");
        assert_eq!(component.state(), State::Activated(Sync::Done), "{word}");
    }
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.lose();
    assert!(component.import(&foreign_state(), &pin("1234"), true).is_err());
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><defi>1</defi>");
    bench.memory.1.store(true, Ordering::SeqCst);
    let failure = component.import(&foreign_state(), &pin("1234"), true).err().unwrap();
    assert!(matches!(failure, Failure::Store(_)), "{failure}");
    assert_eq!(bench.memory.record().encode(), before.encode());
}

#[test]
fn an_import_of_stale_keys_synchronizes_because_its_pin_is_proved() {
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:DESYNCHRONIZED</err>");
    synchronize(&bench.script);
    component.import(&foreign_state(), &pin("1234"), false).unwrap_or_else(|error| panic!("{error}"));
    let steps = ["Setup password", "Setup otp", "Finalize otp", "Setup synchro", "Finalize synchro", "Finalize ms"];
    assert_eq!(bench.script.asked(), steps);
    assert_eq!(bench.memory.record().state(0), State::Activated(Sync::Done));

    // If the connection breaks there, the device is imported and synchronizes next time.
    let (bench, mut component) = self::bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:DESYNCHRONIZED</err>");
    bench.script.lose();
    let failure = component.import(&foreign_state(), &pin("1234"), false).err().unwrap();
    assert!(matches!(failure, Failure::PostSynchronization(_)), "{failure}");
    assert_eq!(bench.memory.record().state(0), State::Activated(Sync::Due));
}

#[test]
fn an_export_is_the_state_that_an_import_takes() {
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    for defi in [1, 2] {
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", &format!("<err>OK</err><defi>{defi}</defi><dK1>0{defi}</dK1>"));
    }
    component.import(&foreign_state(), &pin("1234"), false).unwrap_or_else(|error| panic!("{error}"));
    let text = component.export(&pin("1234")).unwrap_or_else(|error| panic!("{error}"));
    let expected = foreign_state::State { k1: foreign_state().k1.evolve("01").evolve("02"), ..foreign_state() };
    assert_eq!(*text, *foreign_state::write(&expected));
}

#[test]
fn the_password_of_an_import_counts_and_an_import_keeps_what_was_counted() {
    let (bench, mut component) = bench_with(&unenrolled(), limits(2, 0));
    bench.script.answer("ActionSetup", &keys());
    for _ in 0..2 {
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", GRANTED);
        component.import(&foreign_state(), &pin("1234"), true).unwrap_or_else(|error| panic!("{error}"));
    }
    waits(&bench, &mut component, DAY);
    let asked = bench.script.asked().len();
    let third = component.import(&foreign_state(), &pin("1234"), true);
    assert!(matches!(third, Err(Failure::Limit(Exhausted::Passwords { .. }))), "{third:?}");
    assert_eq!(bench.script.asked().len(), asked);
}

/// The answer with the list of two devices: this one, which `enrolled` makes, and another one.
const TWO_DEVICES: &str = "<err>OK</err><device><id>973d95c5</id><name>This</name><since>1</since><self>1</self></device>\
    <device><id>0a1b2c3d</id><name>Other\u{202e}</name><since>2</since><used>3</used><keystore>software</keystore></device>";

const OWN: Change<'_> = Change::Remove { device: "973d95c5" };
const OTHER: Change<'_> = Change::Remove { device: "0a1b2c3d" };

#[test]
fn an_enrolled_device_lists_the_devices_by_its_own_proof_also_while_the_account_is_blocked() {
    for standing in [Standing::Active, Standing::MustSynchronize, Standing::Blocked] {
        let (bench, mut component) = bench(&enrolled(standing));
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", TWO_DEVICES);
        let devices = component.devices().unwrap();
        assert_eq!(bench.script.asked(), ["Setup devices", "Finalize devices"]);
        let seen: Vec<_> = devices.iter().map(|device| (&*device.id, &*device.name, device.is_self)).collect();
        // A character that turns the direction of text is taken out.
        assert_eq!(seen, [("973d95c5", "This", true), ("0a1b2c3d", "Other", false)]);
        assert_eq!(bench.memory.record().enrollment.unwrap().standing, standing);
    }
}

#[test]
fn a_device_that_is_not_enrolled_asks_for_the_account_and_needs_no_pin() {
    for record in [unenrolled(), enrolled(Standing::Disabled)] {
        let (bench, mut component) = bench(&record);
        let answers = [CvsAnswer::Devices(Vec::new()), CvsAnswer::Done, CvsAnswer::Refused(CvsRefusal::NoSuchDevice)];
        bench.script.cvs.lock().unwrap().extend(answers.map(Ok));
        assert_eq!(component.devices().unwrap(), []);
        component.change_device(OTHER, None).unwrap();
        let refused = component.change_device(OTHER, Some(&pin("1234"))).unwrap_err();
        assert!(matches!(refused, Failure::Cvs(CvsRefusal::NoSuchDevice)), "{refused}");
        assert_eq!(bench.script.asked(), [""; 0]);
        assert_eq!(*bench.memory.record().encode(), *record.encode());
    }
}

#[test]
fn the_limit_of_devices_is_no_longer_known_to_be_reached_once_a_device_was_removed() {
    for (change, block) in
        [(OTHER, None), (Change::Rename { device: "0a1b2c3d", name: &name() }, Some(Block::AccountBlocked))]
    {
        let (bench, mut component) = bench(&Record { block: Some(Block::AccountBlocked), ..unenrolled() });
        bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
        component.change_device(change, None).unwrap();
        assert_eq!(bench.memory.record().block, block);
    }
}

fn name() -> DeviceName {
    DeviceName::new("Ana's phone").unwrap()
}

#[test]
fn the_proofs_of_a_change_hold_for_its_device_and_name_alone() {
    let name = name();
    let changes = [
        (OTHER, Mode::RemoveDevice, ""),
        (Change::Rename { device: "0a1b2c3d", name: &name }, Mode::RenameDevice, name.as_str()),
    ];
    for (change, mode, sent_name) in changes {
        let record = enrolled(Standing::Active);
        let device = record.enrollment.as_ref().unwrap().device.clone();
        let (bench, mut component) = bench(&record);
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", "<err>OK</err>");
        component.change_device(change, Some(&pin("1234"))).unwrap();
        assert_eq!(bench.script.asked(), [format!("Setup {}", mode.as_str()), format!("Finalize {}", mode.as_str())]);

        let query = bench.script.asked.lock().unwrap()[1].clone();
        let sent: std::collections::HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        assert_eq!((&*sent["device"], sent.get("name").map_or("", |name| &**name)), ("0a1b2c3d", sent_name));
        let pin = pin("1234");
        let k1 = K1::new(Kma::derive(&pin, &device.serial).decrypt(&device.hidden_k1));
        let bound = bound_challenge("c", mode, "0a1b2c3d", sent_name);
        let proofs = Proofs::with_pin(&bound, &device.serial, &device.k0, &k1, &pin);
        assert_eq!((&*sent["R0"], &*sent["R1"], &*sent["R2"]), (&*proofs.r0, &*proofs.r1, &*proofs.r2));
    }
}

#[test]
fn a_change_without_the_pin_sends_nothing() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    for change in [OWN, OTHER] {
        assert!(matches!(component.change_device(change, None), Err(Failure::PinMissing)));
    }
    assert_eq!(bench.script.asked(), [""; 0]);
}

#[test]
fn a_removed_device_forgets_its_enrollment_and_keeps_its_use() {
    for standing in [Standing::Active, Standing::MustSynchronize] {
        let mut record = enrolled(standing);
        record.used = Use::new(vec![1_000_000], 2);
        let (bench, mut component) = bench(&record);
        if standing == Standing::MustSynchronize {
            synchronize(&bench.script);
        }
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", "<err>OK</err>");
        component.change_device(OWN, Some(&pin("1234"))).unwrap();
        assert_eq!(component.state(), State::NotActivated);
        assert_eq!(*bench.memory.record().encode(), *record.without_enrollment().encode());
    }
}

#[test]
fn another_device_that_was_removed_changes_nothing_here() {
    let record = enrolled(Standing::Active);
    let (bench, mut component) = bench(&record);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    component.change_device(OTHER, Some(&pin("1234"))).unwrap();
    assert_eq!(*bench.memory.record().encode(), *record.encode());
}

#[test]
fn a_removal_of_this_device_is_intended_before_it_is_sent() {
    // The intent cannot be stored: nothing is sent.
    let (bench, mut component) = self::bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.set_full(true);
    assert!(matches!(component.change_device(OWN, Some(&pin("1234"))), Err(Failure::Store(_))));
    assert_eq!(bench.script.asked(), ["Setup removedevice"]);

    for (error, counts) in
        not_served().into_iter().map(|error| (error, false)).chain(lost().into_iter().map(|error| (error, true)))
    {
        let (bench, mut component) = self::bench(&enrolled(Standing::Active));
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.fail(error.clone());
        assert!(component.change_device(OWN, Some(&pin("1234"))).is_err());
        let record = bench.memory.record();
        assert_eq!(record.intent, counts.then_some(Intent::Remove), "{error}");
        assert_eq!(record.state(0), State::Activated(Sync::Done), "{error}");
        if !counts {
            continue;
        }
        // The next operation learns whether it was done. The same call is done, then.
        let mut component = bench.open();
        bench.script.answer("ActionSetup", "<err>NOK:NODEVICE</err>");
        component.change_device(OWN, Some(&pin("1234"))).unwrap();
        assert_eq!(component.state(), State::NotActivated);
        assert_eq!(bench.script.asked()[2..], ["Setup status"]);
        assert_eq!(bench.memory.record().intent, None);
    }
}

#[test]
fn a_removal_of_this_device_that_was_lost_and_not_done_is_done_by_the_same_call() {
    let (bench, mut component) = bench(&Record { intent: Some(Intent::Remove), ..enrolled(Standing::Active) });
    bench.script.answer("ActionSetup", "<err>OK</err>");
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    component.change_device(OWN, Some(&pin("1234"))).unwrap();
    assert_eq!(bench.script.asked(), ["Setup status", "Setup removedevice", "Finalize removedevice"]);
    assert_eq!(component.state(), State::NotActivated);
}

#[test]
fn a_refused_removal_of_this_device_leaves_it_enrolled() {
    for (word, state) in [
        ("NOK:ACCESS", State::Activated(Sync::Done)),
        ("NOK:DEVICEID", State::Activated(Sync::Done)),
        ("NOK:FORBIDDEN", State::Activated(Sync::Done)),
        ("NOK_BLOCKED", State::Blocked),
        ("NOK:NODEVICE", State::Disabled),
    ] {
        let (bench, mut component) = bench(&enrolled(Standing::Active));
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", &format!("<err>{word}</err>"));
        assert_eq!(component.change_device(OWN, Some(&pin("1234"))).unwrap_err().word().unwrap().as_str(), word);
        let record = bench.memory.record();
        // These operations are ours. A service that forbids them says nothing about the device.
        assert_eq!((record.state(0), record.intent, record.is_forbidden), (state, None, false), "{word}");
    }
}

#[test]
fn a_stale_device_synchronizes_and_sends_its_change_once_more() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:DESYNCHRONIZED</err>");
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    component.change_device(OTHER, Some(&pin("1234"))).unwrap();
    let change = ["Setup removedevice", "Finalize removedevice"];
    assert_eq!(bench.script.asked()[..2], change);
    assert_eq!(bench.script.asked()[2..5], ["Setup synchro", "Finalize synchro", "Finalize ms"]);
    assert_eq!(bench.script.asked()[5..], change);
}

#[test]
fn a_blocked_device_asks_whether_the_block_ended_before_it_changes_a_device() {
    let (bench, mut component) = bench(&enrolled(Standing::Blocked));
    bench.script.answer("ActionSetup", "<err>NOK_BLOCKED</err>");
    let refused = component.change_device(OTHER, Some(&pin("1234"))).unwrap_err();
    assert!(matches!(refused, Failure::State(Refusal::Forbidden, State::Blocked)), "{refused}");
    assert_eq!(bench.script.asked(), ["Setup status"]);
    bench.script.answer("ActionSetup", "<err>OK</err>");
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err>");
    component.change_device(OTHER, Some(&pin("1234"))).unwrap();
}

#[test]
fn a_list_that_is_not_one_and_a_service_without_it_are_told_as_such() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    for (answer, state) in [("<err>NOK:SN</err>", "Activated"), ("<err>NOK:NODEVICE</err>", "Disabled")] {
        bench.script.answer("ActionSetup", answer);
        assert!(matches!(component.devices(), Err(Failure::Engine(EngineError::Refused { .. }))));
        assert_eq!(component.state().name(), state);
    }
    let (bench, mut component) = self::bench(&enrolled(Standing::Active));
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><device><id>0a1b2c3d</id></device>");
    assert!(matches!(component.devices(), Err(Failure::Engine(EngineError::Unusable(_)))));
}

impl Bench {
    /// Adds the answers to one question for notices: those with these numbers.
    fn answer_notices(&self, numbers: std::ops::RangeInclusive<u64>, more: &str) {
        self.script.answer("ActionSetup", CHALLENGE);
        let notice =
            |number| format!("<notice><number>{number}</number><event>reset</event><at>{number}</at></notice>");
        let notices = numbers.map(notice).collect::<String>();
        self.script.answer("ActionFinalize", &format!("<err>OK</err>{notices}{more}"));
    }

    /// Returns the parameters of the last request.
    fn last_request(&self) -> std::collections::HashMap<String, String> {
        let query = self.script.asked.lock().unwrap().last().unwrap().clone();
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}

fn numbers(notices: &[Notice]) -> Vec<u64> {
    notices.iter().map(|notice| notice.number).collect()
}

const ASKS_FOR_NOTICES: [&str; 2] = ["Setup messages", "Finalize messages"];
const MORE: &str = "<more>1</more>";

#[test]
fn notices_are_asked_for_until_there_are_no_more_also_while_the_account_is_blocked() {
    for standing in [Standing::Active, Standing::MustSynchronize, Standing::Blocked] {
        let record = Record { last_notice: 7, ..enrolled(standing) };
        let (bench, mut component) = bench(&record);
        bench.answer_notices(1..=2, MORE);
        bench.answer_notices(5..=6, MORE);
        bench.answer_notices(9..=9, "");
        assert_eq!(numbers(&component.notices().unwrap()), [1, 2, 5, 6, 9]);
        assert_eq!(bench.script.asked(), [ASKS_FOR_NOTICES, ASKS_FOR_NOTICES, ASKS_FOR_NOTICES].concat());
        assert_eq!(bench.last_request()["after"], "6");
        assert!(!bench.last_request().contains_key("R1"), "no PIN is proved");
        // The list changes nothing, and does not begin at the last notice that was told.
        assert_eq!(*bench.memory.record().encode(), *record.encode());
    }
}

#[test]
fn of_many_notices_the_list_has_the_newest_and_a_subscriber_gets_the_oldest_first() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    for page in 0..12 {
        bench.answer_notices(page * 60 + 1..=(page + 1) * 60, if page == 11 { "" } else { MORE });
    }
    assert_eq!(numbers(&component.notices().unwrap()), (221..=720).collect::<Vec<_>>());
    let (bench, mut component) = self::bench(&enrolled(Standing::Active));
    for page in 0..9 {
        bench.answer_notices(page * 60 + 1..=(page + 1) * 60, MORE);
    }
    assert_eq!(numbers(&component.new_notices().unwrap().notices), (1..=500).collect::<Vec<_>>());
}

#[test]
fn a_service_that_always_has_more_notices_is_asked_forty_times() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    for list in 0..2_u64 {
        for number in 1..=40 {
            bench.answer_notices(number..=number, MORE);
        }
        let found = if list == 0 { component.notices().unwrap() } else { component.new_notices().unwrap().notices };
        assert_eq!(numbers(&found), (1..=40).collect::<Vec<_>>());
    }
    // A page that is the same as the one before would never end.
    bench.answer_notices(1..=2, MORE);
    bench.answer_notices(1..=2, MORE);
    assert!(matches!(component.notices(), Err(Failure::Engine(EngineError::Unusable(_)))));
}

#[test]
fn new_notices_begin_after_the_last_one_that_was_told_and_a_restart_knows_it() {
    let (bench, mut component) = bench(&enrolled(Standing::Active));
    bench.answer_notices(1..=3, "");
    assert_eq!(numbers(&component.new_notices().unwrap().notices), [1, 2, 3]);
    assert_eq!(bench.memory.record().last_notice, 0, "they are not told yet");
    let id = bench.memory.record().enrolled_device().unwrap().id.clone();
    component.store_last_notice(&id, 3);
    component.store_last_notice(&id, 2);
    let mut component = bench.open();
    bench.answer_notices(4..=4, "");
    assert_eq!(numbers(&component.new_notices().unwrap().notices), [4]);
    assert_eq!(bench.last_request()["after"], "3");

    // It cannot be stored: a restart tells the notice again, this component does not.
    bench.set_full(true);
    component.store_last_notice(&id, 4);
    bench.set_full(false);
    assert_eq!(bench.memory.record().last_notice, 3);
    bench.answer_notices(5..=5, "");
    assert_eq!(numbers(&component.new_notices().unwrap().notices), [5]);
    assert_eq!(bench.last_request()["after"], "4");
    assert_eq!(bench.memory.record().last_notice, 4, "it is stored before the next request");
}

#[test]
fn the_last_notice_belongs_to_one_enrollment() {
    let record = Record { last_notice: 7, ..enrolled(Standing::Active) };
    let id = record.enrolled_device().unwrap().id.clone();
    let (bench, mut component) = bench(&record);
    component.store_last_notice("fedcba9876543210", 8);
    assert_eq!(bench.memory.record().last_notice, 7, "another device was told");
    bench.script.cvs.lock().unwrap().push_back(Ok(CvsAnswer::Done));
    component.remove().unwrap();
    assert_eq!(bench.memory.record().last_notice, 0);
    component.store_last_notice(&id, 8);
    assert_eq!(bench.memory.record().last_notice, 0, "there is no device that was told");

    let (bench, mut component) = self::bench(&Record { last_notice: 7, ..enrolled(Standing::Disabled) });
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", &format!("{SYNCHRONIZED}<id>0123456789abcdef</id>"));
    component.enroll(&pin("1234"), Some(&SmsCode::new("2424").unwrap())).unwrap();
    assert_eq!(bench.memory.record().last_notice, 0);

    // A synchronization is no new enrollment.
    let (bench, mut component) = self::bench(&Record { last_notice: 7, ..enrolled(Standing::MustSynchronize) });
    synchronize(&bench.script);
    ask(&bench, &mut component, GRANTED).unwrap();
    assert_eq!(bench.memory.record().last_notice, 7);
}

/// An attacker who changes the answers could use the proofs of any operation for a decision, if a
/// device proved whatever it is given.
#[test]
fn no_operation_proves_the_text_of_a_decision() {
    let operations: [Question; 10] = [
        |component| component.notices().map(drop),
        |component| component.approval_status().map(drop),
        |component| component.reject_device("0a1b2c3d"),
        |component| component.approve_device(&pin("1234"), "0a1b2c3d", &ApprovalNumber::read("47").unwrap()),
        |component| component.devices().map(drop),
        |component| component.change_device(OWN, Some(&pin("1234"))),
        |component| component.enrollment_code_state().map(drop),
        |component| component.otp_with_pin(&pin("1234")).map(drop),
        |component| component.update_pin(&pin("1234"), &pin("4321")),
        |component| component.make_enrollment_code(&pin("1234")).map(drop),
    ];
    for (place, operation) in operations.into_iter().enumerate() {
        let (bench, mut component) = bench(&enrolled(Standing::Active));
        let challenge = keys().replace(">c<", ">c|approve=0a1b2c3d|number=47<");
        bench.script.answer("ActionSetup", &challenge);
        let outcome = operation(&mut component);
        assert!(matches!(outcome, Err(Failure::Engine(EngineError::Unusable(_)))), "{place}: {outcome:?}");
        assert_eq!(bench.script.asked().len(), 1, "{place}: a proof was sent");
    }
}

#[test]
fn questions_about_the_account_are_sent_by_an_enrolled_device_alone() {
    for record in [unenrolled(), enrolled(Standing::Disabled)] {
        let (bench, mut component) = bench(&record);
        let number = ApprovalNumber::read("47").unwrap();
        for outcome in [
            component.notices().map(drop),
            component.new_notices().map(drop),
            component.approval_status().map(drop),
            component.approve_device(&pin("1234"), "0a1b2c3d", &number),
            component.reject_device("0a1b2c3d"),
        ] {
            assert!(matches!(outcome, Err(Failure::State(Refusal::Forbidden, _))), "{outcome:?}");
        }
        assert_eq!(bench.script.asked(), [""; 0]);
    }
}

type Question = fn(&mut StrongAuthentication) -> Result<(), Failure>;

#[test]
fn a_service_without_notices_or_approvals_says_nothing_about_the_device() {
    for (word, state) in [
        ("NOK:SN", State::Activated(Sync::Done)),
        ("NOK:FORBIDDEN", State::Activated(Sync::Done)),
        ("NOK:NODEVICE", State::Disabled),
    ] {
        let questions: [Question; 2] =
            [|component| component.notices().map(drop), |component| component.approval_status().map(drop)];
        for question in questions {
            let (bench, mut component) = bench(&enrolled(Standing::Active));
            bench.script.answer("ActionSetup", &format!("<err>{word}</err>"));
            assert_eq!(question(&mut component).unwrap_err().word().unwrap().as_str(), word);
            let record = bench.memory.record();
            assert_eq!((record.state(0), record.is_forbidden), (state, false), "{word}");
        }
    }
}

const DECIDES: [&str; 2] = ["Setup checkpush", "Finalize checkpush"];

#[test]
fn the_state_of_the_approvals_is_that_of_the_service_and_the_number_is_computed_here() {
    let record = enrolled(Standing::Active);
    let device = record.enrollment.as_ref().unwrap().device.clone();
    let asked =
        "<state>asked</state><device>0a1b2c3d</device><name>Tablet</name><since>17</since><lifetime>240</lifetime>";
    let other = ApprovalState::Asked { device: "0a1b2c3d".into(), name: "Tablet".into(), since: 17, lifetime: 240 };
    let own = ApprovalNumber::of(&device.id, &device.serial, &device.k0);
    for (children, state, own) in [
        ("<state>none</state>", ApprovalState::None, None),
        (asked, other, None),
        ("<state>waiting</state><lifetime>9</lifetime>", ApprovalState::Waiting { lifetime: 9 }, Some(own)),
    ] {
        for standing in [Standing::Active, Standing::Blocked] {
            let (bench, mut component) = bench(&enrolled(standing));
            bench.script.answer("ActionSetup", CHALLENGE);
            bench.script.answer("ActionFinalize", &format!("<err>OK</err>{children}"));
            let expected = ApprovalStatus { state: state.clone(), own: own.clone() };
            assert_eq!(component.approval_status().unwrap(), expected);
            assert_eq!(bench.script.asked(), DECIDES);
            assert!(!bench.last_request().contains_key("R1"), "no PIN is proved");
            assert_eq!(bench.memory.record().enrollment.unwrap().standing, standing);
        }
    }
}

#[test]
fn the_proofs_of_an_approval_hold_for_its_device_and_number_alone() {
    let record = enrolled(Standing::Active);
    let device = record.enrollment.as_ref().unwrap().device.clone();
    let (bench, mut component) = bench(&record);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>NOK:DESYNCHRONIZED</err>");
    synchronize(&bench.script);
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><state>approved</state>");
    let (pin, number) = (pin("1234"), ApprovalNumber::read("07").unwrap());
    component.approve_device(&pin, "0a1b2c3d", &number).unwrap();
    assert_eq!(bench.script.asked()[..2], DECIDES);
    assert_eq!(bench.script.asked()[5..], DECIDES);

    let query = bench.script.asked.lock().unwrap()[1].clone();
    let sent: std::collections::HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
    assert_eq!((&*sent["device"], &*sent["number"]), ("0a1b2c3d", "07"));
    let k1 = K1::new(Kma::derive(&pin, &device.serial).decrypt(&device.hidden_k1));
    let bound = Approval::Approve(&number).challenge("c", "0a1b2c3d");
    let proofs = Proofs::with_pin(&bound, &device.serial, &device.k0, &k1, &pin);
    assert_eq!((&*sent["R0"], &*sent["R1"], &*sent["R2"]), (&*proofs.r0, &*proofs.r1, &*proofs.r2));
    assert_eq!(component.account_view().block, None);
}

#[test]
fn an_answer_that_does_not_name_the_decision_is_not_its_result() {
    let number = ApprovalNumber::read("07").unwrap();
    for state in ["", "<state>asked</state>", "<state>waiting</state>"] {
        let (bench, mut component) = bench(&enrolled(Standing::Active));
        for _ in 0..2 {
            bench.script.answer("ActionSetup", CHALLENGE);
            bench.script.answer("ActionFinalize", &format!("<err>OK</err>{state}"));
        }
        let approved = component.approve_device(&pin("1234"), "0a1b2c3d", &number);
        assert!(matches!(approved, Err(Failure::Engine(EngineError::Unusable(_)))), "{state}");
        let rejected = component.reject_device("0a1b2c3d");
        assert!(matches!(rejected, Err(Failure::Engine(EngineError::Unusable(_)))), "{state}");
        assert_eq!(component.state(), State::Activated(Sync::Done));
    }
}

#[test]
fn a_rejected_device_leaves_the_account_blocked_and_this_device_knows_it_at_once() {
    for standing in [Standing::Active, Standing::MustSynchronize, Standing::Blocked] {
        let record = enrolled(standing);
        let device = record.enrollment.as_ref().unwrap().device.clone();
        let (bench, mut component) = bench(&record);
        bench.script.answer("ActionSetup", CHALLENGE);
        bench.script.answer("ActionFinalize", "<err>OK</err><state>none</state>");
        component.reject_device("0a1b2c3d").unwrap();
        // No PIN is needed, so no synchronization comes first.
        assert_eq!(bench.script.asked(), DECIDES);
        let sent = bench.last_request();
        let bound = Approval::Reject.challenge("c", "0a1b2c3d");
        let proofs = Proofs::without_pin(&bound, &device.serial, &device.k0);
        assert_eq!((&*sent["device"], &*sent["reject"], &*sent["R0"]), ("0a1b2c3d", "1", &*proofs.r0));
        assert!(!sent.contains_key("R1") && !sent.contains_key("R2"));

        assert_eq!(component.account_view().block, Some(Block::PinBlocked));
        let record = bench.memory.record();
        assert_eq!((record.state(0), record.block), (State::Blocked, Some(Block::PinBlocked)));
        // This block does not end by itself.
        assert_eq!(component.take_block_times(), Some(None));
    }
}

#[test]
fn a_refused_decision_changes_nothing_here() {
    let number = ApprovalNumber::read("07").unwrap();
    for (answer, detail) in [
        ("<err>NOK:STATE</err><reason>wrongNumber</reason>", "the service ended it"),
        ("<err>NOK:STATE</err><reason>notApproved</reason>", "waits for its approval"),
        ("<err>NOK:ACCESS</err><attemptsLeft>4</attemptsLeft>", "the PIN is wrong"),
    ] {
        let record = enrolled(Standing::Active);
        let (bench, mut component) = bench(&record);
        for _ in 0..2 {
            bench.script.answer("ActionSetup", CHALLENGE);
            bench.script.answer("ActionFinalize", answer);
        }
        for outcome in
            [component.approve_device(&pin("1234"), "0a1b2c3d", &number), component.reject_device("0a1b2c3d")]
        {
            let error = pims::api::from_failure(&outcome.unwrap_err(), "pinCode");
            assert!(error.detail().contains(detail), "{}", error.detail());
            assert!(error.info().is_some_and(|info| info.next_action.is_none() || detail.contains("PIN")));
        }
        assert_eq!(*bench.memory.record().encode(), *record.encode());
    }
    // Before an approval, a blocked device asks whether the block is over. Before a rejection not.
    let (bench, mut component) = bench(&enrolled(Standing::Blocked));
    bench.script.answer("ActionSetup", "<err>NOK_BLOCKED</err>");
    let refused = component.approve_device(&pin("1234"), "0a1b2c3d", &number).unwrap_err();
    assert!(matches!(refused, Failure::State(Refusal::Forbidden, State::Blocked)), "{refused}");
    assert_eq!(bench.script.asked(), ["Setup status"]);
}

/// The answer to an activation that another device must approve.
fn pending_device() -> String {
    format!(
        "{SYNCHRONIZED}<id>0123456789abcdef</id><confirmed>0</confirmed><approval>1</approval><lifetime>300</lifetime>"
    )
}

#[test]
fn a_device_that_needs_an_approval_is_enrolled_and_knows_its_number_also_after_a_lost_answer() {
    let code = SmsCode::new("2424").unwrap();
    let number_in = |record: &Record| {
        let device = &record.enrollment.as_ref().unwrap().device;
        ApprovalNumber::of(&device.id, &device.serial, &device.k0)
    };
    let (bench, mut component) = bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.lose();
    assert!(component.enroll(&pin("1234"), Some(&code)).is_err());
    // The same call again gets the answer that was lost.
    let mut component = bench.open();
    bench.script.answer("ActionFinalize", &pending_device());
    let pending = component.enroll(&pin("1234"), Some(&code)).unwrap().unwrap();
    let number = number_in(&bench.memory.record());
    assert_eq!(pending, PendingDevice::Approval { number: number.clone(), lifetime: Some(300) });
    assert_eq!(component.state(), State::Activated(Sync::Done));
    // After a restart the device still knows it.
    let mut component = bench.open();
    bench.script.answer("ActionSetup", CHALLENGE);
    bench.script.answer("ActionFinalize", "<err>OK</err><state>waiting</state><lifetime>240</lifetime>");
    assert_eq!(component.approval_status().unwrap().own, Some(number));

    // An enrollment that registers the number of the account may need an approval, too.
    let (bench, mut component) = self::bench(&unenrolled());
    bench.script.answer("ActionSetup", &keys());
    bench.script.answer("ActionFinalize", &pending_device());
    let pending = component.enroll_with_phone_number(&pin("1234"), &code, "+33612345678").unwrap().unwrap();
    let number = number_in(&bench.memory.record());
    assert_eq!(pending, PendingDevice::Approval { number, lifetime: Some(300) });
}
