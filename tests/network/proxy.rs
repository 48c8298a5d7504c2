//! An HTTP proxy between the library and the service: what it can see, its faults, missing proxies,
//! and the settings that name one.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64ct::{Base64, Encoding};
use pims::facade;
use serde_json::{Value, json};

use crate::operations::World;
use crate::service::{Service, Stream, read_head};
use crate::trust::{Made, make};
use crate::waiting::{HOUR, NOWHERE, ask, free_at_once, patiently, until};
use crate::{TOKEN, execute, expect, turn};

/// The behaviour of a proxy.
#[derive(Clone, Copy)]
enum Does {
    /// Makes the connection that is asked for.
    Connect,
    /// Sends this text and closes the connection.
    Say(&'static str),
    /// Sends nothing.
    Wait,
}

/// A proxy on a loopback port. It ends with the process.
struct Proxy {
    port: u16,
    seen: Arc<Mutex<Seen>>,
}

/// The data that a proxy saw.
#[derive(Default)]
struct Seen {
    /// The requests to the proxy.
    heads: Vec<String>,
    /// The bytes that passed through it to the service.
    passed: Vec<u8>,
}

impl Proxy {
    fn start(does: Does) -> Self {
        Self::start_with(does, None)
    }

    fn start_with(does: Does, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        std::thread::spawn(move || {
            for device in listener.incoming().map_while(Result::ok) {
                let (seen, tls) = (shared.clone(), tls.clone());
                std::thread::spawn(move || serve(device, does, tls, &seen));
            }
        });
        Self { port, seen }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the first lines of the requests since the last call.
    fn asked(&self) -> Vec<String> {
        let heads = std::mem::take(&mut self.seen.lock().unwrap().heads);
        heads.iter().map(|head| head.lines().next().unwrap().to_owned()).collect()
    }
}

fn serve(socket: TcpStream, does: Does, tls: Option<Arc<rustls::ServerConfig>>, seen: &Mutex<Seen>) {
    let other = socket.try_clone().unwrap();
    let mut device: Box<dyn Stream> = match tls {
        None => Box::new(socket),
        Some(config) => Box::new(rustls::StreamOwned::new(rustls::ServerConnection::new(config).unwrap(), socket)),
    };
    let Some(head) = read_head(&mut *device) else { return };
    seen.lock().unwrap().heads.push(head.clone());
    match does {
        Does::Say(what) => {
            let _ = device.write_all(what.as_bytes()).and_then(|()| device.flush());
        }
        Does::Wait => {
            // Waits until the client gives up.
            let _ = device.read(&mut [0]);
        }
        Does::Connect => {
            let Some(place) = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()) else { return };
            let mut service = TcpStream::connect(place).unwrap();
            device.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").and_then(|()| device.flush()).unwrap();
            for socket in [&other, &service] {
                // The two sides are read in turn.
                socket.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
            }
            while pass(&mut *device, &mut service, Some(seen)) && pass(&mut service, &mut *device, None) {}
        }
    }
}

/// Passes the available bytes on. Returns whether more may come.
fn pass(from: &mut dyn Stream, to: &mut dyn Stream, seen: Option<&Mutex<Seen>>) -> bool {
    let mut bytes = [0; 4096];
    match from.read(&mut bytes) {
        Ok(0) => false,
        Ok(count) => {
            if let Some(seen) = seen {
                seen.lock().unwrap().passed.extend(&bytes[..count]);
            }
            to.write_all(&bytes[..count]).and_then(|()| to.flush()).is_ok()
        }
        Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// A service over TLS, with its certificate and pin.
struct Secure {
    folder: tempfile::TempDir,
    made: Made,
    service: Service,
}

impl Secure {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), "localhost", false);
        let service = Service::start(folder.path(), Some(made.server.clone()));
        Self { folder, made, service }
    }

    fn world(&self) -> World<'_> {
        World { ca_file: Some(&self.made.ca_file), ..World::new(self.folder.path(), &self.service) }
    }

    /// Returns the first line of a request for a connection to the service.
    fn connect(&self) -> String {
        format!("CONNECT {} HTTP/1.1", self.service.url.strip_prefix("https://").unwrap())
    }
}

