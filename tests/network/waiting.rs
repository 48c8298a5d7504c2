//! Timeouts of connections and answers. `pims_free` ends each wait.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use pims::facade;
use serde_json::{Value, json};
#[cfg(target_os = "linux")]
use socket2::{Domain, Socket, Type};

use crate::fault::Fault;
use crate::operations::World;
use crate::service::Service;
use crate::{expect, turn};

/// A time longer than any test, in milliseconds.
pub(crate) const HOUR: u64 = 3_600_000;

/// An address at which nobody listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";

/// The limit within which the end of a wait of an hour must take effect. The system itself gives a
/// connection up after two minutes.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Asks for the phone number. The answer comes through the channel.
pub(crate) fn ask() -> Receiver<Value> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let callback = Box::new(move |message: &facade::Message| {
        sender.send(serde_json::from_str(message.as_str()).unwrap()).unwrap()
    });
    facade::call(facade::Method::Get, "pims.authentication.trustedphonenumber", "", callback).unwrap();
    receiver
}

/// Waits until the condition is true.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < SOON, "never came: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Tries something with short timeouts, in milliseconds. Tries longer ones if the machine was too
/// slow.
pub(crate) fn patiently(what: &str, attempt: impl FnMut(u64) -> bool) {
    assert!([250, 2000, 20_000].into_iter().any(attempt), "it did not come to that: {what}");
}

/// Frees the facade while it waits for the answer to this request, and checks the end.
pub(crate) fn free_at_once(asked: &Receiver<Value>) {
    assert!(asked.try_recv().is_err(), "it waits no more");
    let begin = Instant::now();
    facade::free();
    let message = asked.try_recv().unwrap();
    assert!(begin.elapsed() < SOON, "{message}");
    assert_eq!(message["error"]["code"], 2202, "{message}");
    assert!(message["error"]["detail"].as_str().unwrap().contains("pims_free"), "{message}");
}

/// A listener whose queue is full: Linux makes no more connections to it and refuses none.
#[cfg(target_os = "linux")]
struct Full {
    address: SocketAddr,
    _listener: Socket,
    /// The clients in the queue. The last one connects in vain.
    clients: Vec<Socket>,
}

#[cfg(target_os = "linux")]
impl Full {
    fn new() -> Self {
        let socket = || Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let listener = socket();
        listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut full = Self { address, _listener: listener, clients: Vec::new() };
        while !full.is_in_vain() {
            let client = socket();
            client.set_nonblocking(true).unwrap();
            // An error says that the connection is not made yet.
            let _ = client.connect(&address.into());
            full.clients.push(client);
            until("a connection or a second request for it", || {
                full.clients.last().is_some_and(|client| client.peer_addr().is_ok()) || full.is_in_vain()
            });
        }
        full
    }

    /// Returns whether the last client asked a second time in vain.
    fn is_in_vain(&self) -> bool {
        let Some(client) = self.clients.last() else { return false };
        let port = client.local_addr().unwrap().as_socket().unwrap().port();
        self.dialling().iter().any(|(from, asked_again)| *from == port && *asked_again > 0)
    }

    /// Returns whether a connection is asked for and not made, by another one than the last client.
    fn is_dialled(&self) -> bool {
        self.dialling().len() > 1
    }

    /// Returns the ports from which a connection is asked for, and how often it was asked for
    /// again.
    fn dialling(&self) -> Vec<(u16, u32)> {
        const SYN_SENT: &str = "02";
        let place = format!(":{:04X}", self.address.port());
        let of = |line: &str| {
            let columns: Vec<_> = line.split_whitespace().collect();
            let (_, port) = columns[1].rsplit_once(':')?;
            let is_asked = columns[2].ends_with(&place) && columns[3] == SYN_SENT;
            is_asked.then(|| (u16::from_str_radix(port, 16).unwrap(), u32::from_str_radix(columns[6], 16).unwrap()))
        };
        std::fs::read_to_string("/proc/net/tcp").unwrap().lines().filter_map(of).collect()
    }
}

/// Initializes a device of a service with these settings of `network`.
fn init(url: &str, network: Value) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let nobody = Nobody;
    let world = World { folder: folder.path(), url, ca_file: None, service: &nobody };
    world.init_with(&json!({ "network": network }), &json!({}));
    folder
}

/// A verifier that accepts no password.
struct Nobody;

impl crate::Verifier for Nobody {
    fn accepts(&self, _: &str) -> bool {
        false
    }
}

#[test]
fn freeing_ends_a_request_that_waits() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    World::new(folder.path(), &service).init(HOUR);
    service.fail(0, Fault::Silence);
    let asked = ask();
    until("the request", || service.failed());
    free_at_once(&asked);
}

#[test]
#[cfg(target_os = "linux")]
fn freeing_ends_a_connection_that_is_not_made() {
    let _turn = turn();
    let full = Full::new();
    assert!(!full.is_dialled());
    let _folder =
        init(&format!("http://{}", full.address), json!({"connectTimeoutMs": HOUR, "requestTimeoutMs": HOUR}));
    let asked = ask();
    until("a connection that is asked for", || full.is_dialled());
    free_at_once(&asked);
}

#[test]
#[cfg(target_os = "linux")]
fn a_connection_that_is_not_made_in_time_is_2201() {
    let _turn = turn();
    let full = Full::new();
    for (network, reason) in [
        (json!({"connectTimeoutMs": 300, "requestTimeoutMs": HOUR}), "no connection within network.connectTimeoutMs"),
        (json!({"connectTimeoutMs": HOUR, "requestTimeoutMs": 300}), "no whole answer within network.requestTimeoutMs"),
    ] {
        let _folder = init(&format!("http://{}", full.address), network);
        let message = ask().recv_timeout(SOON).unwrap();
        facade::free();
        is_late(&message, reason);
    }
}

#[test]
fn an_answer_that_does_not_come_in_time_is_2201() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    for fault in [Fault::Silence, Fault::Stall] {
        patiently("an answer that does not come", |timeout| {
            let _folder = init(&service.url, json!({"connectTimeoutMs": HOUR, "requestTimeoutMs": timeout}));
            service.fail(0, fault);
            let message = ask().recv_timeout(SOON).unwrap();
            facade::free();
            is_late(&message, "no whole answer within network.requestTimeoutMs");
            service.failed()
        });
    }
}

#[test]
fn the_time_for_a_connection_is_none_for_an_answer() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    patiently("a connection", |timeout| {
        let _folder = init(&service.url, json!({"connectTimeoutMs": timeout, "requestTimeoutMs": HOUR}));
        service.fail(0, Fault::Silence);
        let asked = ask();
        let message = asked.recv_timeout(Duration::from_millis(2 * timeout));
        if service.failed() {
            assert!(message.is_err(), "{message:?}");
            free_at_once(&asked);
            return true;
        }
        facade::free();
        false
    });
}

fn is_late(message: &Value, reason: &str) {
    assert_eq!(message["error"]["code"], 2201, "{message}");
    let detail = message["error"]["detail"].as_str().unwrap();
    assert_eq!(detail, format!("the service did not answer in time ({reason})"));
}

#[test]
fn a_service_that_is_not_there_is_2202() {
    let _turn = turn();
    let _folder = init(NOWHERE, json!({"connectTimeoutMs": HOUR, "requestTimeoutMs": HOUR}));
    let message = ask().recv_timeout(SOON).unwrap();
    assert_eq!(message["error"]["code"], 2202, "{message}");
    assert_eq!(message["error"]["detail"], "the service cannot be reached (connection refused)");
    expect(&crate::execute("get", "pims.sdk.version", &json!({})));
}
