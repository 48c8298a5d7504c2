//! One-time passwords for access tokens: the form of OAuth 2.0, and tokens that a library of JSON
//! Web Tokens checks with the published keys.

use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::device::Device;
use crate::http::Reply;
use crate::world::{Setup, TOKEN, World, token};

fn exchange(world: &World, account: &str, body: &Value) -> Reply {
    world.ask("POST", TOKEN, Some(&token(account)), Some(body))
}

fn password(otp: &str) -> Value {
    json!({"grant_type": "password", "password": otp})
}

fn refresh(token: &Value) -> Value {
    json!({"grant_type": "refresh_token", "refresh_token": token})
}

fn refused(reply: &Reply, error: &str) {
    assert_eq!((reply.status, reply.json()), (400, json!({"error": error})));
}

/// Returns the claims of a token, checked with the key that the service publishes under the token's
/// key id.
fn claims(world: &World, access_token: &str, algorithm: Algorithm) -> Value {
    let keys: JwkSet = serde_json::from_str(&world.ask("GET", "/.well-known/jwks.json", None, None).text).unwrap();
    let header = decode_header(access_token).unwrap();
    assert_eq!(header.alg, algorithm);
    let key = keys.find(&header.kid.unwrap()).expect("a published key");
    let mut validation = Validation::new(algorithm);
    validation.set_issuer(&["https://authority.example"]);
    validation.set_audience(&["vehicles"]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "exp", "nbf"]);
    decode::<Value>(access_token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap().claims
}

fn a_password_becomes_a_token(algorithm: Algorithm, named: &str) {
    let world = Setup::new().set("access_tokens.algorithm", named).set("access_tokens.lifetime_seconds", 77).start();
    let alice = world.account("alice");
    let otp = Device::activate(&world, &alice, "1234").made(&world.client, "1234");
    let reply = exchange(&world, "alice", &password(&otp));
    assert_eq!((reply.status, reply.header("cache-control")), (200, "no-store"));
    let granted = reply.json();
    assert_eq!((&granted["token_type"], &granted["expires_in"]), (&json!("Bearer"), &json!(77)));
    let access_token = granted["access_token"].as_str().unwrap();
    let claims = claims(&world, access_token, algorithm);
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), 77);
    refused(&exchange(&world, "alice", &password(&otp)), "invalid_grant");
}

#[test]
fn a_password_becomes_a_token_signed_with_ed25519() {
    a_password_becomes_a_token(Algorithm::EdDSA, "EdDSA");
}

#[test]
fn a_password_becomes_a_token_signed_with_p_256() {
    a_password_becomes_a_token(Algorithm::ES256, "ES256");
}

#[test]
fn a_refresh_token_is_good_once_and_for_its_account_alone() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let granted = |body: &Value| exchange(&world, "alice", body).json();
    let first = granted(&password(&device.made(&world.client, "1234")));
    let second = granted(&refresh(&first["refresh_token"]));
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    claims(&world, second["access_token"].as_str().unwrap(), Algorithm::EdDSA);
    refused(&exchange(&world, "alice", &refresh(&first["refresh_token"])), "invalid_grant");
    // The token was shown twice: one of the two clients has stolen it, and neither goes on with its
    // successor.
    refused(&exchange(&world, "alice", &refresh(&second["refresh_token"])), "invalid_grant");

    let third = granted(&password(&device.made(&world.client, "1234")));
    refused(&exchange(&world, "bob", &refresh(&third["refresh_token"])), "invalid_grant");
}

#[test]
fn another_accounts_password_and_what_is_no_grant_are_refused() {
    let world = World::new();
    let alice = world.account("alice");
    let otp = Device::activate(&world, &alice, "1234").made(&world.client, "1234");
    refused(&exchange(&world, "bob", &password(&otp)), "invalid_grant");
    for body in [json!({}), json!({"grant_type": "other"}), json!({"grant_type": "password"}), json!("password")] {
        refused(&exchange(&world, "alice", &body), "invalid_request");
    }
}

