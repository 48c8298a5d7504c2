//! The errors of an API gateway in front of the service.
//!
//! Their bodies have three shapes, beside any status, also 200:
//!
//! - `{"httpCode":"401","httpMessage":"…","moreInformation":"…"}`
//! - `{"code":50000,"message":"…"}`, whose first three digits are an HTTP status
//! - `{"error":"invalid_grant","error_description":"…"}`, as OAuth has it
//!
//! Only the code is kept: the texts may name the account or the token.

use serde::Deserialize;
use serde_json::Value;
use ureq::http::StatusCode;

use super::super::{GatewayCode, TransportError};
use super::{TOKEN_REFUSED, is_busy, not_served, refused};

/// Error of a gateway.
pub(super) struct GatewayError {
    code: Option<GatewayCode>,
    /// The status that the body names, as a number or by a word.
    status: Option<StatusCode>,
    /// True if the body says that the request was refused as it is, so the service did not get it.
    is_refusal: bool,
    /// True if the body says that the access token, or the login behind it, is over.
    is_about_token: bool,
}

/// Body of a gateway's error. The codes are numbers in some bodies and texts in others.
#[derive(Deserialize)]
struct Body {
    /// A word of the service, which is not a gateway.
    #[serde(default)]
    err: Value,
    #[serde(default, rename = "httpCode")]
    http_code: Value,
    #[serde(default)]
    code: Value,
    #[serde(default)]
    error: Value,
}

impl GatewayError {
    /// Reads the body of an answer. Returns `None` if no gateway wrote it as an error.
    pub(super) fn read(status: StatusCode, body: &str) -> Option<Self> {
        // serde would accept a list as an object.
        if !body.trim_start().starts_with('{') {
            return None;
        }
        let body: Body = serde_json::from_str(body).ok()?;
        if body.err.as_str().is_some_and(|word| !word.is_empty()) {
            return None;
        }
        let number = written(&body.http_code).or_else(|| written(&body.code));
        let inner = number.as_deref().and_then(status_of);
        let is_error = match &body.error {
            Value::Null => false,
            Value::Bool(flag) => *flag,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(values) => !values.is_empty(),
            Value::Object(members) => !members.is_empty(),
        };
        // A success may have a code, too.
        let is_failure = |status: StatusCode| status.is_client_error() || status.is_server_error();
        let is_number = number.is_some() && (!status.is_success() || inner.is_some_and(is_failure));
        if !is_error && !is_number {
            return None;
        }
        let word = body.error.as_str();
        let code = number.as_deref().filter(|_| is_number).or(word).and_then(GatewayCode::new);
        let is_about_token = matches!(word, Some("invalid_grant" | "invalid_token"));
        let status = if is_number { inner } else { word.and_then(status_of_word) };
        Some(Self { code, status, is_refusal: word.is_some_and(is_refusal), is_about_token })
    }

    /// Returns the failure of an answer with this status. `refused_token` is the failure that its
    /// status and headers mean, if they are about the token.
    pub(super) fn failure(
        self,
        status: StatusCode,
        has_token: bool,
        retry_after_seconds: Option<u64>,
        refused_token: Option<TransportError>,
    ) -> TransportError {
        // A gateway may hide the failure of a service behind another status.
        let meant = self.status.filter(|inner| status.is_success() || (is_busy(*inner) && !is_busy(status)));
        let is_about_token = self.is_about_token || self.status == Some(StatusCode::UNAUTHORIZED);
        let error = match (refused_token, meant) {
            (Some(error), _) => error,
            (None, _) if has_token && is_about_token => TOKEN_REFUSED,
            (None, Some(meant)) => refused(meant, retry_after_seconds),
            (None, None) if status.is_success() => {
                let error = TransportError::Unusable("a gateway refused the request".to_owned());
                if self.is_refusal { not_served(error) } else { error }
            }
            (None, None) => refused(status, retry_after_seconds),
        };
        TransportError::Gateway { code: self.code, error: Box::new(error), retry_after_seconds }
    }
}

