//! Clients that repeat one operation, each over a connection of its own.

use std::borrow::Borrow;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use authority::{AccountName, Purpose};

use crate::device::{Device, Exchange, Scene, query};
use crate::program::{ACCOUNTS, PIN, Program, SHOP, token};

/// The durations of a number of operations.
pub(crate) struct Measured {
    times: Vec<Duration>,
    whole: Duration,
}

impl Measured {
    pub(crate) const HEAD: &'static str = "                                                      a second       p50       p90       p99      of the floor";

    pub(crate) fn rate(&self) -> f64 {
        self.times.len() as f64 / self.whole.as_secs_f64()
    }

    pub(crate) fn count(&self) -> usize {
        self.times.len()
    }

    /// Returns the times that these parts of the operations did not exceed, in milliseconds.
    pub(crate) fn percentiles<const N: usize>(&self, parts: [f64; N]) -> [f64; N] {
        let mut sorted = self.times.clone();
        sorted.sort_unstable();
        parts.map(|part| {
            let index = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
            sorted.get(index).map_or(f64::NAN, |time| 1000.0 * time.as_secs_f64())
        })
    }

    pub(crate) fn line(&self, name: &str) -> String {
        let [p50, p90, p99] = self.percentiles([0.5, 0.9, 0.99]);
        format!("{name:<52} {:>9.0} {p50:>9.2} {p90:>9.2} {p99:>9.2}", self.rate())
    }
}

