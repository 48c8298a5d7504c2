//! Limits on the size and the number of a client's requests.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Barrier;
use std::time::{Duration, Instant};

use authority::Purpose;
use serde_json::json;

use crate::database::is_for_sqlite_alone;
use crate::device::{Answer, Device, Scene, finalize, setup};
use crate::http::Reply;
use crate::world::{BANK, CVS, Setup, TOKEN, World, poll, token};

fn limited(reply: &Reply) {
    assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYREQUESTS"));
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// Returns the answer to these bytes, up to the end of the connection.
fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.client.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn what_is_too_long_is_refused() {
    let world = Setup::new().set("limits.query_bytes", 1024).set("limits.body_bytes", 1024).start();
    let long = "x".repeat(1025);
    let query = world.ask("GET", &format!("/iwws/MAC?{long}"), None, None);
    assert_eq!((query.status, query.word().as_str()), (414, "NOK:REQUEST"));
    let path = format!("{CVS}/smsCode");
    let body = world.ask("POST", &path, Some(&token("alice")), Some(&json!({ "type": long })));
    assert_eq!(body.status, 413);
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(64 * 1024));
    assert!(raw(&world, head.as_bytes()).starts_with("HTTP/1.1 431 "));
}

#[test]
fn who_sends_its_request_too_slowly_is_left() {
    let world = Setup::new().set("limits.header_timeout_seconds", 1).start();
    // It returns when the service closes the connection.
    raw(&world, b"GET /healthz HTTP/1.1\r\nhost: x\r\n");
}

#[test]
fn an_address_may_ask_so_often_and_probes_go_on() {
    let world = Setup::new().set("limits.address_per_minute", 3).start();
    let path = format!("/iwws/MAC?{}", setup("status", "1", &[]));
    for _ in 0..3 {
        assert_eq!(world.ask("GET", &path, None, None).status, 200);
    }
    limited(&world.ask("GET", &path, None, None));
    limited(&world.ask("GET", "/nothing", None, None));
    assert_eq!(world.ask("GET", "/healthz", None, None).status, 200);
    assert_eq!(world.ask("GET", "/readyz", None, None).status, 200);
    let admin = world.operate("GET", "/admin/v1/accounts", Some(crate::world::ADMIN), None);
    assert_eq!(admin.status, 200, "operators are not limited");
}

/// Sends requests with these addresses in `X-Forwarded-For` until one is refused. Returns how many
/// were accepted.
fn taken(world: &World, forwarded: &str, at_most: usize) -> usize {
    let request =
        format!("GET /nothing HTTP/1.1\r\nhost: x\r\nx-forwarded-for: {forwarded}\r\nconnection: close\r\n\r\n");
    (0..at_most).take_while(|_| raw(world, request.as_bytes()).starts_with("HTTP/1.1 404 ")).count()
}

#[test]
fn the_word_about_an_address_is_believed_of_a_trusted_proxy_alone() {
    let open = Setup::new().set("limits.address_per_minute", 3).start();
    assert_eq!(taken(&open, "192.0.2.1", 2), 2);
    assert_eq!(taken(&open, "192.0.2.2", 10), 1, "whoever says so: it is the same peer");

    let proxied =
        Setup::production().set("limits.address_per_minute", 3).set("listen.trusted_proxies", "127.0.0.1").start();
    assert_eq!(taken(&proxied, "192.0.2.1", 10), 3);
    assert_eq!(taken(&proxied, "192.0.2.2", 10), 3);
    assert_eq!(taken(&proxied, "192.0.2.9, 192.0.2.2", 10), 0, "what a client wrote itself stands further left");
    assert_eq!(taken(&proxied, "192.0.2.8, 192.0.2.3:4711", 10), 3, "a proxy that writes ports");
    assert_eq!(taken(&proxied, "192.0.2.7, 192.0.2.3:4712", 10), 0, "the port is not part of the address");
    assert_eq!(taken(&proxied, "[2001:db8:1::7]:4711", 10), 3);
    assert_eq!(taken(&proxied, "[2001:db8:1::7]", 10), 0);
}

#[test]
fn a_forwarded_address_that_cannot_be_read_counts_as_the_proxy_and_is_warned_of() {
    let proxied =
        Setup::production().set("limits.address_per_minute", 3).set("listen.trusted_proxies", "127.0.0.1").start();
    assert_eq!(taken(&proxied, "192.0.2.8, unknown", 10), 3);
    assert_eq!(taken(&proxied, "192.0.2.7, unknown", 10), 0, "what stands before it is not believed");
    let warning = proxied.log.wait_for(|line| {
        line["level"] == "WARN" && line["message"].as_str().is_some_and(|text| text.contains("X-Forwarded-For"))
    });
    assert!(!warning.to_string().contains("192.0.2"), "{warning}");
}

