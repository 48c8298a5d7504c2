//! What calls cost, each beside its floor from the same run. `make bench` prints this, docs/benchmarks.md keeps it.
//!
//! A harness of its own: what counts here is a ratio to a floor and percentiles of a round trip between threads, which the usual ones do not
//! print. Figures are medians over batches.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use pims::facade::{self, Method};
use serde_json::{Value, json};

fn main() {
    // `cargo test --benches` runs this with `--test`: then there is nothing to measure.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    println!("Calls on the calling thread (pims_execute), nanoseconds a call, and the floor: parse, id, serialise");
    init(folder.path());
    calls();
    println!();
    println!("Round trip of pims_get to its callback, and the floor: a thread with a channel, microseconds");
    round_trips();
    facade::free();
    println!();
    println!(
        "Enroll and PIN update with the embedded authority, and the sum of their parts measured alone, milliseconds"
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

/// Median nanoseconds of a call, over batches that take some milliseconds each.
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

fn calls() {
    let otp = "pims.authentication.otp";
    let account = "pims.authentication.account";
    let enrollment = "pims.authentication.enrollment";
    for (name, method, api, params) in [
        ("isDeviceActivated", "get", account, r#"{"actionType":"strong","type":"isDeviceActivated"}"#),
        ("sdk.version", "get", "pims.sdk.version", "{}"),
        ("refusal 2002, unknown api", "get", "pims.authentication.otb", r#"{"action":"withPIN"}"#),
        ("refusal 2101, missing pinCode", "get", otp, r#"{"action":"withPIN"}"#),
        ("refusal 2102, bad pinCode", "get", otp, r#"{"action":"withPIN","pinCode":"12"}"#),
        ("refusal 2317, not enrolled", "get", otp, r#"{"action":"withPIN","pinCode":"1234"}"#),
        ("refusal 2311, no code accepted", "set", enrollment, r#"{"action":"enroll","pinCode":"1234","smsCode":" "}"#),
    ] {
        let answer: Value = serde_json::from_str(facade::execute(method, api, params).as_str()).unwrap();
        let ours = nanoseconds(|| {
            black_box(facade::execute(black_box(method), black_box(api), black_box(params)));
        });
        let floor = nanoseconds(|| {
            black_box(bare(black_box(params), &answer));
        });
        println!("  {name:<32} {ours:7.0}   floor {floor:7.0}   ratio {:.2}", ours / floor);
    }
}

/// The floor of a call: parse the parameters, make an id without a system call, serialise the same message.
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
    let parsed = serde_json::from_str(params).unwrap();
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

/// 50th and 99th percentile in microseconds.
fn percentiles(mut samples: Vec<Duration>) -> (f64, f64) {
    samples.sort();
    let at = |share: usize| samples[samples.len() * share / 100].as_nanos() as f64 / 1000.0;
    (at(50), at(99))
}

fn round_trips() {
    const PARAMS: &str = r#"{"actionType":"strong","type":"isDeviceActivated"}"#;
    // What the caller waits for: a counter that it looks at, or a channel that it sleeps on.
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

/// A thread that runs what comes through a channel, and nothing else.
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

/// Whole operations beside what cannot be saved of them: private RSA and durable writes.
fn operations(folder: &Path) {
    init(folder);
    let outbox = folder.join("sms-outbox.jsonl");
    let smscode = "pims.authentication.smscode";
    let number = "+33612345678";
    expect(&execute("get", smscode, &json!({"type": "phoneNumberCertification", "phoneNumber": number})));
    let add = json!({"action": "addPhoneNumber", "smsCode": last_code(&outbox), "phoneNumber": number});
    expect(&execute("set", smscode, &add));

    let mut enroll = Vec::new();
    let mut update = Vec::new();
    for round in 0..15 {
        expect(&execute("get", smscode, &json!({"type": "enrollment"})));
        let code = last_code(&outbox);
        let begin = Instant::now();
        let params = json!({"action": "enroll", "pinCode": "1234", "smsCode": code});
        expect(&execute("set", "pims.authentication.enrollment", &params));
        let took = begin.elapsed();
        // The first enrollment makes the service's keys.
        if round > 0 {
            enroll.push(took);
        }
        for (old, new) in [("1234", "4321"), ("4321", "1234")] {
            let begin = Instant::now();
            let params = json!({"action": "update", "oldPIN": old, "newPIN": new});
            expect(&execute("set", "pims.authentication.pincode", &params));
            update.push(begin.elapsed());
        }
        expect(&execute("set", "pims.authentication.enrollment", &json!({"action": "remove"})));
    }
    expect(&execute("free", "", &json!({})));

    let parts = Parts::measure(folder);
    println!(
        "  alone: RSA-2048 private {:.3}, device record made durable {:.3}, SQLite commit made durable {:.3}",
        parts.rsa, parts.record, parts.commit
    );
    // Counted with PIMS_CRASH_LOG: enroll with a code makes the record durable 4 times, the authority commits 3 times (setup, finalize,
    // `ms`) and opens 3 RSA blocks (kma, PIN, secret); an update writes 3 times, commits 5 times (setup and finalize of `password`
    // and of `synchro`, `ms`) and opens 3 blocks. AES is a hundred nanoseconds.
    row("enroll", enroll, parts.sum(3, 4, 3));
    row("PIN update", update, parts.sum(3, 3, 5));
}

fn row(name: &str, samples: Vec<Duration>, floor: f64) {
    let (median, _) = percentiles(samples);
    let median = median / 1000.0;
    println!("  {name:<12} {median:7.3}   floor {floor:7.3}   ratio {:.2}", median / floor);
}

fn last_code(outbox: &Path) -> String {
    let text = std::fs::read_to_string(outbox).unwrap();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    last["code"].as_str().unwrap().to_owned()
}

/// The parts of an operation, each measured alone, in milliseconds.
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

/// A private operation of RSA-2048: two powers of 1024 bits.
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

/// A record of the usual size: written, synchronized, renamed, its folder synchronized.
fn record(folder: &Path) -> f64 {
    use pims::store::{RecordStore, StorageKey, Vault};
    let mut vault = Vault::open(folder, Some(StorageKey::new([7; 32]))).unwrap();
    median_milliseconds(200, || vault.save(&[0x5a; 1500]).unwrap())
}

/// One row in a transaction of its own.
fn commit(path: &Path) -> f64 {
    let database = rusqlite::Connection::open(path).unwrap();
    database.pragma_update(None, "journal_mode", "WAL").unwrap();
    database.pragma_update(None, "synchronous", "FULL").unwrap();
    database.execute_batch("CREATE TABLE t (id INTEGER PRIMARY KEY, value BLOB)").unwrap();
    median_milliseconds(200, || {
        database.execute("INSERT INTO t (value) VALUES (?1)", [[0x5a_u8; 300].as_slice()]).map(drop).unwrap();
    })
}
