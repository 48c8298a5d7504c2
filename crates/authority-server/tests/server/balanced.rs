//! nginx with the file of the documentation, in front of two instances that are restarted under
//! load.

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use authority::AccountName;
use ureq::Agent;

use crate::cluster::Cluster;
use crate::device::{Answer, Device, Exchange, finalize, query, setup};
use crate::http::{self, Reply};
use crate::nginx::Nginx;
use crate::schema::Schema;
use crate::world::{SHOP, Setup, World, poll, token};

const PIN: &str = "1234";
const WRONG: &str = "0000";
/// The number of tries. It is so great that no account is blocked.
const MANY: u32 = 1_000_000;

/// Returns an address that is still free after a restart: no other test or program gets it by
/// chance.
fn fixed_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let host = IpAddr::V4(Ipv4Addr::new(127, 1 + NEXT.fetch_add(1, Ordering::SeqCst), high, low));
    SocketAddr::new(host, 8080)
}

/// Two instances on one database, and nginx in front of them.
struct Balanced {
    instances: [World; 2],
    addresses: [SocketAddr; 2],
    nginx: Nginx,
    _schema: Schema,
}

/// An instance that takes requests. It breaks the connection of each one if it is told to.
#[derive(Default)]
struct BreakingInstance {
    breaks: AtomicBool,
    received: AtomicU32,
}

impl BreakingInstance {
    fn start() -> (Arc<Self>, SocketAddr) {
        let (instance, listener) = (Arc::new(Self::default()), TcpListener::bind(fixed_address()).unwrap());
        let (shared, address) = (instance.clone(), listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let head = BufReader::new(&stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
                assert!(head.count() > 0);
                shared.received.fetch_add(1, Ordering::SeqCst);
                if !shared.breaks.load(Ordering::SeqCst) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                    (&stream).write_all(answer).unwrap();
                }
            }
        });
        (instance, address)
    }
}

#[test]
fn a_request_whose_connection_breaks_is_sent_once_and_bars_no_instance() {
    let Some(program) = Nginx::program() else { return };
    let (instances, addresses): (Vec<_>, Vec<_>) = (0..2).map(|_| BreakingInstance::start()).unzip();
    let nginx = Nginx::start_before(program, [addresses[0], addresses[1]]);
    let client = Client { url: nginx.url.clone(), certificate: nginx.certificate() };
    let received = || instances.iter().map(|instance| instance.received.load(Ordering::SeqCst)).sum::<u32>();
    for (breaks, status) in [(false, 200), (true, 502), (false, 200)] {
        instances.iter().for_each(|instance| instance.breaks.store(breaks, Ordering::SeqCst));
        for _ in 0..6 {
            let before = received();
            assert_eq!(client.ask("/iwws/MAC?", None).status, status, "breaks: {breaks}");
            // Exactly once: not at all and twice are both faults.
            assert_eq!(received(), before + 1, "breaks: {breaks}");
        }
    }
    assert!(instances.iter().all(|instance| instance.received.load(Ordering::SeqCst) > 0), "both are used");
}

impl Balanced {
    /// Starts everything. Returns `None`, and prints that, if nginx or PostgreSQL is not installed.
    fn start() -> Option<Self> {
        let program = Nginx::program()?;
        if !Cluster::is_installed() {
            return None;
        }
        let schema = Schema::new(Cluster::shared());
        let addresses = [fixed_address(), fixed_address()];
        let instances = addresses.map(|address| {
            Setup::production()
                .set("database.url", &schema.url)
                .set("listen.address", address)
                .set("listen.trusted_proxies", "127.0.0.1")
                .set("policy.max_pin_tries", MANY)
                .set("pin.budget", MANY)
                .start()
        });
        let nginx = Nginx::start_before(program, addresses);
        Some(Self { instances, addresses, nginx, _schema: schema })
    }

    /// Returns a client that begins a connection for each request.
    fn client(&self) -> Client {
        Client { url: self.nginx.url.clone(), certificate: self.nginx.certificate() }
    }

    /// Restarts an instance as its service manager does. The instance is ready when this returns.
    fn restart(&mut self, number: usize) {
        let instance = &mut self.instances[number];
        instance.signal("-TERM");
        let status = instance.process.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{status}: {}", instance.log.text());
        self.start_again(number);
    }

    /// Kills an instance in the middle of its work, and starts another in its place.
    fn kill(&mut self, number: usize) {
        self.instances[number].process.kill().unwrap();
        self.instances[number].process.wait().unwrap();
        self.start_again(number);
    }

    fn start_again(&mut self, number: usize) {
        let instance = &mut self.instances[number];
        *instance = instance.setup.again().start();
        assert_eq!(instance.ask("GET", "/readyz", None, None).status, 200);
    }

    /// Returns the line of the configuration for an instance.
    fn line(&self, number: usize, more: &str) -> String {
        format!("server {} max_fails=0{more};", self.addresses[number])
    }
}

/// A client of nginx.
struct Client {
    url: String,
    certificate: String,
}

impl Client {
    fn ask(&self, path: &str, token: Option<&str>) -> Reply {
        let agent: Agent = http::config()
            .tls_config(http::trust(&self.certificate))
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build()
            .into();
        http::send(&agent, "GET", &format!("{}{path}", self.url), token, None).unwrap()
    }

    /// Returns an answer of the exchange, or `None` if nginx could not get one.
    fn answer(&self, query: &str) -> Option<Answer> {
        let reply = self.ask(&format!("/iwws/MAC?{query}"), None);
        match reply.status {
            200 => Some(Answer::of(&FixedAnswer(reply.text), None, query)),
            502 => None,
            other => panic!("{other}: {}", reply.text),
        }
    }

