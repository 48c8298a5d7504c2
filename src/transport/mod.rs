//! What carries a request to the service and its answer back.
//!
//! The rest of the library knows the [`Transport`] trait alone, not which service is behind it. A transport never repeats a request
//! by itself: whether that could count against the user is known above it.

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod http;

use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use crate::inwebo::{Request, SmsCode, Ticket, Word};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The service did not answer in time.
    #[error("the service did not answer in time ({0})")]
    Timeout(TimeLimit),
    /// The service cannot be reached, or the connection broke before it answered.
    #[error("the service cannot be reached ({0})")]
    Unreachable(String),
    /// What came back is not an answer of the service.
    #[error("the service's answer cannot be used: {0}")]
    Unusable(String),
    /// The service could not serve the request (HTTP 5xx and its like).
    #[error("the service failed: {what}")]
    Server {
        /// What it said.
        what: String,
        /// When to come again, in seconds, where the service says so.
        retry_after_seconds: Option<u64>,
    },
    /// The server's key is none of the pinned ones: this may not be the service.
    #[error("the server's key is none of the pinned ones (credential.pinnedCertificates)")]
    Pin,
    /// CVS wants an access token: there is none, or it was not taken.
    #[error("{0}")]
    NotAuthenticated(&'static str),
}

/// A limit of time that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeLimit {
    /// That for a connection, `network.connectTimeoutMs`.
    #[error("no connection within network.connectTimeoutMs")]
    Connect,
    /// That for the whole request, `network.requestTimeoutMs`.
    #[error("no whole answer within network.requestTimeoutMs")]
    Request,
    /// The operating system's own, which is shorter than a long `network.connectTimeoutMs`.
    #[error("the operating system gave the connection up")]
    System,
}

/// The host application's access token for CVS. Clones share it, so that a new one counts from the next request on. It has no `Debug`.
#[derive(Clone, Default)]
pub struct AccessToken(Arc<Mutex<Option<Zeroizing<String>>>>);

impl AccessToken {
    /// Replaces the token.
    pub fn set(&self, token: Zeroizing<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// The token as it is now.
    pub fn get(&self) -> Option<Zeroizing<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an SMS code is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodePurpose {
    /// To enroll a device.
    Enrollment,
    /// To prove a phone number that is to be added or changed.
    PhoneNumberCertification,
    /// To set a new PIN.
    ResetPin,
}

/// A request to the CVS service, which knows the account by its token.
pub enum CvsRequest<'a> {
    /// Sends an SMS code: to `phone_number` for a certification, else to the trusted number. Numbers are as the person wrote them.
    SendCode {
        /// What the code is for.
        purpose: CodePurpose,
        /// The number that is to be certified.
        phone_number: Option<&'a str>,
    },
    /// Asks for the trusted phone number.
    TrustedPhoneNumber,
    /// Registers a number where there is none.
    AddPhoneNumber {
        /// A code of a certification.
        code: &'a SmsCode,
        /// The number.
        phone_number: &'a str,
    },
    /// Replaces the registered number.
    ModifyPhoneNumber {
        /// A code of a certification.
        code: &'a SmsCode,
        /// The new number.
        phone_number: &'a str,
    },
    /// Removes every enrollment of the account.
    RemoveEnrollments,
}

/// What the CVS service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CvsAnswer {
    /// It is done.
    Done,
    /// The code was sent, and this is the ticket that its activation must show.
    Ticket(Ticket),
    /// The trusted phone number.
    PhoneNumber(String),
    /// It is not done.
    Refused(CvsRefusal),
}

/// Why the CVS service refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CvsRefusal {
    /// The account has no trusted phone number.
    NoPhoneNumber,
    /// The account has one already.
    PhoneNumberRegistered,
    /// The service does not take this phone number.
    BadPhoneNumber,
    /// The code is wrong, used or expired.
    WrongCode {
        /// How often it may still be tried.
        attempts_left: u32,
    },
    /// There is no code of this purpose: none was asked for, or it is gone long ago.
    NoCode,
    /// The code was sent to another number. No try was charged.
    OtherNumber,
    /// The account asked for too many codes.
    TooManyCodes {
        /// When the next may be asked for, in seconds, where the service says so.
        retry_after_seconds: Option<u64>,
    },
    /// The gateway did not take the SMS.
    SmsNotSent,
    /// CVS passes on a word of the inWebo service behind it.
    Word {
        /// The word.
        word: Word,
        /// How often a PIN or a code may still be tried, where the service says so.
        attempts_left: Option<u32>,
    },
}

/// A way to the service. It may block; the library calls it on one thread at a time.
pub trait Transport: Send + Sync {
    /// One step of the MAC exchange: the XML of the answer.
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError>;

    /// Says whether a request to CVS can be authenticated, without sending one.
    fn check_account(&self) -> Result<(), TransportError> {
        Ok(())
    }

    /// One request to the CVS service.
    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError>;
}
