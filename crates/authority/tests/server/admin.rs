//! What operators reach, and who may.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};
use serde_json::{Value, json};

use crate::device::Device;
use crate::http::{Reply, is_sealed};
use crate::world::{ADMIN, NUMBER, Setup, World};

fn operate(world: &World, method: &str, path: &str, body: Option<&Value>) -> Reply {
    world.operate(method, &format!("/admin/v1/{path}"), Some(ADMIN), body)
}

#[test]
fn an_account_is_made_found_unblocked_and_removed() {
    let world = World::new();
    let name = json!({"name": "dora"});
    assert_eq!(operate(&world, "POST", "accounts", Some(&name)).status, 201);
    let again = operate(&world, "POST", "accounts", Some(&name));
    assert_eq!((again.status, again.word().as_str()), (409, "NOK:EXISTS"));
    let view = json!({"name": "dora", "phoneNumber": null, "blocked": false, "pinTries": 0, "pinWrong": 0, "hasPin": false, "devices": 0});
    assert_eq!(operate(&world, "GET", "accounts/dora", None).json(), view);
    assert_eq!(operate(&world, "GET", "accounts", None).json(), json!({ "accounts": [view] }));

    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    for _ in 0..5 {
        device.ask(&world.client, "0000");
    }
    assert_eq!(device.ask(&world.client, "1234").err(), "NOK_BLOCKED");
    let seen = operate(&world, "GET", "accounts/alice", None).json();
    assert_eq!((&seen["blocked"], &seen["phoneNumber"], &seen["devices"]), (&json!(true), &json!(NUMBER), &json!(1)));
    assert_eq!(operate(&world, "POST", "accounts/alice/unblock", None).json(), json!({"unblocked": true}));
    assert_eq!(operate(&world, "POST", "accounts/alice/unblock", None).json(), json!({"unblocked": false}));
    device.made(&world.client, "1234");

    let devices = operate(&world, "GET", "accounts/alice/devices", None).json();
    let seen = &devices["devices"][0];
    assert_eq!((&seen["id"], &seen["serial"]), (&json!(device.id), &json!(device.serial.as_str())));
    assert_eq!(operate(&world, "DELETE", &format!("accounts/alice/devices/{}", device.id), None).status, 204);
    assert_eq!(operate(&world, "DELETE", &format!("accounts/alice/devices/{}", device.id), None).status, 404);
    assert_eq!(device.status(&world.client), "NOK:NODEVICE");
    assert_eq!(operate(&world, "DELETE", "accounts/alice", None).status, 204);
    assert_eq!(operate(&world, "GET", "accounts/alice", None).status, 404);

    let audit = operate(&world, "GET", "audit?account=alice&limit=500", None).json();
    let text = audit.to_string();
    assert!(audit["audit"].as_array().unwrap().len() > 10, "{text}");
    let first = audit["audit"][0]["id"].as_str().unwrap();
    let rest = operate(&world, "GET", &format!("audit?account=alice&limit=500&before={first}"), None).json();
    assert_eq!(rest["audit"].as_array().unwrap()[..], audit["audit"].as_array().unwrap()[1..]);
}

#[test]
fn what_is_not_there_or_not_a_request_is_told() {
    let world = World::new();
    for (method, path, status) in [
        ("GET", "accounts/nobody", 404),
        ("GET", "accounts/nobody/devices", 404),
        ("POST", "accounts/nobody/unblock", 404),
        ("DELETE", "accounts/nobody", 404),
        ("DELETE", "accounts/nobody/devices/1", 404),
        ("GET", "accounts?limit=x", 400),
        ("GET", "accounts?other=1", 400),
        ("GET", "audit?before=x", 400),
        ("GET", "audit?account=", 400),
        ("POST", "accounts", 400),
        ("GET", "accounts/a%00b", 400),
        ("PUT", "accounts", 405),
        ("GET", "nothing", 404),
    ] {
        let reply = operate(&world, method, path, None);
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.text);
    }
    let bad = operate(&world, "POST", "accounts", Some(&json!({"name": "a", "more": 1})));
    assert_eq!(bad.status, 400);
}

#[test]
fn every_path_of_the_description_is_there_and_wants_the_token() {
    let world = World::new();
    let description = operate(&world, "GET", "openapi.json", None).json();
    assert_eq!(description["openapi"], "3.1.0");
    let mut seen = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let path = path.replace("{account}", "nobody").replace("{device}", "1");
        for method in operations.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let method = method.to_uppercase();
            let with = world.operate(&method, &path, Some(ADMIN), None);
            // Nothing of that name is there, but the route is.
            assert!(with.status != 405 && with.status != 401, "{method} {path}: {}", with.status);
            if path.starts_with("/admin/") {
                for shown in [None, Some("another"), Some("")] {
                    let without = world.operate(&method, &path, shown, None);
                    assert_eq!((without.status, without.word().as_str()), (401, "NOK:TOKEN"), "{method} {path}");
                }
            }
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen} operations");
}

