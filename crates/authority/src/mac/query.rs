//! The parameters of a request, read strictly: a parameter that is not clearly valid is refused
//! before any lookup.

use inwebo::cvs::Keystore;
use inwebo::device_list;
use inwebo::values::{Serial, SmsCode, hex};
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::domain::dialing::Countries;
use crate::domain::phone::PhoneNumber;

/// The longest query that is read, in bytes.
const MAX_QUERY: usize = 16 * 1024;
const MAX_PARAMETERS: usize = 48;
const MAX_NAME: usize = 32;
const MAX_VALUE: usize = 2048;

type Read<T> = Result<T, Refusal>;

/// The parameters of a request. They may hold a code: they are wiped when dropped and have no
/// `Debug`.
pub(super) struct Query(Vec<(String, Zeroizing<String>)>);

impl Query {
    /// Reads a form-urlencoded query.
    pub(super) fn parse(query: &str) -> Read<Self> {
        if query.len() > MAX_QUERY || !is_form_urlencoded(query) {
            return Err(syntax());
        }
        let mut parameters: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = Zeroizing::new(value.into_owned());
            let is_within_limits =
                parameters.len() < MAX_PARAMETERS && name.len() <= MAX_NAME && value.len() <= MAX_VALUE;
            // The decoder replaced bytes that were not UTF-8.
            let clean = !value.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER);
            if !is_within_limits || !clean || parameters.iter().any(|(known, _)| *known == name) {
                return Err(syntax());
            }
            parameters.push((name.into_owned(), value));
        }
        Ok(Self(parameters))
    }

    /// Returns an optional parameter.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a required parameter, which may be empty.
    pub(super) fn require(&self, name: &str) -> Read<&str> {
        self.find(name).ok_or_else(syntax)
    }

    /// Checks the parameters that every request carries.
    pub(super) fn check_common(&self, with_version: bool) -> Read<()> {
        let mac_id = self.require("macid")?;
        let last_sync = self.require("lastsync")?;
        self.require("id")?;
        if with_version {
            self.require("version")?;
        }
        let mac_id_has_form = mac_id.len() == 32 && mac_id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_number(last_sync) && mac_id_has_form { Ok(()) } else { Err(syntax()) }
    }

    /// Returns the number of the last synchronization that the device knows of.
    pub(super) fn last_sync(&self) -> Read<u64> {
        // `check_common` has checked that it is a number. A number that is too large counts as the
        // largest one.
        self.require("lastsync").map(|number| number.parse().unwrap_or(u64::MAX))
    }

    /// Returns the SMS code: 4 to 12 letters or digits.
    pub(super) fn code(&self) -> Read<&str> {
        let code = self.require("code")?;
        // A device sends it without white space around it.
        let is_code = SmsCode::new(code).is_some_and(|read| read.as_str() == code);
        if is_code { Ok(code) } else { Err(syntax()) }
    }

    /// Returns the ticket of an activation, if there is one (ours): 128 bits in base64url.
    pub(super) fn ticket(&self) -> Read<Option<&str>> {
        let has_form = |ticket: &str| {
            ticket.len() == 22 && ticket.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        match self.find("ticket") {
            Some(ticket) if !has_form(ticket) => Err(syntax()),
            ticket => Ok(ticket),
        }
    }

    /// Returns the place of the device's storage key, if the device tells it (ours).
    pub(super) fn keystore(&self) -> Read<Option<Keystore>> {
        self.find(device_list::KEYSTORE).map(|text| Keystore::parse(text).ok_or_else(syntax)).transpose()
    }

    /// Returns the phone number to register, if the activation registers one.
    pub(super) fn phone_number(&self, countries: &Countries) -> Read<Option<PhoneNumber>> {
        let read = |text| countries.read_number(text).ok_or(Word::Phone.into());
        self.find("phone").map(read).transpose()
    }

    /// Returns the number of the last notice that the device knows (ours): 0 if it names none. A
    /// number that is too large counts as the largest one.
    pub(super) fn after(&self) -> Read<i64> {
        let Some(text) = self.find("after") else { return Ok(0) };
        if is_number(text) { Ok(text.parse().unwrap_or(i64::MAX)) } else { Err(syntax()) }
    }

    /// Returns the serial. Its text is hashed as it is.
    pub(super) fn serial(&self) -> Read<Serial> {
        Serial::parse(self.require("serial")?).ok_or_else(syntax)
    }

    /// Returns a value that was encrypted to one of the service's keys.
    pub(super) fn encrypted(&self, name: &str) -> Read<Vec<u8>> {
        hex::decode(self.require(name)?).filter(|bytes| !bytes.is_empty()).ok_or_else(syntax)
    }

    /// Returns a proof: 64 lower-case hex digits.
    pub(super) fn proof(&self, name: &str) -> Read<&str> {
        let proof = self.require(name)?;
        let has_form = proof.len() == 64 && proof.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if has_form { Ok(proof) } else { Err(syntax()) }
    }
}

