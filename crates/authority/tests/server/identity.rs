//! Tokens of an issuer: which are taken, and every way to be refused.

use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

use crate::gateway::Hook;
use crate::world::{CVS, Setup, World, poll};

/// An issuer's key.
struct Issuer {
    secret: Vec<u8>,
    public: Vec<u8>,
    id: String,
}

impl Issuer {
    fn new(id: &str) -> Self {
        let secret = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap().as_ref().to_vec();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&secret).unwrap();
        Self { public: pair.public_key().as_ref().to_vec(), secret, id: id.to_owned() }
    }

    fn key_set(&self) -> String {
        let x = Base64UrlUnpadded::encode_string(&self.public);
        let key = json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "alg": "EdDSA", "use": "sig"});
        json!({ "keys": [key] }).to_string()
    }

    fn sign(&self, claims: &Value) -> String {
        let header = Header { kid: Some(self.id.clone()), ..Header::new(Algorithm::EdDSA) };
        encode(&header, claims, &EncodingKey::from_ed_der(&self.secret)).unwrap()
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({"iss": "https://login.example", "aud": "pims", "sub": "dora", "exp": now() + 600})
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn setup(issuer: &Issuer) -> Setup {
    let setup = Setup::new();
    setup.write("jwks.json", &issuer.key_set());
    setup
        .set("tokens.issuer", "https://login.example")
        .set("tokens.audience", "pims")
        .set("tokens.jwks_file", "jwks.json")
}

/// 401, or 404 for an account that is known and has no phone number.
fn status(world: &World, token: &str) -> u16 {
    world.ask("GET", &format!("{CVS}/trustedPhoneNumber"), Some(token), None).status
}

#[test]
fn a_token_of_the_issuer_names_the_account() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).start();
    assert_eq!(status(&world, &issuer.sign(&claims())), 404);
    assert_eq!(status(&world, &issuer.sign(&with("aud", json!(["other", "pims"])))), 404);
    assert_eq!(status(&world, &issuer.sign(&with("exp", now() - 5))), 404, "within the leeway");
    assert_eq!(status(&world, &crate::world::token("alice")), 404, "a fixed one");
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
    let renamed = Issuer { id: "2".into(), ..issuer };
    assert_eq!(status(&world, &renamed.sign(&claims())), 401, "an id that is not in the set");
}

#[test]
fn a_token_does_not_choose_how_it_is_checked() {
    let issuer = Issuer::new("1");
    let world = setup(&issuer).start();
    let text = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
    let unsigned = format!("{}.{}.", text(&json!({"alg": "none", "kid": "1"})), text(&claims()));
    assert_eq!(status(&world, &unsigned), 401);
    // The public key as if it were a shared one.
    let header = Header { kid: Some("1".into()), ..Header::new(Algorithm::HS256) };
    let confused = encode(&header, &claims(), &EncodingKey::from_secret(&issuer.public)).unwrap();
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
    world.log.wait_for(|line| line["message"] == "the issuer's keys stay as they are");
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
    let hook = Hook::start();
    hook.answer(200, &first.key_set());
    let world = Setup::new()
        .set("tokens.issuer", "https://login.example")
        .set("tokens.audience", "pims")
        .set("tokens.jwks_url", &hook.url)
        .set("tokens.jwks_refresh_seconds", 1)
        .start();
    assert_eq!(status(&world, &first.sign(&claims())), 404);
    hook.answer(500, "");
    world.log.wait_for(|line| line["message"] == "the issuer's keys stay as they are");
    assert_eq!(status(&world, &first.sign(&claims())), 404);
    hook.answer(200, &second.key_set());
    let token = second.sign(&claims());
    poll(|| (status(&world, &token) == 404).then_some(())).expect("the new key is known");
}
