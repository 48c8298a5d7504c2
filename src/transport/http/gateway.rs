//! The errors of an API gateway in front of the service.
//!
//! Such a gateway answers before the service sees the request. Its bodies have three shapes:
//!
//! - `{"httpCode":"401","httpMessage":"…","moreInformation":"…"}`
//! - `{"code":50000,"message":"…"}`, whose first three digits are an HTTP status
//! - `{"error":"invalid_grant","error_description":"…"}`, as OAuth has it
//!
//! Only the code is kept: the texts may name the account or the token.

use serde::Deserialize;
use ureq::http::StatusCode;

use super::super::{GatewayCode, TransportError};
use super::{TOKEN_REFUSED, is_busy, refused};

/// Error of a gateway.
pub(super) struct GatewayError {
    code: GatewayCode,
    meaning: Meaning,
}

/// Meaning of a gateway's error, beyond the status of its answer.
enum Meaning {
    /// The access token or the login behind it is over.
    Token,
    /// A status that the body names.
    Status(StatusCode),
    /// Nothing beyond the status.
    None,
}

/// Code of a body, which is a number in some and a text in others.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u32),
    Text(String),
}

impl Written {
    fn into_text(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text,
        }
    }
}

impl GatewayError {
    /// Reads the body of an answer that is no success. Returns `None` if no gateway wrote it.
    pub(super) fn read(body: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(rename = "httpCode")]
            http_code: Option<Written>,
            code: Option<Written>,
            error: Option<String>,
        }
        // serde would accept a list as an object.
        if !body.trim_start().starts_with('{') {
            return None;
        }
        let body: Body = serde_json::from_str(body).ok()?;
        let (text, is_status) = match (body.error, body.http_code.or(body.code)) {
            (_, Some(code)) => (code.into_text(), true),
            (Some(error), None) => (error, false),
            (None, None) => return None,
        };
        let code = GatewayCode::new(&text)?;
        let meaning = match &*text {
            "invalid_grant" | "invalid_token" => Meaning::Token,
            _ if is_status => Meaning::of_number(&text),
            _ => Meaning::None,
        };
        Some(Self { code, meaning })
    }

    /// Returns the failure of an answer with this status.
    pub(super) fn failure(self, status: StatusCode, retry_after_seconds: Option<u64>) -> TransportError {
        let error = match self.meaning {
            Meaning::Token => TOKEN_REFUSED,
            // A gateway may hide the failure of a service behind another status.
            Meaning::Status(inner) if is_busy(inner) && !is_busy(status) => refused(inner, retry_after_seconds),
            Meaning::Status(_) | Meaning::None => refused(status, retry_after_seconds),
        };
        self.over(error)
    }

    /// Returns this error with the failure that it means.
    pub(super) fn over(self, error: TransportError) -> TransportError {
        TransportError::Gateway { code: self.code, error: Box::new(error) }
    }
}

impl Meaning {
    /// Returns the status of a number with three digits or, as `40400`, with five.
    fn of_number(text: &str) -> Self {
        let digits = matches!(text.len(), 3 | 5) && text.bytes().all(|byte| byte.is_ascii_digit());
        let status = if digits { text.get(..3).and_then(|status| status.parse().ok()) } else { None };
        status.map_or(Self::None, Self::Status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(status: u16, body: &str) -> Option<(String, TransportError)> {
        match GatewayError::read(body)?.failure(StatusCode::from_u16(status).unwrap(), None) {
            TransportError::Gateway { code, error } => Some((code.to_string(), *error)),
            other => panic!("{other:?}"),
        }
    }

    fn server(what: &str) -> TransportError {
        TransportError::Server { what: what.into(), retry_after_seconds: None }
    }

    #[test]
    fn each_shape_keeps_its_code_and_says_what_it_means() {
        let unusable = |what: &str| TransportError::Unusable(what.into());
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
        ] {
            assert_eq!(failure(status, body), Some((code.to_owned(), meaning)), "{body}");
        }
    }

    #[test]
    fn any_other_body_is_not_of_a_gateway_and_no_foreign_text_is_kept() {
        for body in ["", "[]", "{}", "null", "<html>", r#"{"err":"NOK:CODE"}"#, r#"{"code":true}"#, r#"{"error":""}"#] {
            assert!(GatewayError::read(body).is_none(), "{body}");
        }
        assert!(GatewayError::read(r#"{"error":"the token secret-1 of a user"}"#).is_none());
        assert!(GatewayError::read(&format!(r#"{{"error":"{}"}}"#, "x".repeat(41))).is_none());
    }
}
