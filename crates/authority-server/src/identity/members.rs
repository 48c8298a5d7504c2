//! The objects of JSON Web Tokens. If a member occurs twice, the object is refused.

use std::collections::BTreeMap;
use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

/// The members of an object, by name.
#[derive(Debug, Default)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Reads a part of a token: an object in base64url without padding.
    pub(super) fn decode(part: &str) -> Option<Self> {
        serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).ok()?).ok()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Returns a member that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// Returns a time (`NumericDate`): whole seconds since 1970. RFC 7519 allows fractions; they
    /// are cut off.
    pub(super) fn time(&self, name: &str) -> Option<u64> {
        let value = self.get(name)?;
        let fraction = || value.as_f64().filter(|time| *time >= 0.0 && *time < 1e15).map(|time| time as u64);
        value.as_u64().or_else(fraction)
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a member occurs twice"));
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Members> {
        Members::decode(&Base64UrlUnpadded::encode_string(json.as_bytes()))
    }

    #[test]
    fn a_member_stands_once() {
        assert!(read(r#"{"a": 1, "b": 1}"#).is_some());
        for bad in [r#"{"a": 1, "a": 1}"#, r#"{"a": 1, "\u0061": 1}"#, "[]", "1", "", "{} {}", r#"{"a": 1"#] {
            assert!(read(bad).is_none(), "{bad}");
        }
        assert!(Members::decode("e30=").is_none() && Members::decode("e31").is_none(), "padding, loose bits");
    }

    #[test]
    fn a_time_is_whole_seconds() {
        let members = read(r#"{"a": 7, "b": 7.9, "c": -1, "d": "7", "e": 1e300, "f": null}"#).unwrap();
        assert_eq!((members.time("a"), members.time("b")), (Some(7), Some(7)));
        for bad in ["c", "d", "e", "f", "g"] {
            assert_eq!(members.time(bad), None, "{bad}");
        }
    }
}
