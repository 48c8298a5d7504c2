//! The names that each client gives to the members of its state, and the forms of their values.

use std::borrow::Cow;

use inwebo::values::{K0, K1, Modulus, SecVal, Serial, hex};
use zeroize::Zeroizing;

use super::{Error, State};

/// Value of a member.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'a> {
    /// Text.
    Text(&'a str),
    /// A whole number that is not negative.
    Integer(u64),
    /// Another number, perhaps a fraction.
    Fraction(f64),
    /// `null` or `None`.
    Null,
    /// A value of another kind.
    Other,
}

/// Members of a state, as its format has them.
pub(super) trait Members {
    /// Returns the value of a member, if it is there. A dot leads to a member of a member.
    fn get(&self, path: &str) -> Option<Scalar<'_>>;
}

/// Name of the serial of a device.
enum SerialNames {
    /// The serial as a whole.
    Whole(&'static str),
    /// The device's own id and the random part, which [`Shape::read`] joins.
    Parts(&'static str, &'static str),
}

/// Names of the members in one client's state.
pub(super) struct Shape {
    mac_id: Option<&'static str>,
    serial: SerialNames,
    id: &'static str,
    service: &'static str,
    last_sync: &'static str,
    factory: Option<&'static str>,
    k0: &'static str,
    k1: &'static str,
    secval: &'static str,
}

/// The Python clients, and the client for Homey.
pub(super) const PYTHON: Shape = Shape {
    mac_id: Some("macid"),
    serial: SerialNames::Parts("device_id", "iwalea"),
    id: "data.iwid",
    service: "data.iwsecid",
    last_sync: "data.iwTsync",
    factory: Some("Kfact"),
    k0: "data.iwK0",
    k1: "data.iwK1",
    secval: "data.iwsecval",
};

/// The Python client whose class is `InweboOTP`.
pub(super) const PYTHON_RENAMED: Shape = Shape {
    mac_id: Some("mac_id"),
    serial: SerialNames::Parts("device_id", "device_alea"),
    id: "iw_data.device_id",
    service: "iw_data.secret_ids",
    last_sync: "iw_data.last_sync_timestamp",
    factory: Some("factory_key"),
    k0: "iw_data.master_key_0",
    k1: "iw_data.master_key_1",
    secval: "iw_data.secret_values",
};

/// E3008 Control.
pub(super) const E3008: Shape = Shape {
    mac_id: None,
    serial: SerialNames::Parts("deviceId", "iwalea"),
    id: "iwid",
    service: "iwsecid",
    last_sync: "iwTsync",
    factory: Some("Kfact"),
    k0: "iwK0",
    k1: "iwK1",
    secval: "iwsecval",
};

/// The Android client.
pub(super) const KOTLIN: Shape = Shape {
    mac_id: None,
    serial: SerialNames::Parts("dev", "alea"),
    id: "iwid",
    service: "sid",
    last_sync: "ts",
    factory: None,
    k0: "k0",
    k1: "k1",
    secval: "sval",
};

/// The neutral JSON.
pub(super) const PIMS: Shape = Shape {
    mac_id: Some("macID"),
    serial: SerialNames::Whole("serial"),
    id: "id",
    service: "service",
    last_sync: "lastSync",
    factory: Some("factoryKey"),
    k0: "k0",
    k1: "k1",
    secval: "serviceSecret",
};

const KEY: &str = "32 hex digits";
const SERIAL: &str = "printable ASCII text of at most 128 bytes with /_/ in it";

impl Shape {
    /// Reads the state that has these names.
    pub(super) fn read(&self, members: &impl Members) -> Result<State, Error> {
        Ok(State {
            serial: self.serial.read(members)?,
            mac_id: self.mac_id.map_or(Ok(None), |name| mac_id(members, name))?,
            id: printable(text(members, self.id)?, self.id)?.ok_or(Error::Missing(self.id))?,
            service: service(members, self.service)?,
            last_sync: last_sync(members, self.last_sync)?,
            factory: self.factory.map_or(Ok(None), |name| factory(members, name))?,
            k0: K0::new(*key(members, self.k0)?),
            k1: K1::new(*key(members, self.k1)?),
            secval: SecVal::new(*key(members, self.secval)?),
        })
    }
}

impl SerialNames {
    fn read(&self, members: &impl Members) -> Result<Serial, Error> {
        let (name, text) = match *self {
            Self::Whole(name) => (name, text(members, name)?.ok_or(Error::Missing(name))?),
            Self::Parts(device, alea) => {
                let device_id = text(members, device)?.ok_or(Error::Missing(device))?;
                let random = text(members, alea)?.ok_or(Error::Missing(alea))?;
                (device, Cow::Owned(format!("{device_id}/_/{random}")))
            }
        };
        Serial::parse(&text).ok_or(Error::Invalid { member: name, expected: SERIAL })
    }
}

/// Returns a member that is text, or `None` if it is missing or empty.
fn text<'a>(members: &'a impl Members, name: &'static str) -> Result<Option<Cow<'a, str>>, Error> {
    match members.get(name) {
        Some(Scalar::Text(text)) => Ok((!text.is_empty()).then_some(Cow::Borrowed(text))),
        Some(Scalar::Null) | None => Ok(None),
        // The digits of a number are not those of the text that it was made of.
        Some(Scalar::Integer(_) | Scalar::Fraction(_) | Scalar::Other) => {
            Err(Error::Invalid { member: name, expected: "text" })
        }
    }
}

/// Returns a member that is text or a whole number, which some clients make of digits.
fn text_or_digits<'a>(members: &'a impl Members, name: &'static str) -> Result<Option<Cow<'a, str>>, Error> {
    match members.get(name) {
        Some(Scalar::Integer(number)) => Ok(Some(Cow::Owned(number.to_string()))),
        _ => text(members, name),
    }
}

const PRINTABLE: &str = "text of at most 128 printable ASCII characters without spaces";

/// Checks the form of text that stands in a query as it is. It is no secret.
fn printable(text: Option<Cow<'_, str>>, name: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = text else { return Ok(None) };
    if text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(text.into_owned()))
    } else {
        Err(Error::Invalid { member: name, expected: PRINTABLE })
    }
}