#[test]
fn forwarded_addresses_that_cannot_be_read_are_warned_of_once_a_minute() {
    let proxied = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    let begun = Instant::now();
    for entry in ["unknown", "_hidden", "192.0.2.7:", "192.0.2.7:99999", "[192.0.2.7]", "[::7", "2001:db8::g"] {
        assert_eq!(taken(&proxied, entry, 2), 2, "{entry}");
    }
    // Its line is the last one.
    assert_eq!(taken(&proxied, "192.0.2.200:4711", 1), 1);
    proxied.log.wait_for(|line| line["peer"] == "192.0.2.200");
    let lines = proxied.log.text();
    let warnings = lines.lines().filter(|line| line.contains("\"WARN\"") && line.contains("X-Forwarded-For")).count();
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60).unwrap();
    assert!((1..=1 + minutes).contains(&warnings), "{warnings} warnings in {minutes} minutes");
}

#[test]
fn the_forwarded_address_is_the_one_in_the_log_and_in_the_audit_trail() {
    let proxied = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    let entries = [
        ("192.0.2.10", "192.0.2.10"),
        ("192.0.2.11:4711", "192.0.2.11"),
        ("[2001:db8::12]", "2001:db8::12"),
        ("[2001:db8::13]:4711", "2001:db8::13"),
        ("2001:db8::14", "2001:db8::14"),
        ("[::ffff:192.0.2.15]:4711", "192.0.2.15"),
        ("192.0.2.9, unknown", "127.0.0.1"),
    ];
    for (forwarded, address) in entries {
        let head = format!("GET {} HTTP/1.1\r\nhost: x\r\n", asked("bank", "alice", "abcdefgh"));
        let shown = format!("authorization: Bearer {BANK}\r\nx-forwarded-for: {forwarded}\r\n");
        let answer = raw(&proxied, format!("{head}{shown}connection: close\r\n\r\n").as_bytes());
        assert!(answer.contains("NOK:ACCESS"), "{answer}");
        proxied.log.wait_for(|line| line["message"] == "answered" && line["peer"] == address);
    }
    let trail = proxied.operate("GET", "/admin/v1/audit?limit=100", Some(crate::world::ADMIN), None).json();
    let of_party = trail["audit"].as_array().unwrap().iter().filter(|row| row["actor"] == "party:bank");
    let found: BTreeSet<&str> = of_party.map(|row| row["address"].as_str().unwrap()).collect();
    assert_eq!(found, entries.iter().map(|(_, address)| *address).collect());
}

#[test]
fn an_account_may_ask_so_often_however_many_addresses_it_has() {
    let world = Setup::new().set("limits.account_per_minute", 3).start();
    for _ in 0..3 {
        assert_eq!(world.cvs("GET", "trustedPhoneNumber", "alice", None).status, 404);
    }
    limited(&world.cvs("GET", "trustedPhoneNumber", "alice", None));
    limited(&world.ask("POST", TOKEN, Some(&token("alice")), Some(&json!({}))));
    assert_eq!(world.cvs("GET", "trustedPhoneNumber", "bob", None).status, 404);
    // The exchange, in which the app names its account.
    let exchange = format!("/iwws/MAC?{}", setup("status", "1", &[]));
    limited(&world.ask("GET", &exchange, Some(&token("alice")), None));
    assert_eq!(world.ask("GET", &exchange, Some(&token("bob")), None).status, 200);
    for _ in 0..4 {
        assert_eq!(world.ask("GET", &exchange, None, None).status, 200);
    }
}

#[test]
fn an_address_has_rsa_blocks_opened_in_vain_so_often() {
    let world = Setup::new().set("limits.refused_finalize_per_address_and_minute", 2).start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let (block, proof) = ("5a".repeat(256), "0".repeat(64));
    let proofs = [("R0", proof.as_str()), ("R1", &proof), ("R2", &proof)];
    let request = |id: &str| {
        let blocks = [("nKma", block.as_str()), ("newpin", &block)];
        format!("/iwws/MAC?{}", finalize("password", id, &[&proofs[..], &blocks].concat()))
    };
    let asked = |id: &str| world.ask("GET", &request(id), None, None);
    // Without a challenge no block is opened, which costs nothing.
    for _ in 0..4 {
        assert!(asked(&device.id).text.contains("NOK:STATE"));
        assert!(asked("0000000000000000").text.contains("NOK:NODEVICE"));
    }
    device.setup(&world.client, "password", &[]).ok();
    for _ in 0..2 {
        assert!(asked(&device.id).text.contains("NOK:SN"));
    }
    limited(&asked(&device.id));
    // Other steps go on, and accepted guesses did not count.
    device.made(&world.client, "1234");
    let numbers = world.operate("GET", "/metrics", None, None).text;
    assert!(numbers.contains("pims_authority_limited_total{limit=\"refused_finalize\"} 1\n"), "{numbers}");
}

