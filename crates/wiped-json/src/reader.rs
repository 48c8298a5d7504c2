//! Reader of JSON. A text without an escape borrows; a text with one is copied once, into memory
//! that is wiped. serde_json would collect the latter in a buffer of its own, which nobody wipes.

use std::borrow::Cow;

use zeroize::Zeroize;

use super::{Object, Text, Value};

/// Levels of objects and lists within one another, as in serde_json.
const MAX_DEPTH: u8 = 127;

/// The text is not one JSON object. [`super::read`] says why.
pub(super) struct Malformed;

/// Position in a text.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    /// Reads the object that a text consists of.
    pub(super) fn read(text: &'a str) -> Result<Object<'a>, Malformed> {
        let mut reader = Self { text, at: 0, depth: 0 };
        reader.skip_space();
        reader.expect(b'{')?;
        let object = reader.object()?;
        reader.skip_space();
        if reader.at == text.len() { Ok(object) } else { Err(Malformed) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Malformed> {
        let byte = self.peek().ok_or(Malformed)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.next()? == byte { Ok(()) } else { Err(Malformed) }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Malformed> {
        self.skip_space();
        match self.next()? {
            b'"' => self.string().map(Value::Text),
            b'{' => self.object().map(Value::Object),
            b'[' => self.list().map(Value::List),
            b't' => self.word("rue", Value::Flag(true)),
            b'f' => self.word("alse", Value::Flag(false)),
            b'n' => self.word("ull", Value::Null),
            b'-' | b'0'..=b'9' => {
                self.at -= 1;
                self.number()
            }
            _ => Err(Malformed),
        }
    }

    fn word(&mut self, rest: &str, value: Value<'a>) -> Result<Value<'a>, Malformed> {
        if !self.text.as_bytes()[self.at..].starts_with(rest.as_bytes()) {
            return Err(Malformed);
        }
        self.at += rest.len();
        Ok(value)
    }

    fn enter(&mut self) -> Result<(), Malformed> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Malformed) } else { Ok(()) }
    }

    /// Reads the members after a brace.
    fn object(&mut self) -> Result<Object<'a>, Malformed> {
        self.enter()?;
        let mut members = Vec::with_capacity(4);
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                self.skip_space();
                self.expect(b'"')?;
                let name = self.string()?;
                self.skip_space();
                self.expect(b':')?;
                members.push((name, self.value()?));
                self.skip_space();
                match self.next()? {
                    b',' => {}
                    b'}' => break,
                    _ => return Err(Malformed),
                }
            }
        }
        self.depth -= 1;
        Ok(Object(members))
    }

    /// Reads the values after a bracket.
    fn list(&mut self) -> Result<Vec<Value<'a>>, Malformed> {
        self.enter()?;
        let mut values = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                values.push(self.value()?);
                self.skip_space();
                match self.next()? {
                    b',' => {}
                    b']' => break,
                    _ => return Err(Malformed),
                }
            }
        }
        self.depth -= 1;
        Ok(values)
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        let begin = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > begin { Ok(()) } else { Err(Malformed) }
    }

    fn number(&mut self) -> Result<Value<'a>, Malformed> {
        let begin = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.digits()?;
        if self.text.as_bytes()[first] == b'0' && self.at > first + 1 {
            return Err(Malformed);
        }
        if first == begin
            && !matches!(self.peek(), Some(b'.' | b'e' | b'E'))
            && let Ok(number) = self.text[begin..self.at].parse()
        {
            return Ok(Value::Integer(number));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.text[begin..self.at].parse::<f64>() {
            Ok(number) if number.is_infinite() => Err(Malformed),
            Ok(number) if first == begin => Ok(Value::Fraction(number)),
            Ok(_) => Ok(Value::Other),
            Err(_) => Err(Malformed),
        }
    }

    /// Reads the text after a quotation mark.
    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        let begin = self.at;
        let mut has_escape = false;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    has_escape = true;
                    self.next()?;
                }
                0..0x20 => return Err(Malformed),
                _ => {}
            }
        }
        let written = &self.text[begin..self.at - 1];
        if has_escape { unescape(written) } else { Ok(Text(Cow::Borrowed(written))) }
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
