//! The parameters of a call: one JSON object, and the forms that its values must have.
//!
//! Values borrow from the caller's text if possible, so that a PIN is copied as little as possible.
//! A copy is wiped.

use std::fmt::{self, Write};

use inwebo::cvs::SHORT_ID;
use inwebo::values::{ApprovalNumber, DeviceName, EnrollmentCode, Fingerprint, Pin, SmsCode};
pub use wiped_json::{Object, Value};
use zeroize::Zeroizing;

use crate::error::Error;

/// Longest accepted access token, in bytes.
const MAX_TOKEN: usize = 16 * 1024;

/// Parameters of one call. If a name is repeated, the last value counts, as in every JSON library
/// of the bindings.
pub struct Params<'a>(Object<'a>);

/// Parameter that a call has, with its name for errors.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Its name.
    pub name: &'static str,
    value: &'a Value<'a>,
}

impl<'a> Params<'a> {
    /// Reads parameters. Empty text is `{}`.
    pub fn read(text: &'a str) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(Self(Object::default()));
        }
        wiped_json::read(text).map(Self).map_err(|error| {
            // Column 0 belongs to an error about the whole text.
            let detail = match error.column() {
                0 => "expected one JSON object".to_owned(),
                column => {
                    let fault = fault(text, &error);
                    format!("expected one JSON object; line {}, column {column}: {fault}", error.line())
                }
            };
            Error::invalid("parameters", detail)
        })
    }

    /// Returns the object.
    pub fn object(&self) -> &Object<'a> {
        &self.0
    }

    /// Returns a value that is present and not `null`.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.0.get(name)
    }

    /// Returns a parameter that may be missing.
    pub fn optional(&'a self, name: &'static str) -> Option<Given<'a>> {
        self.get(name).map(|value| Given { name, value })
    }

    /// Returns several required parameters. The first one that is missing, in this order, is 2101.
    pub fn require<const N: usize>(&'a self, names: [&'static str; N]) -> Result<[Given<'a>; N], Error> {
        let mut given = names.map(|name| Given { name, value: &Value::Null });
        for Given { name, value } in &mut given {
            *value = self.get(name).ok_or_else(|| Error::missing(name))?;
        }
        Ok(given)
    }
}