#[test]
fn granted_finalize_steps_are_not_limited() {
    let world = Setup::new().set("limits.refused_finalize_per_address_and_minute", 1).start();
    let alice = world.account("alice");
    let mut device = Device::activate(&world, &alice, "1234");
    for (old, new) in [("1234", "4321"), ("4321", "1234")] {
        device.change_pin(&world.client, old, new).ok();
        device = device.synchronized(&world.client, new);
    }
}

#[test]
fn a_request_names_its_host_once() {
    let world = World::new();
    let status = |version: &str, hosts: &str| {
        let request = format!("GET /healthz HTTP/{version}\r\n{hosts}connection: close\r\n\r\n");
        raw(&world, request.as_bytes()).split(' ').nth(1).unwrap_or_default().to_owned()
    };
    for good in ["host: localhost\r\n", "Host: 127.0.0.1:8443\r\n", "host: [::1]:1\r\n"] {
        assert_eq!(status("1.1", good), "200", "{good}");
        assert_eq!(status("1.0", good), "200", "{good}");
    }
    for bad in ["host: a\r\nhost: a\r\n", "host: a\r\nHOST: b\r\n", "host:\r\n", "host: a b\r\n", "host: u@a\r\n"] {
        assert_eq!(status("1.1", bad), "400", "{bad}");
        assert_eq!(status("1.0", bad), "400", "{bad}");
    }
    assert_eq!((status("1.1", ""), status("1.0", "")), ("400".to_owned(), "200".to_owned()));
    // Requests of operators, too, before any work is done for them.
    let address = world.admin_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /admin/v1/accounts HTTP/1.1\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("NOK:REQUEST"), "{answer}");
}

#[test]
fn codes_are_not_guessed_without_an_account() {
    let world = Setup::new().open().set("limits.wrong_codes_per_address_and_minute", 3).start();
    let alice = world.account("alice");
    let right = world.sent_code(&alice, Purpose::Enrollment);
    let guess =
        |code: &str| world.ask("GET", &format!("/iwws/MAC?{}", setup("activate", "", &[("code", code)])), None, None);
    assert!(guess(&right).text.contains("<err>OK</err>"));
    let wrong = "000000000000";
    for _ in 0..3 {
        assert!(guess(wrong).text.contains("<err>NOK:CODE</err>"));
    }
    limited(&guess(wrong));
    limited(&guess(&right));
    // An app that shows its token is limited by its account alone, and everything but a guess goes
    // on.
    assert_eq!(Answer::of(&world.client, Some(&alice), &setup("activate", "", &[("code", &right)])).err(), "OK");
    assert_ne!(Answer::of(&world.client, None, &setup("status", "1", &[])).err(), "");
}

#[test]
fn codes_are_not_guessed_from_many_addresses_either() {
    let world = Setup::production()
        .open()
        .set("limits.wrong_codes_per_minute", 3)
        .set("listen.trusted_proxies", "127.0.0.1")
        .start();
    let query = setup("activate", "", &[("code", "000000")]);
    let from = |address: usize| {
        let request = format!(
            "GET /iwws/MAC?{query} HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 192.0.2.{address}\r\nconnection: close\r\n\r\n"
        );
        raw(&world, request.as_bytes())
    };
    assert!((1..=3).all(|address| from(address).starts_with("HTTP/1.1 200 ")));
    assert!(from(4).starts_with("HTTP/1.1 429 "));
}

