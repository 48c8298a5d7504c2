//! Costs of calls, each beside its floor from the same run. `make bench` prints them, and
//! docs/benchmarks.md keeps them.
//!
//! The harness is our own. It measures a ratio to a floor, and percentiles of a round trip between
//! threads, which the usual harnesses do not print. Figures are medians over batches.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use pims::facade::{self, Method};
use serde_json::{Value, json};

fn main() {
    // `cargo test --benches` runs this with `--test`. Then there is nothing to measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    // Each C function does this.
    pims::ffi::forks::watch();
    let folder = tempfile::tempdir().unwrap();
    println!(
        "Calls on the calling thread (pims_execute), nanoseconds a call, and the floor: parse, id, serialise (and, for the logs, the"
    );
    println!("system's own calls: one fstat, one listing)");
    init(folder.path());
    calls(&folder.path().join("logs"));
    println!();
    println!("Round trip of pims_get to its callback, and the floor: a thread with a channel, microseconds");
    round_trips();
    println!();
    println!("A second facade: its call beside that of the first, nanoseconds, and its memory");
    second_facade(folder.path());
    facade::free();
    println!();
    println!(
        "Operations with the embedded authority, and the sum of what cannot be saved of them measured alone, milliseconds"
    );
    operations(folder.path());
}

fn init(folder: &Path) {
    let config = json!({
        "storage": { "path": folder },
        "embedded": { "policy": { "codesPerHour": 1_000_000, "codesPerDay": 1_000_000, "maxDevices": 1_000_000 } },
    });
    expect(&execute("init", "", &config));
}

fn execute(method: &str, api: &str, params: &Value) -> Value {
    serde_json::from_str(facade::execute(method, api, &params.to_string()).as_str()).unwrap()
}

fn expect(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}

/// Returns the median nanoseconds of a call, over batches that take some milliseconds each.
fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let batch = 20_000;
    let mut batches: Vec<f64> = (0..31)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..batch {
                call();
            }
            begin.elapsed().as_nanos() as f64 / f64::from(batch)
        })
        .collect();
    batches.sort_by(f64::total_cmp);
    batches[batches.len() / 2]
}

