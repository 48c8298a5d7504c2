//! Tokens of an issuer: those that are accepted, and every way to be refused.

use std::process::Command;

use authority::{Authority, MasterKey, Options, Outbox, Policy, SystemClock};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::gateway::FakeGateway;
use crate::issuer::{Issuer, claims_of, encoded, now};
use crate::world::{ADMIN, CVS, NUMBER, Setup, World, name, poll};

fn claims() -> Value {
    claims_of("dora")
}

/// Returns the claims with others beside them or in their place.
fn and(more: Value) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    claims
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    and(json!({ name: value.into() }))
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn setup(issuer: &Issuer) -> Setup {
    with_keys(&[issuer.key()])
}

fn with_keys(keys: &[Value]) -> Setup {
    let setup = Setup::production();
    setup.write("jwks.json", &json!({ "keys": keys }).to_string());
    setup
}

/// Returns 401, or 404 for an account that is known and has no phone number.
fn status(world: &World, token: &str) -> u16 {
    world.ask("GET", &format!("{CVS}/trustedPhoneNumber"), Some(token), None).status
}

/// Waits until the log names the reason of a refused token.
fn is_refused_because(world: &World, token: &str, why: &str) {
    assert_eq!(status(world, token), 401, "{why}");
    world.log.wait_for(|line| {
        line["message"] == "a token was refused" && line["why"].as_str().is_some_and(|error| error.contains(why))
    });
}

#[test]
fn a_token_of_the_issuer_names_the_account() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).start();
    assert_eq!(status(&world, &issuer.sign(&claims())), 404);
    assert_eq!(status(&world, &issuer.sign(&with("aud", json!(["other", "pims"])))), 404);
    assert_eq!(status(&world, &issuer.sign(&with("exp", now() - 5))), 404, "within the leeway");
    let named = issuer.sign_with(json!({"typ": "application/at+jwt"}), &claims());
    assert_eq!(status(&world, &named), 404, "the same type");
}

#[test]
fn a_token_that_lacks_anything_is_refused() {
    let (issuer, stranger) = (Issuer::new("1"), Issuer::new("1"));
    let world = setup(&issuer).start();
    for (why, claims) in [
        ("over", with("exp", now() - 60)),
        ("not yet", with("nbf", now() + 600)),
        ("another issuer", with("iss", "https://other.example")),
        ("another audience", with("aud", "other")),
        ("no end", without("exp")),
        ("no issuer", without("iss")),
        ("no audience", without("aud")),
        ("no subject", without("sub")),
        ("a subject that is no name", with("sub", "a\nb")),
        ("an empty subject", with("sub", "")),
    ] {
        assert_eq!(status(&world, &issuer.sign(&claims)), 401, "{why}");
    }
    assert_eq!(status(&world, &stranger.sign(&claims())), 401, "another key under the same id");
    let renamed = issuer.sign_with(json!({"kid": "2"}), &claims());
    assert_eq!(status(&world, &renamed), 401, "an id that is not in the set");
}

#[test]
fn a_token_does_not_choose_how_it_is_checked() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).start();
    let text = |value: &Value| encoded(value.to_string().as_bytes());
    let unsigned = format!("{}.{}.", text(&json!({"alg": "none", "kid": "1"})), text(&claims()));
    assert_eq!(status(&world, &unsigned), 401);
    // The public key, used like a shared one.
    let header = Header { kid: Some("1".into()), ..Header::new(Algorithm::HS256) };
    let confused = encode(&header, &claims(), &EncodingKey::from_secret(&issuer.public())).unwrap();
    assert_eq!(status(&world, &confused), 401);
    let good = issuer.sign(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let cut = format!("{head}.{}", &signature[..signature.len() - 2]);
    assert_eq!(status(&world, &cut), 401);
    assert_eq!(status(&world, &good), 404);
}

#[test]
fn keys_in_a_file_are_read_again_at_sighup_and_bad_ones_change_nothing() {
    let (first, second) = (Issuer::new("1"), Issuer::new("2"));
    let world = setup(&first).start();
    world.setup.write("jwks.json", "not a key set");
    world.signal("-HUP");
    world.log.wait_for(|line| line["message"] == "issuer key refresh failed, keeping the current keys");
    assert_eq!(status(&world, &first.sign(&claims())), 404);
    world.setup.write("jwks.json", &second.key_set());
    world.signal("-HUP");
    let token = second.sign(&claims());
    poll(|| (status(&world, &token) == 404).then_some(())).expect("the new key is known");
    assert_eq!(status(&world, &first.sign(&claims())), 401, "the old one is not any more");
}

