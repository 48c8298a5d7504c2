//! The `Host` of a request (RFC 9112, 3.2). If the host is ambiguous, a proxy and the service may
//! read the request differently.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version, header};

/// Returns whether a request names its host as its version of HTTP requires: once, and by a valid
/// name. HTTP/1.0 does not require a host.
pub(super) fn is_named(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => version == Version::HTTP_10,
        (Some(_), Some(_)) => false,
    }
}

/// Returns whether a value is a host, with or without a port.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else { return false };
    // A user name before the host makes this check fail.
    let Some(port) = authority.as_str().strip_prefix(authority.host()) else { return false };
    let is_port =
        |port: &str| port.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    !authority.host().is_empty() && (port.is_empty() || is_port(port))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn named(version: Version, hosts: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap());
        }
        is_named(version, &headers)
    }

    #[test]
    fn a_host_stands_once_and_is_one() {
        for good in ["localhost", "pims.example.com", "127.0.0.1:8443", "[::1]", "[::1]:8443", "a_b", "x:"] {
            assert!(named(Version::HTTP_11, &[good]) && named(Version::HTTP_10, &[good]), "{good}");
        }
        for bad in [
            "", " ", ":80", "a b", "a/b", "a?b", "a#b", "user@a", "user:b@a", "a:b", "a:1:2", "[::1", "a,b c", "\u{e9}",
        ] {
            assert!(!named(Version::HTTP_11, &[bad]) && !named(Version::HTTP_10, &[bad]), "{bad}");
        }
        for version in [Version::HTTP_10, Version::HTTP_11] {
            assert!(!named(version, &["a", "a"]) && !named(version, &["a", "b"]));
        }
    }

    #[test]
    fn only_http_1_0_names_none() {
        assert!(named(Version::HTTP_10, &[]));
        assert!(!named(Version::HTTP_11, &[]));
    }
}
