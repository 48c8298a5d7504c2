//! Responses that several routes give, and bodies that several read.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use crate::names;
use crate::service::{Failed, Service};
use authority::DeviceName;

/// The reason for which a request got no response of its own.
#[derive(Clone, Debug)]
pub(crate) enum ApiError {
    /// The service failed without a result.
    Failed,
    /// The request has no token, or an unknown one.
    Unauthorized,
    /// The account's token is valid, but its login is too old or too weak for this request. The
    /// value is the challenge, which names the required login.
    LoginRequired(HeaderValue),
    /// Too many requests. The value is the time until the next permitted one.
    RateLimited(Duration),
    /// The query is too long.
    QueryTooLong,
    /// The body is too long, or did not arrive.
    BodyNotRead,
    /// The request does not have the form that the route requires.
    Malformed(&'static str),
    /// The resource does not exist.
    NotFound,
}

impl ApiError {
    /// Counts a refusal by this limit, and returns it.
    pub(crate) fn limited(service: &Service, limit: &'static str, wait: Duration) -> Self {
        service.metrics.limited(limit);
        Self::RateLimited(wait)
    }
}

impl From<Failed> for ApiError {
    fn from(_: Failed) -> Self {
        Self::Failed
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Failed => {
                with(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", header::RETRY_AFTER, HeaderValue::from_static("5"))
            }
            Self::Unauthorized => with(
                StatusCode::UNAUTHORIZED,
                "NOK:TOKEN",
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer"),
            ),
            Self::LoginRequired(challenge) => {
                with(StatusCode::UNAUTHORIZED, "NOK:LOGIN", header::WWW_AUTHENTICATE, challenge)
            }
            Self::RateLimited(wait) => {
                let seconds = wait.as_secs_f64().ceil() as u64;
                with(StatusCode::TOO_MANY_REQUESTS, "NOK:TOOMANYREQUESTS", header::RETRY_AFTER, seconds.max(1).into())
            }
            Self::QueryTooLong => (StatusCode::URI_TOO_LONG, Json(json!({"err": "NOK:REQUEST"}))).into_response(),
            Self::BodyNotRead => (StatusCode::PAYLOAD_TOO_LARGE, Json(json!({"err": "NOK:REQUEST"}))).into_response(),
            Self::Malformed(what) => {
                (StatusCode::BAD_REQUEST, Json(json!({"err": "NOK:REQUEST", "detail": what}))).into_response()
            }
            Self::NotFound => (StatusCode::NOT_FOUND, Json(json!({"err": "NOK:NOTFOUND"}))).into_response(),
        }
    }
}

/// Reads the object in a body. Returns `None` if it has another form, or is no object. A list of
/// the same values in their order is refused, though serde would accept it.
pub(crate) fn object<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    let is_object = body.trim_ascii_start().first() == Some(&b'{');
    if is_object { serde_json::from_slice(body).ok() } else { None }
}

/// The body with a new name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NameBody {
    name: String,
}

/// Reads the new name of a device from a body.
pub(super) fn device_name(body: &[u8]) -> Result<DeviceName, ApiError> {
    let body: NameBody = object(body).ok_or(ApiError::Malformed("the body must be {\"name\":\"…\"}"))?;
    DeviceName::new(&body.name).ok_or(ApiError::Malformed(names::DEVICE_RULE))
}

fn with(status: StatusCode, word: &str, name: header::HeaderName, value: HeaderValue) -> Response {
    (status, [(name, value)], Json(json!({"err": word}))).into_response()
}

pub(crate) async fn not_found() -> ApiError {
    ApiError::NotFound
}

pub(crate) async fn method_not_allowed() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, Json(json!({"err": "NOK:METHOD"}))).into_response()
}