#[test]
fn keys_by_url_are_fetched_again_and_again() {
    let (first, second) = (Issuer::new("1"), Issuer::new("2"));
    let gateway = FakeGateway::start();
    gateway.answer(200, &first.key_set());
    let setup = Setup::production();
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    setup.write("config.toml", &config.replace("jwks_file = \"jwks.json\"\n", ""));
    let world = setup.set("tokens.jwks_url", &gateway.url).set("tokens.jwks_refresh_seconds", 1).start();
    assert_eq!(status(&world, &first.sign(&claims())), 404);
    gateway.answer(500, "");
    world.log.wait_for(|line| line["message"] == "issuer key refresh failed, keeping the current keys");
    assert_eq!(status(&world, &first.sign(&claims())), 404);
    gateway.answer(200, &second.key_set());
    let token = second.sign(&claims());
    poll(|| (status(&world, &token) == 404).then_some(())).expect("the new key is known");
}

#[test]
fn a_token_that_is_for_another_end_or_in_another_form_is_refused() {
    let issuer = Issuer::new("1");
    let attacker = Issuer::new("1");
    // The address at which an attacker says that his keys are.
    let gateway = FakeGateway::start();
    gateway.answer(200, &attacker.key_set());
    let world = setup(&issuer).set("tokens.types", "at+jwt, JWT").start();
    let header = issuer.header().to_string();
    let doubled = |more: &str| header.replacen('{', &format!("{{{more},"), 1);
    let claims_text = claims().to_string();
    let crit = |names: Value| issuer.sign_with(json!({"crit": names, "x": 1}), &claims());
    for (why, token) in [
        ("an extension that nobody knows", crit(json!(["x"]))),
        ("`crit` that names nothing", crit(json!([]))),
        ("`crit` that is nothing", crit(Value::Null)),
        ("`crit` in another form", crit(json!("x"))),
        ("`crit` with a name of the library", crit(json!(["exp"]))),
        ("a payload that is not encoded", issuer.sign_with(json!({"b64": false}), &claims())),
        ("a logout token", issuer.sign_with(json!({"typ": "logout+jwt"}), &claims())),
        ("a logout token by its claims", issuer.sign(&with("events", json!({"backchannel-logout": {}})))),
        ("a proof of possession", issuer.sign_with(json!({"typ": "dpop+jwt"}), &claims())),
        ("a security event", issuer.sign_with(json!({"typ": "secevent+jwt"}), &claims())),
        ("an ID token", issuer.sign_with(json!({"typ": "JWT"}), &and(json!({"nonce": "n", "azp": "other"})))),
        ("an ID token of the implicit flow", issuer.sign(&with("at_hash", "x"))),
        ("an ID token of the hybrid flow", issuer.sign(&with("c_hash", "x"))),
        ("an ID token that says so", issuer.sign(&with("token_use", "id"))),
        ("a token that is bound to a key", issuer.sign(&with("cnf", json!({"jkt": "x"})))),
        ("the end of the year 9999", issuer.sign(&with("exp", 253_402_300_799_u64))),
        ("two days", issuer.sign(&with("exp", now() + 2 * 86_400))),
        ("issued tomorrow", issuer.sign(&and(json!({"iat": now() + 86_400, "exp": now() + 2 * 86_400 - 60})))),
        ("a list of issuers", issuer.sign(&with("iss", json!(["https://login.example", "https://other.example"])))),
        ("a right-to-left override", issuer.sign(&with("sub", "\u{202e}arod"))),
        ("a trailing blank", issuer.sign(&with("sub", "dora "))),
        ("a leading blank", issuer.sign(&with("sub", " dora"))),
        ("a zero-width blank", issuer.sign(&with("sub", "do\u{200b}ra"))),
        ("a full-width letter", issuer.sign(&with("sub", "\u{ff44}ora"))),
        ("not composed", issuer.sign(&with("sub", "do\u{301}ra"))),
        ("a doubled algorithm", issuer.sign_text(&doubled("\"alg\":\"EdDSA\""), &claims_text)),
        ("a doubled key id", issuer.sign_text(&doubled("\"kid\":\"2\""), &claims_text)),
        ("a doubled unknown member", issuer.sign_text(&doubled("\"x\":1,\"x\":1"), &claims_text)),
        ("a doubled claim", issuer.sign_text(&header, &claims_text.replacen('{', "{\"sub\":\"alice\",", 1))),
        ("a doubled unknown claim", issuer.sign_text(&header, &claims_text.replacen('{', "{\"x\":1,\"x\":1,", 1))),
        ("a key id that is a number", issuer.sign_with(json!({"kid": 1}), &claims())),
        ("keys elsewhere", attacker.sign_with(json!({"jku": gateway.url}), &claims())),
        ("a certificate elsewhere", attacker.sign_with(json!({"x5u": gateway.url}), &claims())),
        ("a key of its own", attacker.sign_with(json!({"jwk": attacker.key()}), &claims())),
        ("a certificate of its own", attacker.sign_with(json!({"x5c": ["MIIB"]}), &claims())),
        ("four parts", format!("{}.AA", issuer.sign(&claims()))),
        ("two parts", issuer.sign(&claims()).rsplit_once('.').unwrap().0.to_owned()),
        ("padding", format!("{}=", issuer.sign(&claims()))),
    ] {
        assert_eq!(status(&world, &token), 401, "{why}");
    }
    assert!(gateway.received().is_empty(), "nobody went there");
    // None of them is an account now, and the same token without the fault is accepted.
    let accounts = world.operate("GET", "/admin/v1/accounts", Some(ADMIN), None).json();
    assert_eq!(accounts["accounts"], json!([]));
    assert_eq!(status(&world, &issuer.sign(&claims())), 404);
    assert_eq!(status(&world, &issuer.sign_with(json!({"typ": "JWT"}), &claims())), 404);
    assert_eq!(status(&world, &issuer.sign_with(json!({"x": 1}), &claims())), 404, "an unknown member");
}

