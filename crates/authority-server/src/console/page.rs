//! Pages: the frame around each one, its headers, and the pages for errors.

use askama::Template;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::assets;
use super::form::{Fields, cookie};
use super::texts::{Sentence, Texts};
use authority::Language;
use zeroize::Zeroizing;

/// The policy for pages: everything comes from the service itself, no script and no style stands in
/// a page, and no script makes HTML from text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// The cookie that keeps the chosen language.
const LANGUAGE_COOKIE: &str = "pims-console-language";

/// The time for which a browser keeps the chosen language, in seconds.
const LANGUAGE_SECONDS: u64 = 365 * 24 * 3600;

/// A console: the part of the frame that is the same on each of its pages.
#[derive(Clone, Copy)]
pub(crate) struct Console {
    /// The path under which its pages stand, with a slash at both ends.
    pub(crate) base: &'static str,
    /// The message with its name.
    pub(crate) name: &'static str,
    /// The pages in the navigation: the path below the base, and the message with its name.
    pub(crate) navigation: &'static [(&'static str, &'static str)],
    /// The paths of the other pages.
    pub(crate) further_pages: &'static [&'static str],
}

impl Console {
    /// Returns a path below the base if it is that of a page, and else the path of the first page.
    /// A path like `/example.com` below the base `/` would lead to another site.
    pub(crate) fn own_path<'a>(&self, path: &'a str) -> &'a str {
        let page = path.split('?').next().unwrap_or_default();
        let mut pages = self.navigation.iter().map(|(known, _)| known).chain(self.further_pages);
        if pages.any(|known| *known == page) && path.bytes().all(|byte| byte.is_ascii_graphic()) { path } else { "" }
    }

    /// Returns a cookie for its pages alone, which no script reads. `max_age` is in seconds.
    /// Without it the browser forgets the cookie when it ends. The value may be a secret.
    pub(crate) fn cookie(&self, name: &str, value: &str, max_age: Option<u64>, secure: bool) -> Option<HeaderValue> {
        let secure = if secure { "; Secure" } else { "" };
        let max_age = max_age.map(|seconds| format!("; Max-Age={seconds}")).unwrap_or_default();
        let text =
            Zeroizing::new(format!("{name}={value}; Path={}{max_age}; HttpOnly; SameSite=Strict{secure}", self.base));
        let mut cookie = HeaderValue::from_str(&text).ok()?;
        cookie.set_sensitive(true);
        Some(cookie)
    }
}

/// The frame around a page.
pub(crate) struct Frame {
    pub(crate) console: Console,
    pub(crate) t: Texts,
    pub(crate) title: Sentence,
    /// The path of the page below the base.
    pub(crate) path: String,
    /// The token of the session, for forms. Empty without a session.
    pub(crate) csrf: String,
    /// The user that is signed in, if the console has users.
    pub(crate) user: Option<String>,
    /// The result of the last action.
    pub(crate) flash: Option<Sentence>,
}

impl Frame {
    /// Makes the frame of a page without a session.
    pub(crate) fn new(console: Console, t: Texts, title: Sentence, path: impl Into<String>) -> Self {
        Self { console, t, title, path: path.into(), csrf: String::new(), user: None, flash: None }
    }

    /// Returns the URL of an asset.
    pub(crate) fn asset(&self, source: &str) -> String {
        format!("{}{}{}", self.console.base, assets::FOLDER, assets::name(source))
    }

    /// Returns whether a page of the navigation is the present one, or above it.
    pub(crate) fn is_here(&self, path: &str) -> bool {
        self.path == path || (!path.is_empty() && self.path.starts_with(&format!("{path}/")))
    }

    pub(crate) fn languages(&self) -> Vec<(&'static str, &'static str)> {
        Texts::languages().collect()
    }

    /// Returns whether navigation is shown: there is a session.
    pub(crate) fn has_session(&self) -> bool {
        !self.csrf.is_empty()
    }
}

