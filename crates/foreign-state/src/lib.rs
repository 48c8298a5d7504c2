//! The enrollments that other clients of the inWebo exchange store, read as data.
//!
//! [`read`] takes the bytes of a state file and the name of its format, and returns a [`State`] or
//! an [`Error`] that says what is wrong. [`write()`] writes a state as neutral JSON
//! (`docs/enrollment-format.md`), which [`read`] takes again.
//!
//! | format | written by |
//! | --- | --- |
//! | [`Format::Pickle`] | the Python clients: pickle, protocols 2 to 5, also in base64 |
//! | [`Format::Homey`] | the client for Homey: JSON with the names of the Python clients |
//! | [`Format::E3008`] | E3008 Control: JSON |
//! | [`Format::Kotlin`] | the Android client: JSON, after decryption |
//! | [`Format::Pims`] | this crate: JSON |
//!
//! A pickle is a program. The reader of this crate has no instruction that calls, imports or
//! creates anything: it builds texts, numbers and lists of members. It refuses every other opcode
//! by its name.
//!
//! The crate does no I/O, and no error contains a part of the file.

#![forbid(unsafe_code)]

mod json;
mod pickle;
mod shape;

use base64ct::{Base64Unpadded, Encoding};
use inwebo::values::{K0, K1, Modulus, SecVal, Serial};
use zeroize::Zeroizing;

pub use json::write;

#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

/// Greatest length of a state file, in bytes; of base64, that of the bytes in it. Those of the
/// known clients have 400 to 4,000 bytes.
pub const MAX_LEN: usize = 64 * 1024;

/// Enrollment of a device, as another client or [`write()`] stored it. K1 is in clear in it. Its
/// secrets are wiped when dropped, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct State {
    /// The application's id in lower-case hex, if the client stores it.
    pub mac_id: Option<String>,
    /// The name that the device gave itself.
    pub serial: Serial,
    /// The id that the service gave the device: 1 to 128 printable ASCII characters.
    pub id: String,
    /// The service that the passwords are for. It may be empty.
    pub service: String,
    /// The last `Tsync`: decimal digits.
    pub last_sync: String,
    /// The factory key of the activation, if the client stores it.
    pub factory: Option<Modulus>,
    /// The key that proves the device.
    pub k0: K0,
    /// The key that proves that the PIN unlocked it, in clear.
    pub k1: K1,
    /// The service secret under the PIN's key.
    pub secval: SecVal,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("State")
    }
}

/// Format of a state file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The format that the content shows.
    Auto,
    /// The pickle of the Python clients.
    Pickle,
    /// The JSON of the client for Homey.
    Homey,
    /// The JSON of E3008 Control.
    E3008,
    /// The JSON of the Android client.
    Kotlin,
    /// The neutral JSON.
    Pims,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [Self::Auto, Self::Pickle, Self::Homey, Self::E3008, Self::Kotlin, Self::Pims];

    /// Returns the name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pickle => "pickle",
            Self::Homey => "homey-json",
            Self::E3008 => "e3008-json",
            Self::Kotlin => "kotlin-json",
            Self::Pims => "pims",
        }
    }

    /// Returns the format of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Reason why a file is no enrollment. It contains no part of the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is too long.
    #[error("a state has at most {MAX_LEN} bytes")]
    TooLong,
    /// The file is empty.
    #[error("it is empty")]
    Empty,
    /// The content shows no known format.
    #[error("it is in no format that is known: neither a pickle, nor its base64, nor JSON")]
    Unrecognized,
    /// The file is JSON, but its members are those of no known client.
    #[error("it is JSON, but its members are those of no client that is known")]
    UnrecognizedJson,
    /// The Android client's file is still encrypted.
    #[error("it is encrypted with a key of Android's Keystore: give the JSON inside of it")]
    Encrypted,
    /// The file is text, but not the base64 of a pickle.
    #[error("it is not base64 of a pickle")]
    Base64,
    /// The file is not JSON, or no object.
    #[error("it is not one JSON object: line {line}, column {column}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1; 0 before the first character of a line.
        column: usize,
    },
    /// The pickle cannot be read.
    #[error("its pickle cannot be read at byte {at}: {fault}")]
    Pickle {
        /// The offset of the opcode, from 0.
        at: usize,
        /// The fault.
        fault: Fault,
    },
    /// The neutral JSON has a version that this crate does not know.
    #[error("its version is not 1: a newer version of this library may have written it")]
    Version,
    /// The neutral JSON has a member that its version does not have.
    #[error("it has a member that version 1 does not have")]
    UnknownMember,
    /// A member is missing or empty.
    #[error("it has no {0}: only a finished activation can be taken over")]
    Missing(&'static str),
    /// A member does not have its form.
    #[error("its {member} is not {expected}")]
    Invalid {
        /// The name of the member.
        member: &'static str,
        /// The form that it must have.
        expected: &'static str,
    },
}

