//! `development = true`: the settings that need it, and those that it refuses.

use crate::database::is_for_sqlite_alone;
use crate::world::{Setup, start_development, token};

/// Returns the output of `check` on a configuration that it refuses.
fn refused(setup: &Setup) -> String {
    let output = setup.command(&["check"]).output().unwrap();
    let printed = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{printed}");
    printed
}

fn is_good(setup: &Setup) -> bool {
    setup.command(&["check"]).output().unwrap().status.success()
}

#[test]
fn settings_for_development_need_the_key() {
    assert!(is_good(&Setup::development()) && is_good(&Setup::production()));
    let printed = refused(&Setup::development().set("development", false));
    for (key, what) in [
        ("tokens.static", "it needs `development = true`"),
        ("sms.gateway", "`outbox` is for development"),
        ("relying_parties.services", "`shop` = { open = true } is for development"),
    ] {
        assert!(printed.lines().any(|line| line.contains(key) && line.contains(what)), "{key}: {printed}");
    }
    // Each of them by itself, behind a proxy on a loopback address.
    let production = || Setup::production().set("listen.trusted_proxies", "127.0.0.1");
    assert!(is_good(&production()));
    let fixed = format!("{{ alice = \"{}\" }}", token("alice"));
    for (key, value) in [("tokens.static", &*fixed), ("relying_parties.services", "{ shop = { open = true } }")] {
        assert!(refused(&production().set(key, value)).contains(key), "{key}");
    }
    let outbox = production().set("sms.gateway", "outbox").set("sms.outbox_file", "outbox.jsonl");
    assert!(refused(&outbox).contains("sms.gateway"));
}

#[test]
fn settings_for_production_are_refused_beside_the_key() {
    for (key, value) in [
        ("database.url", "postgres://pims@db.example.com/pims"),
        ("listen.trusted_proxies", "127.0.0.1"),
        ("listen.address", "192.0.2.1:8443"),
        ("admin.address", "192.0.2.1:8444"),
    ] {
        let printed = refused(&Setup::development().set(key, value));
        let is_reported = |line: &str| line.contains(&format!(" {key}: ")) && line.contains("for production");
        assert!(printed.lines().any(is_reported), "{key}: {printed}");
    }
    let setup = Setup::development();
    setup.write("jwks.json", "{}");
    let issuer = setup
        .set("tokens.issuer", "https://login.example")
        .set("tokens.audience", "pims")
        .set("tokens.jwks_file", "jwks.json");
    assert!(refused(&issuer).contains("tokens.issuer: is for production"));
    // With TLS, too.
    let setup = Setup::development();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    setup.write("server.pem", &certificate.pem());
    setup.write("server.key", &key.serialize_pem());
    let with_tls = setup.set("listen.certificate_file", "server.pem").set("listen.key_file", "server.key");
    assert!(is_good(&with_tls.again()));
    assert!(refused(&with_tls.set("listen.address", "0.0.0.0:8443")).contains("listen.address"));
}

/// Some public clients read the customer before they request an SMS code.
#[test]
fn the_customer_of_a_token_is_told_by_a_service_for_development_alone() {
    const PATH: &str = "/applications/cvs/v4/mauv/car-associations";
    if is_for_sqlite_alone("static tokens need `development`, which refuses PostgreSQL") {
        return;
    }
    let world = Setup::development().start();
    let ask = |token: Option<&str>| world.ask("GET", &format!("{PATH}?client_id=x&locale=fr-FR"), token, None);
    let reply = ask(Some(&token("alice")));
    assert_eq!((reply.status, reply.json()), (200, serde_json::json!([{"customer": "alice"}])));
    assert_eq!(ask(None).status, 401);
    assert_eq!(ask(Some("another-token-of-nobody")).status, 401);
    assert_eq!(world.ask("POST", PATH, Some(&token("alice")), None).status, 405);

    let world = Setup::production().set("listen.trusted_proxies", "127.0.0.1").start();
    assert_eq!(world.ask("GET", PATH, Some(&token("alice")), None).status, 404);
}

#[test]
fn a_folder_of_an_older_development_service_starts_and_gets_the_missing_sections() {
    let folder = tempfile::tempdir().unwrap();
    let start = || start_development(folder.path());
    assert!(start().contains("https://localhost:"));
    let path = folder.path().join("pims-authority.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    // The configuration of a release before this key and these sections.
    let mut older = text.replace("development = true\n", "# Mine: keep this.\n");
    for section in ["[admin]", "[activation]", "[pin]"] {
        let begin = older.find(section).unwrap();
        let end = begin + older[begin..].find("\n\n").unwrap();
        older.replace_range(begin..end, "");
    }
    std::fs::write(&path, &older).unwrap();
    std::fs::remove_file(folder.path().join("operator.token")).unwrap();
    let printed = start();
    assert!(printed.contains("https://localhost:") && printed.contains("operators    http://127.0.0.1:"), "{printed}");
    let gained = std::fs::read_to_string(&path).unwrap();
    for line in older.lines().filter(|line| !line.is_empty()) {
        assert!(gained.lines().any(|kept| kept == line), "{line}: {gained}");
    }
    for line in
        ["development = true", "[admin]", "token_file = \"operator.token\"", "[activation]", "[pin]", "history = 0"]
    {
        assert_eq!(gained.lines().filter(|gained| *gained == line).count(), 1, "{line}: {gained}");
    }
    // The commands read the same file.
    let list = |config: &std::path::Path| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pims-authority"));
        command.env_clear().arg("-c").arg(config).args(["account", "list"]).output().unwrap()
    };
    assert!(list(&path).status.success(), "{gained}");
    start();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), gained, "a second start changes nothing");
}
