//! One address holds as many connections as it can, each with half of a request, while another
//! address sends whole ones. Both are loopback addresses.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::deployment::read;
use crate::http;
use crate::nginx::Nginx;
use crate::world::{Setup, World, poll};

/// The slow address. The other clients use 127.0.0.1.
const ATTACKER: &str = "127.0.0.2:0";

/// More connections than nginx accepts without deploy/nginx.conf.
const CONNECTIONS: usize = 600;

/// The limit of connections for an address, at the service and in deploy/nginx.conf.
const MOST: usize = 256;

/// The longest wait before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

const HALF_A_HEAD: &[u8] = b"GET /.well-known/jwks.json HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";

/// The beginning of a TLS record of 512 bytes.
const HALF_A_HANDSHAKE: &[u8] = &[0x16, 0x03, 0x01, 0x02, 0x00, 0x01];

/// The part of a request that an attacker has sent.
#[derive(Clone, Copy)]
enum Half<'a> {
    /// Half of a head, without TLS.
    Plain,
    /// Half of a TLS handshake.
    Handshake,
    /// Half of a head, after a handshake with this certificate.
    Tls(&'a str),
}

/// The connections of the slow address.
struct Attack(Vec<TcpStream>);

impl Attack {
    fn begin(address: SocketAddr, half: Half<'_>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connect = || {
            let stream = runtime.block_on(async {
                let socket = tokio::net::TcpSocket::new_v4()?;
                socket.bind(ATTACKER.parse().unwrap())?;
                socket.connect(address).await?.into_std()
            });
            let stream = stream.unwrap();
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream
        };
        // A refused connection may be gone before it has written.
        let begun = (0..CONNECTIONS).filter_map(|_| begin(connect(), half).ok());
        Self(begun.collect())
    }

    /// Returns how many of the connections the other side has not ended.
    fn open(&self) -> usize {
        self.0.iter().filter(|stream| is_open(stream)).count()
    }
}

fn begin(mut stream: TcpStream, half: Half<'_>) -> std::io::Result<TcpStream> {
    match half {
        Half::Plain => stream.write_all(HALF_A_HEAD)?,
        Half::Handshake => stream.write_all(HALF_A_HANDSHAKE)?,
        Half::Tls(pem) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
            let config = builder.with_root_certificates(roots).with_no_client_auth();
            let name = ServerName::try_from("localhost").unwrap();
            let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream);
            tls.write_all(HALF_A_HEAD)?;
            tls.flush()?;
            stream = tls.sock;
        }
    }
    Ok(stream)
}

/// Returns whether the other side has not ended a connection. Reads the bytes that it has sent.
fn is_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let mut bytes = [0; 1024];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// Asserts that others are answered while as many half-sent requests are open as one address may
/// have. No clock is involved: these requests may stay open for longer than a client waits for its
/// answer.
fn others_are_answered(address: SocketAddr, half: Half<'_>, ask: impl Fn() -> u16) {
    let attack = Attack::begin(address, half);
    assert_eq!(ask(), 200);
    let open = poll(|| Some(attack.open()).filter(|open| *open <= MOST));
    assert_eq!(open, Some(MOST), "what the address had open meanwhile");
}

/// Returns a request over a connection of its own.
fn asked(agent: impl Fn() -> ureq::Agent, url: &str) -> impl Fn() -> u16 {
    let url = format!("{url}/.well-known/jwks.json");
    move || http::send(&agent(), "GET", &url, None, None).unwrap().status
}

/// Returns settings with which half-sent requests stay open for as long as a test can take.
fn patient() -> Setup {
    Setup::new().set("limits.header_timeout_seconds", 300)
}