/// Reason why a pickle cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The bytes end before the pickle does.
    #[error("the file ends here, but the pickle does not")]
    Truncated,
    /// Bytes follow the pickle.
    #[error("bytes follow the end of the pickle")]
    Trailing,
    /// The protocol is not one of 2 to 5.
    #[error("its protocol is not one of 2 to 5")]
    Protocol,
    /// An opcode that the state of no client has.
    #[error("the opcode {0} is not allowed in a state")]
    Opcode(&'static str),
    /// A byte that is no opcode.
    #[error("this byte is no opcode")]
    NoOpcode,
    /// A class that the state of no client has.
    #[error("a class other than Otp, InweboOTP, IWData and Tokenizer")]
    Class,
    /// An opcode that does not fit the values before it.
    #[error("the opcode does not fit the values before it")]
    Stack,
    /// A text that is not UTF-8.
    #[error("a text that is not UTF-8")]
    Text,
    /// A reference to a value that was not stored.
    #[error("a reference to a value that was not stored")]
    Memo,
    /// More values than a state has.
    #[error("more values than a state has")]
    Limit,
    /// The pickled value is not the object of a client.
    #[error("the value is not an object of a client")]
    Root,
}

/// Reads a state.
///
/// # Errors
///
/// Returns the first fault of a file that is no enrollment.
pub fn read(bytes: &[u8], format: Format) -> Result<State, Error> {
    // Base64 makes four characters of three bytes, and some line breaks.
    if bytes.len() > 2 * MAX_LEN {
        return Err(Error::TooLong);
    }
    let whole = bytes;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    let is_base64 = matches!(format, Format::Auto | Format::Pickle) && bytes.first() == Some(&b'g');
    if whole.len() > MAX_LEN && !is_base64 {
        return Err(Error::TooLong);
    }
    match (format, bytes.first()) {
        (_, None) => Err(Error::Empty),
        (Format::Auto | Format::Pickle, Some(&pickle::PROTO)) => pickle::read(bytes),
        (Format::Auto, Some(b'{')) | (Format::Homey | Format::E3008 | Format::Kotlin | Format::Pims, _) => {
            json::read(bytes, format)
        }
        // The base64 of a pickle begins with the bits of PROTO.
        (Format::Auto, Some(byte)) if *byte != b'g' => Err(Error::Unrecognized),
        (Format::Auto | Format::Pickle, _) => pickle::read(&decode_base64(bytes)?),
    }
}

/// Decodes base64, with or without padding, line breaks and spaces.
fn decode_base64(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let is_padding = |byte: &u8| *byte == b'=' || byte.is_ascii_whitespace();
    let end = text.iter().rposition(|byte| !is_padding(byte)).map_or(0, |last| last + 1);
    let mut packed = Zeroizing::new(Vec::with_capacity(end));
    packed.extend(text[..end].iter().copied().filter(|byte| !byte.is_ascii_whitespace()));
    let mut bytes = Zeroizing::new(vec![0; packed.len() / 4 * 3 + 3]);
    let decoded = Base64Unpadded::decode(&*packed, &mut bytes).map_err(|_| Error::Base64)?.len();
    bytes.truncate(decoded);
    if decoded > MAX_LEN {
        return Err(Error::TooLong);
    }
    if bytes.first() == Some(&pickle::PROTO) { Ok(bytes) } else { Err(Error::Base64) }
}