#[test]
fn an_expired_password_is_exchanged_for_nothing() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    // Another service over the same database, whose passwords are valid for a second.
    let hasty = world.setup.again().set("policy.otp_lifetime_seconds", 1).start();
    let old = device.made(&hasty.client, "1234");
    std::thread::sleep(Duration::from_millis(1100));
    for service in [&world, &hasty] {
        refused(&exchange(service, "alice", &password(&old)), "invalid_grant");
    }
    // The password was refused for no other reason: a fresh one is accepted. On a slow machine it
    // may take a few until one reaches the hasty service within its second.
    let is_taken = |service: &World| {
        let fresh = device.made(&service.client, "1234");
        exchange(service, "alice", &password(&fresh)).status == 200
    };
    assert!(is_taken(&world));
    assert!((0..30).any(|_| is_taken(&hasty)));
}

#[test]
fn a_grant_in_another_form_is_refused_and_uses_nothing_up() {
    let world = World::new();
    let alice = world.account("alice");
    let device = Device::activate(&world, &alice, "1234");
    let granted = exchange(&world, "alice", &password(&device.made(&world.client, "1234"))).json();
    let (otp, token) = (device.made(&world.client, "1234"), granted["refresh_token"].as_str().unwrap());
    let ask = |body: &str| {
        let url = format!("{}{TOKEN}", world.client.url);
        let shown = crate::world::token("alice");
        crate::http::send(&world.client.agent, "POST", &url, Some(&shown), Some(body.as_bytes())).unwrap()
    };
    for form in [
        r#"["password", "OTP"]"#,
        r#"["refresh_token", "TOKEN"]"#,
        r#"[{"grant_type": "password", "password": "OTP"}]"#,
        r#"{"grant_type": "password", "password": "OTP", "password": "OTP"}"#,
        r#"{"grant_type": "password", "grant_type": "password", "password": "OTP"}"#,
        r#"{"grant_type": "password", "password": ["OTP"]}"#,
        r#"{"grant_type": "Password", "password": "OTP"}"#,
        r#"{"grant_type": "refresh_token", "password": "OTP"}"#,
        r#"{"grant_type": "password", "refresh_token": "TOKEN"}"#,
        r#"{"grant_type": "password", "password": "OTP"} {}"#,
        r#"{"password": "OTP"}"#,
        "grant_type=password&password=OTP",
    ] {
        let reply = ask(&form.replace("OTP", &otp).replace("TOKEN", token));
        assert_eq!((reply.status, reply.text.as_str()), (400, r#"{"error":"invalid_request"}"#), "{form}");
    }
    // Each in the place of the other is a grant, and a wrong one.
    refused(&exchange(&world, "alice", &refresh(&json!(otp))), "invalid_grant");
    refused(&exchange(&world, "alice", &password(token)), "invalid_grant");
    assert_eq!(exchange(&world, "alice", &password(&otp)).status, 200);
    assert_eq!(exchange(&world, "alice", &refresh(&json!(token))).status, 200);
}

#[test]
fn the_keys_before_and_after_are_published_beside_the_one_that_signs() {
    let keys = |generation: u32, setup: Setup| {
        let world = setup.set("access_tokens.key_generation", generation).start();
        let set = world.ask("GET", "/.well-known/jwks.json", None, None).json();
        let ids = set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
        let ids: Vec<String> = ids.collect();
        (ids, set.to_string())
    };
    let setup = Setup::new();
    let (first, text) = keys(1, setup.again());
    assert_eq!(first.len(), 2);
    assert!(!text.contains("\"d\""), "no private part");
    let (second, _) = keys(2, setup.again());
    assert_eq!((second.len(), &second[..2]), (3, &first[..]));
    let (third, _) = keys(3, setup.again());
    assert_eq!(third[..2], second[1..]);
}

#[test]
fn without_an_issuer_no_password_is_exchanged() {
    let setup = Setup::new();
    let config = std::fs::read_to_string(setup.folder.path().join("config.toml")).unwrap();
    let without = config.replace("issuer = \"https://authority.example\"\naudience = \"vehicles\"\n", "");
    setup.write("config.toml", &without);
    let world = setup.start();
    assert_eq!(exchange(&world, "alice", &password("abcdefgh")).status, 404);
    assert_eq!(world.ask("GET", "/.well-known/jwks.json", None, None).status, 404);
}