/// Asks for a code with these settings of `network` and `credential`. Returns the message.
fn certify(world: &World<'_>, network: Value, credential: Value) -> Value {
    world.init_with(&json!({ "network": network }), &credential);
    let message = world.act("certify");
    facade::free();
    message
}

/// Asserts that the message has this code and this detail.
fn failed(message: &Value, code: u64, detail: &str) {
    assert_eq!(message["error"]["code"], code, "{message}");
    assert!(message["error"]["detail"].as_str().unwrap().contains(detail), "{message}");
}

#[test]
fn a_proxy_is_asked_for_connections_alone_and_sees_no_request() {
    let _turn = turn();
    let (secure, proxy) = (Secure::start(), Proxy::start(Does::Connect));
    let world = secure.world();
    world.init_with(&json!({"network": {"proxy": proxy.url()}}), &json!({"pinnedCertificates": [secure.made.pin]}));
    for step in ["certify", "add", "code", "enroll", "otp", "number", "remove"] {
        expect(&world.act(step));
    }
    facade::free();
    let seen = proxy.seen.lock().unwrap();
    // One, but on a slow machine the time between two requests can be too long for one connection.
    assert!((1..secure.service.asked().len()).contains(&seen.heads.len()), "{:?}", seen.heads);
    assert_eq!(secure.service.connections(), seen.heads.len());
    let passed = String::from_utf8_lossy(&seen.passed);
    assert!(passed.len() > 1000);
    for head in &seen.heads {
        assert!(head.starts_with(&format!("{}\r\n", secure.connect())), "{head}");
        assert!(!head.to_ascii_lowercase().contains("authorization:"), "{head}");
        for secret in [TOKEN, "iwws", "smsCode", "33612345678", "HTTP/1.1"] {
            assert!(!head[secure.connect().len()..].contains(secret) && !passed.contains(secret), "{secret}");
        }
    }
}

#[test]
fn what_a_proxy_wants_to_know_of_the_user_is_told_to_it_alone() {
    let _turn = turn();
    let (secure, proxy) = (Secure::start(), Proxy::start(Does::Connect));
    let url = format!("http://us%40er:p%3Ass@127.0.0.1:{}", proxy.port);
    expect(&certify(&secure.world(), json!({"proxy": url}), json!({})));
    let said = format!("\r\nProxy-Authorization: Basic {}\r\n", Base64::encode_string(b"us@er:p:ss"));
    assert!(proxy.seen.lock().unwrap().heads[0].contains(&said));
    let requests = secure.service.requests();
    assert!(!requests.is_empty() && !requests.iter().any(|(_, head)| head.to_ascii_lowercase().contains("proxy")));
}

#[test]
fn a_proxy_that_makes_no_connection_is_2202_and_the_service_is_not_asked_past_it() {
    let _turn = turn();
    let secure = Secure::start();
    let through = |url: String| certify(&secure.world(), json!({"proxy": url}), json!({}));
    for (said, detail) in [
        ("HTTP/1.1 407 Who are you\r\nContent-Length: 2\r\n\r\nno", "the proxy made no connection: HTTP 407"),
        ("HTTP/1.1 502 No\r\n\r\n", "the proxy made no connection: HTTP 502"),
        ("", "the proxy made no connection"),
        ("HTTP/1.1 200 Conn", "the proxy made no connection"),
    ] {
        let proxy = Proxy::start(Does::Say(said));
        failed(&through(proxy.url()), 2202, detail);
        // One attempt.
        assert_eq!(proxy.asked(), [secure.connect()], "{said}");
    }
    failed(&through(NOWHERE.into()), 2202, "connection refused");
    failed(&through(Proxy::start(Does::Say("SSH-2.0-x\r\n\r\n")).url()), 2203, "it is not HTTP");
    assert_eq!(secure.service.connections(), 0);
}

