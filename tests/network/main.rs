//! The library over real sockets: a broken network in every exchange, timeouts, the answers that
//! are read, proxies, and the trust in TLS certificates.
//!
//! The service is the program `pims-authority` behind a small HTTP server that breaks things
//! ([`service`]), or behind a wire that is cut ([`wire`]). Each operation ([`operations`]) is run
//! once for each of its requests and each fault ([`broken`]) on a fresh copy of a prepared device
//! and database. Whatever the answer is, the next call must find a state of the table and get to a
//! one-time password that the service accepts from a relying party. The account may have one device
//! only, so an orphan fails it.

#![cfg(feature = "embedded")]
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod answers;
mod broken;
mod fault;
mod headers;
mod operations;
mod pairing;
mod program;
mod proxy;
mod secrets;
mod service;
mod shards;
mod trust;
mod waiting;
mod wire;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pims::facade;
use serde_json::Value;

use fault::Fault;
use operations::World;
use service::Service;

/// A lock for the one facade of the process: only one test runs at a time.
static TURN: Mutex<()> = Mutex::new(());

/// The permit of a running test. When it is dropped, the facade is freed, however the test ends.
pub(crate) struct Turn(#[allow(dead_code)] MutexGuard<'static, ()>);

impl Drop for Turn {
    fn drop(&mut self) {
        facade::free();
    }
}

pub(crate) fn turn() -> Turn {
    Turn(TURN.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The relying party's side of a service, which verifies one-time passwords.
pub(crate) trait Verifier {
    fn accepts(&self, password: &str) -> bool;
}

pub(crate) const MAC_ID: &str = "0123456789abcdef0123456789abcdef";
/// The account's token.
pub(crate) const TOKEN: &str = "secret-1a-of-the-account";

#[test]
fn a_connection_serves_several_requests_and_a_closed_one_is_replaced() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    for step in ["certify", "add", "code", "enroll", "otp", "otp"] {
        expect(&world.act(step));
    }
    // On a slow machine, the time between two requests can be too long for one connection.
    let connections = service.connections();
    assert!(connections < service.asked().len(), "{connections}");
    // The library does not repeat a request that was cut: it may have arrived.
    service.asked();
    service.fail(0, Fault::Truncate(0));
    assert_eq!(world.act("certify")["error"]["code"], 2202);
    assert_eq!(service.asked(), ["POST smsCode"]);
    expect(&world.act("certify"));
    assert!(service.connections() > connections);
    facade::free();
}

#[test]
fn a_connection_that_was_idle_is_not_used_again() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let world = World::new(folder.path(), &service);
    world.init(30_000);
    expect(&world.act("certify"));
    // The library must let this time pass: no event tells that it did. Usual servers close an idle
    // connection after 5 seconds.
    std::thread::sleep(Duration::from_secs(4));
    expect(&world.act("certify"));
    assert_eq!(service.connections(), 2);
    facade::free();
}

pub(crate) fn execute(method: &str, api: &str, params: &Value) -> Value {
    serde_json::from_str(facade::execute(method, api, &params.to_string()).as_str()).unwrap()
}

pub(crate) fn expect(message: &Value) {
    assert_eq!(message["status"], "SUCCEEDED", "{message}");
}
