//! The operators' console: pages on the admin listener under `/console/`, for the operator on call.
//!
//! A page needs a session, which begins with the operator's token or certificate ([`sign_in`]). A
//! session authenticates no request to the API, and a bearer token no page. Each page needs the
//! role `read`, each action the role of the same action in the API.

mod account;
mod actions;
mod ages;
mod findings;
mod health;
mod proposals;
mod samples;
mod search;
mod sign_in;
mod trail;
mod visit;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use askama::Template;
use askama::filters::HtmlSafe;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};

use super::assets;
use super::moment::Moment;
use super::page::{self, Console};
use super::sessions::{Lifetime, Sessions};
use super::texts::{Sentence, Texts};
use crate::config;
use crate::http::{Additions, Guard, Routes, Tls};
use samples::Samples;
pub(crate) use samples::{INTERVAL as SAMPLING_INTERVAL, take as take_sample};
use visit::{Owner, Visit};

const CONSOLE: Console = Console {
    base: "/console/",
    name: "operators-name",
    navigation: &[
        ("", "operators-search"),
        ("proposals", "operators-proposals"),
        ("audit", "operators-trail"),
        ("health", "operators-health"),
    ],
    further_pages: &[SIGN_IN, "account"],
};

/// The path of the sign-in below the base.
const SIGN_IN: &str = "sign-in";

/// The whole lifetime of a session is this many times the time after which an unused one ends.
const WHOLE_LIFETIME: u32 = 8;

/// The operators' console of one instance.
pub(crate) struct OperatorsConsole {
    guard: Guard,
    sessions: Sessions<Owner>,
    lifetime: Lifetime,
    /// The numbers of the last hour.
    pub(crate) samples: Samples,
    /// The TLS of the listeners, with the section of the configuration that each one has.
    listeners: Vec<(&'static str, Tls)>,
}

impl OperatorsConsole {
    pub(crate) fn new(guard: Guard, settings: config::OperatorsConsole, listeners: Vec<(&'static str, Tls)>) -> Self {
        let idle = settings.session_idle;
        let lifetime = Lifetime { idle, whole: idle.saturating_mul(WHOLE_LIFETIME) };
        Self { guard, sessions: Sessions::new(lifetime), lifetime, samples: Samples::default(), listeners }
    }
}

/// The pages, and a page for each error below the path of the console: also for those that the
/// layers of the listener found.
impl Additions for Arc<OperatorsConsole> {
    fn add_inside(&self, routes: Routes) -> Routes {
        routes.merge(pages(self.clone()))
    }

    fn add_outside(&self, routes: Routes) -> Routes {
        routes.layer(from_fn(|request, next| page::error_pages(CONSOLE, request, next)))
    }
}

/// Returns the pages.
fn pages<S>(console: Arc<OperatorsConsole>) -> Router<S> {
    Router::new()
        .route("/console", get(async || page::see_other(CONSOLE, "")))
        .route("/console/", get(search::page))
        .route("/console/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/language", post(sign_in::choose_language))
        .route("/console/account", get(account::page))
        .route("/console/unblock", post(actions::unblock))
        .route("/console/remove-device", post(actions::remove_device))
        .route("/console/proposals", get(proposals::page))
        .route("/console/approve", post(proposals::approve))
        .route("/console/reject", post(proposals::reject))
        .route("/console/health", get(health::page))
        .route("/console/audit", get(trail::page))
        .route("/console/assets/{name}", get(assets::answer))
        .route("/console/{*other}", any(async || StatusCode::NOT_FOUND))
        .layer(from_fn_with_state(console.clone(), error_pages_of_sessions))
        .with_state(console)
}

/// Gives an error of a request with a session a page with the navigation.
async fn error_pages_of_sessions(
    State(console): State<Arc<OperatorsConsole>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let again = parts.clone();
    let response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status();
    if page::is_page(&response) || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    match Visit::of(&again, &console) {
        Some(visit) => visit.error(status, Sentence::new(page::error_id(status))),
        None => response,
    }
}

/// A time, as a page shows it.
#[derive(Template)]
#[template(path = "operators/told.html")]
struct Told {
    machine: String,
    exact: String,
    relative: String,
}

/// Its values are escaped in its own template.
impl HtmlSafe for Told {}

impl Told {
    fn new(at: i64, now: i64, t: Texts) -> Self {
        let moment = Moment { at, now };
        Self { machine: moment.machine(), exact: moment.exact(), relative: moment.relative(t) }
    }

    /// Returns the time inside a sentence.
    fn in_words(at: i64, now: i64, t: Texts) -> String {
        let Self { exact, relative, .. } = Self::new(at, now, t);
        format!("{exact} ({relative})")
    }
}

/// Returns the time, in milliseconds since 1970 in UTC.
fn now() -> i64 {
    millis(SystemTime::now())
}

fn millis(time: SystemTime) -> i64 {
    i64::try_from(time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis()).unwrap_or(i64::MAX)
}
