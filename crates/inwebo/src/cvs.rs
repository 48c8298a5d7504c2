//! The CVS requests: what an authenticated account asks for without a device.

use crate::values::Ticket;
use crate::word::Word;

/// The purpose of an SMS code. A code of one purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Activates a device.
    Enrollment,
    /// Proves the phone number that it was sent to, which is to be added or changed.
    PhoneNumberCertification,
    /// Sets a new PIN.
    ResetPin,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 3] = [Self::Enrollment, Self::PhoneNumberCertification, Self::ResetPin];

    /// Returns the word for it on the wire, in the outbox and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::PhoneNumberCertification => "phoneNumberCertification",
            Self::ResetPin => "resetPIN",
        }
    }

    /// Reads the word of a request.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// A request of an authenticated account. Phone numbers and codes stand here as the person wrote them:
/// the service reads them.
#[derive(Clone, Copy)]
pub enum CvsRequest<'a> {
    /// Sends an SMS code.
    SendCode {
        /// The purpose of the code.
        purpose: Purpose,
        /// The number that is to be certified. For the other purposes the service takes the trusted
        /// number and ignores this one.
        phone_number: Option<&'a str>,
    },
    /// Asks for the trusted phone number.
    TrustedPhoneNumber,
    /// Registers a first trusted phone number.
    AddPhoneNumber {
        /// The code that was sent to it, for a certification.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Registers another trusted phone number.
    ModifyPhoneNumber {
        /// The code that was sent to it, for a certification.
        sms_code: &'a str,
        /// The number.
        phone_number: &'a str,
    },
    /// Removes every device of the account, its PIN, its block and its refresh tokens.
    RemoveEnrollments,
}

/// The answer to a [`CvsRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CvsAnswer {
    /// The service did it.
    Done,
    /// The service sent the code. The device needs this ticket to use it.
    Ticket(Ticket),
    /// The trusted phone number.
    PhoneNumber(String),
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
        /// How many wrong tries are left; 0 also if there is no code to try.
        attempts_left: u32,
    },
    /// The account has no SMS code of this purpose: none was asked for, or it is gone long ago.
    NoCode,
    /// The SMS code was sent to another number. It was not compared, and costs no try.
    OtherNumber,
    /// The account asked for too many SMS codes, or entered too many wrong ones.
    TooManyCodes {
        /// After how many seconds the account may ask again, if the service says so. Ours does.
        retry_after_seconds: Option<u64>,
    },
    /// The gateway did not take the SMS, or too many wait for it. Without a queue the code is void; with
    /// one the service tries the message again, and its code stays good.
    SmsNotSent,
    /// CVS passes on a word of the inWebo service behind it. Our service never does.
    Word {
        /// The word.
        word: Word,
        /// How often a PIN or a code may still be tried, if the service says so.
        attempts_left: Option<u32>,
    },
}