#[test]
fn the_log_says_why_a_token_was_refused_and_holds_nothing_of_it() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).start();
    let plain = issuer.sign_with(json!({"typ": "JWT"}), &claims());
    is_refused_because(&world, &plain, "tokens.types");
    let header = json!({"alg": "EdDSA", "kid": "1"}).to_string();
    is_refused_because(&world, &issuer.sign_text(&header, &claims().to_string()), "tokens.types");
    is_refused_because(&world, &issuer.sign(&with("nonce", "planted")), "an ID token");
    is_refused_because(&world, &issuer.sign(&with("sub", "planted ")), "RFC 8265");
    is_refused_because(&world, &Issuer::new("1").sign(&claims()), "signature is wrong");
    is_refused_because(&world, &Issuer::new("planted").sign(&claims()), "no key with its key id");
    let log = world.log.text();
    assert!(!log.contains("planted") && !log.contains(&plain));
}

#[test]
fn a_token_is_for_a_client_and_a_scope_that_the_operator_names() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).set("tokens.authorized_parties", "app, ios").set("tokens.scope", "pims").start();
    for (why, more, expected) in [
        ("its client is named", json!({"client_id": "app", "scope": "openid pims"}), 404),
        ("by the older name", json!({"azp": "ios", "scope": "pims"}), 404),
        ("another client", json!({"client_id": "other", "scope": "pims"}), 401),
        ("one of its two names is another", json!({"client_id": "app", "azp": "other", "scope": "pims"}), 401),
        ("no client", json!({"scope": "pims"}), 401),
        ("another scope", json!({"client_id": "app", "scope": "openid"}), 401),
        ("no scope", json!({"client_id": "app"}), 401),
    ] {
        assert_eq!(status(&world, &issuer.sign(&and(more))), expected, "{why}");
    }
}