/// Returns the texts for a request: in the chosen language, else in one that the browser prefers.
pub(crate) fn texts(headers: &HeaderMap) -> Texts {
    let chosen = cookie(headers, LANGUAGE_COOKIE).and_then(Texts::named);
    let accepted = || headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    chosen.unwrap_or_else(|| Texts::of(&accepted().map(Language::accepted).unwrap_or_default()))
}

/// Keeps the language that a form chooses in a cookie, and sends the browser back to its page. It
/// needs no session.
pub(crate) fn choose_language(
    console: Console,
    secure: bool,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Response, StatusCode> {
    let fields = Fields::of_form(headers, body)?.exactly(&["language", "back"])?;
    let chosen = fields.get("language").and_then(Texts::named).ok_or(StatusCode::BAD_REQUEST)?;
    let cookie = console.cookie(LANGUAGE_COOKIE, chosen.code(), Some(LANGUAGE_SECONDS), secure);
    let cookie = cookie.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    let back = console.own_path(fields.get("back").unwrap_or_default());
    Ok(([(header::SET_COOKIE, cookie)], see_other(console, back)).into_response())
}

/// Returns a page with its status. A page that cannot be rendered is a failure of the service.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, page_headers(), text).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn page_headers() -> [(HeaderName, HeaderValue); 6] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        // Under `no-referrer` a browser sends `Origin: null` with a form, which names no site.
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::VARY, HeaderValue::from_static("Cookie, Accept-Language")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (
            HeaderName::from_static("permissions-policy"),
            HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
        ),
    ]
}

/// Returns the answer that sends the browser to a page with GET, after an action.
pub(crate) fn see_other(console: Console, path: &str) -> Response {
    let target = format!("{}{path}", console.base);
    match HeaderValue::from_str(&target) {
        Ok(target) => (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The page of an error.
#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    frame: Frame,
    sentence: Sentence,
}

/// Returns the page of an error, in a frame without a session.
pub(crate) fn error(console: Console, t: Texts, status: StatusCode) -> Response {
    let frame = Frame::new(console, t, error_title(status), "error");
    error_in(frame, status, Sentence::new(error_id(status)))
}

/// Returns the page of an error with this sentence, in this frame.
pub(crate) fn error_in(mut frame: Frame, status: StatusCode, sentence: Sentence) -> Response {
    frame.title = error_title(status);
    html(status, &ErrorPage { frame, sentence })
}

fn error_title(status: StatusCode) -> Sentence {
    Sentence::new("error-title").with("status", status.as_u16().to_string())
}

/// Returns the message that explains an error.
pub(crate) fn error_id(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::URI_TOO_LONG => "error-request",
        StatusCode::UNAUTHORIZED => "error-session",
        StatusCode::FORBIDDEN => "error-forbidden",
        StatusCode::NOT_FOUND => "error-not-found",
        StatusCode::METHOD_NOT_ALLOWED => "error-method",
        StatusCode::CONFLICT => "error-conflict",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "error-type",
        StatusCode::TOO_MANY_REQUESTS => "error-limited",
        _ => "error-service",
    }
}

/// Returns whether a response is a page, or a stream of events for one.
pub(crate) fn is_page(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| {
        kind.to_str().is_ok_and(|kind| kind.starts_with("text/html") || kind.starts_with("text/event-stream"))
    })
}

/// Gives each error of a console a page: also those that a layer before the console found.
pub(crate) async fn error_pages(console: Console, request: Request, next: Next) -> Response {
    let is_of_console = request.uri().path().starts_with(console.base);
    let (t, is_head) = (texts(request.headers()), *request.method() == Method::HEAD);
    let response = next.run(request).await;
    let status = response.status();
    if !is_of_console || is_page(&response) || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let mut page = error(console, t, status);
    if is_head {
        *page.body_mut() = axum::body::Body::empty();
    }
    // The other headers of the answer stay: its request id, its limits.
    for (name, value) in response.headers() {
        let of_page =
            [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_SECURITY_POLICY, header::REFERRER_POLICY];
        if name == header::VARY {
            page.headers_mut().append(name.clone(), value.clone());
        } else if !of_page.contains(name) {
            page.headers_mut().insert(name.clone(), value.clone());
        }
    }
    page
}