impl Given<'_> {
    /// Reads a PIN: 4 to 8 decimal digits.
    pub fn pin(&self) -> Result<Pin, Error> {
        let text = self.value.text_or_digits();
        text.and_then(|text| Pin::new(&text)).ok_or_else(|| {
            Error::invalid(
                self.name,
                "expected 4 to 8 decimal digits, as a string (or as an integer, which cannot begin with 0)",
            )
        })
    }

    /// Reads a PIN. A blank string is `None`.
    pub fn pin_or_blank(&self) -> Result<Option<Pin>, Error> {
        match self.value.as_text() {
            Some(text) if text.trim().is_empty() => Ok(None),
            _ => self.pin().map(Some),
        }
    }

    /// Reads the name of a state's format.
    pub fn state_format(&self) -> Result<foreign_state::Format, Error> {
        self.value.as_text().and_then(foreign_state::Format::named).ok_or_else(|| {
            let names = foreign_state::Format::ALL.map(|format| format!("\"{}\"", format.name()));
            Error::invalid(self.name, format!("expected one of {}", names.join(", ")))
        })
    }

    /// Reads the state of another client.
    pub fn state(&self, format: foreign_state::Format) -> Result<foreign_state::State, Error> {
        let Some(text) = self.value.as_text() else {
            return Err(Error::invalid(self.name, "expected a string: the JSON, or the base64 of the pickle"));
        };
        foreign_state::read(text.as_bytes(), format).map_err(|error| Error::invalid(self.name, error.to_string()))
    }

    /// Reads a flag: `true` or `false`, also as a string.
    pub fn flag(&self) -> Result<bool, Error> {
        match self.value {
            Value::Flag(flag) => Ok(*flag),
            Value::Text(text) if text.as_str() == "true" => Ok(true),
            Value::Text(text) if text.as_str() == "false" => Ok(false),
            _ => Err(Error::invalid(self.name, "expected true or false")),
        }
    }

    /// Reads an SMS code: 4 to 12 letters or digits.
    pub fn sms_code(&self) -> Result<SmsCode, Error> {
        let text = self.value.text_or_digits();
        text.and_then(|text| SmsCode::new(&text))
            .ok_or_else(|| Error::invalid(self.name, "expected the 4 to 12 letters or digits of the SMS"))
    }

    /// Reads the code of an enrollment: an SMS code, or the code of another device, whose letters
    /// may stand in groups.
    pub fn enrollment_code(&self) -> Result<SmsCode, Error> {
        match self.value.as_text().and_then(EnrollmentCode::read) {
            Some(code) => Ok(code.as_sms_code().clone()),
            None => self.sms_code(),
        }
    }

    /// Reads the code of an enrollment. A blank string is `None`.
    pub fn enrollment_code_or_blank(&self) -> Result<Option<SmsCode>, Error> {
        match self.value.as_text() {
            Some(text) if text.trim().is_empty() => Ok(None),
            _ => self.enrollment_code().map(Some),
        }
    }

    /// Reads the id of a device, or the first characters of it. Whether the account has that
    /// device, the service says.
    pub fn device_id(&self) -> Result<String, Error> {
        const LONGEST: usize = 128;
        let text = self.value.text_or_digits();
        let id = text
            .as_ref()
            .map(|text| text.trim())
            .filter(|id| (SHORT_ID..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()));
        id.map(str::to_owned)
            .ok_or_else(|| Error::invalid(self.name, "expected a \"deviceId\" of get pims.authentication.devices"))
    }

    /// Reads the name of a device.
    pub fn device_name(&self) -> Result<DeviceName, Error> {
        self.value.as_text().and_then(DeviceName::new).ok_or_else(|| {
            Error::invalid(
                self.name,
                "expected 1 to 64 characters, some of them visible, none of them a control character or a mark that \
                 turns the direction of text",
            )
        })
    }

    /// Reads a fingerprint: 8 digits, which may stand in groups.
    pub fn fingerprint(&self) -> Result<Fingerprint, Error> {
        let text = self.value.as_text();
        text.and_then(Fingerprint::read)
            .ok_or_else(|| Error::invalid(self.name, "expected the 8 digits that both devices show, as a string"))
    }

    /// Reads the number of a device that waits for its approval: two digits.
    pub fn approval_number(&self) -> Result<ApprovalNumber, Error> {
        let text = self.value.text_or_digits();
        text.and_then(|text| ApprovalNumber::read(text.trim()))
            .ok_or_else(|| Error::invalid(self.name, "expected the two digits that the new device shows"))
    }

    /// Returns its text, if it is one of these words.
    pub fn word<'w>(&self, words: &[&'w str]) -> Result<&'w str, Error> {
        let found = words.iter().find(|word| self.value.as_text() == Some(**word));
        found.copied().ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
            Error::invalid(self.name, format!("expected one of {}", known.join(", ")))
        })
    }

    /// Reads a one-time password: 1 to 16 letters or digits.
    pub fn one_time_password(&self) -> Result<Zeroizing<String>, Error> {
        let fits = |text: &Zeroizing<String>| {
            (1..=16).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        self.value
            .text_or_digits()
            .filter(fits)
            .ok_or_else(|| Error::invalid(self.name, "expected 1 to 16 letters or digits"))
    }

    /// Reads an access token: printable ASCII without spaces.
    pub fn access_token(&self) -> Result<Zeroizing<String>, Error> {
        match self.value.as_text() {
            Some(token) if is_token(token) => Ok(Zeroizing::new(token.to_owned())),
            _ => Err(Error::invalid(self.name, "expected a token of printable ASCII characters without spaces")),
        }
    }

    /// Reads a phone number as the user wrote it. The service interprets it. It has up to 64 bytes,
    /// and no control characters other than white space, each of which is sent as a space.
    pub fn phone_number(&self) -> Result<String, Error> {
        const LONGEST: usize = 64;
        let sent = |text: Zeroizing<String>| {
            let spaced = |c: char| if c.is_control() && c.is_whitespace() { ' ' } else { c };
            let sent: String = text.trim().chars().map(spaced).collect();
            let fits = (1..=LONGEST).contains(&sent.len()) && !sent.chars().any(char::is_control);
            fits.then_some(sent)
        };
        self.value.text_or_digits().and_then(sent).ok_or_else(|| {
            Error::invalid(
                self.name,
                "expected a phone number of up to 64 bytes, as a string, without control characters",
            )
        })
    }
}

