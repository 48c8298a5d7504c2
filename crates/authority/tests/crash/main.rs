//! Kills the service at each durable step of a request, opens it again, and goes on: each request
//! about a new device is carried out as a whole or not at all.
//!
//! This process prepares a database and a request. A process of its own answers the request on a
//! copy of the database and names its durable steps. For each of them another process answers it on
//! a fresh copy and aborts there.
//!
//! Needs the feature `test-hooks`, which contains the crash points.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]
#![allow(dead_code, unused_imports, reason = "the other tests need more of the shared modules")]

#[path = "../service/database.rs"]
mod database;
#[path = "../service/device.rs"]
mod device;
#[path = "../service/state.rs"]
mod state;
#[path = "../service/world.rs"]
mod world;

use std::path::Path;
use std::process::{Command, ExitCode};

use authority::{AccountName, Authority, MasterKey, Options, Policy, Purpose};
use inwebo::values::{Approval, ApprovalNumber, Proofs};

use device::{Answer, Device, Keys, activation, finalize, pin, serial, setup};
use world::{Inbox, MASTER, ManualClock, World};

/// The file of a copy with the request, and the one with the account of its caller.
const REQUEST: &str = "request";
const CALLER: &str = "caller";

fn main() -> ExitCode {
    if let Some(folder) = std::env::var_os("PIMS_CRASH_CHILD") {
        answer(Path::new(&folder));
        return ExitCode::SUCCESS;
    }
    // `cargo test NAME` names another test.
    if std::env::args().skip(1).any(|argument| !argument.starts_with('-') && !argument.contains("crash")) {
        return ExitCode::SUCCESS;
    }
    let cases = [activation_that_waits(), approval(), wrong_number(), rejection(), notices()];
    for case in &cases {
        case.run();
    }
    println!("test result: ok. {} passed; 0 failed", cases.len());
    ExitCode::SUCCESS
}

fn policy() -> Policy {
    Policy { activation_approval: true, device_notices: true, evolve_k1_every: 0, ..Policy::default() }
}

fn open(folder: &Path) -> Authority {
    Authority::open(Options {
        database: folder.join("authority.db").into(),
        master_key: MasterKey::new(1, MASTER).into(),
        policy: policy(),
        sms: Box::new(Inbox::default()),
        sms_retry: None,
        clock: Box::new(ManualClock::default()),
    })
    .unwrap()
}

/// Answers the request of a folder, in a process of its own.
fn answer(folder: &Path) {
    let request = std::fs::read_to_string(folder.join(REQUEST)).unwrap();
    let caller = std::fs::read_to_string(folder.join(CALLER)).unwrap();
    open(folder).mac(AccountName::new(&caller).as_ref(), &request).unwrap();
}

/// The check after a crash. It is told whether the request was carried out.
type Check = Box<dyn Fn(&Authority, bool)>;

struct Case {
    name: &'static str,
    /// The step of the service that carries out the request.
    step: &'static str,
    world: World,
    caller: Option<AccountName>,
    request: String,
    check: Check,
}

impl Case {
    fn run(&self) {
        let copy = self.copy();
        let log = copy.path().join("steps.log");
        assert!(child(copy.path(), ("PIMS_CRASH_LOG", log.to_str().unwrap())), "{}", self.name);
        (self.check)(&open(copy.path()), true);
        let log = std::fs::read_to_string(log).unwrap_or_default();
        let steps: Vec<&str> = log.lines().collect();
        let ends = |place: &str| steps.iter().any(|step| step.ends_with(&format!("authority.{}.{place}", self.step)));
        assert!(ends("before_commit") && ends("after_commit"), "{}: {steps:?}", self.name);
        let mut is_done = false;
        for (number, step) in steps.iter().enumerate() {
            let copy = self.copy();
            let at = (number + 1).to_string();
            assert!(!child(copy.path(), ("PIMS_CRASH_AT", &at)), "{}: it did not crash at {step}", self.name);
            is_done |= step.ends_with(&format!("{}.after_commit", self.step));
            (self.check)(&open(copy.path()), is_done);
        }
        println!("test {} survives a crash at each of {} durable steps ... ok", self.name, steps.len());
    }