#[test]
fn one_time_passwords_are_not_guessed_and_right_ones_are_free() {
    let world = Setup::new().set("limits.wrong_otps_per_account_and_minute", 2).start();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    for _ in 0..4 {
        assert_eq!(world.authenticate("alice", &device.made(&world.client, "1234")), "OK");
    }
    let guess = |account: &str| {
        let path = format!("/FS?action=authenticate&serviceId=shop&userId={account}&token=abcdefgh&format=json");
        world.ask("GET", &path, world.shop(), None)
    };
    for _ in 0..2 {
        assert_eq!(guess("alice").word(), "NOK:ACCESS");
        assert_eq!(guess("nobody").word(), "NOK:ACCESS");
    }
    limited(&guess("alice"));
    limited(&guess("nobody"));
    assert_eq!(guess("bob").word(), "NOK:ACCESS");
    // The requests of strangers there limit no other client.
    let query = asked("bank", "alice", "abcdefgh");
    assert_eq!(world.ask("GET", &query, Some(BANK), None).word(), "NOK:ACCESS");
    let body = json!({"grant_type": "password", "password": "x"});
    let exchange = || world.ask("POST", TOKEN, Some(&token("alice")), Some(&body));
    for _ in 0..2 {
        assert_eq!(exchange().json()["error"], "invalid_grant");
    }
    limited(&exchange());
}

fn asked(party: &str, account: &str, otp: &str) -> String {
    format!("/FS?action=authenticate&serviceId={party}&userId={account}&token={otp}&format=json")
}

#[test]
fn an_address_does_not_go_through_the_names_of_accounts_at_an_open_party() {
    if is_for_sqlite_alone("an open party needs `development`, which refuses PostgreSQL") {
        return;
    }
    let world = Setup::new().set("limits.wrong_otps_per_address_and_minute", 3).start();
    for account in ["a", "b", "c"] {
        assert_eq!(world.ask("GET", &asked("shop", account, "abcdefgh"), None, None).word(), "NOK:ACCESS");
    }
    limited(&world.ask("GET", &asked("shop", "d", "abcdefgh"), None, None));
    assert_eq!(world.ask("GET", &asked("bank", "d", "abcdefgh"), Some(BANK), None).word(), "NOK:ACCESS");
}

#[test]
fn a_party_that_shows_its_token_is_not_limited_as_an_address_but_as_itself() {
    let world = Setup::new().set("limits.address_per_minute", 1).set("limits.party_per_minute", 3).start();
    let asks = |party: &str, token: Option<&str>| world.ask("GET", &asked(party, "alice", "abcdefgh"), token, None);
    assert_eq!(asks("bank", Some("another-token-of-many-characters")).status, 401);
    limited(&asks("bank", None));
    limited(&asks("shop", Some(BANK)));
    for _ in 0..3 {
        assert_eq!(asks("bank", Some(BANK)).word(), "NOK:ACCESS");
    }
    limited(&asks("bank", Some(BANK)));
}

/// Returns how many of a hundred guesses at once were checked.
fn judged_at_once(world: &World, path: &str, token: Option<&str>, wrong: &str) -> usize {
    let shown = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{shown}connection: close\r\n\r\n");
    let start = Barrier::new(100);
    let guess = || {
        start.wait();
        raw(world, request.as_bytes()).contains(wrong)
    };
    std::thread::scope(|scope| {
        let guesses: Vec<_> = (0..100).map(|_| scope.spawn(guess)).collect();
        guesses.into_iter().map(|guess| guess.join().unwrap()).filter(|judged| *judged).count()
    })
}

#[test]
fn guesses_at_once_cost_what_guesses_one_by_one_cost() {
    let world = Setup::new()
        .open()
        .set("limits.wrong_codes_per_address_and_minute", 3)
        .set("limits.wrong_otps_per_account_and_minute", 3)
        .start();
    // A bucket of three fills up again by one in twenty seconds.
    let refilled = |begun: Instant| usize::try_from(begun.elapsed().as_secs() / 20).unwrap();
    let begun = Instant::now();
    let guess = format!("/iwws/MAC?{}", setup("activate", "", &[("code", "0000000000")]));
    let codes = judged_at_once(&world, &guess, None, "NOK:CODE");
    assert!((3..=3 + refilled(begun)).contains(&codes), "{codes}");
    let begun = Instant::now();
    let passwords = judged_at_once(&world, &asked("shop", "alice", "abcdefgh"), world.shop(), "NOK:ACCESS");
    assert!((3..=3 + refilled(begun)).contains(&passwords), "{passwords}");
}

#[test]
fn a_number_is_not_flooded_by_many_accounts() {
    let world = Setup::new().set("limits.codes_per_number_and_hour", 1).start();
    let certify = |account: &str, number: &str| {
        let body = json!({"type": "phoneNumberCertification", "phoneNumber": number});
        world.cvs("POST", "smsCode", account, Some(&body))
    };
    assert_eq!(certify("alice", "no number").word(), "NOK:PHONE");
    assert_eq!(certify("alice", "+33600000001").status, 200);
    // In any spelling: a gateway would send all of them to the same phone.
    for number in ["+33600000001", "33600000001", "0033600000001", "0600000001", "+330600000001"] {
        let refused = certify("bob", number);
        assert_eq!((refused.status, refused.word().as_str()), (429, "NOK:TOOMANYCODES"));
        let seconds: u64 = refused.header("retry-after").parse().unwrap();
        assert!((60..=3601).contains(&seconds), "{seconds}");
    }
    assert_eq!(certify("bob", "+33600000002").status, 200);
}