#[test]
fn the_protection_of_an_account_changes_only_after_a_fresh_login() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).set("tokens.max_auth_age_seconds", 300).set("tokens.acr", "gold, silver").start();
    let fresh = issuer.sign(&and(json!({"auth_time": now(), "acr": "silver"})));
    let number = json!({"smsCode": "000000", "phoneNumber": NUMBER});
    let certify = json!({"type": "phoneNumberCertification", "phoneNumber": NUMBER});
    let name = json!({"name": "Phone"});
    let routes = [
        ("POST", "smsCode", Some(&certify), true),
        ("POST", "trustedPhoneNumber", Some(&number), true),
        ("PUT", "trustedPhoneNumber", Some(&number), true),
        ("DELETE", "enrollments", None, true),
        ("PATCH", "devices/a000000000000000", Some(&name), true),
        ("DELETE", "devices/a000000000000000", None, true),
        ("GET", "devices", None, false),
        ("GET", "trustedPhoneNumber", None, false),
        ("POST", "smsCode", Some(&json!({"type": "enrollment"})), false),
        ("POST", "smsCode", Some(&json!({"type": "resetPIN"})), false),
    ]
    .map(|(method, path, body, wanted)| (method, path, body.cloned(), wanted));
    for (why, more) in [
        ("nothing of a login", json!({})),
        ("an old login", json!({"auth_time": now() - 3600, "acr": "gold"})),
        ("a weak login", json!({"auth_time": now(), "acr": "bronze"})),
        ("a login of tomorrow", json!({"auth_time": now() + 86_400, "acr": "gold"})),
    ] {
        let stale = issuer.sign(&and(more));
        for (method, path, body, wanted) in &routes {
            let reply = world.ask(method, &format!("{CVS}/{path}"), Some(&stale), body.as_ref());
            assert_eq!(reply.status == 401, *wanted, "{why}: {method} {path}: {}", reply.text);
            if *wanted {
                assert_eq!(reply.word(), "NOK:LOGIN");
                assert_eq!(
                    reply.header("www-authenticate"),
                    r#"Bearer error="insufficient_user_authentication", acr_values="gold silver", max_age="300""#
                );
            }
        }
    }
    assert!(!world.path().join("outbox.jsonl").exists());
    for (method, path, body, _) in &routes {
        let reply = world.ask(method, &format!("{CVS}/{path}"), Some(&fresh), body.as_ref());
        assert_ne!(reply.status, 401, "{method} {path}: {}", reply.text);
    }
    // A token that is invalid does not lead to another login.
    let reply = world.ask("DELETE", &format!("{CVS}/enrollments"), Some("no-token-at-all"), None);
    assert_eq!((reply.word().as_str(), reply.header("www-authenticate")), ("NOK:TOKEN", "Bearer"));
}

#[test]
fn an_unusable_key_is_ignored_and_logged_once() {
    let keys: Vec<Issuer> = ["good", "enc", "wrap", "oaep"].map(Issuer::new).into();
    let [good, enc, wrap, oaep] = &keys[..] else { unreachable!() };
    let and = |issuer: &Issuer, name: &str, value: Value| {
        let mut key = issuer.key();
        key[name] = value;
        key
    };
    let rsa = Rsa::new("rsa-1024", 1024);
    let set = [
        good.key(),
        and(enc, "use", json!("enc")),
        and(wrap, "key_ops", json!(["wrapKey"])),
        and(oaep, "alg", json!("RSA-OAEP")),
        rsa.key.clone(),
    ];
    let setup = with_keys(&set);
    let file = std::fs::read_to_string(setup.folder.path().join("jwks.json")).unwrap();
    let world = setup.start();
    for issuer in [enc, wrap, oaep] {
        assert_eq!(status(&world, &issuer.sign(&claims())), 401, "{}", issuer.id);
        let mut header = issuer.header();
        header.as_object_mut().unwrap().remove("kid");
        let nameless = issuer.sign_text(&header.to_string(), &claims().to_string());
        assert_eq!(status(&world, &nameless), 401, "{} without its id", issuer.id);
    }
    assert_eq!(status(&world, &rsa.sign(&claims())), 401, "an RSA key of 1024 bits");
    assert_eq!(status(&world, &good.sign(&claims())), 404);

    // The same set once more logs nothing new. A set in which no key is left changes nothing.
    let logged = || {
        let log = world.log.text();
        log.lines().filter(|line| line.contains("a key of the issuer cannot be used and is ignored")).count()
    };
    for (kid, why) in
        [("enc", "`use` is not `sig`"), ("wrap", "lack `verify`"), ("oaep", "`alg`"), ("rsa-1024", "2048 bits")]
    {
        world.log.wait_for(|line| {
            let is = |name: &str, part: &str| line[name].as_str().is_some_and(|error| error.contains(part));
            is("key", kid) && is("why", why)
        });
    }
    world.setup.write("jwks.json", &json!({"keys": set[1..]}).to_string());
    world.signal("-HUP");
    world.log.wait_for(|line| {
        let error = line["error"].as_str().unwrap_or_default();
        line["message"] == "issuer key refresh failed, keeping the current keys"
            && error.contains("no key that can be used")
    });
    world.setup.write("jwks.json", &file.replace("\"good\"", "\"better\""));
    world.signal("-HUP");
    let renamed = good.sign_with(json!({"kid": "better"}), &claims());
    poll(|| (status(&world, &renamed) == 404).then_some(())).expect("the set is read again");
    assert_eq!(logged(), 4, "{}", world.log.text());
}

