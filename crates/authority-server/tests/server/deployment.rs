//! The files in `deploy/`: they are accepted, they name existing things, and nginx logs no secret.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use serde_json::Value;

use crate::device::{Answer, Device, Exchange, setup};
use crate::nginx::Nginx;
use crate::world::{Client, Setup, poll};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap()
}

/// Asserts that a configuration is accepted in a folder with the files that it names.
fn is_accepted(config: &str) {
    let setup = Setup::new();
    setup.write("config.toml", config);
    for name in ["admin.token", "portal.token", "sms.key", "old-master.key", "master.key"] {
        setup.write(name, &"0123456789abcdef".repeat(4));
    }
    setup.write("database.url", "postgres://pims:password@db.example.com/pims");
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    setup.write("server.pem", &certificate.pem());
    setup.write("server.key", &key.serialize_pem());
    setup.write("operators-ca.pem", &certificate.pem());
    let output = setup.command(&["check"]).output().unwrap();
    assert!(output.status.success(), "{config}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_configuration_for_production_is_accepted() {
    is_accepted(&read("deploy/pims-authority.toml"));
}

/// Returns the names in a text that begin like those of this service, without the endings of their
/// parts.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|sign: char| !(sign.is_ascii_alphanumeric() || sign == '_'));
    let ours = words.filter(|word| word.starts_with("pims_authority_") || word.starts_with("process_"));
    let family = |word: &str| {
        ["_total", "_bucket", "_sum", "_count"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    ours.map(family).collect()
}

#[test]
fn dashboard_and_alerts_show_the_numbers_that_there_are() {
    let world = Setup::new().open().set("limits.wrong_codes_per_address_and_minute", 1).start();
    let alice = world.account("alice");
    Device::activate(&world, &alice, "1234").made(&world.client, "1234");
    let guess = format!("/iwws/MAC?{}", setup("activate", "", &[("code", "000000")]));
    while world.ask("GET", &guess, None, None).status != 429 {}
    // A number exists once it was counted. The results of waiting SMS are counted every second.
    let numbers = poll(|| {
        let numbers = world.operate("GET", "/metrics", None, None).text;
        numbers.contains("pims_authority_sms_total").then_some(numbers)
    });
    let numbers = numbers.expect("waiting SMS are looked for");
    let types = numbers.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let exported: BTreeSet<String> =
        types.map(|name| if name.ends_with("_build") { format!("{name}_info") } else { name.to_owned() }).collect();
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    let mut expressions = String::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            expressions += target["expr"].as_str().unwrap();
            expressions.push(' ');
        }
    }
    assert_eq!(metrics(&expressions), exported, "the dashboard shows each number");
    let alerts = read("deploy/alerts.yml");
    let unknown: Vec<String> = metrics(&alerts).difference(&exported).cloned().collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for alert in alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(read("docs/operating.md").contains(alert), "{alert} is not in the documentation");
    }
}

/// Prints that a check was skipped, or fails if the variable is 1.
pub(crate) fn skipped(program: &str, variable: &str) {
    assert!(std::env::var_os(variable).is_none_or(|value| value != "1"), "{program} is not installed");
    let _ = writeln!(std::io::stderr(), "\nSKIPPED: {program} is not installed\n");
}

#[test]
fn nginx_as_documented_passes_on_the_exchange_and_logs_no_query() {
    let Some(program) = Nginx::program() else { return };
    let mut world = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    let alice = world.account("alice");
    let nginx = Nginx::start(program, &world);
    let client = Client { url: nginx.url.clone(), agent: nginx.agent() };
    let device = Device::activate(&world, &alice, "1234");
    device.made(&client, "1234");
    let secret = "planted-secret-7f3a";
    let planted = setup("activate", "", &[("code", secret)]);
    assert_eq!(Answer::of(&client, None, &planted).err(), "NOK:SN");
    assert!(client.mac(None, secret).contains("NOK:SN"), "a query that is no query");
    let status = |path: &str| {
        crate::http::send(&client.agent, "GET", &format!("{}{path}", nginx.url), None, None).unwrap().status
    };
    assert_eq!(["/healthz", "/readyz", "/.well-known/jwks.json"].map(status), [404, 404, 200]);

    // The answers of nginx itself: a service that is gone, a request that is too long, an unknown
    // method.
    world.process.kill().unwrap();
    world.process.wait().unwrap();
    let ask = |method: &str, path: &str| {
        crate::http::send(&client.agent, method, &format!("{}{path}", nginx.url), Some(secret), None).unwrap().status
    };
    assert_eq!(ask("GET", &format!("/iwws/MAC?{planted}")), 502);
    assert_eq!(ask("GET", &format!("/iwws/MAC?{planted}{}", "x".repeat(40_000))), 414);
    let body = vec![b'x'; 20_000];
    let long = crate::http::send(
        &client.agent,
        "POST",
        &format!("{}/applications/cvs/v4/mobile/smsCode?{secret}", nginx.url),
        Some(secret),
        Some(&body),
    );
    assert_eq!(long.unwrap().status, 413);
    let line = "GET /iwws/MAC 502 ";
    poll(|| nginx.written().contains(line).then_some(())).expect("the access log has its lines");
    let written = nginx.written();
    assert!(!written.contains(secret), "{written}");
    assert!(!written.contains("mode="), "no query of any request");
}

#[test]
fn systemd_accepts_the_unit_and_finds_it_confined() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        return skipped("systemd-analyze", "PIMS_REQUIRE_SYSTEMD");
    }
    let folder = tempfile::tempdir().unwrap();
    let unit = folder.path().join("pims-authority.service");
    // systemd looks for the program.
    let text = read("deploy/pims-authority.service");
    assert!(text.contains("/usr/bin/pims-authority "));
    std::fs::write(&unit, text.replace("/usr/bin/pims-authority ", concat!(env!("CARGO_BIN_EXE_pims-authority"), " ")))
        .unwrap();
    let analyze = |arguments: &[&str]| {
        let output = Command::new("systemd-analyze").args(arguments).arg(&unit).output().unwrap();
        let told = [output.stdout, output.stderr].concat();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&told));
        String::from_utf8(told).unwrap()
    };
    let told = analyze(&["verify", "--man=no", "--recursive-errors=no"]);
    assert!(!told.contains("pims-authority.service:"), "{told}");
    // The scale is 0 to 100: 20 is 2.0 of ten, which systemd calls OK.
    analyze(&["security", "--offline=yes", "--threshold=20", "--no-pager"]);
}