/// Returns the fault of a text that is not JSON, or is JSON but not an object. serde_json has no
/// codes for its errors, but its wording is stable. The wording may quote the text, so it is not
/// passed on.
fn fault(text: &str, error: &serde_json::Error) -> &'static str {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => return "the text ends before the object does",
        Category::Data => return "this is JSON, but no object",
        Category::Io | Category::Syntax => {}
    }
    let mut words = Beginning::default();
    // The buffer becomes full.
    let _ = write!(words, "{error}");
    let words = words.text();
    if words.starts_with("invalid number") && begins_with_zero(text, error) {
        return "a number of JSON cannot begin with 0: write it as a string";
    }
    let known = FAULTS.iter().find(|(begin, _)| words.starts_with(begin));
    known.map_or("this is not JSON", |(_, sentence)| sentence)
}

/// The first bytes of a text: enough for the longest of [`FAULTS`].
#[derive(Default)]
struct Beginning {
    bytes: [u8; 32],
    length: usize,
}

impl Beginning {
    fn text(&self) -> &str {
        // All words of serde_json are ASCII, at least before the text that they may quote.
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let fits = text.len().min(room.len());
        room[..fits].copy_from_slice(&text.as_bytes()[..fits]);
        self.length += fits;
        if fits < text.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

const FAULTS: &[(&str, &str)] = &[
    ("number out of range", "the number is too large"),
    ("lone leading surrogate", HALF_PAIR),
    ("unexpected end of hex escape", HALF_PAIR),
    ("recursion limit exceeded", "it is nested more than 127 deep"),
    ("control character", "a text has a control character: write it as \\n, \\t or \\u00XX"),
    ("invalid escape", "a backslash in a text begins no escape of JSON"),
    ("trailing characters", "something follows the object"),
    ("trailing comma", "a comma is not followed by a value"),
    ("key must be a string", "a name must stand in double quotes"),
    ("invalid number", "this is no number of JSON"),
    ("expected `:`", "a colon must follow the name"),
    ("expected `,` or", "a comma or the end must follow the value"),
];

const HALF_PAIR: &str = "a text has half of a surrogate pair (\\uD800 to \\uDFFF), which is no character";

/// Returns whether a syntax error is at the digit after a leading zero.
fn begins_with_zero(text: &str, error: &serde_json::Error) -> bool {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default().as_bytes();
    // The column counts from 1. It is that of the zero, or that of the digit after it.
    let zeros = [error.column().checked_sub(1), error.column().checked_sub(2)];
    zeros.into_iter().flatten().filter_map(|zero| line.split_at_checked(zero)).any(|(before, number)| {
        let is_inside = before.last().is_some_and(|last| last.is_ascii_digit() || b".eE+".contains(last));
        !is_inside && matches!(number, [b'0', next, ..] if next.is_ascii_digit())
    })
}

/// Returns whether a header can contain a text as an access token.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Code;

    fn one(json: &str) -> Params<'_> {
        Params::read(json).unwrap_or_else(|error| panic!("{json}: {}", error.detail()))
    }

