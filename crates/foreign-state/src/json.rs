//! The formats that are JSON.

use inwebo::values::hex;
use serde::ser::{Serialize, SerializeMap, Serializer};
use wiped_json::{Object, Value as Json};
use zeroize::Zeroizing;

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
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, &error))?;
    let object = wiped_json::read(text).map_err(|error| Error::Json { line: error.line(), column: error.column() })?;
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

/// Returns the error of bytes that are not UTF-8, with the place of the first wrong one.
fn not_utf8(bytes: &[u8], error: &std::str::Utf8Error) -> Error {
    let before = &bytes[..error.valid_up_to()];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|byte| **byte != b'\n').count();
    Error::Json { line, column }
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
    if object.all_names().any(|name| !NEUTRAL.contains(&name)) {
        return Err(Error::UnknownMember);
    }
    shape::PIMS.read(object)
}

/// Writes a state as neutral JSON, which contains K1 in clear.
pub fn write(state: &State) -> Zeroizing<String> {
    wiped_json::to_string(&Neutral(state))
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
            Json::Fraction(number) => Scalar::Fraction(*number),
            Json::List(_) | Json::Object(_) | Json::Flag(_) | Json::Other => Scalar::Other,
        })
    }
}
