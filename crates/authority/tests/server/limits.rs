//! What a client may send, and how often.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use pims_authority::Purpose;
use serde_json::json;

use crate::device::{Answer, Device, Scene, setup};
use crate::http::Reply;
use crate::world::{CVS, Setup, TOKEN, World, token};

fn limited(reply: &Reply) {
    assert_eq!((reply.status, reply.word().as_str()), (429, "NOK:TOOMANYREQUESTS"));
    let seconds: u64 = reply.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

/// What is answered to these bytes, until the other side ends.
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

/// Requests in the name of these addresses, until one is refused.
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

    let proxied = Setup::new().set("limits.address_per_minute", 3).set("listen.trusted_proxies", "127.0.0.1").start();
    assert_eq!(taken(&proxied, "192.0.2.1", 10), 3);
    assert_eq!(taken(&proxied, "192.0.2.2", 10), 3);
    assert_eq!(taken(&proxied, "192.0.2.9, 192.0.2.2", 10), 0, "what a client wrote itself stands further left");
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
}

#[test]
fn codes_are_not_guessed_without_an_account() {
    let world = Setup::new().set("limits.wrong_codes_per_address_and_minute", 3).start();
    let alice = world.account("alice");
    let right = world.sent_code(&alice, Purpose::Enrollment);
    let guess =
        |code: &str| world.ask("GET", &format!("/iwws/MAC?{}", setup("activate", "", &[("code", code)])), None, None);
    assert!(guess(&right).text.contains("<err>OK</err>"));
    let wrong = if right == "000000" { "000001" } else { "000000" };
    for _ in 0..3 {
        assert!(guess(wrong).text.contains("<err>NOK:CODE</err>"));
    }
    limited(&guess(wrong));
    limited(&guess(&right));
    // Whose app shows its token is judged by its account alone, and anything but a guess goes on.
    assert_eq!(Answer::of(&world.client, Some(&alice), &setup("activate", "", &[("code", &right)])).err(), "OK");
    assert_ne!(Answer::of(&world.client, None, &setup("status", "1", &[])).err(), "");
}

#[test]
fn codes_are_not_guessed_from_many_addresses_either() {
    let world = Setup::new().set("limits.wrong_codes_per_minute", 3).set("listen.trusted_proxies", "127.0.0.1").start();
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
        world.ask("GET", &path, None, None)
    };
    for _ in 0..2 {
        assert_eq!(guess("alice").word(), "NOK:ACCESS");
        assert_eq!(guess("nobody").word(), "NOK:ACCESS");
    }
    limited(&guess("alice"));
    limited(&guess("nobody"));
    limited(&world.ask(
        "POST",
        TOKEN,
        Some(&token("alice")),
        Some(&json!({"grant_type": "password", "password": "x"})),
    ));
    assert_eq!(guess("bob").word(), "NOK:ACCESS");
}