fn calls(logs: &Path) {
    let log = std::fs::read_dir(logs).unwrap().next().unwrap().unwrap().path();
    let log = std::fs::File::open(log).unwrap();
    let otp = "pims.authentication.otp";
    let account = "pims.authentication.account";
    let enrollment = "pims.authentication.enrollment";
    let pincode = "pims.authentication.pincode";
    for (name, method, api, params) in [
        ("isDeviceActivated", "get", account, r#"{"actionType":"strong","type":"isDeviceActivated"}"#),
        ("isAccountBlocked, not enrolled", "get", account, r#"{"actionType":"strong","type":"isAccountBlocked"}"#),
        ("sdk.version", "get", "pims.sdk.version", "{}"),
        ("sdk.device", "get", "pims.sdk.device", "{}"),
        ("sdk.log", "get", "pims.sdk.log", "{}"),
        ("sdk.logs", "get", "pims.sdk.logs", "{}"),
        ("token", "set", "pims.authentication.token", r#"{"type":"cvs","token":"eyJhbGciOiJFUzI1NiJ9.e30.c2ln"}"#),
        ("refusal 2002, unknown api", "get", "pims.authentication.otb", r#"{"action":"withPIN"}"#),
        ("refusal 2101, missing pinCode", "get", otp, r#"{"action":"withPIN"}"#),
        ("refusal 2102, bad pinCode", "get", otp, r#"{"action":"withPIN","pinCode":"12"}"#),
        ("refusal 2102, not JSON", "get", otp, "nonsense"),
        ("refusal 2315, equal PINs", "set", pincode, r#"{"action":"update","oldPIN":"1234","newPIN":"1234"}"#),
        ("refusal 2317, otp not enrolled", "get", otp, r#"{"action":"withPIN","pinCode":"1234"}"#),
        ("refusal 2317, withoutPIN", "get", otp, r#"{"action":"withoutPIN"}"#),
        ("refusal 2317, PIN update", "set", pincode, r#"{"action":"update","oldPIN":"1234","newPIN":"4321"}"#),
        ("refusal 2311, no code accepted", "set", enrollment, r#"{"action":"enroll","pinCode":"1234","smsCode":" "}"#),
    ] {
        let answer: Value = serde_json::from_str(facade::execute(method, api, params).as_str()).unwrap();
        let ours = nanoseconds(|| {
            black_box(facade::execute(black_box(method), black_box(api), black_box(params)));
        });
        let floor = nanoseconds(|| {
            match name {
                "sdk.log" => drop(black_box(log.metadata())),
                "sdk.logs" => drop(black_box(std::fs::read_dir(logs).map(Iterator::count))),
                _ => {}
            }
            black_box(bare(black_box(params), &answer));
        });
        println!("  {name:<32} {ours:7.0}   floor {floor:7.0}   ratio {:.2}", ours / floor);
    }
}

/// Runs the floor of a call: parses the parameters, creates an id without a system call, and
/// serialises the same message.
fn bare(params: &str, answer: &Value) -> (Value, String) {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Message<'a> {
        transaction_id: &'a str,
        status: &'a str,
        #[serde(skip_serializing_if = "Value::is_null")]
        result: &'a Value,
        #[serde(skip_serializing_if = "Value::is_null")]
        error: &'a Value,
    }
    let parsed = serde_json::from_str(params).unwrap_or_default();
    let uuid = uuid::Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes()).into_uuid();
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let message = Message {
        transaction_id: &uuid.hyphenated().encode_lower(&mut id)[..13],
        status: answer["status"].as_str().unwrap_or_default(),
        result: &answer["result"],
        error: &answer["error"],
    };
    (parsed, serde_json::to_string(&message).unwrap())
}

/// Returns the 50th and the 99th percentile in microseconds.
fn percentiles(mut samples: Vec<Duration>) -> (f64, f64) {
    samples.sort();
    let at = |share: usize| samples[samples.len() * share / 100].as_nanos() as f64 / 1000.0;
    (at(50), at(99))
}

fn round_trips() {
    const PARAMS: &str = r#"{"actionType":"strong","type":"isDeviceActivated"}"#;
    // The caller waits for a counter that it reads in a loop, or for a channel on which it sleeps.
    let spin = |start: &dyn Fn(Arc<AtomicU64>)| {
        let done = Arc::new(AtomicU64::new(0));
        sample(20_000, || {
            let before = done.load(Ordering::Acquire);
            start(done.clone());
            while done.load(Ordering::Acquire) == before {
                std::hint::spin_loop();
            }
        })
    };
    let sleep = |start: &dyn Fn(mpsc::Sender<()>)| {
        let (sender, receiver) = mpsc::channel();
        sample(20_000, || {
            start(sender.clone());
            receiver.recv().unwrap();
        })
    };
    let get = |callback: facade::Callback| {
        facade::call(Method::Get, "pims.authentication.account", PARAMS, callback).unwrap()
    };

    let bare = Bare::start();
    let rows = [
        (
            "caller spins",
            spin(&|done| get(Box::new(move |_| count(&done)))),
            spin(&|done| bare.run(Box::new(move || count(&done)))),
        ),
        (
            "caller sleeps",
            sleep(&|sender| get(Box::new(move |_| sender.send(()).unwrap()))),
            sleep(&|sender| bare.run(Box::new(move || sender.send(()).unwrap()))),
        ),
    ];
    for (name, ours, floor) in rows {
        println!(
            "  {name:<16} p50 {:6.2}  p99 {:6.2}   floor p50 {:6.2}  p99 {:6.2}",
            ours.0, ours.1, floor.0, floor.1
        );
    }
}

/// Measures a call to a second facade beside the same call to the first one, in turns, and the
/// resident memory that the second one adds once it has answered.
fn second_facade(folder: &Path) {
    const API: &str = "pims.authentication.account";
    const PARAMS: &str = r#"{"actionType":"strong","type":"isDeviceActivated"}"#;
    let open = |name: &str| {
        let config = json!({ "storage": { "path": folder.join(name) }, "account": { "username": name },
            "embedded": { "database": folder.join("authority.db") } });
        let message = execute("open", "", &config);
        facade::Handle::from_number(message["result"]["facade"].as_u64().unwrap())
    };
    // The first one to be opened beside the default facade also pays for what all share.
    let warm = open("warm");
    black_box(warm.execute("get", API, PARAMS));
    let before = resident();
    let second = open("second");
    black_box(second.execute("get", API, PARAMS));
    let kilobytes = resident().saturating_sub(before);
    let mut ratios: Vec<f64> = (0..5)
        .map(|_| {
            let of = |handle: facade::Handle| {
                nanoseconds(|| drop(black_box(handle.execute("get", black_box(API), black_box(PARAMS)))))
            };
            let first = of(facade::Handle::DEFAULT);
            of(second) / first
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    println!("  second / first {:.3} (median of 5)   memory of a second facade {kilobytes} KB", ratios[2]);
    second.close();
    warm.close();
}

/// Returns the resident memory of this process in kilobytes, from /proc: 0 where there is none.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or_default()
}

fn count(done: &AtomicU64) {
    done.fetch_add(1, Ordering::Release);
}

fn sample(count: usize, mut round: impl FnMut()) -> (f64, f64) {
    for _ in 0..count / 10 {
        round();
    }
    let samples = (0..count).map(|_| {
        let begin = Instant::now();
        round();
        begin.elapsed()
    });
    percentiles(samples.collect())
}

type Work = Box<dyn FnOnce() + Send>;

/// A thread that runs the work from a channel, and nothing else.
struct Bare(mpsc::Sender<Work>);

impl Bare {
    fn start() -> Self {
        let (sender, receiver) = mpsc::channel::<Work>();
        std::thread::spawn(move || receiver.into_iter().for_each(|work| work()));
        Self(sender)
    }

    fn run(&self, work: Work) {
        self.0.send(work).unwrap();
    }
}

/// Measures whole operations beside the parts of them that cannot be saved: private RSA and durable
/// writes. Each row gives the numbers of these parts: see [`durable_steps`]. The service opens an
/// RSA block for a kma, a PIN or a secret that is sent. AES takes a hundred nanoseconds.
fn operations(folder: &Path) {
    let mut samples = Samples::default();
    let number = ["+33612345678", "+33687654321"];
    let certify = |number: &str| json!({"type": "phoneNumberCertification", "phoneNumber": number});

    for round in 0..16 {
        // The first round creates the service's keys and is not counted.
        samples.counts = round > 0;
        let account = format!("account {round}");
        let config = json!({
            "storage": { "path": folder.join(&account) },
            "account": { "username": account },
            "embedded": { "database": folder.join("authority.db"), "policy": {
                "codesPerHour": 1_000_000, "codesPerDay": 1_000_000, "maxDevices": 1_000_000, "otpWithoutPin": true, "evolveK1Every": 0,
            } },
        });
        samples.run("init and free", (0, 0, 0), || {
            expect(&execute("init", "", &config));
            expect(&execute("free", "", &json!({})));
        });
        expect(&execute("init", "", &config));
        let outbox = folder.join(&account).join("sms-outbox.jsonl");
        let code = || last_code(&outbox);

        samples.call("get smscode phoneNumberCertification", (0, 0, 1), "get", "smscode", certify(number[0]));
        let add = json!({"action": "addPhoneNumber", "smsCode": code(), "phoneNumber": number[0]});
        samples.call("set smscode addPhoneNumber", (0, 0, 1), "set", "smscode", add);
        samples.call("get trustedphonenumber", (0, 0, 0), "get", "trustedphonenumber", json!({}));
        expect(&authentication("get", "smscode", &certify(number[1])));
        let modify = json!({"action": "modifyPhoneNumber", "smsCode": code(), "phoneNumber": number[1]});
        samples.call("set smscode modifyPhoneNumber", (0, 0, 1), "set", "smscode", modify);
        samples.call("get smscode enrollment", (0, 0, 1), "get", "smscode", json!({"type": "enrollment"}));
        let accept = json!({"action": "enrollment", "smsCode": code()});
        samples.call("set smscode enrollment", (0, 1, 1), "set", "smscode", accept);
        let blank = json!({"action": "enroll", "pinCode": "1234", "smsCode": " "});
        samples.call("set enrollment enroll, started", (3, 3, 2), "set", "enrollment", blank);
        let with_pin = json!({"action": "withPIN", "pinCode": "1234"});
        samples.call("get otp withPIN", (0, 0, 1), "get", "otp", with_pin);
        samples.call("get otp withoutPIN", (0, 0, 1), "get", "otp", json!({"action": "withoutPIN"}));
        let blocked = json!({"actionType": "strong", "type": "isAccountBlocked"});
        samples.call("get account isAccountBlocked", (0, 1, 0), "get", "account", blocked);
        for (old, new) in [("1234", "4321"), ("4321", "1234")] {
            let update = json!({"action": "update", "oldPIN": old, "newPIN": new});
            samples.call("set pincode update", (3, 3, 3), "set", "pincode", update);
        }
        samples.call("get smscode resetPIN", (0, 0, 1), "get", "smscode", json!({"type": "resetPIN"}));
        let reset = json!({"action": "reset", "pinCode": "5678", "smsCode": code()});
        samples.call("set pincode reset", (3, 4, 3), "set", "pincode", reset);
        samples.call("set enrollment remove", (0, 2, 1), "set", "enrollment", json!({"action": "remove"}));
        expect(&authentication("get", "smscode", &json!({"type": "enrollment"})));
        let at_once = json!({"action": "enroll", "pinCode": "1234", "smsCode": code()});
        samples.call("set enrollment enroll, with a code", (3, 4, 3), "set", "enrollment", at_once);
        expect(&execute("free", "", &json!({})));

        // This account has no phone number.
        let other = json!({
            "storage": { "path": folder.join(format!("other {round}")) },
            "account": { "username": format!("other {round}") },
            "embedded": { "database": folder.join("authority.db") },
        });
        expect(&execute("init", "", &other));
        expect(&authentication("get", "smscode", &certify(number[0])));
        let code = last_code(&folder.join(format!("other {round}")).join("sms-outbox.jsonl"));
        let both = json!({
            "action": "enrollWithPhoneNumber", "pinCode": "1234", "smsCode": code, "phoneNumber": number[0],
        });
        samples.call("set enrollment enrollWithPhoneNumber", (3, 4, 3), "set", "enrollment", both);
        let level = json!({"monitoring": {"logLevel": "low"}});
        samples.run("set sdk.configuration", (0, 0, 0), || {
            expect(&execute("set", "pims.sdk.configuration", &level));
        });
        expect(&execute("free", "", &json!({})));
    }

    let parts = Parts::measure(folder);
    println!(
        "  alone: RSA-2048 private {:.3}, device record made durable {:.3}, SQLite commit made durable {:.3}",
        parts.rsa, parts.record, parts.commit
    );
    for (name, (rsa, records, commits), taken) in samples.rows {
        row(name, taken, parts.sum(rsa, records, commits));
    }
}

fn authentication(method: &str, api: &str, params: &Value) -> Value {
    execute(method, &format!("pims.authentication.{api}"), params)
}

/// Least parts of an operation: the numbers of private RSA operations, device records and commits.
type Made = (u32, u32, u32);

#[derive(Default)]
struct Samples {
    counts: bool,
    rows: Vec<(&'static str, Made, Vec<Duration>)>,
}

impl Samples {
    fn call(&mut self, name: &'static str, made: Made, method: &str, api: &str, params: Value) {
        self.run(name, made, || expect(&authentication(method, api, &params)));
    }

    fn run(&mut self, name: &'static str, made: Made, work: impl FnOnce()) {
        let before = durable_steps();
        let begin = Instant::now();
        work();
        let took = begin.elapsed();
        if !self.counts {
            return;
        }
        if let (Some(before), Some(after)) = (before, durable_steps()) {
            let found = (after.0 - before.0, after.1 - before.1);
            assert_eq!(found, (made.1, made.2), "{name}: records and commits");
        }
        match self.rows.iter_mut().find(|(known, ..)| *known == name) {
            Some((_, _, taken)) => taken.push(took),
            None => self.rows.push((name, made, vec![took])),
        }
    }
}

/// Returns the numbers of records and of commits that were made durable so far, with the feature
/// `test-hooks` and PIMS_CRASH_LOG. Then the numbers beside each operation are checked, and the
/// times mean nothing.
fn durable_steps() -> Option<(u32, u32)> {
    let log = std::env::var_os("PIMS_CRASH_LOG")?;
    let text = std::fs::read_to_string(log).unwrap_or_default();
    // A step that only reads makes nothing durable, and one that only makes a challenge does not
    // wait for the disk.
    let others = ["phoneNumber.read", "status.setup", "otp.setup", "password.setup", "reset.setup", "synchro.setup"];
    let writes = |line: &&str| !others.iter().any(|step| line.contains(step));
    let count = |end: &str| text.lines().filter(writes).filter(|line| line.ends_with(end)).count() as u32;
    Some((count("store.durable"), count(".after_commit")))
}

fn row(name: &str, samples: Vec<Duration>, floor: f64) {
    let (median, _) = percentiles(samples);
    let median = median / 1000.0;
    if floor > 0.0 {
        println!("  {name:<38} {median:8.3}   floor {floor:7.3}   ratio {:.2}", median / floor);
    } else {
        println!("  {name:<38} {median:8.3}");
    }
}

fn last_code(outbox: &Path) -> String {
    let text = std::fs::read_to_string(outbox).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["code"].as_str().unwrap().to_owned()
}

/// Parts of an operation, each measured alone, in milliseconds.
struct Parts {
    rsa: f64,
    record: f64,
    commit: f64,
}

impl Parts {
    fn measure(folder: &Path) -> Self {
        Self { rsa: rsa(), record: record(&folder.join("alone")), commit: commit(&folder.join("alone.db")) }
    }

    fn sum(&self, rsa: u32, records: u32, commits: u32) -> f64 {
        f64::from(rsa) * self.rsa + f64::from(records) * self.record + f64::from(commits) * self.commit
    }
}

fn median_milliseconds(count: usize, mut work: impl FnMut()) -> f64 {
    let samples = (0..count).map(|_| {
        let begin = Instant::now();
        work();
        begin.elapsed()
    });
    percentiles(samples.collect()).0 / 1000.0
}

/// Measures a private operation of RSA-2048: two powers of 1024 bits.
fn rsa() -> f64 {
    use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
    use crypto_bigint::{BoxedUint, Odd};
    let odd = Odd::new(BoxedUint::from_be_slice(&[0xff; 128], 1024).unwrap()).unwrap();
    let params = BoxedMontyParams::new(odd);
    let base = BoxedMontyForm::new(BoxedUint::from_be_slice(&[0x5a; 128], 1024).unwrap(), &params);
    let exponent = BoxedUint::from_be_slice(&[0xa5; 128], 1024).unwrap();
    2.0 * median_milliseconds(200, || {
        black_box(base.pow(black_box(&exponent)));
    })
}

/// Measures a record of the usual size: it is written, synchronized and renamed, and its folder is
/// synchronized.
fn record(folder: &Path) -> f64 {
    use pims::store::{RecordFile, RecordStore, StorageKey};
    let mut record_file = RecordFile::open(folder, Some(StorageKey::new([7; 32]))).unwrap();
    median_milliseconds(200, || record_file.save(&[0x5a; 1500]).unwrap())
}

/// Measures one row in a transaction of its own.
fn commit(path: &Path) -> f64 {
    let database = rusqlite::Connection::open(path).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", "FULL").unwrap();
    database.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB)").unwrap();
    median_milliseconds(200, || {
        database.execute("INSERT INTO t (value) VALUES (?1)", [[0x5a_u8; 300].as_slice()]).map(drop).unwrap();
    })
}