fn address(world: &World) -> SocketAddr {
    world.client.url.rsplit_once("//").unwrap().1.parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn half_sent_heads_of_one_address_hold_up_nobody_else() {
    let world = patient().start();
    others_are_answered(address(&world), Half::Plain, asked(http::agent, &world.client.url));
}

#[test]
#[cfg(target_os = "linux")]
fn half_sent_heads_and_handshakes_of_one_address_hold_up_nobody_else_where_the_service_ends_tls() {
    let setup = patient();
    let pem = crate::life::certificate(&setup);
    let world = setup.set("listen.certificate_file", "server.pem").set("listen.key_file", "server.key").start();
    let url = format!("https://localhost:{}", address(&world).port());
    for half in [Half::Handshake, Half::Tls(&pem)] {
        others_are_answered(address(&world), half, asked(|| crate::life::trusting(&pem), &url));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn half_sent_heads_and_handshakes_of_one_address_hold_up_nobody_else_behind_nginx() {
    let Some(program) = Nginx::program() else { return };
    let world = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    // Without its timeouts: the test does not depend on how fast connections are opened and end.
    let patient = [
        ("client_header_timeout 10s;", "client_header_timeout 300s;"),
        ("proxy_timeout 75s;", "proxy_timeout 300s;"),
        ("pims-connections.log error;", "pims-connections.log info;"),
    ];
    for tls in [false, true] {
        let nginx = Nginx::start_with(program, &world, &patient);
        let pem = nginx.certificate();
        let half = if tls { Half::Tls(&pem) } else { Half::Handshake };
        others_are_answered(nginx.address, half, asked(|| nginx.agent(), &nginx.url));
        let refused = |line: &str| line.contains("limiting connections") && line.contains("client: 127.0.0.2");
        assert!(nginx.written().lines().any(refused), "{}", nginx.written());
    }
}

#[test]
fn nginx_leaves_a_client_that_sends_its_head_too_slowly() {
    let Some(program) = Nginx::program() else { return };
    let world = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    let nginx = Nginx::start(program, &world);
    let pem = nginx.certificate();
    for half in [Half::Handshake, Half::Tls(&pem)] {
        let stream = TcpStream::connect(nginx.address).unwrap();
        let stream = begin(stream, half).unwrap();
        poll(|| (!is_open(&stream)).then_some(())).expect("nginx ends the connection");
    }
}

#[test]
fn nginx_counts_an_ipv6_address_by_its_network() {
    let Some(program) = Nginx::program() else { return };
    let file = read("deploy/nginx.conf");
    let map = file.split_once("    map $remote_addr").unwrap().1.split_once("    }\n").unwrap().0;
    let map = format!("map $remote_addr{map}}}").replace("$remote_addr", "$arg_address");
    let address = crate::nginx::free_address();
    let config = format!(
        "pid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\nevents {{}}\nhttp {{\n{map}\n\
         server {{ listen {address}; return 200 $pims_network; }}\n}}\n"
    );
    let nginx = Nginx::run(program, &config, address);
    let network = |of: &str| {
        let url = format!("http://{}/?address={of}", nginx.address);
        http::send(&http::agent(), "GET", &url, None, None).unwrap().text
    };
    assert_eq!(network("192.0.2.7"), "192.0.2.7");
    // In the spelling of nginx: of runs of zeros, the longest is `::`.
    for (one, other) in [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:ffff:4:5:6"),
        ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"),
        ("2001:db8::1", "2001:db8::2:3:4:5"),
        ("2001:db8:1::1", "2001:db8:1::7"),
        ("2001::4:5:6:7:8", "2001::4:9:9:9:9"),
        ("::4:5:6:7:8", "::4:9:9:9:9"),
        ("::1", "::5:6:7:8"),
    ] {
        assert_eq!(network(one), network(other), "{one} {other}");
    }
    for (one, other) in [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("2001:db8::1", "2001:db8:1::1"),
        ("2001::4:5:6:7:8", "2001::5:5:6:7:8"),
        ("::1", "::4:5:6:7:8"),
    ] {
        assert_ne!(network(one), network(other), "{one} {other}");
    }
}
