//! A database that accepts connections and says nothing, or falls silent in the middle: every
//! command ends with an error that says so, and a service that runs goes on afterwards.

use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::device::Device;
use crate::proxy::{Fault, Proxy, Scope, ends_group};
use crate::schema::Schema;
use crate::world::{Setup, poll};

/// The longest wait before a test gives up.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// Runs a command. Fails if it does not end in time.
fn ended(setup: &Setup, arguments: &[&str]) -> Output {
    let mut command = setup.command(arguments);
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while process.try_wait().unwrap().is_none() {
        if start.elapsed() > WAIT_TIMEOUT {
            process.kill().unwrap();
            panic!("{arguments:?} has no end");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    process.wait_with_output().unwrap()
}

/// Runs a command that must fail since the database does not answer.
fn says_that_nobody_answers(setup: &Setup, arguments: &[&str]) {
    let output = ended(setup, arguments);
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {printed}");
    assert!(printed.contains("did not answer within"), "{arguments:?}: {printed}");
}

const COMMANDS: [&[&str]; 4] = [&["check", "--connect"], &["migrate"], &["serve"], &["account", "list"]];

#[test]
fn no_command_waits_for_ever_for_a_server_that_accepts_and_says_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://pims@{}/pims", silent.local_addr().unwrap());
    std::thread::scope(|scope| {
        for arguments in COMMANDS {
            let setup = Setup::production().set("database.url", &url);
            scope.spawn(move || says_that_nobody_answers(&setup, arguments));
        }
    });
}

/// A database behind a proxy that makes faults.
fn behind_a_proxy() -> (Proxy, Setup) {
    let cluster = Cluster::shared();
    let schema = Schema::new(cluster);
    let proxy = Proxy::start(cluster.socket());
    let url = format!("postgres://{}@127.0.0.1:{}/postgres", schema.role, proxy.port());
    (proxy, Setup::production().set("database.url", url).set("database.statement_timeout_seconds", 3))
}

#[test]
fn a_check_ends_wherever_the_server_falls_silent() {
    if !Cluster::is_installed() {
        return;
    }
    std::thread::scope(|scope| {
        for number in [0, 2, 9] {
            scope.spawn(move || {
                let (proxy, setup) = behind_a_proxy();
                assert!(ended(&setup, &["migrate"]).status.success());
                proxy.begin_at(number, Fault::Silence(Scope::All), ends_group);
                says_that_nobody_answers(&setup, &["check", "--connect"]);
                assert!(proxy.resume(), "it ended before it was silent");
            });
        }
    });
}

#[test]
fn a_service_whose_database_falls_silent_says_so_and_goes_on_when_it_answers() {
    if !Cluster::is_installed() {
        return;
    }
    let (proxy, setup) = behind_a_proxy();
    let world = setup.start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let before = device.made(&world.client, "1234");
    let readiness = || world.ask("GET", "/readyz", None, None).status;
    poll(|| (readiness() == 200).then_some(())).expect("it is ready");

    proxy.begin(Fault::Silence(Scope::All));
    poll(|| (readiness() == 503).then_some(())).expect("it is not ready");
    let reply = world.cvs("GET", "trustedPhoneNumber", "alice", None);
    assert_eq!((reply.status, reply.word().as_str()), (503, "UNAVAILABLE"));
    assert_eq!(world.ask("GET", "/healthz", None, None).status, 200);

    // The connections of before stay silent for ever.
    proxy.answer_new_connections();
    poll(|| (readiness() == 200).then_some(())).expect("it is ready again");
    assert_eq!(world.authenticate("alice", &before), "OK");
    assert_eq!(world.authenticate("alice", &device.made(&world.client, "1234")), "OK");
}
