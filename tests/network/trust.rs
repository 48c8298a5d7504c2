//! TLS: the servers that the library trusts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use pims::facade;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, PublicKeyData};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::service::Service;
use crate::{MAC_ID, execute, expect, turn};

/// A server's certificate and its issuer.
pub(crate) struct Made {
    pub(crate) server: Arc<rustls::ServerConfig>,
    pub(crate) ca_file: PathBuf,
    pub(crate) pin: String,
}

pub(crate) fn make(folder: &Path, host: &str, expired: bool) -> Made {
    make_with(folder, host, expired, rustls::crypto::ring::default_provider())
}

fn make_with(folder: &Path, host: &str, expired: bool, provider: rustls::crypto::CryptoProvider) -> Made {
    make_changed(folder, host, provider, |params| {
        if expired {
            expire(params);
        }
    })
}

fn expire(params: &mut CertificateParams) {
    params.not_before = rcgen::date_time_ymd(2019, 1, 1);
    params.not_after = rcgen::date_time_ymd(2020, 1, 1);
}

fn make_changed(
    folder: &Path,
    host: &str,
    provider: rustls::crypto::CryptoProvider,
    change: impl FnOnce(&mut CertificateParams),
) -> Made {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_certificate = ca.self_signed(&ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([host.to_owned()]).unwrap();
    change(&mut params);
    let certificate = params.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap();
    let ca_file = folder.join("ca.pem");
    std::fs::write(&ca_file, ca_certificate.pem()).unwrap();
    let pin = format!("sha256/{}", Base64::encode_string(&Sha256::digest(key.subject_public_key_info())));
    let provider = Arc::new(provider);
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    Made { server: Arc::new(server), ca_file, pin }
}

/// Asks for the phone number. Returns the message.
fn ask(folder: &Path, service: &Service, credential: Value) -> Value {
    ask_with(folder, service, credential, json!({"logLevel": "low"}))
}

fn ask_with(folder: &Path, service: &Service, credential: Value, monitoring: Value) -> Value {
    let mut config = json!({
        "storage": { "path": folder.join("device") },
        "credential": { "inWeboURL": service.url, "macID": MAC_ID },
        "account": { "accessToken": crate::TOKEN },
        "monitoring": monitoring,
    });
    for (key, value) in credential.as_object().unwrap() {
        config["credential"][key] = value.clone();
    }
    let made = execute("init", "", &config);
    if made["status"] == "FAILED" {
        return made;
    }
    let params = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
    let message = execute("get", "pims.authentication.smscode", &params);
    facade::free();
    message
}

#[test]
fn a_server_is_trusted_by_its_chain_its_name_its_time_and_its_pin() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), "localhost", false);
    let service = Service::start(folder.path(), Some(made.server.clone()));
    expect(&ask(folder.path(), &service, json!({"caFile": made.ca_file})));
    expect(&ask(folder.path(), &service, json!({"caFile": made.ca_file, "pinnedCertificates": [made.pin]})));
    // One of several pins is enough: keys are exchanged that way.
    let other = format!("sha256/{}", Base64::encode_string(&[7; 32]));
    expect(&ask(folder.path(), &service, json!({"caFile": made.ca_file, "pinnedCertificates": [other, made.pin]})));
    let unpinned = ask(folder.path(), &service, json!({"caFile": made.ca_file, "pinnedCertificates": [other]}));
    assert_eq!(unpinned["error"]["code"], 2208, "{unpinned}");
    assert!(unpinned["error"]["detail"].as_str().unwrap().contains("credential.pinnedCertificates"), "{unpinned}");
    // The system does not know this issuer, and a pin makes no chain valid.
    for credential in [json!({}), json!({"pinnedCertificates": [made.pin]})] {
        let unknown = ask(folder.path(), &service, credential);
        assert_eq!(unknown["error"]["code"], 2202, "{unknown}");
        assert!(unknown["error"]["detail"].as_str().unwrap().contains("certificate"), "{unknown}");
    }
}

