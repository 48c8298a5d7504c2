//! Connections that the service opens: the log names the fault of their TLS.

use std::process::Stdio;

use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use crate::world::{Setup, World};

/// Starts a service over TLS, in the place of a gateway or an issuer. Its certificate is for
/// `localhost`, and is changed first.
fn peer(change: impl FnOnce(&mut CertificateParams)) -> (World, String) {
    let setup = Setup::new();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let pem = params.self_signed(&key).unwrap().pem();
    setup.write("server.pem", &pem);
    setup.write("server.key", &key.serialize_pem());
    let world = setup.set("listen.certificate_file", "server.pem").set("listen.key_file", "server.key").start();
    (world, pem)
}

fn port(world: &World) -> &str {
    world.client.url.rsplit_once(':').unwrap().1
}

fn valid_until(year: i32) -> impl FnOnce(&mut CertificateParams) {
    move |params| {
        params.not_before = rcgen::date_time_ymd(year, 1, 1);
        params.not_after = rcgen::date_time_ymd(year + 1, 1, 1);
    }
}

/// Calls `check` with a setup that has the peer's certificate as `ca.pem`, a URL of the peer, and
/// the part of a sentence that the service must tell.
fn each_fault(check: impl Fn(&dyn Fn(Setup) -> Setup, &str, &str)) {
    let ca = |params: &mut CertificateParams| params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let (good, good_pem) = peer(|_| {});
    let (_, other_pem) = peer(|_| {});
    let (expired, expired_pem) = peer(valid_until(2019));
    let (early, early_pem) = peer(valid_until(2900));
    let (of_ca, ca_pem) = peer(ca);
    let plain = World::new();
    for (world, host, pem, expected) in [
        (&good, "localhost", &other_pem, "of an issuer that is not trusted"),
        (&good, "127.0.0.1", &good_pem, "certificate is for another host"),
        (&expired, "localhost", &expired_pem, "certificate has expired"),
        (&early, "localhost", &early_pem, "certificate is not valid yet"),
        (&of_ca, "localhost", &ca_pem, "shows the certificate of a CA as its own"),
        (&plain, "localhost", &good_pem, "does not speak TLS at this port"),
    ] {
        let with_root = |setup: Setup| {
            setup.write("ca.pem", pem);
            setup
        };
        check(&with_root, &format!("https://{host}:{}/", port(world)), expected);
    }
}

#[test]
fn the_log_names_the_fault_of_a_gateways_tls() {
    each_fault(|with_root, url, expected| {
        let world = with_root(Setup::new())
            .set("sms.gateway", "webhook")
            .set("sms.webhook_url", url)
            .set("sms.webhook_ca_file", "ca.pem")
            .set("sms.webhook_template", r#"{"to": "{to}", "text": "{text}"}"#)
            .set("sms.retry_attempts", 1)
            .set("sms.countries", "+33")
            .start();
        let body = json!({"type": "phoneNumberCertification", "phoneNumber": "+33612345678"});
        assert_eq!(world.cvs("POST", "smsCode", "alice", Some(&body)).word(), "NOK:NOSMS");
        let line = world.log.wait_for(|line| line["message"] == "the SMS gateway did not accept a message");
        let why = line["why"].as_str().unwrap();
        assert!(why.starts_with("the SMS gateway") && why.contains(expected), "{url}: {why}");
    });
}

#[test]
fn a_start_names_the_fault_of_an_issuers_tls() {
    each_fault(|with_root, url, expected| {
        let setup = with_root(Setup::production());
        let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
        setup.write("config.toml", &config.replace("jwks_file = \"jwks.json\"\n", ""));
        let setup = setup.set("tokens.jwks_url", url).set("tokens.ca_file", "ca.pem");
        let output = setup.command(&["serve"]).stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains("the issuer's keys: the server of tokens.jwks_url"), "{printed}");
        assert!(printed.contains(expected), "{url}: {printed}");
    });
}
