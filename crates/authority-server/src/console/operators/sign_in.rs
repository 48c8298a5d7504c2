//! Signing in and out, and the choice of the language.

use std::sync::Arc;
use std::time::Instant;

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::form::Fields;
use super::super::page::{self, Frame};
use super::super::texts::{Sentence, Texts};
use super::visit::{Owner, Refusal, Visit};
use super::{CONSOLE, OperatorsConsole, SIGN_IN};
use crate::http::{KnownOperator, Peer, PeerCertificate};

/// The page for signing in.
#[derive(Template)]
#[template(path = "operators/sign_in.html")]
struct SignInPage {
    frame: Frame,
    /// Operators can have tokens.
    by_token: bool,
    /// The connection shows a certificate that the listener trusts.
    by_certificate: bool,
    was_wrong: bool,
}

impl OperatorsConsole {
    /// Returns the name of the cookie with the secret of a session.
    ///
    /// `__Host-` would be stricter about the cookie's domain, but it needs `Path=/`: the browser
    /// would then send the secret to every path of every port of this host. With `Path=/console/`
    /// it goes to the console alone. Another site of the same domain could plant a cookie of this
    /// name; it would need the secret of a session, and a second cookie of this name is refused.
    pub(super) fn cookie_name(&self) -> &'static str {
        if self.guard.tls { "__Secure-pims-console" } else { "pims-console" }
    }

    /// Returns the cookie with the secret of a session.
    fn cookie(&self, secret: &str, seconds: u64) -> Option<HeaderValue> {
        CONSOLE.cookie(self.cookie_name(), secret, Some(seconds), self.guard.tls)
    }

    fn sign_in_page(&self, t: Texts, certificate: bool, status: StatusCode) -> Response {
        let frame = Frame::new(CONSOLE, t, Sentence::new("sign-in-title"), SIGN_IN);
        let was_wrong = status == StatusCode::UNAUTHORIZED;
        let by_token = !self.guard.operators.is_empty();
        page::html(status, &SignInPage { frame, by_token, by_certificate: certificate, was_wrong })
    }
}

/// Answers with the page for signing in, or sends an operator with a session to the first page.
pub(super) async fn page(State(console): State<Arc<OperatorsConsole>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    if Visit::of(&parts, &console).is_some() {
        return page::see_other(CONSOLE, "");
    }
    let has_certificate = parts.extensions.get::<PeerCertificate>().is_some();
    console.sign_in_page(page::texts(&parts.headers), has_certificate, StatusCode::OK)
}

/// Begins a session with a new secret, and ends the one that the browser had.
pub(super) async fn sign_in(
    State(console): State<Arc<OperatorsConsole>>,
    Extension(Peer(address)): Extension<Peer>,
    certificate: Option<Extension<PeerCertificate>>,
    earlier: Option<Visit>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let fields = Fields::of_form(&headers, &body)?.exactly(&["token"])?;
    let token = fields.get("token").unwrap_or_default().trim();
    let certificate = certificate.map(|Extension(certificate)| certificate);
    let presented = (!token.is_empty()).then_some(token);
    let Some(operator) = console.guard.identify(presented, certificate) else {
        console.guard.delay_unknown(Some(address)).await;
        return Ok(console.sign_in_page(page::texts(&headers), certificate.is_some(), StatusCode::UNAUTHORIZED));
    };
    let actor = operator.actor();
    let service = &console.guard.service;
    service.step(move |authority| authority.acting_as(&actor, Some(address)).audit_sign_in()).await?;
    tracing::info!(operator = operator.name, "an operator signed in to the console");
    let KnownOperator { name: operator, .. } = operator;
    let secret = console.sessions.begin(Owner { operator, certificate }, Instant::now());
    let secret = secret.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    if let Some(visit) = earlier {
        console.sessions.end(&visit.session);
    }
    let cookie = console.cookie(&secret, console.lifetime.whole.as_secs());
    with_cookie(page::see_other(CONSOLE, ""), cookie)
}

/// Ends the session.
pub(super) async fn sign_out(visit: Visit, headers: HeaderMap, body: Bytes) -> Result<Response, Refusal> {
    visit.form(&headers, &body, &[])?;
    // The session ends even if the database is gone.
    visit.console.sessions.end(&visit.session);
    let (actor, address) = (visit.actor(), visit.address);
    let recorded = visit.service().step(move |authority| authority.acting_as(&actor, address).audit_sign_out()).await;
    tracing::info!(operator = visit.operator.name, recorded = recorded.is_ok(), "an operator signed out");
    let cookie = visit.console.cookie("", 0);
    with_cookie(page::see_other(CONSOLE, SIGN_IN), cookie)
}

/// Keeps the chosen language.
pub(super) async fn choose_language(
    State(console): State<Arc<OperatorsConsole>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    Ok(page::choose_language(CONSOLE, console.guard.tls, &headers, &body)?)
}

fn with_cookie(response: Response, cookie: Option<HeaderValue>) -> Result<Response, Refusal> {
    let cookie = cookie.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(([(header::SET_COOKIE, cookie)], response).into_response())
}

#[cfg(test)]
mod tests {
    use super::CONSOLE;

    #[test]
    fn a_browser_goes_back_to_pages_of_the_console_alone() {
        for good in ["", "?q=a", "sign-in", "account?name=a%20b", "audit?before=1", "health"] {
            assert_eq!(CONSOLE.own_path(good), good);
        }
        for bad in ["/", "//evil.example", "../admin", "unblock", "error", "account/", "?q=a\r\nx", "?q=a b", "x"] {
            assert_eq!(CONSOLE.own_path(bad), "", "{bad}");
        }
    }
}