/// Returns the text of a code, or `None` for any other value.
fn written(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the status of a number with three digits or, as `40400`, with five.
fn status_of(text: &str) -> Option<StatusCode> {
    let is_status = matches!(text.len(), 3 | 5) && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_status { text.get(..3)?.parse().ok() } else { None }
}

/// Returns the status for which a word of OAuth stands (RFC 6749, 4.1.2.1).
fn status_of_word(word: &str) -> Option<StatusCode> {
    match word {
        "server_error" => Some(StatusCode::INTERNAL_SERVER_ERROR),
        "temporarily_unavailable" => Some(StatusCode::SERVICE_UNAVAILABLE),
        _ => None,
    }
}

/// Returns whether a word of OAuth refuses a request as it is (RFC 6749, 5.2, and RFC 6750, 3.1).
/// Any other word may be about the service's answer.
fn is_refusal(word: &str) -> bool {
    const WORDS: [&str; 8] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "invalid_token",
        "insufficient_scope",
        "unauthorized_client",
        "unsupported_grant_type",
    ];
    WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the code and the failure of an answer to a request with a token.
    fn failure(status: u16, body: &str) -> Option<(String, TransportError)> {
        of(status, body, true)
    }

    fn of(status: u16, body: &str, has_token: bool) -> Option<(String, TransportError)> {
        let status = StatusCode::from_u16(status).unwrap();
        match GatewayError::read(status, body)?.failure(status, has_token, Some(7), None) {
            TransportError::Gateway { code, error, retry_after_seconds: Some(7) } => {
                Some((code.map(|code| code.to_string()).unwrap_or_default(), *error))
            }
            other => panic!("{other:?}"),
        }
    }

    fn server(what: &str) -> TransportError {
        TransportError::Server { what: what.into(), retry_after_seconds: Some(7) }
    }

    fn unusable(what: &str) -> TransportError {
        not_served(TransportError::Unusable(what.into()))
    }

    #[test]
    fn each_shape_keeps_its_code_and_says_what_it_means() {
        for (status, body, code, meaning) in [
            (500, r#"{"httpCode":"500","httpMessage":"x","moreInformation":"y"}"#, "500", server("HTTP 500")),
            (404, r#"{"httpCode":404}"#, "404", unusable("HTTP 404")),
            (404, r#"{"code":40400,"message":"x"}"#, "40400", unusable("HTTP 404")),
            (500, r#" {"code":50000,"message":"x"}"#, "50000", server("HTTP 500")),
            (400, r#"{"code":50000,"message":"x"}"#, "50000", server("HTTP 500")),
            (503, r#"{"code":"40400"}"#, "40400", server("HTTP 503")),
            (400, r#"{"error":"invalid_grant","error_description":"x"}"#, "invalid_grant", TOKEN_REFUSED),
            (400, r#"{"error":"invalid_client"}"#, "invalid_client", unusable("HTTP 400")),
            (400, r#"{"code":4294967295}"#, "4294967295", unusable("HTTP 400")),
            (400, r#"{"code":403,"error":"invalid_token"}"#, "403", TOKEN_REFUSED),
            (400, r#"{"code":40100}"#, "40100", TOKEN_REFUSED),
        ] {
            assert_eq!(failure(status, body), Some((code.to_owned(), meaning)), "{body}");
        }
    }

    #[test]
    fn an_error_beside_a_status_of_success_is_an_error() {
        for (body, code, meaning) in [
            (r#"{"httpCode":"401","httpMessage":"x","moreInformation":"y"}"#, "401", TOKEN_REFUSED),
            (r#"{"httpCode":"404"}"#, "404", unusable("HTTP 404")),
            (r#"{"code":40400,"message":"x"}"#, "40400", unusable("HTTP 404")),
            (r#"{"code":50000,"message":"x"}"#, "50000", server("HTTP 500")),
            (r#"{"error":"invalid_grant"}"#, "invalid_grant", TOKEN_REFUSED),
            (r#"{"error":"server_error","code":0}"#, "server_error", server("HTTP 500")),
            (r#"{"error":"temporarily_unavailable"}"#, "temporarily_unavailable", server("HTTP 503")),
            (r#"{"error":"invalid_client"}"#, "invalid_client", unusable("a gateway refused the request")),
            (r#"{"error":"timeout"}"#, "timeout", TransportError::Unusable("a gateway refused the request".into())),
            (r#"{"error":{"message":"x"}}"#, "", TransportError::Unusable("a gateway refused the request".into())),
        ] {
            assert_eq!(failure(200, body), Some((code.to_owned(), meaning)), "{body}");
        }
        for success in [
            r#"{"httpCode":"200","httpMessage":"OK"}"#,
            r#"{"code":20000,"ticket":"a"}"#,
            r#"{"code":0}"#,
            r#"{"error":null}"#,
            r#"{"error":""}"#,
            r#"{"error":false}"#,
            r#"{"error":0}"#,
            r#"{"error":[]}"#,
            r#"{"error":{}}"#,
            r#"{"phoneNumber":"+33612345678"}"#,
            r#"{"err":"OK","code":40400}"#,
            "<ActionSetup/>",
        ] {
            assert!(GatewayError::read(StatusCode::OK, success).is_none(), "{success}");
        }
    }

    #[test]
    fn a_request_without_a_token_cannot_have_a_wrong_one() {
        for (status, body, meaning) in [
            (400, r#"{"error":"invalid_grant"}"#, unusable("HTTP 400")),
            (401, r#"{"httpCode":"401"}"#, unusable("HTTP 401")),
            (200, r#"{"code":40100}"#, unusable("HTTP 401")),
            (200, r#"{"error":"invalid_token"}"#, unusable("a gateway refused the request")),
        ] {
            assert_eq!(of(status, body, false).unwrap().1, meaning, "{body}");
        }
    }

    #[test]
    fn a_refusal_of_a_gateway_never_reached_the_service_and_a_failure_may_have() {
        for (status, body, may_be_done) in [
            (400, r#"{"httpCode":"400"}"#, false),
            (403, r#"{"httpCode":"403"}"#, true),
            (408, r#"{"httpCode":"408"}"#, true),
            (400, r#"{"error":"server_error"}"#, true),
            (200, r#"{"error":"temporarily_unavailable"}"#, true),
            (200, r#"{"error":"timeout"}"#, true),
            (200, r#"{"error":true}"#, true),
            (429, r#"{"httpCode":"429"}"#, false),
            (200, r#"{"code":40400}"#, false),
            (400, r#"{"error":"invalid_grant"}"#, false),
            (500, r#"{"httpCode":"500"}"#, true),
            (504, r#"{"code":50400}"#, true),
            (200, r#"{"code":50000}"#, true),
        ] {
            assert_eq!(failure(status, body).unwrap().1.may_be_done(), may_be_done, "{body}");
        }
    }

    #[test]
    fn any_other_body_is_not_of_a_gateway_and_no_foreign_text_is_kept() {
        const BAD: StatusCode = StatusCode::BAD_REQUEST;
        for body in ["", "[]", "{}", "null", "<html>", r#"{"err":"NOK:CODE"}"#, r#"{"code":true}"#, r#"{"error":""}"#] {
            assert!(GatewayError::read(BAD, body).is_none(), "{body}");
        }
        for foreign in [
            "the token secret-1 of a user",
            "eyJhbGciOiJSUzI1NiJ9",
            "bb8e981582b0f31353108fb020bead1c",
            "a\\nb",
            "É",
            "12345678901",
            &"x".repeat(41),
        ] {
            for body in [format!(r#"{{"error":"{foreign}"}}"#), format!(r#"{{"httpCode":"{foreign}"}}"#)] {
                let error = GatewayError::read(BAD, &body).unwrap_or_else(|| panic!("{body}"));
                assert!(error.code.is_none(), "{body}");
                assert!(!failure(400, &body).unwrap().1.to_string().contains(foreign), "{body}");
            }
        }
    }
}