#[test]
fn every_answer_to_operators_is_sealed() {
    let world = World::new();
    let alice = world.account("alice");
    let device = format!("accounts/alice/devices/{}", Device::activate(&world, &alice, "1234").id);
    let name = json!({"name": "dora"});
    let long = format!("audit?{}", "x".repeat(20_000));
    for (method, path, body, status) in [
        ("GET", "accounts", None, 200),
        ("GET", "accounts/alice", None, 200),
        ("GET", "accounts/alice/devices", None, 200),
        ("GET", "audit", None, 200),
        ("GET", "openapi.json", None, 200),
        ("POST", "accounts/alice/unblock", None, 200),
        ("POST", "accounts", Some(&name), 201),
        ("POST", "accounts", Some(&name), 409),
        ("POST", "accounts", None, 400),
        ("POST", "accounts", Some(&json!("x".repeat(100_000))), 413),
        ("GET", "accounts?limit=x", None, 400),
        ("GET", "accounts/%FF", None, 400),
        ("GET", &long, None, 414),
        ("GET", "accounts/nobody", None, 404),
        ("GET", "nothing", None, 404),
        ("PUT", "accounts", None, 405),
        ("DELETE", &device, None, 204),
        ("DELETE", &device, None, 404),
        ("DELETE", "accounts/alice", None, 204),
    ] {
        let reply = operate(&world, method, path, body);
        assert_eq!(reply.status, status, "{method} {path:.40}");
        assert!(is_sealed(&reply.headers), "{method} {path:.40}: {:?}", reply.headers);
    }
    for (path, token, status) in [
        ("/admin/v1/accounts", None, 401),
        ("/admin/v1/accounts", Some("another"), 401),
        ("/admin/v1/openapi.json", None, 401),
        ("/metrics", None, 200),
        ("/healthz", None, 200),
        ("/readyz", None, 200),
        ("/", None, 404),
    ] {
        let reply = world.operate("GET", path, token, None);
        assert_eq!(reply.status, status, "{path}");
        assert!(is_sealed(&reply.headers), "{path}: {:?}", reply.headers);
    }
}

#[test]
fn numbers_are_for_operators_and_name_no_account() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    device.ask(&world.client, "0000");
    let numbers = world.operate("GET", "/metrics", None, None);
    assert_eq!(numbers.status, 200);
    for line in [
        r#"pims_authority_outcomes_total{operation="otp",outcome="NOK:ACCESS"} 1"#,
        r#"pims_authority_outcomes_total{operation="sendCode",outcome="OK"} 2"#,
        r#"pims_authority_requests_total{route="/iwws/MAC",method="GET",status="200"} 5"#,
    ] {
        assert!(numbers.text.contains(line), "no {line} in\n{}", numbers.text);
    }
    assert!(numbers.text.ends_with("# EOF\n"));
    assert!(!numbers.text.contains("alice") && !numbers.text.contains(&device.id));
}

/// A certificate authority of the test's own, and what it signed.
struct Authorities {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authorities {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }
}

/// What is answered over TLS to who shows this certificate; nothing where the connection is refused.
fn over_tls(address: &str, roots: &Authorities, shown: Option<&(rcgen::Certificate, KeyPair)>) -> String {
    let mut store = RootCertStore::empty();
    store.add(roots.issuer.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(store);
    let config = match shown {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
            builder.with_client_auth_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into()).unwrap()
        }
    };
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut socket = TcpStream::connect(address).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut text = String::new();
    if stream.write_all(b"GET /admin/v1/accounts HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").is_ok() {
        let _ = stream.read_to_string(&mut text);
    }
    text
}

#[test]
fn operators_may_be_known_by_their_certificates() {
    let (ours, theirs) = (Authorities::new(), Authorities::new());
    let setup = Setup::new();
    let (certificate, key) = ours.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
    setup.write("server.pem", &certificate.pem());
    setup.write("server.key", &key.serialize_pem());
    setup.write("operators.pem", &ours.issuer.pem());
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    setup.write("config.toml", &config.replace("token_file = \"admin.token\"", "client_ca_file = \"operators.pem\""));
    let world = setup.set("admin.certificate_file", "server.pem").set("admin.key_file", "server.key").start();
    let address = world.admin_url.trim_start_matches("http://").to_owned();
    let operator = ours.sign("operator", ExtendedKeyUsagePurpose::ClientAuth);
    let answer = over_tls(&address, &ours, Some(&operator));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
    let stranger = theirs.sign("operator", ExtendedKeyUsagePurpose::ClientAuth);
    assert_eq!(over_tls(&address, &ours, Some(&stranger)), "");
    assert_eq!(over_tls(&address, &ours, None), "");
}
