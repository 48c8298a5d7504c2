//! The start and the end of the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use ureq::Agent;

use crate::http;
use crate::world::{CVS, Setup, World, poll, token};

/// Sends the head of a request and half of its body. Returns the connection and the rest.
fn half_a_request(world: &World) -> (TcpStream, &'static [u8]) {
    let mut stream = TcpStream::connect(world.client.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (first, rest) = br#"{"type":"enrollment"}"#.split_at(7);
    let head = format!(
        "POST {CVS}/smsCode HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        token("alice"),
        first.len() + rest.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(first).unwrap();
    (stream, rest)
}

#[test]
fn a_request_under_way_is_answered_before_the_program_ends() {
    let mut world = World::new();
    let (mut stream, rest) = half_a_request(&world);
    // The head has arrived when another connection, begun later, was answered.
    assert_eq!(world.ask("GET", "/healthz", None, None).status, 200);
    world.signal("-TERM");
    world.log.wait_for(|line| line["message"] == "shutting down, finishing the requests in progress");
    let refused = poll(|| TcpStream::connect(world.client.url.trim_start_matches("http://")).err());
    refused.expect("new connections are not taken");
    assert!(world.process.try_wait().unwrap().is_none(), "it waits for the request");
    stream.write_all(rest).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("NOK:NOPHONE"), "{answer}");
    assert!(world.process.wait().unwrap().success());
    world.log.wait_for(|line| line["message"] == "ended");
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_request_does_not_delay_the_shutdown() {
    let mut world = Setup::new().set("limits.drain_seconds", 1).start();
    let (_stream, _) = half_a_request(&world);
    assert_eq!(world.ask("GET", "/healthz", None, None).status, 200);
    world.signal("-INT");
    assert!(world.process.wait().unwrap().success());
}

/// Writes a certificate for `localhost` to the files of the configuration. Returns its text.
pub(crate) fn certificate(setup: &Setup) -> String {
    let key = KeyPair::generate().unwrap();
    let pem = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    setup.write("server.pem", &pem);
    setup.write("server.key", &key.serialize_pem());
    pem
}

/// Returns a client that trusts exactly this certificate, and keeps its connections.
pub(crate) fn trusting(pem: &str) -> Agent {
    crate::http::config().tls_config(crate::http::trust(pem)).build().into()
}

fn answers(world: &World, agent: &Agent) -> bool {
    let port = world.client.url.rsplit_once(':').unwrap().1;
    http::send(agent, "GET", &format!("https://localhost:{port}/healthz"), None, None).is_ok()
}

/// Returns whether the service shows exactly this certificate.
fn shows(world: &World, pem: &str) -> bool {
    answers(world, &trusting(pem))
}

#[test]
fn a_new_certificate_is_shown_after_sighup_and_a_bad_one_is_not() {
    let setup = Setup::new();
    let first = certificate(&setup);
    let world = setup.set("listen.certificate_file", "server.pem").set("listen.key_file", "server.key").start();
    let agent = trusting(&first);
    assert!(shows(&world, &first) && answers(&world, &agent));
    world.setup.write("server.key", "no key");
    world.signal("-HUP");
    world.log.wait_for(|line| line["message"] == "certificate reload failed, keeping the current one");
    assert!(shows(&world, &first) && answers(&world, &agent));
    let second = certificate(&world.setup);
    // The next start would not take such a key, either.
    let open_to = |mode| {
        let key = world.path().join("server.key");
        std::fs::set_permissions(key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        world.signal("-HUP");
    };
    open_to(0o644);
    world.log.wait_for(|line| line["error"].as_str().is_some_and(|error| error.contains("open to everybody")));
    assert!(shows(&world, &first));
    open_to(0o600);
    world.log.wait_for(|line| line["message"] == "certificate reloaded");
    assert!(shows(&world, &second) && !shows(&world, &first));
    poll(|| (!answers(&world, &agent)).then_some(())).expect("connections end that began with another certificate");
}

#[test]
fn a_program_that_cannot_begin_says_why_and_fails() {
    let fails = |setup: &Setup, why: &str| {
        let output = setup.command(&["serve"]).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains(why), "{printed}");
    };
    let in_use = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = in_use.local_addr().unwrap();
    fails(&Setup::new().set("listen.address", address), &address.to_string());
    fails(&Setup::new().set("database.url", "sqlite:no/such/folder/file.db"), "no/such/folder");
    fails(&Setup::new().set("listen.addres", "127.0.0.1:0"), "PIMS_AUTHORITY_LISTEN_ADDRES");
    fails(&Setup::new().set("listen.address", "0.0.0.0:0"), "plain HTTP is for loopback addresses");
    fails(&Setup::new().set("policy.max_pin_tries", 0), "policy.max_pin_tries");
}

#[test]
fn expired_rows_are_removed_soon_after_the_start() {
    for keep_days in [0, 400] {
        let world = Setup::new().set("housekeeping.keep_days", keep_days).start();
        world.account("alice");
        let added =
            world.setup.database.execute("INSERT INTO code_requests (account, at, id) VALUES ('alice', 5, 'old')");
        assert_eq!(added, 1);
        // It begins within a minute of the start. A test waits at most a minute for a line.
        let pruned = |line: &serde_json::Value| line["message"] == "expired rows pruned";
        poll(|| world.log.text().contains("expired rows pruned").then_some(()));
        world.log.wait_for(pruned);
        assert!(!world.rows().iter().any(|row| row.contains("\"old\"")), "{:?}", world.rows());
    }
}