    fn required<'a>(params: &'a Params<'a>, name: &'static str) -> Given<'a> {
        let [given] = params.require([name]).unwrap_or_else(|error| panic!("{}", error.detail()));
        given
    }

    #[test]
    fn parameters_that_are_no_object_are_2102() {
        for bad in ["null", "[]", "1", "\"a\"", "{", "{\"a\":}", "{}x", "{\"a\":01}", "{'a':1}", "\u{feff}{}", " "] {
            let error = Params::read(bad).err().unwrap_or_else(|| panic!("{bad} was taken"));
            assert_eq!(error.code(), Code::InvalidParameter);
            assert!(serde_json::to_string(&error).unwrap().contains("Invalid parameters parameter"));
        }
        let deep = format!("{{\"p\":{}}}", "[".repeat(200));
        for (text, location, sentence) in [
            ("{\"p\":0042}", "line 1, column 7", "a number of JSON cannot begin with 0: write it as a string"),
            ("{\"p\":\n[-01]}", "line 2, column 4", "a number of JSON cannot begin with 0: write it as a string"),
            ("{\"p\":10x}", "line 1, column 8", "a comma or the end must follow the value"),
            ("{\"p\":1.00.1}", "line 1, column 10", "a comma or the end must follow the value"),
            ("{\"p\":1e400}", "line 1, column 10", "the number is too large"),
            ("{\"p\":\"\\ud83d\"}", "line 1, column 13", HALF_PAIR),
            ("{\"p\":\"\\ud83dx\"}", "line 1, column 13", HALF_PAIR),
            ("{\"p\":\"\\udc00\"}", "line 1, column 12", HALF_PAIR),
            ("{\"p\":\"\\ud83d\\u0041\"}", "line 1, column 18", HALF_PAIR),
            (deep.as_str(), "line 1, column 132", "it is nested more than 127 deep"),
            ("{\"p\":\"a\tb\"}", "line 1, column 8", "a text has a control character: write it as \\n, \\t or \\u00XX"),
            ("{\"p\":\"\\x\"}", "line 1, column 8", "a backslash in a text begins no escape of JSON"),
            ("{} {}", "line 1, column 4", "something follows the object"),
            ("{\"p\":1,}", "line 1, column 8", "a comma is not followed by a value"),
            ("{p:1}", "line 1, column 2", "a name must stand in double quotes"),
            ("{\"p\":-}", "line 1, column 7", "this is no number of JSON"),
            ("{\"p\" 1}", "line 1, column 6", "a colon must follow the name"),
            ("{\"p\":1", "line 1, column 6", "the text ends before the object does"),
            ("{\"p\":nul}", "line 1, column 9", "this is not JSON"),
        ] {
            let error = Params::read(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert_eq!(error.detail(), format!("expected one JSON object; {location}: {sentence}"), "{text}");
        }
        assert!(Params::read("").is_ok());
        assert!(Params::read(" {} ").is_ok());
    }

    #[test]
    fn a_pin_is_text_or_an_integer_of_four_to_eight_digits() {
        for good in ["\"1234\"", "1234", "\"0000\"", "12345678", "\"\\u0031234\""] {
            assert!(required(&one(&format!("{{\"p\":{good}}}")), "p").pin().is_ok(), "{good}");
        }
        for bad in [
            "\"123\"",
            "123",
            "123456789",
            "\" 1234\"",
            "12.34",
            "1e3",
            "1234.0",
            "-1234",
            "true",
            "[1234]",
            "{}",
            "\"12\\n34\"",
            "\"\"",
        ] {
            let error = required(&one(&format!("{{\"p\":{bad}}}")), "p").pin().err().unwrap();
            assert_eq!(error.code(), Code::InvalidParameter, "{bad}");
            assert!(!serde_json::to_string(&error).unwrap().contains("1234"), "{bad} is repeated in the error");
        }
    }

    #[test]
    fn a_code_may_have_spaces_around_it_and_be_blank_if_the_operation_allows_that() {
        for good in ["\" 2424 \"", "2424", "\"AbC123\"", "\"123456789012\""] {
            assert!(required(&one(&format!("{{\"c\":{good}}}")), "c").sms_code().is_ok(), "{good}");
        }
        for bad in ["\"123\"", "\"1234567890123\"", "\"24 24\"", "\"24-24\"", "2424.5", "true", "\" \""] {
            assert!(required(&one(&format!("{{\"c\":{bad}}}")), "c").sms_code().is_err(), "{bad}");
        }
        for blank in ["\"\"", "\" \"", "\"\\t \""] {
            let json = format!("{{\"c\":{blank}}}");
            assert!(required(&one(&json), "c").enrollment_code_or_blank().unwrap().is_none(), "{blank}");
        }
    }

    #[test]
    fn a_phone_number_is_sent_as_it_was_written() {
        let long = format!("\"{}\"", "1".repeat(64));
        for (given, sent) in [
            ("\"0612345678\"", "0612345678"),
            ("\"+33 (0)6 12-34.56(78)\"", "+33 (0)6 12-34.56(78)"),
            ("\"\\u202a+33\\u00a06\\u202f12345678\\u202c\"", "\u{202a}+33\u{a0}6\u{202f}12345678\u{202c}"),
            ("\"\\t06\\t12345678\\r\\n\"", "06 12345678"),
            ("33612345678", "33612345678"),
            ("\"twelve\"", "twelve"),
            (&*long, &*"1".repeat(64)),
        ] {
            let json = format!("{{\"n\":{given}}}");
            assert_eq!(required(&one(&json), "n").phone_number().unwrap(), sent);
        }
        let long = format!("\"{}\"", "1".repeat(65));
        for bad in ["\"\"", "\" \"", "\"06\\u00001234\"", "\"\\u007f\"", "1.5", "true", &long] {
            let json = format!("{{\"n\":{bad}}}");
            assert!(required(&one(&json), "n").phone_number().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_device_id_has_8_to_128_visible_characters() {
        let long = format!("\"{}\"", "f".repeat(128));
        for (given, id) in [
            ("\"0a1b2c3d\"", "0a1b2c3d"),
            ("\" 0a1b2c3d4e5f6071 \"", "0a1b2c3d4e5f6071"),
            ("12345678", "12345678"),
            (&*long, &*"f".repeat(128)),
        ] {
            let json = format!("{{\"d\":{given}}}");
            assert_eq!(required(&one(&json), "d").device_id().unwrap(), id);
        }
        let long = format!("\"{}\"", "f".repeat(129));
        for bad in ["\"0a1b2c3\"", "1234567", "\"\"", "\"0a1b 2c3d\"", "\"0a1b2c3é\"", "true", "[]", &long] {
            let json = format!("{{\"d\":{bad}}}");
            let error = required(&one(&json), "d").device_id().err().unwrap();
            assert_eq!(error.detail(), "expected a \"deviceId\" of get pims.authentication.devices", "{bad}");
        }
    }

    #[test]
    fn the_number_of_an_approval_is_two_digits() {
        for (given, number) in [("\"07\"", "07"), ("\" 47 \"", "47"), ("47", "47")] {
            let json = format!("{{\"number\":{given}}}");
            assert_eq!(required(&one(&json), "number").approval_number().unwrap().as_str(), number);
        }
        for bad in ["\"7\"", "7", "\"047\"", "147", "-7", "4.7", "\"4 7\"", "\"\"", "\"x7\"", "true", "[]"] {
            let json = format!("{{\"number\":{bad}}}");
            let error = required(&one(&json), "number").approval_number().err().unwrap();
            assert_eq!(error.detail(), "expected the two digits that the new device shows", "{bad}");
        }
    }

    #[test]
    fn a_device_name_is_text() {
        for (given, name) in [("\" Ana\\u2019s phone \"", "Ana\u{2019}s phone"), ("\"<b>\"", "<b>")] {
            let json = format!("{{\"n\":{given}}}");
            assert_eq!(required(&one(&json), "n").device_name().unwrap().as_str(), name);
        }
        for bad in ["\"\"", "\" \"", "\"a\\nb\"", "\"a\\u202eb\"", "7", "true", "[]"] {
            let json = format!("{{\"n\":{bad}}}");
            assert!(required(&one(&json), "n").device_name().is_err(), "{bad}");
        }
    }

    #[test]
    fn null_is_missing_and_the_first_missing_one_is_reported() {
        let params = one("{\"b\":null,\"c\":1}");
        let code = |names| params.require::<2>(names).err().map(|error| serde_json::to_string(&error).unwrap());
        assert_eq!(code(["b", "a"]).unwrap(), r#"{"code":2101,"label":"Missing b parameter"}"#);
        assert_eq!(code(["c", "a"]).unwrap(), r#"{"code":2101,"label":"Missing a parameter"}"#);
        assert_eq!(code(["c", "c"]), None);
    }

    proptest! {
        #[test]
        fn any_text_is_parameters_or_an_error(text in ".*") {
            let _ = Params::read(&text);
        }
    }
}
