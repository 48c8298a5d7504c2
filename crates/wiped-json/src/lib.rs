//! JSON that may have secrets in it.
//!
//! [`read`] returns an [`Object`] whose texts borrow from the text that it is read from. A text
//! with an escape is copied, and the copy is wiped when dropped. [`to_vec`] writes JSON into memory
//! that never moves, so that no part of it stays behind.

#![forbid(unsafe_code)]

mod fault;
mod reader;

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;
use zeroize::{Zeroize, Zeroizing};

/// JSON value, with the kinds that a parameter can have.
pub enum Value<'a> {
    /// `null`
    Null,
    /// Text.
    Text(Text<'a>),
    /// A whole number that is not negative.
    Integer(u64),
    /// A list.
    List(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
    /// `true` or `false`.
    Flag(bool),
    /// Another number that is not negative: a fraction, or a number of 2^64 or more.
    Fraction(f64),
    /// A negative number.
    Other,
}

/// JSON object. If a name is repeated, the last value counts.
#[derive(Default)]
pub struct Object<'a>(Vec<(Text<'a>, Value<'a>)>);

/// Text, which is wiped when dropped if it is a copy.
pub struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
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
    /// Returns a value, which may be `null`.
    pub fn member(&self, name: &str) -> Option<&Value<'a>> {
        self.0.iter().rev().find(|(known, _)| known.as_str() == name).map(|(_, value)| value)
    }

    /// Returns a value that is present and not `null`.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.member(name).filter(|value| !matches!(value, Value::Null))
    }

    /// Returns all names in their order, also repeated ones and those whose value is `null`.
    pub fn all_names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the names of all values that are not `null`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(|(_, value)| !matches!(value, Value::Null));
        named.map(|(name, _)| name.as_str())
    }

    /// Returns the members in their order, without those that are `null`. Of a repeated name, only
    /// the last value is returned, because it counts.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Value<'a>)> {
        let named = self.0.iter().enumerate().map(|(index, (name, value))| (index, name.as_str(), value));
        let is_last = |index: usize, name: &str| self.0[index + 1..].iter().all(|(later, _)| later.as_str() != name);
        named
            .filter(move |(index, name, value)| !matches!(value, Value::Null) && is_last(*index, name))
            .map(|(_, name, value)| (name, value))
    }
}

impl Value<'_> {
    /// Returns text as it is, or `None` for another kind of value.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Returns text, or the digits of a whole number.
    pub fn text_or_digits(&self) -> Option<Zeroizing<String>> {
        match self {
            Self::Text(text) => Some(Zeroizing::new(text.as_str().to_owned())),
            Self::Integer(number) => Some(Zeroizing::new(number.to_string())),
            _ => None,
        }
    }
}

/// Reads the object that a text consists of.
///
/// # Errors
///
/// Returns the error of serde_json for the same text, with its line and column.
pub fn read(text: &str) -> Result<Object<'_>, serde_json::Error> {
    reader::read(text).map_err(|reader::Malformed| fault::of(text))
}

/// Returns a value as JSON. It is measured first, so that its memory is large enough and never
/// moves. A value that serde cannot write, such as a map whose names are no texts, gives no text.
pub fn to_vec(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    if serde_json::to_writer(&mut length, value).is_err() {
        return Zeroizing::default();
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length.0));
    // It was written once already.
    let _ = serde_json::to_writer(&mut *bytes, value);
    bytes
}

/// Returns a value as JSON, see [`to_vec`].
pub fn to_string(value: &impl Serialize) -> Zeroizing<String> {
    let mut bytes = to_vec(value);
    // serde_json writes UTF-8.
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
}

/// Writer that counts bytes.
struct Length(usize);

impl Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_written_into_memory_of_its_length() {
        let value = ["a\"\n", "é", ""];
        let bytes = to_vec(&value);
        assert_eq!(bytes.as_slice(), serde_json::to_vec(&value).unwrap());
        assert_eq!(bytes.capacity(), bytes.len());
        assert_eq!(to_string(&value).as_bytes(), bytes.as_slice());
    }

    #[test]
    fn the_last_value_of_a_name_counts_and_null_is_no_value() {
        let object: Object<'_> = read(r#"{"a":1,"b":null,"a":"\u0078","c":[-1,true,1.5]}"#).unwrap();
        assert_eq!(object.get("a").and_then(Value::as_text), Some("x"));
        assert!(object.get("b").is_none() && matches!(object.member("b"), Some(Value::Null)));
        assert!(
            matches!(object.get("c"), Some(Value::List(list)) if matches!(list[..], [Value::Other, Value::Flag(true), Value::Fraction(1.5)]))
        );
        assert_eq!(object.members().map(|(name, _)| name).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(object.names().collect::<Vec<_>>(), ["a", "a", "c"]);
        assert_eq!(object.all_names().count(), 4);
    }
}