    fn is_accepted(&self, account: &str, otp: &str) -> bool {
        let request = query(&[
            ("action", "authenticate"),
            ("serviceId", "shop"),
            ("userId", account),
            ("token", otp),
            ("format", "json"),
        ]);
        let reply = self.ask(&format!("/FS?{request}"), Some(SHOP));
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.word() == "OK"
    }
}

/// Every request must be answered.
impl Exchange for Client {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String {
        let token = caller.map(|account| token(account.as_str()));
        let reply = self.ask(&format!("/iwws/MAC?{query}"), token.as_deref());
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.text
    }
}

/// An answer that is there already.
struct FixedAnswer(String);

impl Exchange for FixedAnswer {
    fn mac(&self, _: Option<&AccountName>, _: &str) -> String {
        self.0.clone()
    }
}

/// Waits until the load has got this many more answers.
fn wait_for_answers(answers: &AtomicU32, more: u32) {
    let wanted = answers.load(Ordering::SeqCst) + more;
    poll(|| (answers.load(Ordering::SeqCst) >= wanted).then_some(())).expect("the load goes on");
}

/// Tells the load to stop, also if the test fails: otherwise its threads would run for ever.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_restart_as_documented_is_noticed_by_no_client() {
    let Some(mut balanced) = Balanced::start() else { return };
    let accounts = ["alice", "bob", "carol"];
    let devices =
        accounts.map(|name| Device::activate(&balanced.instances[0], &balanced.instances[0].account(name), PIN));
    let (stopped, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let stop = StopOnDrop(&stopped);
        let work: Vec<_> = accounts
            .iter()
            .zip(&devices)
            .map(|(account, device)| {
                let (client, stopped, answers) = (balanced.client(), &stopped, &answers);
                scope.spawn(move || {
                    while !stopped.load(Ordering::SeqCst) {
                        let otp = device.made(&client, PIN);
                        assert!(client.is_accepted(account, &otp));
                        answers.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        for number in [0, 1] {
            wait_for_answers(&answers, 6);
            balanced.nginx.reload_with(&balanced.line(number, ""), &balanced.line(number, " down"));
            wait_for_answers(&answers, 6);
            balanced.restart(number);
            balanced.nginx.reload_with(&balanced.line(number, " down"), &balanced.line(number, ""));
        }
        wait_for_answers(&answers, 6);
        drop(stop);
        for thread in work {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_restart_without_notice_costs_some_requests_and_no_tries() {
    let Some(mut balanced) = Balanced::start() else { return };
    let accounts = ["alice", "bob", "carol"];
    let devices =
        accounts.map(|name| Device::activate(&balanced.instances[0], &balanced.instances[0].account(name), PIN));
    let (stopped, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let sid = ("sid", "7001");
    let counted: Vec<(u32, u32)> = std::thread::scope(|scope| {
        let stop = StopOnDrop(&stopped);
        let work: Vec<_> = devices
            .iter()
            .map(|device| {
                let (client, stopped, answers) = (balanced.client(), &stopped, &answers);
                scope.spawn(move || {
                    let (mut sent, mut answered) = (0, 0);
                    while !stopped.load(Ordering::SeqCst) {
                        let Some(begun) = client.answer(&setup("otp", &device.id, &[sid])) else { continue };
                        let proofs = device.proofs(begun.get("challenge"), WRONG);
                        let proved =
                            [("R0", proofs.r0.as_str()), ("R1", &proofs.r1), ("R2", &proofs.r2), sid, ("keytype", "0")];
                        sent += 1;
                        if let Some(answer) = client.answer(&finalize("otp", &device.id, &proved)) {
                            assert_eq!(answer.err(), "NOK:ACCESS");
                            answered += 1;
                            answers.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    (sent, answered)
                })
            })
            .collect();
        for number in [0, 1] {
            wait_for_answers(&answers, 6);
            balanced.kill(number);
            wait_for_answers(&answers, 6);
            balanced.restart(number);
        }
        wait_for_answers(&answers, 6);
        drop(stop);
        work.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    // Both instances are there again: nginx uses both at once, whatever it met a moment ago.
    let client = balanced.client();
    for (device, (sent, answered)) in devices.iter().zip(counted) {
        let wrong = device.ask(&client, WRONG);
        // This PIN, too, was charged.
        let charged = MANY - 1 - wrong.attempts_left().unwrap();
        assert!((answered..=sent).contains(&charged), "{answered} were answered, {sent} sent, {charged} charged");
        device.made(&client, PIN);
    }
}

#[test]
fn instances_that_were_gone_at_once_are_used_as_soon_as_they_are_back() {
    let Some(mut balanced) = Balanced::start() else { return };
    let alice = balanced.instances[0].account("alice");
    let device = Device::activate(&balanced.instances[0], &alice, PIN);
    let client = balanced.client();
    let status = setup("status", &device.id, &[]);
    for instance in &mut balanced.instances {
        instance.signal("-TERM");
        assert_eq!(instance.process.wait().unwrap().code(), Some(0));
    }
    // Each instance has failed several times.
    assert!((0..8).all(|_| client.answer(&status).is_none()));
    for number in [0, 1] {
        balanced.start_again(number);
    }
    assert!((0..8).all(|_| client.answer(&status).is_some_and(|answer| answer.err() == "OK")));
    device.made(&client, PIN);
}