#[test]
fn a_proxy_that_says_nothing_is_2201_by_either_timeout() {
    let _turn = turn();
    let secure = Secure::start();
    let proxy = Proxy::start(Does::Wait);
    let wait = |connect: u64, request: u64, reason: &str| {
        let network = json!({"proxy": proxy.url(), "connectTimeoutMs": connect, "requestTimeoutMs": request});
        failed(&certify(&secure.world(), network, json!({})), 2201, reason);
        proxy.asked() == [secure.connect()]
    };
    patiently("a proxy that is asked", |timeout| wait(timeout, HOUR, "network.connectTimeoutMs"));
    patiently("a proxy that is asked", |timeout| wait(HOUR, timeout, "network.requestTimeoutMs"));
    assert_eq!(secure.service.connections(), 0);
}

#[test]
fn freeing_ends_the_wait_for_a_proxy() {
    let _turn = turn();
    let (secure, proxy) = (Secure::start(), Proxy::start(Does::Wait));
    let network = json!({"proxy": proxy.url(), "connectTimeoutMs": HOUR, "requestTimeoutMs": HOUR});
    secure.world().init_with(&json!({ "network": network }), &json!({}));
    let asked = ask();
    until("the proxy is asked", || !proxy.seen.lock().unwrap().heads.is_empty());
    free_at_once(&asked);
}

#[test]
fn what_is_not_encrypted_stays_on_this_machine_whatever_the_other_service_is() {
    let _turn = turn();
    let (secure, proxy) = (Secure::start(), Proxy::start(Does::Connect));
    let folder = tempfile::tempdir().unwrap();
    let plain = Service::start(folder.path(), None);
    let ask_both = |world: &World<'_>, cvs: &str| {
        world.init_with(&json!({"network": {"proxy": proxy.url()}}), &json!({ "cvsURL": cvs }));
        expect(&world.act("certify"));
        let to_cvs = proxy.asked();
        let code = json!({"action": "enrollment", "smsCode": "123456"});
        let wrong = execute("set", "pims.authentication.smscode", &code);
        assert_eq!(wrong["error"]["code"], 2305, "{wrong}");
        facade::free();
        (to_cvs, proxy.asked())
    };
    let none: [String; 0] = [];
    let asked =
        ask_both(&World { ca_file: Some(&secure.made.ca_file), ..World::new(folder.path(), &plain) }, &plain.url);
    assert_eq!(asked, (none.to_vec(), none.to_vec()));
    let asked = ask_both(&secure.world(), &plain.url);
    assert_eq!(asked, (none.to_vec(), vec![secure.connect()]));
    let folder = tempfile::tempdir().unwrap();
    let mixed = World { ca_file: Some(&secure.made.ca_file), ..World::new(folder.path(), &plain) };
    assert_eq!(ask_both(&mixed, &secure.service.url), (vec![secure.connect()], none.to_vec()));
}

/// The variable that tells a process the place of its configuration.
const APART: &str = "PIMS_NETWORK_APART";

/// Asks for a code in a process of its own. It has this configuration, and its environment has
/// nothing about proxies and roots but these variables. Returns the message.
fn certify_apart(test: &str, config: &Value, environment: &[(&str, &str)]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test]).env(APART, folder.path());
    for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    let output = command.envs(environment.iter().copied()).stdin(Stdio::null()).output().unwrap();
    let answer = std::fs::read_to_string(folder.path().join("answer.json"));
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&answer.unwrap_or_else(|_| panic!("{said}"))).unwrap()
}

/// Returns whether this is such a process. If so, it has done its work.
fn was_apart() -> bool {
    let Some(folder) = std::env::var_os(APART).map(PathBuf::from) else { return false };
    let config = std::fs::read_to_string(folder.join("config.json")).unwrap();
    expect(&execute("init", "", &serde_json::from_str(&config).unwrap()));
    let params = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
    let message = execute("get", "pims.authentication.smscode", &params);
    std::fs::write(folder.join("answer.json"), message.to_string()).unwrap();
    facade::free();
    true
}