#[test]
fn a_key_set_without_a_usable_key_is_an_error_at_the_start() {
    let mut key = Issuer::new("the-only-one").key();
    key["use"] = json!("enc");
    let setup = with_keys(&[key, Rsa::new("small", 1024).key]);
    for command in [&["serve"][..], &["check", "--connect"]] {
        let output = setup.command(command).output().unwrap();
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        assert!(printed.contains("the-only-one") && printed.contains("2048 bits"), "{printed}");
    }
}

#[test]
fn rsa_keys_that_are_long_enough_are_accepted() {
    let rsa = Rsa::new("rsa-2048", 2048);
    let world = with_keys(std::slice::from_ref(&rsa.key)).start();
    assert_eq!(status(&world, &rsa.sign(&claims())), 404);
    let other = Rsa::new("rsa-2048", 2048);
    assert_eq!(status(&world, &other.sign(&claims())), 401);
}

#[test]
fn an_account_of_another_form_stays_and_no_new_one_begins() {
    let issuer = Issuer::new("1");
    let setup = setup(&issuer);
    // The form in the database of an older version.
    let old = "dora ";
    let library = Authority::open(Options {
        database: setup.database.of_library(),
        master_key: MasterKey::new(1, [7; 32]).into(),
        policy: Policy::default(),
        sms: Box::new(Outbox::new(setup.folder.path().join("outbox.jsonl"))),
        sms_retry: None,
        clock: Box::new(SystemClock),
    });
    assert!(library.unwrap().add_account(&name(old)).unwrap());
    let world = setup.start();
    assert_eq!(status(&world, &issuer.sign(&with("sub", old))), 401, "no token names it");
    assert_eq!(status(&world, &issuer.sign(&with("sub", "dora"))), 404, "this is another account");
    for name in ["dora  ", "\u{202e}arod", "do\u{200b}ra"] {
        let added = world.operate("POST", "/admin/v1/accounts", Some(ADMIN), Some(&json!({"name": name})));
        assert_eq!(added.status, 400, "{name:?}: {}", added.text);
        let output = world.setup.command(&["account", "add", name]).output().unwrap();
        assert!(String::from_utf8(output.stderr).unwrap().contains("RFC 8265"), "{name:?}");
    }
    let operate = |method: &str| world.operate(method, "/admin/v1/accounts/dora%20", Some(ADMIN), None).status;
    assert_eq!((operate("GET"), operate("DELETE"), operate("GET")), (200, 204, 404), "operators reach it");
    let accounts = world.operate("GET", "/admin/v1/accounts", Some(ADMIN), None).json();
    assert_eq!(accounts["accounts"].as_array().unwrap().len(), 1);
}

/// An issuer with an RSA key of any length, which `openssl` makes and uses.
struct Rsa {
    folder: tempfile::TempDir,
    key: Value,
}

impl Rsa {
    fn new(id: &str, bits: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let output = Command::new("openssl").args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        run(&["genrsa", "-out", "key.pem", &bits.to_string()]);
        let modulus = String::from_utf8(run(&["rsa", "-in", "key.pem", "-noout", "-modulus"])).unwrap();
        let modulus = modulus.trim().trim_start_matches("Modulus=").to_ascii_lowercase();
        let modulus = inwebo::values::hex::decode(&modulus).unwrap();
        let key = json!({"kty": "RSA", "kid": id, "use": "sig", "n": encoded(&modulus), "e": "AQAB"});
        Self { folder, key }
    }

    fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "at+jwt", "kid": self.key["kid"]});
        let [header, claims] = [&header, claims].map(|part| encoded(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        std::fs::write(self.folder.path().join("text"), &signed).unwrap();
        let mut openssl = Command::new("openssl");
        openssl.args(["dgst", "-sha256", "-sign", "key.pem", "text"]).current_dir(self.folder.path());
        let output = openssl.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        format!("{signed}.{}", encoded(&output.stdout))
    }
}
