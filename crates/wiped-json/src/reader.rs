//! Reader of JSON. A text without an escape borrows; a text with one is copied once, into memory
//! that is wiped.
//!
//! serde_json reads all but the escapes: it would collect a text with an escape in a buffer of its
//! own, which nobody wipes. So it is asked for raw values, which are parts of the text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroize;

use super::{Object, Text, Value};

/// Levels of objects and lists within one another, as in serde_json.
const MAX_DEPTH: u8 = 127;

/// The text is not one JSON object. [`super::read`] says why.
pub(super) struct Malformed;

/// Reads the object that a text consists of.
pub(super) fn read(text: &str) -> Result<Object<'_>, Malformed> {
    object(text, MAX_DEPTH)
}

fn object(text: &str, levels: u8) -> Result<Object<'_>, Malformed> {
    let levels = levels.checked_sub(1).ok_or(Malformed)?;
    let Members(members) = parts(text)?;
    let members = members.into_iter().map(|(name, raw)| Ok((string(name.get())?, value(raw.get(), levels)?)));
    members.collect::<Result<_, _>>().map(Object)
}

fn list(text: &str, levels: u8) -> Result<Vec<Value<'_>>, Malformed> {
    let levels = levels.checked_sub(1).ok_or(Malformed)?;
    let values: Vec<&RawValue> = parts(text)?;
    values.into_iter().map(|raw| value(raw.get(), levels)).collect()
}

/// Divides an object or a list into raw values, and checks the syntax of all levels below it, but
/// not what its escapes mean.
fn parts<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Malformed> {
    serde_json::from_str(text).map_err(|_| Malformed)
}

/// Reads a value whose syntax was checked. It has no space around it.
fn value(raw: &str, levels: u8) -> Result<Value<'_>, Malformed> {
    match raw.as_bytes().first().ok_or(Malformed)? {
        b'"' => string(raw).map(Value::Text),
        b'{' => object(raw, levels).map(Value::Object),
        b'[' => list(raw, levels).map(Value::List),
        b't' => Ok(Value::Flag(true)),
        b'f' => Ok(Value::Flag(false)),
        b'n' => Ok(Value::Null),
        _ => number(raw),
    }
}

fn number(raw: &str) -> Result<Value<'_>, Malformed> {
    if let Ok(number) = raw.parse() {
        return Ok(Value::Integer(number));
    }
    match raw.parse::<f64>() {
        Ok(number) if number.is_infinite() => Err(Malformed),
        Ok(_) if raw.starts_with('-') => Ok(Value::Other),
        Ok(number) => Ok(Value::Fraction(number)),
        Err(_) => Err(Malformed),
    }
}

/// Reads a text with its quotation marks.
fn string(raw: &str) -> Result<Text<'_>, Malformed> {
    let written = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Malformed)?;
    if written.contains('\\') { unescape(written) } else { Ok(Text(Cow::Borrowed(written))) }
}

/// Members of an object, as parts of the text.
struct Members<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(4);
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}

/// Copies a text without its escapes. The copy is never longer, so its memory never moves.
fn unescape(written: &str) -> Result<Text<'static>, Malformed> {
    let mut text = Copy(String::with_capacity(written.len()));
    let mut rest = written;
    while let Some((before, escape)) = rest.split_once('\\') {
        text.0.push_str(before);
        let (plain, length) = match escape.as_bytes().first().ok_or(Malformed)? {
            b'"' => ('"', 1),
            b'\\' => ('\\', 1),
            b'/' => ('/', 1),
            b'b' => ('\u{8}', 1),
            b'f' => ('\u{c}', 1),
            b'n' => ('\n', 1),
            b'r' => ('\r', 1),
            b't' => ('\t', 1),
            b'u' => character(&escape[1..])?,
            _ => return Err(Malformed),
        };
        text.0.push(plain);
        rest = &escape[length..];
    }
    text.0.push_str(rest);
    Ok(Text(Cow::Owned(std::mem::take(&mut text.0))))
}

/// A copy that is wiped if its text turns out to be malformed.
struct Copy(String);

impl Drop for Copy {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Reads the digits after `\u`, or those of a surrogate pair. Returns the length from the `u` on.
fn character(escape: &str) -> Result<(char, usize), Malformed> {
    let first = unit(escape)?;
    if let Some(plain) = char::from_u32(first.into()) {
        return Ok((plain, 5));
    }
    let second = unit(escape[4..].strip_prefix("\\u").ok_or(Malformed)?)?;
    let mut decoded = char::decode_utf16([first, second]);
    match (decoded.next(), decoded.next()) {
        (Some(Ok(pair)), None) => Ok((pair, 11)),
        _ => Err(Malformed),
    }
}

/// Reads four hex digits.
fn unit(text: &str) -> Result<u16, Malformed> {
    let digits = text.as_bytes().get(..4).ok_or(Malformed)?;
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let unit = digits.iter().try_fold(0, |unit, byte| Some(unit << 4 | digit(byte)?)).ok_or(Malformed)?;
    u16::try_from(unit).map_err(|_| Malformed)
}