/// Runs an operation on this many threads for a time. Each thread first makes its data, which the
/// clock does not count.
pub(crate) fn measure<W: FnMut()>(threads: usize, time: Duration, worker: impl Fn(usize) -> W + Sync) -> Measured {
    let ready = std::sync::Barrier::new(threads);
    let run = |thread: usize| {
        let mut work = worker(thread);
        work();
        ready.wait();
        let start = Instant::now();
        let mut times = Vec::new();
        while start.elapsed() < time {
            let before = Instant::now();
            work();
            times.push(before.elapsed());
        }
        (times, start.elapsed())
    };
    let done: Vec<(Vec<Duration>, Duration)> = std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || run(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let whole = done.iter().map(|(_, whole)| *whole).max().unwrap();
    Measured { times: done.into_iter().flat_map(|(times, _)| times).collect(), whole }
}

/// An account with an activated device.
pub(crate) struct Enrolled {
    pub(crate) account: AccountName,
    pub(crate) device: Device,
}

/// Activates a device for each account.
pub(crate) fn enrolled(program: &Program) -> Vec<Enrolled> {
    let enroll = |number| {
        let client = Client::new(program, number);
        let device = Device::activate(&client, &client.account, PIN);
        Enrolled { account: client.account, device }
    };
    (0..ACCOUNTS).map(enroll).collect()
}

/// Measures passwords, each made and checked. The connections share the accounts out and use their
/// own in turn: with hundreds of passwords a second, one account would have more unexpired ones
/// than any user has.
pub(crate) fn passwords(program: &Program, connections: usize, time: Duration) -> Measured {
    passwords_of(program, &enrolled(program), connections, time)
}

/// Measures passwords of these devices, which the connections share out.
pub(crate) fn passwords_of(program: &Program, devices: &[Enrolled], connections: usize, time: Duration) -> Measured {
    passwords_by(program, connections, time, |thread| devices.iter().skip(thread).step_by(connections).cycle())
}

/// Measures passwords. `order` returns the devices of a connection, one after another without an
/// end.
pub(crate) fn passwords_by<D: Borrow<Enrolled>, I: Iterator<Item = D>>(
    program: &Program,
    connections: usize,
    time: Duration,
    order: impl Fn(usize) -> I + Sync,
) -> Measured {
    measure(connections, time, |thread| {
        let client = Client::connected(program, thread);
        let mut order = order(thread);
        move || {
            let next = order.next().unwrap();
            let Enrolled { account, device } = next.borrow();
            let otp = device.made(&client, PIN);
            let parameters = [
                ("action", "authenticate"),
                ("serviceId", "shop"),
                ("userId", account.as_str()),
                ("token", &otp),
                ("format", "json"),
            ];
            let answer = client.ask_with("GET", &format!("/FS?{}", query(&parameters)), Some(SHOP), "");
            assert_eq!(answer, r#"{"err":"OK"}"#);
        }
    })
}

/// Measures activations, each of a new device. Each connection uses its share of the accounts in
/// turn.
pub(crate) fn activations(program: &Program, connections: usize, time: Duration) -> Measured {
    measure(connections, time, |thread| {
        let mut client = Client::connected(program, thread);
        let mut order = (thread..ACCOUNTS).step_by(connections).cycle();
        (thread..ACCOUNTS).step_by(connections).for_each(|number| client.certify(number));
        move || {
            client.account = name(order.next().unwrap());
            drop(Device::activate(&client, &client.account, PIN));
        }
    })
}

/// Returns the name of an account.
pub(crate) fn name(number: usize) -> AccountName {
    AccountName::new(&format!("bench{number}")).unwrap()
}

/// Returns the phone number of an account.
pub(crate) fn phone_number(account: &AccountName) -> String {
    let digits: String = account.as_str().chars().filter(char::is_ascii_digit).collect();
    format!("+336{digits:0>8}")
}

/// A connection that is kept, and the account that uses it. The client does only the necessary
/// parts of HTTP, since it uses the same cores as the service.
struct Client<'a> {
    program: &'a Program,
    account: AccountName,
    stream: TcpStream,
}

impl<'a> Client<'a> {
    /// Connects as an account that has a phone number.
    fn new(program: &'a Program, number: usize) -> Self {
        let mut client = Self::connected(program, number);
        client.certify(number);
        client
    }

    fn connected(program: &'a Program, number: usize) -> Self {
        let stream = TcpStream::connect(&program.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { program, account: name(number), stream }
    }

    fn ask(&self, method: &str, target: &str, with_token: bool, body: &str) -> String {
        let token = with_token.then(|| token(&self.account));
        self.ask_with(method, target, token.as_deref(), body)
    }

    fn ask_with(&self, method: &str, target: &str, token: Option<&str>, body: &str) -> String {
        let token = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
        let length = body.len();
        let request =
            format!("{method} {target} HTTP/1.1\r\nhost: bench\r\n{token}content-length: {length}\r\n\r\n{body}");
        (&self.stream).write_all(request.as_bytes()).unwrap();
        read(&self.stream)
    }

    /// Becomes this account, and gives it a phone number of its own if it has none.
    fn certify(&mut self, number: usize) {
        self.account = name(number);
        const PATH: &str = "/applications/cvs/v4/mobile";
        let number = self.number();
        let path = format!("{PATH}/trustedPhoneNumber?client_id=bench");
        if self.ask("GET", &path, true, "").contains("phoneNumber") {
            return;
        }
        let body = format!(r#"{{"type":"phoneNumberCertification","phoneNumber":"{number}"}}"#);
        assert_eq!(self.ask("POST", &format!("{PATH}/smsCode?client_id=bench"), true, &body), "{}");
        let body = format!(r#"{{"smsCode":"{}","phoneNumber":"{number}"}}"#, self.program.code(&number));
        assert_eq!(self.ask("POST", &path, true, &body), "{}");
    }

    fn number(&self) -> String {
        phone_number(&self.account)
    }
}

/// Returns the body of an answer.
fn read(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        assert!(!line.is_empty(), "the connection ended");
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}

impl Exchange for Client<'_> {
    fn mac(&self, _: Option<&AccountName>, query: &str) -> String {
        // An activation shows the account's token, as libpims does.
        self.ask("GET", &format!("/iwws/MAC?{query}"), query.contains("mode=activate"), "")
    }
}

impl Scene for Client<'_> {
    type Service = Self;

    fn service(&self) -> &Self {
        self
    }

    fn sent_code(&self, _: &AccountName, purpose: Purpose) -> String {
        let body = format!(r#"{{"type":"{}"}}"#, purpose.as_str());
        let answer = self.ask("POST", "/applications/cvs/v4/mobile/smsCode?client_id=bench", true, &body);
        assert_eq!(answer, "{}");
        self.program.code(&self.number())
    }
}
