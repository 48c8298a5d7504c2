//! The issuer's keys. Each is checked when the set is loaded, and tokens are verified with usable
//! keys only.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Accepted sizes of RSA moduli, in bits. Longer ones cost time, and the crypto library does not
/// support them.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Longest RSA exponent, in bytes. It must hold 33 bits.
const MAX_EXPONENT: usize = 5;

/// Longest part of a key id that a log line or an error shows, in characters.
const MAX_SHOWN: usize = 64;

/// A key of the issuer, and the algorithms that it verifies.
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The usable keys of the issuer: at least one.
pub(super) struct Keys(Vec<Key>);

/// A key that is left out, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IgnoredKey {
    /// The key's id, cut to the length that can be shown. Without an id it is the key's number in
    /// the set.
    pub(super) key: String,
    pub(super) reason: Unusable,
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {:?}: {}", self.key, self.reason)
    }
}

/// The reason for which a key is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it is no JSON Web Key")]
    Form,
    #[error("its `use` is not `sig`")]
    Use,
    #[error("its `key_ops` lack `verify`")]
    Operations,
    #[error("its `alg` is none of `tokens.algorithms`, or not for a key of its type")]
    Algorithm,
    #[error("keys of its type and curve are for none of `tokens.algorithms`")]
    Type,
    #[error("it contains its private part")]
    Private,
    #[error("its modulus has fewer than 2048 bits or more than 8192, or is even")]
    Modulus,
    #[error("its exponent is even, less than 3, or has more than 33 bits")]
    Exponent,
    #[error("its point does not have the length that its curve requires")]
    Point,
}

/// The members of a JSON Web Key (RFC 7517, RFC 7518, RFC 8037). Each occurs once at most.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

impl Keys {
    /// Reads a JSON Web Key Set for these algorithms. An error says why there is no usable key.
    pub(super) fn read(text: &[u8], allowed: &[Algorithm]) -> Result<(Self, Vec<IgnoredKey>), String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Box<serde_json::value::RawValue>>,
        }
        let Set { keys } =
            serde_json::from_slice(text).map_err(|_| "the issuer's keys are not a JSON Web Key Set".to_owned())?;
        if keys.is_empty() {
            return Err("the issuer's key set is empty".into());
        }
        let (mut usable, mut ignored) = (Vec::new(), Vec::new());
        for (position, key) in keys.iter().enumerate() {
            match check_key(key.get(), allowed) {
                Ok(key) => usable.push(key),
                Err(reason) => ignored.push(IgnoredKey { key: label(key.get(), position), reason }),
            }
        }
        if usable.is_empty() {
            let reason: Vec<String> = ignored.iter().map(ToString::to_string).collect();
            return Err(format!("the issuer's key set has no key that can be used: {}", reason.join("; ")));
        }
        Ok((Self(usable), ignored))
    }

    /// Returns the keys that may have signed a token of this algorithm and key id.
    pub(super) fn candidates<'a>(
        &'a self,
        algorithm: Algorithm,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a DecodingKey> + 'a {
        let fits = move |key: &&Key| key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id);
        self.0.iter().filter(fits).map(|key| &key.key)
    }
}

fn check_key(key: &str, allowed: &[Algorithm]) -> Result<Key, Unusable> {
    let key: Jwk = serde_json::from_str(key).map_err(|_| Unusable::Form)?;
    if key.r#use.as_deref().is_some_and(|purpose| purpose != "sig") {
        return Err(Unusable::Use);
    }
    if key.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Err(Unusable::Operations);
    }
    let mut algorithms: Vec<Algorithm> = algorithms_of(&key).to_vec();
    algorithms.retain(|algorithm| allowed.contains(algorithm));
    if algorithms.is_empty() {
        return Err(Unusable::Type);
    }
    if let Some(name) = &key.alg {
        // RFC 9864 names EdDSA with this curve after the curve.
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        algorithms.retain(|algorithm| name.parse().is_ok_and(|named: Algorithm| named == *algorithm));
        if algorithms.is_empty() {
            return Err(Unusable::Algorithm);
        }
    }
    if key.d.is_some() {
        return Err(Unusable::Private);
    }
    let public = decoding_key(&key)?;
    Ok(Key { id: key.kid, algorithms, key: public })
}

/// Returns the algorithms for a key's type and curve.
fn algorithms_of(key: &Jwk) -> &'static [Algorithm] {
    match (key.kty.as_str(), key.crv.as_deref()) {
        ("RSA", _) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        ("EC", Some("P-256")) => &[Algorithm::ES256],
        ("EC", Some("P-384")) => &[Algorithm::ES384],
        ("OKP", Some("Ed25519")) => &[Algorithm::EdDSA],
        _ => &[],
    }
}

