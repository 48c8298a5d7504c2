//! An issuer of access tokens.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// An issuer's key.
pub(crate) struct Issuer {
    pair: Ed25519KeyPair,
    pub(crate) id: String,
}

impl Issuer {
    pub(crate) fn new(id: &str) -> Self {
        let secret = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { pair: Ed25519KeyPair::from_pkcs8(secret.as_ref()).unwrap(), id: id.to_owned() }
    }

    /// Returns the issuer of every production of the tests.
    pub(crate) fn usual() -> &'static Self {
        static USUAL: LazyLock<Issuer> = LazyLock::new(|| Issuer::new("usual"));
        &USUAL
    }

    pub(crate) fn public(&self) -> Vec<u8> {
        self.pair.public_key().as_ref().to_vec()
    }

    /// Returns the public half as a JSON Web Key.
    pub(crate) fn key(&self) -> Value {
        let x = encoded(&self.public());
        json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.id, "alg": "EdDSA", "use": "sig"})
    }

    pub(crate) fn key_set(&self) -> String {
        json!({ "keys": [self.key()] }).to_string()
    }

    /// Returns the header of its access tokens.
    pub(crate) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.id})
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_text(&self.header().to_string(), &claims.to_string())
    }

    /// Signs a token whose header has these members, too.
    pub(crate) fn sign_with(&self, members: Value, claims: &Value) -> String {
        let mut header = self.header();
        header.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs a token of any header and claims.
    pub(crate) fn sign_text(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encoded(header.as_bytes()), encoded(claims.as_bytes()));
        let signature = encoded(self.pair.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    }
}

pub(crate) fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Returns the claims of an account's access token, valid for as long as tests may run.
pub(crate) fn claims_of(account: &str) -> Value {
    json!({"iss": "https://login.example", "aud": "pims", "sub": account, "iat": now(), "exp": now() + 80_000})
}
