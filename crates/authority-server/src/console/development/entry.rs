//! The entry of the console: the key in its address, the sessions, and the checks before each
//! route.

use std::sync::Arc;
use std::time::{Duration, Instant};

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use super::{CONSOLE, Development, Session};
use crate::console::form::{Fields, cookie};
use crate::console::page::{Frame, html, see_other, texts};
use crate::console::sessions::Lifetime;
use crate::console::texts::Sentence;
use crate::http::is_same_site;

/// The lifetimes of a session. It ends with the program in any case.
pub(super) const LIFETIME: Lifetime =
    Lifetime { idle: Duration::from_secs(12 * 60 * 60), whole: Duration::from_secs(7 * 24 * 60 * 60) };

/// The page without a session.
#[derive(Template)]
#[template(path = "development/entry.html")]
struct EntryPage {
    frame: Frame,
}

impl Development {
    /// Returns the name of the cookie. Cookies do not regard ports: each server at this address
    /// gets it, and a second console must not overwrite it. So the port is in the name.
    fn cookie_name(&self) -> String {
        format!("pims-development-{}", self.port)
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let secret = cookie(headers, &self.cookie_name())?;
        self.sessions.find(secret, Instant::now(), |()| true).map(Arc::new)
    }

    /// Begins a session if the key is right. The key leaves the address bar.
    fn enter(&self, key: &str) -> Option<Response> {
        let is_right: bool = key.as_bytes().ct_eq(self.key.as_bytes()).into();
        let secret = is_right.then(|| self.sessions.begin((), Instant::now()).ok()).flatten()?;
        let cookie = CONSOLE.cookie(&self.cookie_name(), &secret, None, false)?;
        Some(([(header::SET_COOKIE, cookie)], see_other(CONSOLE, "")).into_response())
    }

    /// Returns whether a request names the console as its host. A site whose name leads to this
    /// machine (DNS rebinding) would be the same site as itself, but names itself here.
    fn is_host(&self, headers: &HeaderMap) -> bool {
        let hosts = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        let mut named = headers.get_all(header::HOST).iter();
        match (named.next().and_then(|host| host.to_str().ok()), named.next()) {
            (Some(host), None) => hosts.iter().any(|own| own.eq_ignore_ascii_case(host)),
            _ => false,
        }
    }
}

/// Refuses requests for another host, and those that another site makes a browser send.
pub(super) async fn guard(State(console): State<Arc<Development>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !console.is_host(request.headers()) || !(reads || is_same_site(request.headers(), false)) {
        tracing::warn!("a request to the development console for another host, or of another site, was refused");
        return StatusCode::FORBIDDEN.into_response();
    }
    next.run(request).await
}

/// Gives a request its session, begins one, or answers with the page that says how to.
pub(super) async fn require_session(
    State(console): State<Arc<Development>>,
    mut request: Request,
    next: Next,
) -> Response {
    if *request.method() == Method::GET && request.uri().path() == "/" {
        let fields = Fields::of_query(request.uri().query(), &["key"]).ok();
        if let Some(entered) = fields.and_then(|fields| console.enter(fields.get("key")?)) {
            return entered;
        }
    }
    if let Some(session) = console.session(request.headers()) {
        request.extensions_mut().insert(session);
        return next.run(request).await;
    }
    let t = texts(request.headers());
    html(StatusCode::UNAUTHORIZED, &EntryPage { frame: Frame::new(CONSOLE, t, Sentence::new("entry-title"), "") })
}
