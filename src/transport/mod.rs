//! What carries a request to the service and its answer back.
//!
//! The rest of the library knows the [`Transport`] trait alone, not which service is behind it. A transport never repeats a request
//! by itself: whether that could count against the user is known above it.

#[cfg(feature = "embedded")]
pub mod embedded;
pub mod http;

use std::sync::{Arc, Mutex, PoisonError};

use inwebo::client::Request;
use inwebo::cvs::{CvsAnswer, CvsRequest};
use zeroize::Zeroizing;

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
