//! The transport, which carries a request to the service and its answer back.
//!
//! The rest of the library knows only the [`Transport`] trait, not the service behind it. A
//! transport never repeats a request by itself: only its caller knows whether a repetition could
//! count against the user.

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod http;

use std::sync::{Arc, Mutex, PoisonError};

use inwebo::client::Request;
use inwebo::cvs::{CvsAnswer, CvsRequest};
use zeroize::Zeroizing;

use crate::store::StoreError;

/// Reason why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The service did not answer in time.
    #[error("the service did not answer in time ({0})")]
    Timeout(TimeLimit),
    /// The service cannot be reached, or the connection broke before it answered.
    #[error("the service cannot be reached ({0})")]
    Unreachable(String),
    /// The received data is not an answer of the service.
    #[error("the service's answer cannot be used: {0}")]
    Unusable(String),
    /// The service could not serve the request (HTTP 5xx and its like).
    #[error("the service failed: {what}")]
    Server {
        /// The description of the failure.
        what: String,
        /// The time to wait before another try, in seconds, if the service gives it.
        retry_after_seconds: Option<u64>,
    },
    /// No trusted connection: the certificate of the server or of the proxy is not trusted or not
    /// valid, or TLS failed in another way. The text says how.
    #[error("the service cannot be reached ({0})")]
    Untrusted(String),
    /// The server's key is none of the pinned keys, so this may not be the service.
    #[error("the server's key is none of the pinned ones (credential.pinnedCertificates)")]
    Pin,
    /// A gateway in front of the service answered with an error.
    #[error("{error}{}", of_gateway(.code.as_ref()))]
    Gateway {
        /// The code of the gateway, if it has the form of one.
        code: Option<GatewayCode>,
        /// The failure that its answer means.
        error: Box<Self>,
        /// The time to wait before another try, in seconds, if the answer gives it.
        retry_after_seconds: Option<u64>,
    },
    /// The service did not act on the request: the request was not sent, or it was refused before
    /// the service acted.
    #[error("{0}")]
    NotServed(Box<Self>),
    /// CVS wants an access token, but there is none, or it was refused.
    #[error("{0}")]
    NotAuthenticated(&'static str),
}

impl TransportError {
    /// Returns whether the service may have acted on the request. If the answer was lost, it may.
    pub fn may_be_done(&self) -> bool {
        match self {
            Self::Timeout(TimeLimit::Connect)
            | Self::Untrusted(_)
            | Self::Pin
            | Self::NotServed(_)
            | Self::NotAuthenticated(_) => false,
            Self::Timeout(TimeLimit::Request | TimeLimit::System)
            | Self::Unreachable(_)
            | Self::Unusable(_)
            | Self::Server { .. } => true,
            Self::Gateway { error, .. } => error.may_be_done(),
        }
    }

    /// Returns whether an answer came that is not in the form of the service's: also a status such
    /// as 404, or a refusal by a gateway. The same request would be answered in the same way.
    pub fn is_foreign_answer(&self) -> bool {
        match self {
            Self::Unusable(_) => true,
            Self::Gateway { error, .. } | Self::NotServed(error) => error.is_foreign_answer(),
            Self::Timeout(_)
            | Self::Unreachable(_)
            | Self::Untrusted(_)
            | Self::Server { .. }
            | Self::Pin
            | Self::NotAuthenticated(_) => false,
        }
    }
}

fn of_gateway(code: Option<&GatewayCode>) -> String {
    code.map(|code| format!(" (gateway: {code})")).unwrap_or_default()
}

/// Code of a gateway's error: 1 to 10 digits, or 1 to 40 small letters and `_`. A token, which a
/// gateway may repeat in its answer, does not have this form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayCode(String);

impl GatewayCode {
    /// Reads a code. Returns `None` for any other text.
    pub fn new(text: &str) -> Option<Self> {
        let is_number = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_word = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        (!text.is_empty() && (is_number || is_word)).then(|| Self(text.to_owned()))
    }

    /// Returns the text of the code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for GatewayCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Time limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TimeLimit {
    /// The limit for a connection, `network.connectTimeoutMs`.
    #[error("no connection within network.connectTimeoutMs")]
    Connect,
    /// The limit for the whole request, `network.requestTimeoutMs`.
    #[error("no whole answer within network.requestTimeoutMs")]
    Request,
    /// The operating system's own limit, which is shorter than a long `network.connectTimeoutMs`.
    #[error("the operating system gave the connection up")]
    System,
}

/// Access token of the host application for CVS. Clones share the token, so that a new one counts
/// from the next request on. The type has no `Debug`.
#[derive(Clone, Default)]
pub struct AccessToken(Arc<Mutex<Option<Zeroizing<String>>>>);

impl AccessToken {
    /// Replaces the token.
    pub fn set(&self, token: Zeroizing<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// Returns the present token.
    pub fn get(&self) -> Option<Zeroizing<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Way to the service. Its functions may block. The library calls it on one thread at a time.
pub trait Transport: Send + Sync {
    /// Returns an error if the service could not keep what a request makes it store: the open
    /// database of an embedded service is not the one at its path any more. Sends nothing.
    fn check(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Sends one step of the MAC exchange. Returns the XML of the answer.
    fn mac(&self, request: &Request) -> Result<Zeroizing<String>, TransportError>;

    /// Returns an error if a request to CVS cannot be authenticated. Sends nothing.
    fn check_account(&self) -> Result<(), TransportError> {
        Ok(())
    }

    /// Asks the service for its time, and changes nothing there. Returns the header `Date` of the
    /// answer, or `None` if there is none.
    fn date(&self) -> Result<Option<String>, TransportError> {
        Ok(None)
    }

    /// Sends one request to the CVS service.
    fn cvs(&self, request: &CvsRequest<'_>) -> Result<CvsAnswer, TransportError>;
}
