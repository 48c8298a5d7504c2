//! The development console: pages for a developer with a service of `serve --dev`. It shows SMS,
//! accounts, and requests with their secrets; it moves the clock, lets the SMS gateway fail and
//! lets requests fail.
//!
//! It exists only in `serve --dev`, on a listener of its own at a loopback address. A random key in
//! the printed address begins a session. Loopback addresses are open to each user of the machine
//! and, by tricks, to other sites in the browser: so each request needs the session, names the
//! console as its host, and is of this site.

mod accounts;
mod clock;
mod entry;
mod errors;
mod events;
mod exchanges;
mod explanations;
mod faults;
mod gateway;
mod inbox;
mod messages;
mod next;
mod picture;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use super::assets;
use super::form::Fields;
use super::page::{Console, Frame, LANGUAGE_COOKIE, error_pages, see_other, texts};
use super::sessions::{OpenSession, Sessions};
use super::texts::{Sentence, Texts};
use crate::http::{self, Pipeline};
use crate::service::Service;
use authority::{Actor, Authority, Clock, Failure, random};
pub(crate) use clock::MovableClock;
use exchanges::Exchanges;
pub(crate) use exchanges::Recorder;
use faults::Faults;
use gateway::GatewaySwitch;
pub(crate) use gateway::WatchedGateway;
use inbox::Inbox;
pub(crate) use next::Next;

const CONSOLE: Console = Console {
    base: "/",
    name: "development-name",
    navigation: &[
        ("", "inbox-title"),
        ("accounts", "accounts-title"),
        ("errors", "errors-title"),
        ("exchanges", "exchanges-title"),
        ("next", "next-title"),
    ],
};

/// The maximum number of open streams of SMS.
const MAX_STREAMS: usize = 64;

/// The parts of a development service that the console controls and watches.
#[derive(Default)]
pub(crate) struct Tools {
    pub(crate) clock: MovableClock,
    pub(crate) inbox: Arc<Inbox>,
    gateway: GatewaySwitch,
    faults: Faults,
    exchanges: Exchanges,
}

/// The development console of a service.
pub(crate) struct Development {
    service: Arc<Service>,
    tools: Arc<Tools>,
    sessions: Sessions<()>,
    key: Zeroizing<String>,
    /// The port of its listener.
    port: u16,
    next: Next,
    streams: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// The session of a request.
type Session = Arc<OpenSession<()>>;

impl Development {
    pub(crate) fn new(
        service: Arc<Service>,
        tools: Arc<Tools>,
        port: u16,
        next: Next,
        stop: watch::Receiver<bool>,
    ) -> Result<Self, Failure> {
        let (sessions, key) = (Sessions::new(entry::LIFETIME), random::token()?);
        let streams = Arc::new(Semaphore::new(MAX_STREAMS));
        Ok(Self { service, tools, sessions, key, port, next, streams, stop })
    }

    /// Returns the address that begins a session. It is a secret.
    pub(crate) fn address(&self) -> Zeroizing<String> {
        // Not `localhost`: a service there may have made the browser insist on HTTPS for this name
        // (Strict-Transport-Security), at every port. This does not happen to an IP address.
        Zeroizing::new(format!("http://127.0.0.1:{}/?key={}", self.port, *self.key))
    }

    /// Returns the frame of a page with a session.
    fn frame(&self, session: &Session, headers: &HeaderMap, title: Sentence, path: impl Into<String>) -> Frame {
        let mut frame = Frame::new(CONSOLE, texts(headers), title, path);
        session.csrf().clone_into(&mut frame.csrf);
        frame.flash = self.sessions.take_flash(session);
        frame
    }

    /// Returns to a page, which tells the result of an action.
    fn told(&self, session: &Session, sentence: Sentence, path: &str) -> Response {
        self.sessions.tell(session, sentence);
        see_other(CONSOLE, path)
    }

