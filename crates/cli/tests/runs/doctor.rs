//! `pims doctor`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use pims::facade;
use serde_json::{Value, json};

use crate::program::Setup;

/// Returns the verdicts and findings of a run, by the names of the checks.
fn checks(setup: &Setup, status: i32) -> Value {
    let run = setup.run(&["doctor", "--json"], "");
    assert_eq!(run.status, status, "{}{}", run.stdout, run.stderr);
    let message: Value = serde_json::from_str(&run.stdout).unwrap();
    let checks = message["result"]["checks"].as_array().unwrap().clone();
    let named = checks.iter().map(|check| (check["check"].as_str().unwrap().to_owned(), check.clone()));
    Value::Object(named.collect())
}

fn remote(setup: &Setup, url: &str) -> Value {
    json!({
        "environnement": "Production",
        "credential": {"inWeboURL": url, "macID": "0123456789abcdef0123456789abcdef"},
        "storage": {"path": setup.path("state")},
    })
}

/// Answers one request on a loopback port, with a date. Returns the port's URL, and the head of the
/// request.
fn service(date: SystemTime) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let head = lines.by_ref().take_while(|line| !line.is_empty()).collect();
        let date = httpdate::fmt_http_date(date);
        write!(stream, "HTTP/1.1 405 Method Not Allowed\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n").unwrap();
        head
    });
    (url, thread)
}

#[test]
fn the_embedded_service_is_noted_and_nothing_is_bad() {
    let setup = Setup::embedded();
    let found = checks(&setup, 0);
    for (check, verdict) in [("configuration", "ok"), ("keys", "ok"), ("service", "note"), ("storage", "ok")] {
        assert_eq!(found[check]["verdict"], verdict, "{found}");
    }
    assert_eq!(found["clock"]["verdict"], "skipped");
    let text = setup.run(&["doctor"], "").ok();
    assert_eq!(text.lines().count(), found.as_object().unwrap().len(), "{text}");
}

#[test]
fn a_service_that_answers_is_reached_and_its_clock_compared() {
    let setup = Setup::empty();
    let (url, thread) = service(SystemTime::now());
    setup.configure(&remote(&setup, &url));
    let found = checks(&setup, 0);
    assert_eq!(found["reach"]["verdict"], "ok", "{found}");
    // The clock is at most as wrong as this machine is slow, so a right clock is not asserted here.
    assert_eq!(thread.join().unwrap()[0], "HEAD /iwws/MAC HTTP/1.1");

    let (url, thread) = service(SystemTime::now() - Duration::from_secs(7200));
    setup.configure(&remote(&setup, &url));
    let found = checks(&setup, 9);
    assert_eq!(found["clock"]["verdict"], "bad", "{found}");
    assert!(found["clock"]["found"].as_str().unwrap().contains("72"), "{found}");
    thread.join().unwrap();
}

#[test]
fn a_certificate_that_is_not_trusted_is_no_fault_of_the_network() {
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let key = rustls::pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        // The client refuses the certificate.
        assert!(connection.complete_io(&mut stream).is_err() || connection.complete_io(&mut stream).is_err());
    });
    let setup = Setup::empty();
    setup.configure(&remote(&setup, &url));
    let found = checks(&setup, 9);
    for (check, verdict) in [("reach", "ok"), ("certificate", "bad"), ("clock", "skipped")] {
        assert_eq!(found[check]["verdict"], verdict, "{found}");
    }
    assert!(found["certificate"]["found"].as_str().unwrap().contains("credential.caFile"), "{found}");
    thread.join().unwrap();
}

#[test]
fn the_service_sees_the_name_that_it_is_configured_to_see() {
    let setup = Setup::empty();
    let (url, thread) = service(SystemTime::now());
    let mut config = remote(&setup, &url);
    config["inwebo"] = json!({"userAgent": "okhttp/4.9.0", "path": "/gateway/MAC"});
    setup.configure(&config);
    assert_eq!(checks(&setup, 0)["reach"]["verdict"], "ok");
    let head = thread.join().unwrap();
    assert_eq!(head[0], "HEAD /gateway/MAC HTTP/1.1");
    let names: Vec<_> = head.iter().filter(|line| line.to_lowercase().starts_with("user-agent:")).collect();
    assert!(matches!(names[..], [name] if name.ends_with(": okhttp/4.9.0")), "{head:?}");
}

#[test]
fn a_service_that_is_not_there_is_bad() {
    let setup = Setup::empty();
    let url = format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    setup.configure(&remote(&setup, &url));
    let found = checks(&setup, 9);
    assert_eq!(found["reach"]["verdict"], "bad", "{found}");
    assert_eq!(found["storage"]["verdict"], "ok", "{found}");
}

#[test]
fn a_configuration_that_is_bad_or_missing_is_told_with_what_to_do() {
    let setup = Setup::empty();
    let found = checks(&setup, 9);
    assert!(found["configuration"]["found"].as_str().unwrap().contains("pims init"), "{found}");
    setup.configure(&json!({"credential": {"macId": 1}}));
    assert_eq!(checks(&setup, 9)["configuration"]["verdict"], "bad");
    setup.configure(&json!({"storage": {"path": setup.path("state")}, "unheardOf": 1}));
    let found = checks(&setup, 0);
    assert_eq!(found["keys"]["verdict"], "note", "{found}");
    setup.configure(&json!({"environnement": "Production", "storage": {"path": setup.path("state")}}));
    assert_eq!(checks(&setup, 9)["service"]["verdict"], "bad");
}

#[test]
fn a_storage_that_another_process_uses_is_bad() {
    let setup = Setup::embedded();
    // This process holds the storage by the library.
    let config = fs::read_to_string(setup.path("config.json")).unwrap();
    let opened = facade::execute("init", "", &config);
    assert!(opened.as_str().contains("SUCCEEDED"), "{}", opened.as_str());
    let found = checks(&setup, 9);
    assert_eq!(found["storage"]["verdict"], "bad", "{found}");
    assert!(found["storage"]["found"].as_str().unwrap().contains("2006"), "{found}");
    let refused = setup.run(&["status"], "").failed(4);
    assert!(refused.contains("(2006)") && refused.contains("try again when the other process has ended"), "{refused}");
    let call = setup.run(&["call"], r#"{"method":"get","api":"pims.sdk.version"}"#);
    assert_eq!(call.status, 4, "{}", call.stdout);
    facade::free();
    assert_eq!(checks(&setup, 0)["storage"]["verdict"], "ok");
}
