//! The CVS requests of an authenticated account. They need no device.

use crate::values::{DeviceName, Ticket};
use crate::word::Word;

/// The purpose of an SMS code. A code is valid for its purpose only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Activates a device.
    Enrollment,
    /// Proves a phone number that is to be added or changed. The code goes to that number.
    PhoneNumberCertification,
    /// Sets a new PIN.
    ResetPin,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Enrollment, Self::PhoneNumberCertification, Self::ResetPin];

    /// Returns its word on the wire, in the outbox and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::PhoneNumberCertification => "phoneNumberCertification",
            Self::ResetPin => "resetPIN",
        }
    }

    /// Reads the word in a request.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// A request of an authenticated account. Phone numbers and codes are as the user typed them: the
/// service parses them.
#[derive(Clone, Copy)]
pub enum CvsRequest<'a> {
    /// Sends an SMS code.
    SendCode {
        /// The purpose of the code.
        purpose: Purpose,
        /// The number to certify. For the other purposes the service takes the trusted number and
        /// ignores this one.
        phone_number: Option<&'a str>,
    },
    /// Asks for the trusted phone number.
    TrustedPhoneNumber,
    /// Registers a first trusted phone number.
    AddPhoneNumber {
        /// The code of a certification, which was sent to this number.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Registers another trusted phone number.
    ModifyPhoneNumber {
        /// The code of a certification, which was sent to this number.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Removes every device of the account, its PIN, its block and its refresh tokens.
    RemoveEnrollments,
    /// Lists the devices of the account (ours).
    Devices,
    /// Gives a device of the account another name (ours).
    RenameDevice {
        /// The device: its id, or a short id.
        device: &'a str,
        /// The new name.
        name: &'a DeviceName,
    },
    /// Removes a device of the account (ours).
    RemoveDevice {
        /// The device: its id, or a short id.
        device: &'a str,
    },
}

/// The answer to a [`CvsRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CvsAnswer {
    /// The service did it.
    Done,
    /// The service sent the code. The device must send this ticket with the code.
    Ticket(Ticket),
    /// The trusted phone number.
    PhoneNumber(String),
    /// The devices of the account.
    Devices(Vec<DeviceEntry>),
    /// The service refused.
    Refused(CvsRefusal),
}

/// The reason for which the service refused a [`CvsRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CvsRefusal {
    /// The account has no trusted phone number.
    NoPhoneNumber,
    /// The account has a trusted phone number already.
    PhoneNumberRegistered,
    /// The text is no phone number, or the service sends no SMS to that number.
    BadPhoneNumber,
    /// The SMS code is wrong, used or expired.
    WrongCode {
        /// Remaining tries. It is 0 also if there is no code to try.
        attempts_left: u32,
    },
    /// The account has no SMS code of this purpose: it asked for none, or the code was removed long
    /// ago.
    NoCode,
    /// The SMS code was sent to another number. The service did not compare it, and this costs no
    /// try.
    OtherNumber,
    /// The account asked for too many SMS codes, or entered too many wrong ones.
    TooManyCodes {
        /// Seconds until the account may ask again, if the service says so. Ours does.
        retry_after_seconds: Option<u64>,
    },
    /// The gateway did not accept the SMS, or too many messages or requests wait for it. Without a
    /// queue the code is void. With a queue the service sends the message later, and its code stays
    /// valid.
    SmsNotSent,
    /// No device of the account has the id that the request names.
    NoSuchDevice,
    /// An error word of the inWebo service behind CVS. Our service never sends one.
    Word {
        /// The word.
        word: Word,
        /// Remaining tries for a PIN or a code, if the service says so.
        attempts_left: Option<u32>,
    },
}

/// A device in the list of an account's devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEntry {
    /// The short id: the first characters of the id, as many as tell the devices of the account
    /// apart, and at least [`SHORT_ID`].
    pub id: String,
    /// The name that its user gave it.
    pub name: String,
    /// Time of its activation, in milliseconds since 1970 in UTC.
    pub since: i64,
    /// Time of its last use, in milliseconds since 1970 in UTC; `None` if it was never used.
    pub used: Option<i64>,
    /// The place of its storage key, if it told one.
    pub keystore: Option<Keystore>,
    /// True for the device that asked.
    pub is_self: bool,
}

/// The fewest characters of a short id.
pub const SHORT_ID: usize = 8;

/// The place of a device's storage key, by its own statement. Nobody proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keystore {
    /// A security chip holds the key.
    Hardware,
    /// The key is software's alone.
    Software,
}

impl Keystore {
    /// All places.
    pub const ALL: [Self; 2] = [Self::Hardware, Self::Software];

    /// Returns its word on the wire, in a configuration and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hardware => "hardware",
            Self::Software => "software",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|keystore| keystore.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keystore_is_read_as_it_is_written_and_no_other() {
        for keystore in Keystore::ALL {
            assert_eq!(Keystore::parse(keystore.as_str()), Some(keystore));
        }
        for other in ["", "Hardware", "tee", "software "] {
            assert_eq!(Keystore::parse(other), None, "{other}");
        }
    }
}