fn service(members: &impl Members, name: &'static str) -> Result<String, Error> {
    let text = text_or_digits(members, name).map_err(|_| Error::Invalid { member: name, expected: PRINTABLE })?;
    Ok(printable(text, name)?.unwrap_or_default())
}

fn mac_id(members: &impl Members, name: &'static str) -> Result<Option<String>, Error> {
    let Some(text) = text(members, name)? else { return Ok(None) };
    let bytes = hex::decode_array::<16>(&text).ok_or(Error::Invalid { member: name, expected: KEY })?;
    Ok(Some(hex::encode(&bytes)))
}

const DIGITS: &str = "a number of at most 20 decimal digits";

fn last_sync(members: &impl Members, name: &'static str) -> Result<String, Error> {
    // Python's time has a fraction, and so has a number that went through a language whose only
    // numbers are floating-point numbers. Those of 2^53 and more are not exact.
    if let Some(Scalar::Fraction(seconds)) = members.get(name)
        && (0.0..9_007_199_254_740_992.0).contains(&seconds)
    {
        return Ok(format!("{:.0}", seconds.trunc()));
    }
    let text = text_or_digits(members, name).map_err(|_| Error::Invalid { member: name, expected: DIGITS })?;
    let Some(text) = text else { return Ok("0".to_owned()) };
    if text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(text.into_owned())
    } else {
        Err(Error::Invalid { member: name, expected: DIGITS })
    }
}

fn factory(members: &impl Members, name: &'static str) -> Result<Option<Modulus>, Error> {
    let Some(text) = text(members, name)? else { return Ok(None) };
    let modulus = Modulus::from_hex(&text);
    modulus.map(Some).map_err(|_| Error::Invalid { member: name, expected: "an RSA modulus in hex of a usual size" })
}

fn key(members: &impl Members, name: &'static str) -> Result<Zeroizing<[u8; 16]>, Error> {
    let invalid = Error::Invalid { member: name, expected: KEY };
    let text = match members.get(name) {
        Some(Scalar::Text(text)) if !text.is_empty() => text,
        Some(Scalar::Text(_) | Scalar::Null) | None => return Err(Error::Missing(name)),
        Some(Scalar::Integer(_) | Scalar::Fraction(_) | Scalar::Other) => return Err(invalid),
    };
    let mut key = Zeroizing::new([0; 16]);
    hex::decode_into(text.as_bytes(), &mut *key).ok_or(invalid)?;
    Ok(key)
}