    /// Copies the database, with the request.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(self.world.database.folder.path()).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, copy.path().join(file.file_name().unwrap())).unwrap();
        }
        std::fs::write(copy.path().join(REQUEST), &self.request).unwrap();
        std::fs::write(copy.path().join(CALLER), self.caller.as_ref().map_or("", AccountName::as_str)).unwrap();
        copy
    }
}

/// Answers the request of a folder in a process of its own. Returns whether it came to its end.
fn child(folder: &Path, environment: (&str, &str)) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .env("PIMS_CRASH_CHILD", folder)
        .env(environment.0, environment.1)
        .output()
        .unwrap();
    let panicked = String::from_utf8_lossy(&output.stderr).contains("panicked");
    assert!(!panicked, "{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

/// An account with two devices, and a third one that waits for an approval.
struct Family {
    world: World,
    account: AccountName,
    first: Device,
    second: Device,
}

impl Family {
    fn new() -> Self {
        let world = World::with(policy());
        let account = world.account("user");
        let first = Device::activate(&world, &account, "1234");
        let second = Device::activate(&world, &account, "1234");
        let challenge = challenge(&world.authority, &first);
        let number = number(&second);
        let proofs = first.proofs(&Approval::Approve(&number).challenge(&challenge, &second.id), "1234");
        let more = [("device", second.id.as_str()), ("number", number.as_str())];
        first.finalize(&world.authority, "checkpush", &proofs, &more).ok();
        Self { world, account, first, second }
    }

    /// Returns the finalize step of the first device for an approval with this number.
    fn approval_request(&self, new: &Device, number: &ApprovalNumber) -> String {
        let challenge = challenge(&self.world.authority, &self.first);
        let proofs = self.first.proofs(&Approval::Approve(number).challenge(&challenge, &new.id), "1234");
        let more = [("device", new.id.as_str()), ("number", number.as_str())];
        let proved = [("R0", proofs.r0.as_str()), ("R1", &proofs.r1), ("R2", &proofs.r2)];
        finalize("checkpush", &self.first.id, &[&more[..], &proved].concat())
    }

    fn case(self, name: &'static str, step: &'static str, request: String, check: Check) -> Case {
        Case { name, step, world: self.world, caller: None, request, check }
    }
}

fn number(device: &Device) -> ApprovalNumber {
    ApprovalNumber::of(&device.id, &device.serial, &device.k0)
}

fn challenge(service: &Authority, device: &Device) -> String {
    device.setup(service, "checkpush", &[]).ok().get("challenge").to_owned()
}

fn send(service: &Authority, request: &str) -> Answer {
    Answer::of(service, None, request)
}

fn word(answer: &Answer) -> (String, Option<String>) {
    (answer.err().to_owned(), answer.find("reason").map(str::to_owned))
}

fn told(service: &Authority, device: &Device) -> Vec<String> {
    let challenge = device.setup(service, "messages", &[]).ok();
    let r0 = Proofs::without_pin(challenge.get("challenge"), &device.serial, &device.k0).r0;
    let answer = send(service, &finalize("messages", &device.id, &[("R0", &r0)])).ok();
    answer.elements("notice").iter().map(|notice| notice.get("event").to_owned()).collect()
}

fn count(words: &[String], word: &str) -> usize {
    words.iter().filter(|found| *found == word).count()
}

fn activation_that_waits() -> Case {
    let Family { world, account, .. } = Family::new();
    let code = world.code(&account, Purpose::Enrollment);
    let keys =
        Keys::read(&Answer::of(&world.authority, Some(&account), &setup("activate", "", &[("code", &code)])).ok());
    let request = activation(&keys, &code, &pin("1234"), &serial(), None);
    let (again, caller) = (request.clone(), account.clone());
    let check = move |service: &Authority, is_done: bool| {
        let waiting = || service.devices(&account).unwrap().into_iter().filter(|device| device.needs_approval).count();
        assert_eq!(waiting(), usize::from(is_done));
        let answer = Answer::of(service, Some(&account), &again).ok();
        assert_eq!((answer.get("approval"), waiting()), ("1", 1));
    };
    let name = "activation that waits";
    Case { name, step: "activate.finalize", world, caller: Some(caller), request, check: Box::new(check) }
}

fn approval() -> Case {
    let family = Family::new();
    let new = Device::activate(&family.world, &family.account, "1234");
    let request = family.approval_request(&new, &number(&new));
    let (again, second) = (request.clone(), family.second.clone());
    let before = told(&family.world.authority, &second).len();
    let check = move |service: &Authority, is_done: bool| {
        assert_eq!(new.ask(service, "1234").err() == "OK", is_done);
        assert_eq!(send(service, &again).err(), if is_done { "NOK:STATE" } else { "OK" });
        new.ask(service, "1234").ok();
        assert_eq!(told(service, &second)[before..], ["newDevice"]);
    };
    family.case("approval", "checkpush.approve", request, Box::new(check))
}

fn wrong_number() -> Case {
    let family = Family::new();
    let new = Device::activate(&family.world, &family.account, "1234");
    let wrong = if number(&new).as_str() == "00" { "01" } else { "00" };
    let request = family.approval_request(&new, &ApprovalNumber::read(wrong).unwrap());
    let (again, second, account) = (request.clone(), family.second.clone(), family.account.clone());
    let check = move |service: &Authority, is_done: bool| {
        let status = new.setup(service, "status", &[]);
        assert_eq!(status.err(), if is_done { "NOK:NODEVICE" } else { "NOK:STATE" });
        let expected = if is_done { None } else { Some("wrongNumber".to_owned()) };
        assert_eq!(word(&send(service, &again)), ("NOK:STATE".to_owned(), expected));
        assert_eq!(new.setup(service, "status", &[]).err(), "NOK:NODEVICE");
        assert_eq!(count(&told(service, &second), "deviceRejected"), 1);
        assert!(!service.account(&account).unwrap().unwrap().blocked);
    };
    family.case("wrong number", "checkpush.approve", request, Box::new(check))
}

fn rejection() -> Case {
    let family = Family::new();
    let new = Device::activate(&family.world, &family.account, "1234");
    let challenge = challenge(&family.world.authority, &family.first);
    let bound = Approval::Reject.challenge(&challenge, &new.id);
    let r0 = Proofs::without_pin(&bound, &family.first.serial, &family.first.k0).r0;
    let request = finalize("checkpush", &family.first.id, &[("device", &new.id), ("reject", "1"), ("R0", &r0)]);
    let (again, second, account) = (request.clone(), family.second.clone(), family.account.clone());
    let check = move |service: &Authority, is_done: bool| {
        let blocked = || service.account(&account).unwrap().unwrap().blocked;
        let status = new.setup(service, "status", &[]);
        assert_eq!((status.err(), blocked()), (if is_done { "NOK:NODEVICE" } else { "NOK:STATE" }, is_done));
        assert_eq!(send(service, &again).err(), if is_done { "NOK:STATE" } else { "OK" });
        assert_eq!((new.setup(service, "status", &[]).err(), blocked()), ("NOK:NODEVICE", true));
        let told = told(service, &second);
        assert_eq!((count(&told, "deviceRejected"), count(&told, "block")), (1, 1));
    };
    family.case("rejection", "checkpush.reject", request, Box::new(check))
}

fn notices() -> Case {
    let family = Family::new();
    let second = family.second.clone();
    let expected = told(&family.world.authority, &second);
    let challenge = second.setup(&family.world.authority, "messages", &[]).ok();
    let r0 = Proofs::without_pin(challenge.get("challenge"), &second.serial, &second.k0).r0;
    let request = finalize("messages", &second.id, &[("R0", &r0)]);
    let again = request.clone();
    let check = move |service: &Authority, is_done: bool| {
        assert_eq!(send(service, &again).err(), if is_done { "NOK:STATE" } else { "OK" });
        assert_eq!(told(service, &second), expected);
    };
    family.case("notices", "messages.finalize", request, Box::new(check))
}
