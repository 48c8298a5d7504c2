//! Two programs over one PostgreSQL: a step may reach either of them, and either may be killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use authority::AccountName;

use crate::cluster::Cluster;
use crate::device::{Answer, Device, Exchange, finalize, setup};
use crate::http;
use crate::issuer::Issuer;
use crate::schema::Schema;
use crate::world::{Setup, World, token};

const PIN: &str = "1234";

/// A load balancer: it alternates between the programs, and tries the next one if one does not
/// answer.
struct Balancer {
    urls: Vec<String>,
    next: AtomicUsize,
    /// The number of requests that went on to the next program.
    passed_on: AtomicU32,
}

impl Balancer {
    fn new(worlds: &[&World]) -> Self {
        let urls = worlds.iter().map(|world| world.client.url.clone()).collect();
        Self { urls, next: AtomicUsize::new(0), passed_on: AtomicU32::new(0) }
    }

    /// Returns an answer, or `None` if the connection broke after the request was sent: the request
    /// may have been done.
    fn try_ask(&self, agent: &ureq::Agent, path: &str, token: Option<&str>) -> Option<String> {
        let first = self.next.fetch_add(1, Ordering::SeqCst);
        for turn in 0..self.urls.len() {
            let url = &self.urls[(first + turn) % self.urls.len()];
            match http::send(agent, "GET", &format!("{url}{path}"), token, None) {
                Ok(reply) => {
                    assert_eq!(reply.status, 200, "{}", reply.text);
                    return Some(reply.text);
                }
                Err(ureq::Error::ConnectionFailed) => {}
                Err(ureq::Error::Io(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => return None,
            }
            self.passed_on.fetch_add(1, Ordering::SeqCst);
        }
        panic!("nobody answers");
    }
}

/// A client of the balancer. It repeats a request whose answer was lost: only requests that may be
/// repeated go through it.
struct Line<'a> {
    balancer: &'a Balancer,
    agent: ureq::Agent,
}

impl Exchange for Line<'_> {
    fn mac(&self, caller: Option<&AccountName>, query: &str) -> String {
        let token = caller.map(|account| token(account.as_str()));
        let path = format!("/iwws/MAC?{query}");
        for _ in 0..10 {
            if let Some(answer) = self.balancer.try_ask(&self.agent, &path, token.as_deref()) {
                return answer;
            }
        }
        panic!("no answer arrives");
    }
}

fn line(balancer: &Balancer) -> Line<'_> {
    Line { balancer, agent: http::agent() }
}

/// Starts two programs over one new database. Each has its own files, except for the keys.
fn two(more: impl Fn(Setup) -> Setup) -> (World, World) {
    let schema = Schema::new(Cluster::shared());
    let start = || more(Setup::production().set("database.url", &schema.url)).start();
    (start(), start())
}

#[test]
fn setup_and_finalize_may_reach_different_programs() {
    if !Cluster::is_installed() {
        return;
    }
    let (first, second) = two(|setup| setup);
    let balancer = Balancer::new(&[&first, &second]);
    let line = line(&balancer);
    let alice = first.account("alice");
    let device = Device::activate(&first, &alice, "1234");
    for turn in 0..6 {
        let otp = device.made(&line, "1234");
        let asked = if turn % 2 == 0 { &first } else { &second };
        let other = if turn % 2 == 0 { &second } else { &first };
        assert_eq!(asked.authenticate("alice", &otp), "OK");
        assert_eq!(other.authenticate("alice", &otp), "NOK:ACCESS", "a replay at the other one");
    }
    device.change_pin(&line, "1234", "4321").ok();
    let device = device.synchronized(&line, "4321");
    device.made(&line, "4321");
    device.remove(&line).ok();
    assert_eq!(device.status(&line), "NOK:NODEVICE");
    // Each step went to the other program than the step before.
    assert_eq!(balancer.passed_on.load(Ordering::SeqCst), 0);
}

