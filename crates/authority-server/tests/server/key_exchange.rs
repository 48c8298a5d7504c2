//! The key exchange of connections to the program.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, NamedGroup, RootCertStore, SupportedProtocolVersion, version};

use crate::life::certificate;
use crate::world::{ADMIN, Setup, World};

/// Starts a service with TLS. Returns its certificate, too.
fn service() -> (World, String) {
    let setup = Setup::new();
    let pem = certificate(&setup);
    (setup.set("listen.certificate_file", "server.pem").set("listen.key_file", "server.key").start(), pem)
}

fn port(world: &World) -> &str {
    world.client.url.rsplit_once(':').unwrap().1
}

/// Connects with a client of these groups alone. Returns the group that both agreed on.
fn ask(world: &World, pem: &str, groups: &[NamedGroup], version: &'static SupportedProtocolVersion) -> NamedGroup {
    let usual = aws_lc_rs::default_provider();
    let kx_groups = groups.iter().map(|name| *usual.kx_groups.iter().find(|group| group.name() == *name).unwrap());
    let provider = CryptoProvider { kx_groups: kx_groups.collect(), ..usual.clone() };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut socket = TcpStream::connect(format!("127.0.0.1:{}", port(world))).unwrap();
    let mut stream = rustls::Stream::new(&mut connection, &mut socket);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    connection.negotiated_key_exchange_group().unwrap().name()
}

#[test]
fn the_service_prefers_the_hybrid_group_and_serves_clients_without_it() {
    use NamedGroup::{X25519, X25519MLKEM768, secp256r1};
    let (world, pem) = service();
    let ask = |groups: &[NamedGroup], version| ask(&world, &pem, groups, version);
    assert_eq!(ask(&[X25519MLKEM768, X25519, secp256r1], &version::TLS13), X25519MLKEM768);
    // There is no second hello if the first one has a share of another group in it.
    assert_eq!(ask(&[X25519, X25519MLKEM768], &version::TLS13), X25519);
    assert_eq!(ask(&[X25519, secp256r1], &version::TLS13), X25519);
    assert_eq!(ask(&[secp256r1], &version::TLS13), secp256r1);
    assert_eq!(ask(&[X25519, secp256r1], &version::TLS12), X25519);
    let metrics = world.operate("GET", "/metrics", Some(ADMIN), None).text;
    for (group, version, count) in [
        ("X25519MLKEM768", "TLSv1_3", 1),
        ("X25519", "TLSv1_3", 2),
        ("secp256r1", "TLSv1_3", 1),
        ("X25519", "TLSv1_2", 1),
    ] {
        let line = format!("pims_authority_tls_handshakes_total{{group=\"{group}\",version=\"{version}\"}} {count}");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    world.log.wait_for(|line| line["message"] == "TLS handshake" && line["group"] == "X25519MLKEM768");
}

#[test]
fn programs_of_the_system_are_served_whether_they_know_the_hybrid_group_or_not() {
    let (world, _) = service();
    let certificate = world.path().join("server.pem");
    let curl = Command::new("curl")
        .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
        .arg(&certificate)
        .arg(format!("https://localhost:{}/healthz", port(&world)))
        .output()
        .unwrap();
    assert!(curl.status.success(), "{}", String::from_utf8_lossy(&curl.stderr));
    let address = format!("localhost:{}", port(&world));
    let openssl = Command::new("openssl")
        .args([
            "s_client",
            "-brief",
            "-groups",
            "P-256:X25519",
            "-verify_return_error",
            "-connect",
            &address,
            "-CAfile",
        ])
        .arg(&certificate)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(openssl.status.success(), "{}", String::from_utf8_lossy(&openssl.stderr));
}