#[test]
fn a_request_whose_client_is_gone_is_finished_and_its_advance_settled() {
    let limits = Setup::new().set("limits.codes_per_number_and_hour", 1).set("policy.codes_per_hour", 1);
    let world = limits.start();
    let certify = |account: &str, number: &str| {
        let body = json!({"type": "phoneNumberCertification", "phoneNumber": number});
        world.cvs("POST", "smsCode", account, Some(&body)).status
    };
    assert_eq!(certify("alice", "+33600000001"), 200);
    // The account has used its allowance. Its next request waits for the database, and the client
    // does not wait for the answer.
    let lock = world.setup.database.lock();
    let body = r#"{"type":"phoneNumberCertification","phoneNumber":"+33600000002"}"#;
    let head = format!("POST {CVS}/smsCode HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n", token("alice"));
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    let mut stream = connected(&world);
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    drop(stream);
    std::thread::sleep(Duration::from_millis(300));
    drop(lock);
    let refused = |line: &serde_json::Value| line["status"] == 429 && line["message"] == "answered";
    world.log.wait_for(refused);
    assert_eq!(certify("bob", "+33600000002"), 200, "the number was not asked for in vain");
}

/// Returns an open connection.
fn connected(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.client.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Sends one request. Returns whether an answer came.
fn is_answered(stream: &mut TcpStream) -> bool {
    let mut first = [0; 9];
    let sent = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n");
    sent.and_then(|()| stream.read_exact(&mut first)).is_ok_and(|()| &first == b"HTTP/1.1 ")
}

#[test]
fn an_address_has_so_many_connections_and_a_proxy_as_many_as_it_wants() {
    let few = |setup: Setup| setup.set("limits.connections_per_address", 2).set("limits.header_timeout_seconds", 300);
    let world = few(Setup::new()).start();
    let mut kept = [connected(&world), connected(&world)];
    assert!(kept.iter_mut().all(is_answered));
    assert!(!is_answered(&mut connected(&world)));
    drop(kept);
    poll(|| is_answered(&mut connected(&world)).then_some(())).expect("places are given back");
    let proxied = few(Setup::production()).set("listen.trusted_proxies", "127.0.0.1").start();
    let mut kept: Vec<TcpStream> = (0..4).map(|_| connected(&proxied)).collect();
    assert!(kept.iter_mut().all(is_answered));
}

#[test]
fn who_asks_and_does_not_read_is_left() {
    let world = Setup::new().set("limits.write_timeout_seconds", 1).start();
    let mut stream = connected(&world);
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000);
    // Until the service ends the connection. A connection that it keeps accepts no more bytes at
    // some time, which is another error.
    let ended = loop {
        if let Err(error) = stream.write_all(request.as_bytes()) {
            break error.kind();
        }
    };
    assert!(matches!(ended, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{ended}");
}

#[test]
fn who_is_refused_is_not_waited_for() {
    let world = Setup::new().set("limits.address_per_minute", 1).start();
    let post = |body: &str| format!("POST /nothing HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n{body}");
    let answers = raw(&world, [post("full"), post("full"), post("")].concat().as_bytes()).to_lowercase();
    let statuses: Vec<&str> = answers.split("http/1.1 ").skip(1).filter_map(|answer| answer.get(..3)).collect();
    assert_eq!(statuses, ["404", "429", "429"], "{answers}");
    assert_eq!(answers.matches("connection: close").count(), 1, "{answers}");
}

#[test]
fn on_a_socket_for_both_kinds_of_addresses_a_proxy_is_known_by_its_own() {
    // An IPv4-mapped address of IPv6, as on a socket for both.
    let mapped = "[::ffff:127.0.0.1]:0";
    if let Err(error) = TcpListener::bind(mapped) {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: no IPv6 here ({error})\n");
        return;
    }
    let world = Setup::production()
        .set("listen.address", mapped)
        .set("listen.trusted_proxies", "127.0.0.1")
        .set("limits.address_per_minute", 3)
        .start();
    assert_eq!(taken(&world, "192.0.2.1", 10), 3);
    assert_eq!(taken(&world, "192.0.2.2", 2), 2);
    assert_eq!(taken(&world, "::ffff:192.0.2.2", 10), 1, "the same address");
}