#[test]
fn wrong_pins_that_race_through_both_cost_exactly_their_number() {
    if !Cluster::is_installed() {
        return;
    }
    const DEVICES: usize = 8;
    const TRIES: usize = 5;
    const LIMIT: u32 = 20;
    let (first, second) = two(|setup| setup.set("policy.max_pin_tries", LIMIT));
    let balancer = Balancer::new(&[&first, &second]);
    let alice = first.account("alice");
    let devices: Vec<Device> = (0..DEVICES).map(|_| Device::activate(&first, &alice, "1234")).collect();
    let ask = |device: &Device| {
        let line = line(&balancer);
        let one = |_| {
            let answer = device.ask(&line, "0000");
            (answer.err().to_owned(), answer.attempts_left())
        };
        (0..TRIES).map(one).collect::<Vec<(String, Option<u32>)>>()
    };
    let answers: Vec<(String, Option<u32>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = devices.iter().map(|device| scope.spawn(|| ask(device))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut left: Vec<u32> = answers.iter().filter_map(|(_, left)| *left).collect();
    left.sort_unstable();
    let blocked = answers.iter().filter(|(word, _)| word == "NOK:NOK_BLOCKED").count();
    // Each try that was checked left one fewer than any other; the rest found the account blocked.
    assert_eq!(left, (1..LIMIT).collect::<Vec<u32>>(), "{answers:?}");
    assert_eq!(blocked, DEVICES * TRIES - left.len(), "{answers:?}");
    assert_eq!(devices[0].ask(&second.client, "1234").err(), "NOK:NOK_BLOCKED");
}

#[test]
fn a_program_that_is_killed_under_load_takes_nothing_with_it() {
    if !Cluster::is_installed() {
        return;
    }
    const DEVICES: usize = 4;
    const AFTERWARDS: u32 = 10;
    let (mut first, second) = two(|setup| setup);
    let balancer = Balancer::new(&[&first, &second]);
    let alice = first.account("alice");
    let devices: Vec<Device> = (0..DEVICES).map(|_| Device::activate(&first, &alice, "1234")).collect();
    let killed = Arc::new(AtomicBool::new(false));
    let made = AtomicU32::new(0);
    std::thread::scope(|scope| {
        let work: Vec<_> = devices
            .iter()
            .map(|device| {
                let (balancer, killed, made, second) = (&balancer, &killed, &made, &second);
                scope.spawn(move || {
                    let line = line(balancer);
                    let mut after = 0;
                    while after < AFTERWARDS {
                        after += u32::from(killed.load(Ordering::SeqCst));
                        // A finalize step whose answer was lost has used its challenge up: the
                        // device begins again.
                        if let crate::device::Password::Made(otp) = device.password(&line, "1234") {
                            made.fetch_add(1, Ordering::SeqCst);
                            assert_eq!(second.authenticate("alice", &otp), "OK");
                        }
                    }
                })
            })
            .collect();
        crate::world::poll(|| (made.load(Ordering::SeqCst) >= 8).then_some(())).expect("they work");
        first.process.kill().unwrap();
        first.process.wait().unwrap();
        killed.store(true, Ordering::SeqCst);
        for thread in work {
            thread.join().unwrap();
        }
    });
    assert!(balancer.passed_on.load(Ordering::SeqCst) > 0, "some found the first one dead");
    // No device is lost.
    for device in &devices {
        device.made(&second.client, "1234");
    }
}

/// The counts of the PINs that a device sent.
struct Tries {
    sent: u32,
    answered: u32,
    charged: u32,
}

/// The number of tries. It is so great that no account is blocked.
const MANY: u32 = 1_000_000;

/// An answer that is there already.
struct FixedAnswer(String);

impl Exchange for FixedAnswer {
    fn mac(&self, _: Option<&AccountName>, _: &str) -> String {
        self.0.clone()
    }
}

/// Sends a PIN to one program until it answers no more. Returns how many were sent, and how many
/// were answered.
fn sends_until_the_end(device: &Device, program: &str, digits: &str, total: &AtomicU32) -> (u32, u32) {
    let agent = http::agent();
    let ask = |query: &str| {
        let reply = http::send(&agent, "GET", &format!("{program}/iwws/MAC?{query}"), None, None).ok()?;
        Some(Answer::of(&FixedAnswer(reply.text), None, query))
    };
    let (mut sent, mut answered) = (0, 0);
    let sid = ("sid", "7001");
    while let Some(answer) = ask(&setup("otp", &device.id, &[sid])) {
        let proofs = device.proofs(answer.get("challenge"), digits);
        let proved = [("R0", proofs.r0.as_str()), ("R1", &proofs.r1), ("R2", &proofs.r2), sid, ("keytype", "0")];
        sent += 1;
        total.fetch_add(1, Ordering::SeqCst);
        let Some(answer) = ask(&finalize("otp", &device.id, &proved)) else { break };
        assert_eq!(answer.err(), if digits == PIN { "OK" } else { "NOK:ACCESS" });
        answered += 1;
    }
    (sent, answered)
}

/// Kills a program while devices send it PINs, each for an account of its own.
fn killed_under(digits: &str) -> Vec<Tries> {
    let (mut first, second) = two(|setup| setup.set("policy.max_pin_tries", MANY).set("pin.budget", MANY));
    let devices = ["alice", "bob", "carol"].map(|name| Device::activate(&first, &first.account(name), PIN));
    let (url, total) = (first.client.url.clone(), AtomicU32::new(0));
    let sent: Vec<(u32, u32)> = std::thread::scope(|scope| {
        let (url, total) = (&url, &total);
        let work: Vec<_> =
            devices.iter().map(|device| scope.spawn(move || sends_until_the_end(device, url, digits, total))).collect();
        crate::world::poll(|| (total.load(Ordering::SeqCst) >= 20).then_some(())).expect("they work");
        first.process.kill().unwrap();
        first.process.wait().unwrap();
        work.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let charged = |device: &Device| {
        let wrong = device.ask(&second.client, "0000");
        assert_eq!(wrong.err(), "NOK:ACCESS");
        // This PIN, too, was charged.
        MANY - 1 - wrong.attempts_left().unwrap()
    };
    devices
        .iter()
        .zip(sent)
        .map(|(device, (sent, answered))| Tries { sent, answered, charged: charged(device) })
        .collect()
}

/// Kills one program after the other until enough answers were lost. Each account must be charged
/// as `check` says.
fn killed_with_pins_under_way(digits: &str, check: impl Fn(&Tries)) {
    const LOST: u32 = 5;
    const ROUNDS: u32 = 20;
    let mut lost = 0;
    for _ in 0..ROUNDS {
        for tries in killed_under(digits) {
            check(&tries);
            lost += tries.sent - tries.answered;
        }
        if lost >= LOST {
            return;
        }
    }
    panic!("only {lost} answers were lost");
}

#[test]
fn a_program_that_is_killed_has_charged_no_right_pin() {
    if !Cluster::is_installed() {
        return;
    }
    // No right PIN came after the end of the program. It could have reset the charges.
    killed_with_pins_under_way(PIN, |tries| assert_eq!(tries.charged, 0));
}

#[test]
fn a_program_that_is_killed_gives_no_wrong_pin_back() {
    if !Cluster::is_installed() {
        return;
    }
    killed_with_pins_under_way("0000", |Tries { sent, answered, charged }| {
        assert!((answered..=sent).contains(&charged), "{answered} were answered, {sent} sent, {charged} charged");
    });
}

/// Ends a program by SIGTERM. It must end with 0: `postgres::Client` panics where a runtime's
/// thread drops it, and the panic aborts the process.
fn ends_well(mut world: World) {
    world.signal("-TERM");
    let status = world.process.wait().unwrap();
    assert_eq!(status.code(), Some(0), "{status}: {}", world.log.text());
    world.log.wait_for(|line| line["message"] == "ended");
}

#[test]
fn a_program_on_postgresql_ends_with_zero() {
    if !Cluster::is_installed() {
        return;
    }
    let schema = Schema::new(Cluster::shared());
    let start = || Setup::production().set("database.url", &schema.url).start();
    for _ in 0..5 {
        ends_well(start());
    }
    for turn in 0..5 {
        let world = start();
        let alice = world.account(&format!("alice{turn}"));
        Device::activate(&world, &alice, "1234").made(&world.client, "1234");
        ends_well(world);
    }
}

#[test]
fn a_start_on_postgresql_that_fails_late_ends_with_its_error() {
    if !Cluster::is_installed() {
        return;
    }
    let schema = Schema::new(Cluster::shared());
    let setup = Setup::production().set("database.url", &schema.url);
    // The program reads the issuer's keys when the database is open.
    setup.write("jwks.json", "[]");
    let output = setup.command(&["serve"]).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}: {printed}", output.status);
    assert!(printed.contains("the issuer's keys"), "{printed}");
    assert!(!schema.rows(&["meta"]).is_empty(), "the database was opened");
    // The database is as good as before.
    setup.write("jwks.json", &Issuer::standard().key_set());
    ends_well(setup.start());
}

#[test]
fn a_start_on_postgresql_whose_address_is_taken_ends_with_its_error() {
    if !Cluster::is_installed() {
        return;
    }
    let schema = Schema::new(Cluster::shared());
    let world = Setup::production().set("database.url", &schema.url).start();
    let address = world.client.url.trim_start_matches("http://");
    let second = Setup::production().set("database.url", &schema.url).set("listen.address", address);
    let output = second.command(&["serve"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    ends_well(world);
}
