//! The formats that are JSON.

use std::borrow::Cow;
use std::fmt;

use inwebo::values::hex;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use zeroize::{Zeroize, Zeroizing};

use super::shape::{self, Members, Scalar};
use super::{Error, Format, State};

/// Value of the member `format` of the neutral JSON.
const NAME: &str = "pims-enrollment";

/// Version of the neutral JSON.
const VERSION: u64 = 1;

/// Members of the neutral JSON, in the order in which they are written.
const NEUTRAL: [&str; 11] =
    ["format", "version", "macID", "serial", "id", "service", "lastSync", "factoryKey", "k0", "k1", "serviceSecret"];

/// Reads a state. `format` is [`Format::Auto`] or one that is JSON.
pub(super) fn read(bytes: &[u8], format: Format) -> Result<State, Error> {
    let object: Object<'_> =
        serde_json::from_slice(bytes).map_err(|error| Error::Json { line: error.line(), column: error.column() })?;
    let is = |name, expected| matches!(object.member(name), Some(Json::Text(text)) if text.as_str() == expected);
    let has_text = |name| matches!(object.member(name), Some(Json::Text(_)));
    let has_object = |name| matches!(object.member(name), Some(Json::Object(_)));
    match format {
        Format::Pims => neutral(&object),
        Format::Homey => shape::PYTHON.read(&object),
        Format::E3008 => shape::E3008.read(&object),
        Format::Kotlin if has_text("iv") && has_text("data") => Err(Error::Encrypted),
        Format::Kotlin => shape::KOTLIN.read(&object),
        Format::Auto | Format::Pickle if is("format", NAME) => neutral(&object),
        Format::Auto | Format::Pickle if has_object("data") => shape::PYTHON.read(&object),
        Format::Auto | Format::Pickle if has_text("deviceId") => shape::E3008.read(&object),
        Format::Auto | Format::Pickle if has_text("dev") => shape::KOTLIN.read(&object),
        Format::Auto | Format::Pickle if has_text("iv") && has_text("data") => Err(Error::Encrypted),
        Format::Auto | Format::Pickle => Err(Error::UnrecognizedJson),
    }
}

fn neutral(object: &Object<'_>) -> Result<State, Error> {
    match object.member("format") {
        Some(Json::Text(name)) if name.as_str() == NAME => {}
        Some(_) => return Err(Error::Invalid { member: "format", expected: "pims-enrollment" }),
        None => return Err(Error::Missing("format")),
    }
    if !matches!(object.member("version"), Some(Json::Integer(VERSION))) {
        return Err(Error::Version);
    }
    if object.0.iter().any(|(name, _)| !NEUTRAL.contains(&name.as_str())) {
        return Err(Error::UnknownMember);
    }
    shape::PIMS.read(object)
}

/// Writes a state as neutral JSON, which contains K1 in clear.
pub fn write(state: &State) -> Zeroizing<String> {
    // The capacity is so large that the text never moves, and no move leaves a copy behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    // Writing text and numbers to memory cannot fail.
    let _ = serde_json::to_writer(&mut *bytes, &Neutral(state));
    let text = String::from_utf8(std::mem::take(&mut *bytes));
    // serde_json writes UTF-8.
    Zeroizing::new(text.unwrap_or_default())
}

/// A state in the form of the neutral JSON.
struct Neutral<'a>(&'a State);

impl Serialize for Neutral<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", NAME)?;
        map.serialize_entry("version", &VERSION)?;
        if let Some(mac_id) = &state.mac_id {
            map.serialize_entry("macID", mac_id)?;
        }
        map.serialize_entry("serial", state.serial.as_str())?;
        map.serialize_entry("id", &state.id)?;
        map.serialize_entry("service", &state.service)?;
        map.serialize_entry("lastSync", &state.last_sync)?;
        if let Some(factory) = &state.factory {
            map.serialize_entry("factoryKey", &hex::encode(&factory.to_bytes()))?;
        }
        map.serialize_entry("k0", state.k0.text().as_str())?;
        map.serialize_entry("k1", state.k1.text().as_str())?;
        map.serialize_entry("serviceSecret", state.secval.text().as_str())?;
        map.end()
    }
}

/// JSON value. Lists are read over: no state has one that counts.
enum Json<'a> {
    Null,
    Text(Text<'a>),
    Integer(u64),
    Object(Object<'a>),
    Other,
}

/// Members of a JSON object. If a name is repeated, the last value counts.
struct Object<'a>(Vec<(Text<'a>, Json<'a>)>);

/// Text, which is wiped when dropped if it is a copy.
struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Drop for Text<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            text.zeroize();
        }
    }
}

impl<'a> Object<'a> {
    fn member(&self, name: &str) -> Option<&Json<'a>> {
        self.0.iter().rev().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }
}

impl Members for Object<'_> {
    fn get(&self, path: &str) -> Option<Scalar<'_>> {
        let value = match path.split_once('.') {
            Some((outer, inner)) => match self.member(outer)? {
                Json::Object(object) => object.member(inner)?,
                _ => return None,
            },
            None => self.member(path)?,
        };
        Some(match value {
            Json::Null => Scalar::Null,
            Json::Text(text) => Scalar::Text(text.as_str()),
            Json::Integer(number) => Scalar::Integer(*number),
            Json::Object(_) | Json::Other => Scalar::Other,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = Text<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Texts)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Object<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Objects)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Values;
        impl<'de> Visitor<'de> for Values {
            type Value = Json<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Json<'de>, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Json<'de>, E> {
                Ok(Json::Other)
            }

            fn visit_u64<E>(self, number: u64) -> Result<Json<'de>, E> {
                Ok(Json::Integer(number))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Json<'de>, E> {
                Ok(Json::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Json<'de>, E> {
                Ok(Json::Other)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Text(Cow::Borrowed(text))))
            }

            fn visit_str<E>(self, text: &str) -> Result<Json<'de>, E> {
                Ok(Json::Text(Text(Cow::Owned(text.to_owned()))))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Json<'de>, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Json::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Json<'de>, A::Error> {
                Object::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Json::Object)
            }
        }
        deserializer.deserialize_any(Values)
    }
}
