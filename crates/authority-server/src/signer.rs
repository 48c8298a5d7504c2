//! Signed JWTs, which the service issues in exchange for one-time passwords, and the public keys
//! that verify them.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{EncodingKey, Header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::config::{AccessTokens, Signature};
use authority::{AccountName, Authority, Clock, Failure};

/// A signer of access tokens.
pub(crate) struct Signer {
    issuer: String,
    audience: String,
    lifetime: Duration,
    algorithm: jsonwebtoken::Algorithm,
    key: EncodingKey,
    key_id: String,
    key_set: Value,
    clock: Box<dyn Clock>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
}

impl Signer {
    /// Makes a signer with the key of the configured generation. Makes the key if it is missing.
    /// The keys of the generations before and after are published, too: instances change from one
    /// to the next at different moments, and tokens outlive the change.
    pub(crate) fn new(authority: &Authority, settings: &AccessTokens, clock: Box<dyn Clock>) -> Result<Self, Failure> {
        let mut keys = Vec::new();
        let first = settings.generation.saturating_sub(1).max(1);
        for generation in first..=settings.generation.saturating_add(1) {
            let name = format!("access_tokens.{}.{generation}", algorithm_name(settings.algorithm));
            let secret = authority.secret(&name, || generate(settings.algorithm))?;
            let public = public_jwk(settings.algorithm, &secret)?;
            keys.push((generation, secret, public));
        }
        let set: Vec<&Value> = keys.iter().map(|(_, _, public)| public).collect();
        let key_set = json!({ "keys": set });
        let (_, secret, public) =
            keys.iter().find(|(generation, ..)| *generation == settings.generation).ok_or(Failure::Sealed)?;
        let key = match settings.algorithm {
            Signature::EdDsa => EncodingKey::from_ed_der(secret),
            Signature::Es256 => EncodingKey::from_ec_der(secret),
        };
        Ok(Self {
            issuer: settings.issuer.clone(),
            audience: settings.audience.clone(),
            lifetime: settings.lifetime,
            algorithm: match settings.algorithm {
                Signature::EdDsa => jsonwebtoken::Algorithm::EdDSA,
                Signature::Es256 => jsonwebtoken::Algorithm::ES256,
            },
            key,
            key_id: public["kid"].as_str().unwrap_or_default().to_owned(),
            key_set,
            clock,
        })
    }

    /// Returns the public keys as a JSON Web Key Set (RFC 7517).
    pub(crate) fn key_set(&self) -> &Value {
        &self.key_set
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Returns a signed token for an account.
    pub(crate) fn sign(&self, account: &AccountName) -> Result<String, Failure> {
        let now = u64::try_from(self.clock.now() / 1000).unwrap_or_default();
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: account.as_str(),
            iat: now,
            nbf: now,
            exp: now.saturating_add(self.lifetime.as_secs()),
            jti: authority::random::hex::<16>()?,
        };
        let header = Header { kid: Some(self.key_id.clone()), ..Header::new(self.algorithm) };
        encode(&header, &claims, &self.key).map_err(|_| Failure::Arithmetic)
    }
}

fn algorithm_name(algorithm: Signature) -> &'static str {
    match algorithm {
        Signature::EdDsa => "eddsa",
        Signature::Es256 => "es256",
    }
}

/// Makes a new private key, in PKCS #8 form.
fn generate(algorithm: Signature) -> Result<Vec<u8>, Failure> {
    let random = SystemRandom::new();
    let made = match algorithm {
        Signature::EdDsa => Ed25519KeyPair::generate_pkcs8(&random),
        Signature::Es256 => EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random),
    };
    made.map(|document| document.as_ref().to_vec()).map_err(|_| Failure::Randomness)
}

/// Returns the public half as a JSON Web Key. Its `kid` is its thumbprint (RFC 7638).
fn public_jwk(algorithm: Signature, secret: &[u8]) -> Result<Value, Failure> {
    let text = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    // These members make the thumbprint, in the order of their names.
    let (mut key, word) = match algorithm {
        Signature::EdDsa => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(secret).map_err(|_| Failure::Sealed)?;
            (json!({"crv": "Ed25519", "kty": "OKP", "x": text(pair.public_key().as_ref())}), "EdDSA")
        }
        Signature::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, secret, &SystemRandom::new())
                .map_err(|_| Failure::Sealed)?;
            // The point is the byte 4, then x, then y.
            let point = pair.public_key().as_ref();
            let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).ok_or(Failure::Sealed)?;
            (json!({"crv": "P-256", "kty": "EC", "x": text(x), "y": text(y)}), "ES256")
        }
    };
    // serde_json keeps the members of an object in the order of their names.
    let thumbprint = text(&Sha256::digest(key.to_string().as_bytes()));
    key["kid"] = thumbprint.into();
    key["alg"] = word.into();
    key["use"] = "sig".into();
    Ok(key)
}