fn decoding_key(key: &Jwk) -> Result<DecodingKey, Unusable> {
    let bytes = |member: &Option<String>| {
        let text = member.as_deref().ok_or(Unusable::Form)?;
        Base64UrlUnpadded::decode_vec(text).map_err(|_| Unusable::Form)
    };
    match key.kty.as_str() {
        "RSA" => {
            let (modulus, exponent) = (without_leading_zeros(bytes(&key.n)?), without_leading_zeros(bytes(&key.e)?));
            if !RSA_BITS.contains(&bits(&modulus)) || !is_odd(&modulus) {
                return Err(Unusable::Modulus);
            }
            let fits = exponent.len() <= MAX_EXPONENT && bits(&exponent) <= 33;
            if !fits || !is_odd(&exponent) || exponent == [1] {
                return Err(Unusable::Exponent);
            }
            Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
        }
        "EC" => {
            let length = if key.crv.as_deref() == Some("P-384") { 48 } else { 32 };
            let (x, y) = (bytes(&key.x)?, bytes(&key.y)?);
            if x.len() != length || y.len() != length {
                return Err(Unusable::Point);
            }
            Ok(DecodingKey::from_ec_der(&[&[4], &x[..], &y[..]].concat()))
        }
        _ => {
            let x = bytes(&key.x)?;
            if x.len() == 32 { Ok(DecodingKey::from_ed_der(&x)) } else { Err(Unusable::Point) }
        }
    }
}

/// Returns a big-endian number without leading zeros.
fn without_leading_zeros(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.drain(..zeros);
    bytes
}

fn bits(number: &[u8]) -> usize {
    let first = number.first().map_or(0, |first| first.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(first)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|last| last & 1 == 1)
}

