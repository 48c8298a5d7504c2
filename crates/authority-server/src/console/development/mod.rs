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
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};
use zeroize::Zeroizing;

use super::assets;
use super::form::Fields;
use super::page::{Console, Frame, choose_language, error_pages, see_other, texts};
use super::sessions::{OpenSession, Sessions};
use super::texts::Sentence;
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
    further_pages: &["account", "exchange"],
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

/// Reads a form of the session with exactly these fields.
fn form(session: &Session, headers: &HeaderMap, body: &[u8], names: &[&str]) -> Result<Fields, StatusCode> {
    Fields::of_session(session, headers, body)?.exactly(names)
}

/// Keeps the chosen language.
async fn set_language(headers: HeaderMap, body: Bytes) -> Answer {
    choose_language(CONSOLE, false, &headers, &body)
}

#[cfg(test)]
mod tests {
    use super::CONSOLE;

    #[test]
    fn a_path_back_is_one_of_the_pages() {
        for good in ["accounts", "account?name=a%2Fb", "exchange?id=1", "next", ""] {
            assert_eq!(CONSOLE.own_path(good), good);
        }
        for bad in ["/example.com", "//example.com", "\\example.com", "https://example.com", "events", "next\r\nx"] {
            assert_eq!(CONSOLE.own_path(bad), "", "{bad}");
        }
    }
}