#[test]
fn the_environment_names_a_proxy_and_who_is_reached_without() {
    if was_apart() {
        return;
    }
    let test = "proxy::the_environment_names_a_proxy_and_who_is_reached_without";
    let (secure, proxy) = (Secure::start(), Proxy::start(Does::Connect));
    let config = secure.world().config(&json!({}), &json!({}));
    let (here, gone) = (&*proxy.url(), NOWHERE);
    let through = vec![secure.connect()];
    for (environment, asked) in [
        (vec![("HTTPS_PROXY", here)], &through),
        (vec![("https_proxy", here), ("all_proxy", gone)], &through),
        (vec![("all_proxy", here)], &through),
        // Variables as desktops set them. A SOCKS proxy is for other programs.
        (vec![("https_proxy", here), ("ALL_PROXY", "socks://127.0.0.1:1")], &through),
        (vec![("https_proxy", here), ("no_proxy", "example.com")], &through),
        (vec![("https_proxy", here), ("NO_PROXY", "example.com, localhost")], &vec![]),
        // This variable is for `http` only.
        (vec![("HTTP_PROXY", gone), ("http_proxy", gone)], &vec![]),
        (vec![], &vec![]),
    ] {
        let message = certify_apart(test, &config, &environment);
        assert_eq!(message["status"], "SUCCEEDED", "{environment:?}: {message}");
        assert_eq!(proxy.asked(), *asked, "{environment:?}");
    }
    failed(&certify_apart(test, &config, &[("https_proxy", gone)]), 2202, "connection refused");

    // The configuration counts instead, exceptions included.
    let configured = secure.world().config(&json!({"network": {"proxy": here}}), &json!({}));
    expect(&certify_apart(test, &configured, &[("https_proxy", gone), ("no_proxy", "localhost")]));
    assert_eq!(proxy.asked(), through);

    // A service on this machine without TLS.
    let folder = tempfile::tempdir().unwrap();
    let plain = Service::start(folder.path(), None);
    let config = World::new(folder.path(), &plain).config(&json!({}), &json!({}));
    expect(&certify_apart(test, &config, &[("https_proxy", gone), ("http_proxy", gone), ("all_proxy", gone)]));
}

#[test]
fn roots_and_pins_are_those_of_the_service_and_the_system_judges_a_proxy() {
    if was_apart() {
        return;
    }
    let test = "proxy::roots_and_pins_are_those_of_the_service_and_the_system_judges_a_proxy";
    let secure = Secure::start();
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), "localhost", false);
    let proxy = Proxy::start_with(Does::Connect, Some(made.server.clone()));
    let url = format!("https://localhost:{}", proxy.port);
    let certify = |url: &str, credential: Value, roots: &Path| {
        let config = secure.world().config(&json!({"network": {"proxy": url}}), &credential);
        certify_apart(test, &config, &[("SSL_CERT_FILE", roots.to_str().unwrap())])
    };
    let pinned = json!({"pinnedCertificates": [secure.made.pin]});
    expect(&certify(&url, pinned.clone(), &made.ca_file));
    assert_eq!(proxy.asked(), [secure.connect()]);

    // The proxy's key is not the service's.
    let of_proxy = json!({"pinnedCertificates": [made.pin]});
    failed(&certify(&url, of_proxy, &made.ca_file), 2208, "credential.pinnedCertificates");
    assert_eq!(proxy.asked(), [secure.connect()]);
    // Roots that are trusted for the proxy are not trusted for the service.
    let roots_of_proxy = json!({"caFile": made.ca_file});
    failed(&certify(&url, roots_of_proxy, &made.ca_file), 2202, "the server's certificate");
    assert_eq!(proxy.asked(), [secure.connect()]);

    // A proxy whose certificate is unknown to the system, or is for another host, learns nothing.
    let unknown = certify(&url, pinned.clone(), &secure.made.ca_file);
    failed(
        &unknown,
        2202,
        "the proxy's certificate is of an issuer that is not trusted: put the issuer's certificate into the trusted roots of this system",
    );
    let elsewhere = url.replace("localhost", "127.0.0.1");
    failed(
        &certify(&elsewhere, pinned, &made.ca_file),
        2202,
        "the proxy's certificate is for another host: check the host in network.proxy",
    );
    assert!(proxy.asked().is_empty());
}
