//! A request with a session: its operator, its form, and the frame of its page.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::super::form::{Fields, cookie};
use super::super::page::{self, Frame};
use super::super::sessions::OpenSession;
use super::super::texts::{Sentence, Texts};
use super::{CONSOLE, OperatorsConsole};
use crate::config::Role;
use crate::http::{KnownOperator, Peer, PeerCertificate};
use crate::service::{Failed, Service};
use authority::Actor;

/// The owner of a session: the operator, and the certificate that the connection showed. On another
/// connection the session needs the same certificate.
#[derive(Clone, PartialEq)]
pub(super) struct Owner {
    pub(super) operator: String,
    pub(super) certificate: Option<PeerCertificate>,
}

/// A request with a session.
pub(super) struct Visit {
    pub(super) console: Arc<OperatorsConsole>,
    pub(super) session: OpenSession<Owner>,
    /// The operator, as the configuration knows it now.
    pub(super) operator: KnownOperator,
    pub(super) t: Texts,
    pub(super) address: Option<IpAddr>,
}

/// The reason for which a request gets no page of its own.
pub(super) enum Refusal {
    /// There is no session: the browser goes to the page for signing in.
    SignIn,
    Status(StatusCode),
}

impl FromRequestParts<Arc<OperatorsConsole>> for Visit {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, console: &Arc<OperatorsConsole>) -> Result<Self, Refusal> {
        Self::of(parts, console).ok_or(match parts.method {
            Method::GET | Method::HEAD => Refusal::SignIn,
            _ => Refusal::Status(StatusCode::UNAUTHORIZED),
        })
    }
}

impl OptionalFromRequestParts<Arc<OperatorsConsole>> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Arc<OperatorsConsole>,
    ) -> Result<Option<Self>, Infallible> {
        Ok(Self::of(parts, console))
    }
}

impl Visit {
    /// Returns the request with its session. `None`: it has none, or its operator or certificate is
    /// another one.
    pub(super) fn of(parts: &Parts, console: &Arc<OperatorsConsole>) -> Option<Self> {
        let secret = cookie(&parts.headers, console.cookie_name())?;
        let certificate = parts.extensions.get::<PeerCertificate>().copied();
        let session = console.sessions.find(secret, Instant::now(), |owner| owner.certificate == certificate)?;
        let operator = console.guard.signed_in(&session.owner.operator, certificate)?;
        let address = parts.extensions.get::<Peer>().map(|Peer(address)| *address);
        Some(Self { console: console.clone(), session, operator, t: page::texts(&parts.headers), address })
    }

    pub(super) fn service(&self) -> &Arc<Service> {
        &self.console.guard.service
    }

    /// Returns the time of the service's clock.
    pub(super) fn now(&self) -> i64 {
        self.service().authority().now()
    }

    /// Returns the actor of the audit trail.
    pub(super) fn actor(&self) -> Actor {
        self.operator.actor()
    }

    /// Refuses an operator without a role, and records that.
    pub(super) async fn require(&self, role: Role) -> Result<(), Refusal> {
        Ok(self.console.guard.require(&self.operator, role, self.address).await?)
    }

    /// Returns the frame of a page, with the result of the last action.
    pub(super) fn frame(&self, title: Sentence, path: impl Into<String>) -> Frame {
        let flash = self.console.sessions.take_flash(&self.session);
        Frame { flash, ..self.bare_frame(title, path.into()) }
    }

    fn bare_frame(&self, title: Sentence, path: String) -> Frame {
        let csrf = self.session.csrf().to_owned();
        Frame { csrf, user: Some(self.operator.name.clone()), ..Frame::new(CONSOLE, self.t, title, path) }
    }

    /// Returns the page of an error.
    pub(super) fn error(&self, status: StatusCode, sentence: Sentence) -> Response {
        page::error_in(self.bare_frame(Sentence::new(page::error_id(status)), "error".into()), status, sentence)
    }

    /// Reads a form of the session with exactly these fields.
    pub(super) fn form(&self, headers: &HeaderMap, body: &[u8], names: &[&str]) -> Result<Fields, Refusal> {
        let fields = Fields::of_session(&self.session, headers, body);
        if fields.as_ref().is_err_and(|status| *status == StatusCode::FORBIDDEN) {
            self.service().metrics.operator_refused("csrf");
        }
        Ok(fields?.exactly(names)?)
    }

    /// Leaves a sentence for the next page, and sends the browser to it.
    pub(super) fn tell(&self, sentence: Sentence, path: &str) -> Response {
        self.console.sessions.tell(&self.session, sentence);
        page::see_other(CONSOLE, path)
    }
}

impl From<StatusCode> for Refusal {
    fn from(status: StatusCode) -> Self {
        Self::Status(status)
    }
}

impl From<Failed> for Refusal {
    fn from(_: Failed) -> Self {
        Self::Status(StatusCode::SERVICE_UNAVAILABLE)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => page::see_other(CONSOLE, super::SIGN_IN),
            // A layer makes it a page.
            Self::Status(status) => status.into_response(),
        }
    }
}