#[test]
fn the_log_says_which_key_exchange_a_connection_has() {
    let _turn = turn();
    let providers = [
        ("X25519MLKEM768", rustls::crypto::aws_lc_rs::default_provider()),
        ("X25519", rustls::crypto::ring::default_provider()),
    ];
    for (group, provider) in providers {
        let folder = tempfile::tempdir().unwrap();
        let made = make_with(folder.path(), "localhost", false, provider);
        let service = Service::start(folder.path(), Some(made.server));
        let config = json!({"caFile": made.ca_file});
        expect(&ask_with(folder.path(), &service, config, json!({"logLevel": "high"})));
        let text: String = std::fs::read_dir(folder.path().join("device/logs"))
            .unwrap()
            .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
            .collect();
        assert!(text.contains(&format!("TLSv1_3 with {group}\n")), "{text}");
    }
}

#[test]
fn a_certificate_for_another_host_or_another_time_is_not_trusted() {
    let _turn = turn();
    for (host, expired) in [("elsewhere.example", false), ("localhost", true)] {
        let folder = tempfile::tempdir().unwrap();
        let made = make(folder.path(), host, expired);
        let service = Service::start(folder.path(), Some(made.server));
        let refused = ask(folder.path(), &service, json!({"caFile": made.ca_file, "pinnedCertificates": [made.pin]}));
        assert_eq!(refused["error"]["code"], 2202, "{host}: {refused}");
    }
}

#[test]
fn each_fault_of_a_certificate_has_its_own_sentence() {
    let _turn = turn();
    let told = |host: &str, change: fn(&mut CertificateParams), with_ca: bool| {
        let folder = tempfile::tempdir().unwrap();
        let made = make_changed(folder.path(), host, rustls::crypto::ring::default_provider(), change);
        let service = Service::start(folder.path(), Some(made.server));
        let credential = if with_ca { json!({"caFile": made.ca_file}) } else { json!({}) };
        let refused = ask(folder.path(), &service, credential);
        assert_eq!(refused["error"]["code"], 2202, "{refused}");
        refused["error"]["detail"].as_str().unwrap().to_owned()
    };
    let future: fn(&mut CertificateParams) = |params| params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    let authority: fn(&mut CertificateParams) = |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    for (host, change, with_ca, sentence) in [
        (
            "localhost",
            (|_| ()) as fn(&mut CertificateParams),
            false,
            "put the issuer's certificate into credential.caFile",
        ),
        ("elsewhere.example", |_| (), true, "for another host"),
        ("localhost", expire, true, "has expired: check the local clock"),
        ("localhost", future, true, "not valid yet: check the local clock"),
        ("localhost", authority, true, "the certificate of a CA as its own"),
    ] {
        let detail = told(host, change, with_ca);
        assert!(detail.contains(sentence), "{sentence}: {detail}");
    }
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    // This server answers a TLS greeting like a server of plain HTTP.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
    });
    let plain = ask(folder.path(), &service, json!({"inWeboURL": url}));
    server.join().unwrap();
    assert_eq!(plain["error"]["code"], 2202, "{plain}");
    assert!(plain["error"]["detail"].as_str().unwrap().contains("plain HTTP"), "{plain}");
}

#[test]
fn a_file_of_roots_that_is_none_is_2004() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(folder.path(), None);
    let remote = service.url.replace("http://", "https://");
    std::fs::write(folder.path().join("empty.pem"), "").unwrap();
    for name in ["missing.pem", "empty.pem"] {
        let path = folder.path().join(name);
        let refused = ask(folder.path(), &service, json!({"inWeboURL": remote, "caFile": path}));
        assert_eq!(refused["error"]["code"], 2004, "{name}: {refused}");
        assert!(refused["error"]["detail"].as_str().unwrap().contains("credential.caFile"));
    }
}