    /// Runs work with the database. The audit trail names the console as its operator.
    async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Authority) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StatusCode> {
        let actor = Actor::Operator("development-console".to_owned());
        let done = self.service.step(move |authority| work(&authority.acting_as(&actor, None))).await;
        done.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Returns the present time of the service.
    fn now(&self) -> i64 {
        self.tools.clock.now()
    }
}

/// The console as the state of its routes.
type Shared = State<Arc<Development>>;

/// The answer of a route: an error becomes a page.
type Answer = Result<Response, StatusCode>;

/// Returns the routes of the console.
pub(crate) fn router(console: Arc<Development>, pipeline: Pipeline) -> Router {
    let pages = Router::new()
        .route("/", get(messages::inbox))
        .route("/events", get(events::stream))
        .route("/gateway", post(messages::set_gateway))
        .route("/accounts", get(accounts::list))
        .route("/account", get(accounts::show))
        .route("/unblock", post(accounts::unblock))
        .route("/remove-device", post(accounts::remove_device))
        .route("/verify", post(accounts::verify))
        .route("/clock", post(accounts::set_clock))
        .route("/errors", get(errors::show))
        .route("/fault", post(errors::change))
        .route("/exchanges", get(explanations::list))
        .route("/exchange", get(explanations::show))
        .route("/next", get(next::show))
        .layer(from_fn_with_state(console.clone(), entry::require_session));
    Router::new()
        .merge(pages)
        .route("/language", post(set_language))
        .route(&format!("/{}{{name}}", assets::FOLDER), get(assets::answer))
        .fallback(async || StatusCode::NOT_FOUND)
        .method_not_allowed_fallback(async || StatusCode::METHOD_NOT_ALLOWED)
        .layer(from_fn_with_state(console.clone(), entry::guard))
        .layer(from_fn_with_state(pipeline, http::handle))
        .layer(from_fn(async |request, next| error_pages(CONSOLE, request, next).await))
        .with_state(console)
}

/// Reads a form that has the token of the session and exactly these fields.
fn form(session: &Session, headers: &HeaderMap, body: &Bytes, names: &[&str]) -> Result<Fields, StatusCode> {
    let fields = Fields::of_form(headers, body).ok_or(StatusCode::BAD_REQUEST)?;
    if !session.accepts(fields.get("csrf")) {
        return Err(StatusCode::FORBIDDEN);
    }
    let is_complete = names.iter().all(|name| fields.get(name).is_some());
    let has_no_other = fields.are_only(&[names, &["csrf"]].concat());
    if is_complete && has_no_other { Ok(fields) } else { Err(StatusCode::BAD_REQUEST) }
}

/// Reads a query that has only these fields.
fn query(query: Option<&str>, names: &[&str]) -> Result<Fields, StatusCode> {
    Fields::of_query(query).filter(|fields| fields.are_only(names)).ok_or(StatusCode::BAD_REQUEST)
}

/// Returns the value of a link's query parameter.
fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// Keeps the chosen language in a cookie.
async fn set_language(headers: HeaderMap, body: Bytes) -> Answer {
    let fields = Fields::of_form(&headers, &body).ok_or(StatusCode::BAD_REQUEST)?;
    let (Some(language), Some(back)) = (fields.get("language"), fields.get("back")) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let language = Texts::languages().map(|(code, _)| code).find(|code| *code == language);
    let (Some(language), true) = (language, fields.are_only(&["language", "back"])) else {
        return Err(StatusCode::BAD_REQUEST);
    };
    let cookie = format!("{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Strict; HttpOnly; Max-Age=31536000");
    let cookie = HeaderValue::from_str(&cookie).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::SET_COOKIE, cookie)], see_other(CONSOLE, own_path(back))).into_response())
}

/// Returns a path below the base if it is one of the console's pages, and else the first page: a
/// path like `/example.com` would lead to another site.
fn own_path(back: &str) -> &str {
    let page = back.split('?').next().unwrap_or_default();
    let is_page = matches!(page, "accounts" | "account" | "errors" | "exchanges" | "exchange" | "next");
    if is_page && back.bytes().all(|byte| byte.is_ascii_graphic()) { back } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_back_is_one_of_the_pages() {
        for good in ["accounts", "account?name=a%2Fb", "exchange?id=1", "next"] {
            assert_eq!(own_path(good), good);
        }
        for bad in ["", "/example.com", "//example.com", "\\example.com", "https://example.com", "events", "next\r\nx"]
        {
            assert_eq!(own_path(bad), "", "{bad}");
        }
    }
}