/// Returns whether the text is plain ASCII in which two hex digits follow each `%`.
fn is_form_urlencoded(query: &str) -> bool {
    let bytes = query.as_bytes();
    let escaped = |index: usize| {
        let digits = bytes.get(index + 1..index + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    bytes.iter().enumerate().all(|(index, byte)| byte.is_ascii_graphic() && (*byte != b'%' || escaped(index)))
}

/// Returns whether the text is a number of 1 to 20 digits.
fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn syntax() -> Refusal {
    Word::Syntax.into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_found_by_name() {
        let query = Query::parse("name=Android+SDK+%2F+%C3%A9&ack=&flag").ok().unwrap();
        assert_eq!(query.find("name"), Some("Android SDK / é"));
        assert_eq!(query.find("ack"), Some(""));
        assert_eq!(query.find("flag"), Some(""));
        assert_eq!(query.find("missing"), None);
    }

    #[test]
    fn repeated_oversized_and_badly_encoded_parameters_are_refused() {
        let long = format!("a={}", "b".repeat(MAX_VALUE + 1));
        let many: String = (0..=MAX_PARAMETERS).map(|number| format!("a{number}=&")).collect();
        let huge = "&".repeat(MAX_QUERY + 1);
        for bad in ["a=1&a=1", "a=%", "a=%2", "a=%zz", "a=%ff", "a=%00", "a=%0a", "a=é", "a= b", &long, &many, &huge] {
            assert!(Query::parse(bad).is_err(), "{bad:.20}");
        }
        assert!(Query::parse(&format!("{}=1", "n".repeat(MAX_NAME + 1))).is_err());
    }

    #[test]
    fn a_serial_is_read_as_it_was_written() {
        let read = |serial: &str| {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair("serial", serial).finish();
            Query::parse(&query).ok().unwrap().serial().ok().map(|serial| serial.as_str().to_owned())
        };
        for serial in ["CAca-12/_/F7f7", " a b+%/_/ ", "Client_Brand/_/00/_/11"] {
            assert_eq!(read(serial).as_deref(), Some(serial));
        }
        for bad in ["", "caca", "ca/ _/f7", "é/_/f7", &format!("{}/_/", "x".repeat(126))] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn codes_and_proofs_have_one_form() {
        let code = |code: &str| Query::parse(&format!("code={code}")).ok().unwrap().code().is_ok();
        assert!(code("2424") && code("24AZaz240001"));
        assert!(!code("242") && !code("2424240001234") && !code("24-24") && !code(""));
        let proof = |proof: &str| Query::parse(&format!("R0={proof}")).ok().unwrap().proof("R0").is_ok();
        assert!(proof(&"a0".repeat(32)));
        assert!(!proof(&"A0".repeat(32)) && !proof(&"a0".repeat(31)) && !proof(&"g0".repeat(32)));
    }
}
