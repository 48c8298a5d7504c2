//! The `Host` of a request (RFC 9112, 3.2). A request whose host is in doubt is one that a proxy and
//! the service may read differently.

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Version, header};

/// Whether a request names its host as its version of HTTP wants: once, and by a name that is one.
/// HTTP/1.0 need not name any.
pub(super) fn is_named(version: Version, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) => is_host(host),
        (None, _) => version == Version::HTTP_10,
        (Some(_), Some(_)) => false,
    }
}

/// Whether a value is a host, perhaps with a port.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(value.as_bytes()) else { return false };
    // With a user before it, the host begins later.
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