/// Returns the name under which a left-out key is reported.
fn label(key: &str, position: usize) -> String {
    let key: Value = serde_json::from_str(key).unwrap_or_default();
    match key.get("kid").and_then(Value::as_str) {
        Some(id) => id.chars().take(MAX_SHOWN).collect(),
        None => format!("number {}", position + 1),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    const ALL: [Algorithm; 3] = [Algorithm::ES256, Algorithm::EdDSA, Algorithm::RS256];

    fn text(bytes: &[u8]) -> String {
        Base64UrlUnpadded::encode_string(bytes)
    }

    /// A modulus with its highest and its lowest bit set.
    fn modulus(bits: usize) -> String {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] = 0xff >> ((8 - bits % 8) % 8);
        text(&bytes)
    }

    fn rsa(bits: usize) -> Value {
        json!({"kty": "RSA", "kid": "r", "n": modulus(bits), "e": "AQAB"})
    }

    fn ec(curve: &str, length: usize) -> Value {
        json!({"kty": "EC", "kid": "e", "crv": curve, "x": text(&vec![1; length]), "y": text(&vec![1; length])})
    }

    fn ed() -> Value {
        json!({"kty": "OKP", "kid": "d", "crv": "Ed25519", "x": text(&[1; 32])})
    }

    fn with(mut key: Value, name: &str, value: impl Into<Value>) -> Value {
        key[name] = value.into();
        key
    }

    /// Returns the algorithms of one key in a set that also has a good one.
    fn checked(key: &Value) -> Result<Vec<Algorithm>, Unusable> {
        let good = with(ed(), "kid", "good");
        let set = json!({"keys": [good, key]}).to_string();
        let (keys, ignored) = Keys::read(set.as_bytes(), &ALL).unwrap();
        match (&keys.0[..], &ignored[..]) {
            ([_, key], []) => Ok(key.algorithms.clone()),
            ([_], [ignored]) => Err(ignored.reason),
            _ => panic!("{ignored:?}"),
        }
    }

    #[test]
    fn a_key_is_for_the_allowed_algorithms_of_its_type_or_for_its_own_alone() {
        assert_eq!(checked(&rsa(2048)), Ok(vec![Algorithm::RS256]));
        assert_eq!(checked(&rsa(8192)), Ok(vec![Algorithm::RS256]));
        assert_eq!(checked(&ec("P-256", 32)), Ok(vec![Algorithm::ES256]));
        assert_eq!(checked(&ed()), Ok(vec![Algorithm::EdDSA]));
        for good in [
            with(ed(), "use", "sig"),
            with(ed(), "key_ops", json!(["sign", "verify"])),
            with(ed(), "alg", "EdDSA"),
            with(ed(), "alg", "Ed25519"),
        ] {
            assert_eq!(checked(&good), Ok(vec![Algorithm::EdDSA]), "{good}");
        }
        let set = json!({"keys": [with(rsa(2048), "alg", "PS384"), rsa(3072)]}).to_string();
        let (keys, _) = Keys::read(set.as_bytes(), &[Algorithm::RS256, Algorithm::PS384]).unwrap();
        assert_eq!(keys.0[0].algorithms, [Algorithm::PS384]);
        assert_eq!(keys.0[1].algorithms, [Algorithm::RS256, Algorithm::PS384]);
        assert_eq!(keys.candidates(Algorithm::PS384, None).count(), 2);
        assert_eq!(keys.candidates(Algorithm::RS256, Some("r")).count(), 1, "a key with an `alg` is for that one");
        assert_eq!(keys.candidates(Algorithm::RS256, Some("other")).count(), 0);
        assert_eq!(keys.candidates(Algorithm::ES256, None).count(), 0);
    }

    #[test]
    fn a_key_that_is_not_for_signatures_or_too_weak_is_ignored() {
        for (key, reason) in [
            (with(ed(), "use", "enc"), Unusable::Use),
            (with(ed(), "use", ""), Unusable::Use),
            (with(ed(), "key_ops", json!(["sign", "encrypt"])), Unusable::Operations),
            (with(ed(), "key_ops", json!([])), Unusable::Operations),
            (with(rsa(2048), "alg", "RSA-OAEP"), Unusable::Algorithm),
            (with(rsa(2048), "alg", "RS512"), Unusable::Algorithm),
            (with(rsa(2048), "alg", "EdDSA"), Unusable::Algorithm),
            (with(ec("P-256", 32), "alg", "ES384"), Unusable::Algorithm),
            (with(ed(), "alg", "none"), Unusable::Algorithm),
            (with(ed(), "alg", "HS256"), Unusable::Algorithm),
            (ec("P-384", 48), Unusable::Type),
            (ec("P-521", 66), Unusable::Type),
            (ec("secp256k1", 32), Unusable::Type),
            (with(ed(), "crv", "X25519"), Unusable::Type),
            (with(ed(), "crv", "Ed448"), Unusable::Type),
            (json!({"kty": "oct", "k": text(&[1; 32])}), Unusable::Type),
            (json!({"kty": "other"}), Unusable::Type),
            (with(ed(), "d", text(&[1; 32])), Unusable::Private),
            (with(rsa(2048), "d", text(&[1; 256])), Unusable::Private),
            (rsa(1024), Unusable::Modulus),
            (rsa(2047), Unusable::Modulus),
            (rsa(8193), Unusable::Modulus),
            (rsa(65536), Unusable::Modulus),
            // A modulus of 1024 bits after zeros.
            (with(rsa(2048), "n", text(&[&[0; 128][..], &[0xff; 128]].concat())), Unusable::Modulus),
            (with(rsa(2048), "n", text(&[&[0xff; 255][..], &[0xfe]].concat())), Unusable::Modulus),
            (with(rsa(2048), "e", "AQ"), Unusable::Exponent),
            (with(rsa(2048), "e", ""), Unusable::Exponent),
            (with(rsa(2048), "e", "Ag"), Unusable::Exponent),
            (with(rsa(2048), "e", modulus(40)), Unusable::Exponent),
            (with(ec("P-256", 32), "x", text(&[1; 31])), Unusable::Point),
            (with(ec("P-256", 32), "y", text(&[1; 33])), Unusable::Point),
            (with(ed(), "x", text(&[1; 57])), Unusable::Point),
            (with(ed(), "x", "!"), Unusable::Form),
            (with(rsa(2048), "e", Value::Null), Unusable::Form),
            (with(ed(), "use", 1), Unusable::Form),
            (json!("a text"), Unusable::Form),
            (json!({}), Unusable::Form),
        ] {
            assert_eq!(checked(&key), Err(reason), "{key}");
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_no_key() {
        let set = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "use": "enc", "use": "sig", "x": ""}]}"#;
        let reason = Keys::read(set.as_bytes(), &ALL).err().unwrap();
        assert!(reason.contains(r#"key "number 1": it is no JSON Web Key"#), "{reason}");
    }

    #[test]
    fn a_set_without_a_usable_key_is_an_error_that_names_each() {
        let set = json!({"keys": [with(ed(), "use", "enc"), with(rsa(1024), "kid", "old".repeat(100))]}).to_string();
        let reason = Keys::read(set.as_bytes(), &ALL).err().unwrap();
        assert!(reason.contains(r#"key "d": its `use` is not `sig`; key "oldold"#), "{reason}");
        assert!(reason.len() < 400, "a long id is cut: {reason}");
        for (set, reason) in [("{\"keys\": []}", "is empty"), ("[]", "not a JSON Web Key Set"), ("x", "not a JSON")] {
            assert!(Keys::read(set.as_bytes(), &ALL).err().unwrap().contains(reason), "{set}");
        }
    }
}
