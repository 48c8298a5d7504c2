//! The address of the client, if a proxy is in front of the service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;

/// The time between two warnings about a header that the service cannot read.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// The proxies whose `X-Forwarded-For` the service believes.
pub(crate) struct TrustedProxies {
    addresses: Vec<IpAddr>,
    warned_at: Mutex<Option<Instant>>,
}

impl TrustedProxies {
    /// Trusts proxies that have one of these addresses.
    pub(crate) fn new(addresses: Vec<IpAddr>) -> Self {
        Self { addresses, warned_at: Mutex::new(None) }
    }

    /// Returns whether a trusted proxy has this address.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// Returns the address of the client: the nearest one in the header that no trusted proxy has.
    ///
    /// An entry that is no address hides all entries before it, because a client may have written
    /// them. Then the proxy's address counts as the client's, and the log warns of it.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.contains(peer) {
            return peer;
        }
        for entry in entries(headers) {
            match entry {
                Some(address) if self.contains(address) => {}
                Some(address) => return address,
                None => {
                    self.warn();
                    return peer;
                }
            }
        }
        peer
    }

    /// Warns at most once a minute. The header is not logged: a client may have written it.
    fn warn(&self) {
        let Ok(mut warned_at) = self.warned_at.lock() else { return };
        if warned_at.is_some_and(|at| at.elapsed() < WARNING_INTERVAL) {
            return;
        }
        *warned_at = Some(Instant::now());
        tracing::warn!(
            "a trusted proxy sent an X-Forwarded-For entry that is no address: its clients share the limits of the proxy"
        );
    }
}

/// Returns the entries of all `X-Forwarded-For` lines, the nearest first. An empty entry is left
/// out (RFC 9110, section 5.6.1).
fn entries(headers: &HeaderMap) -> impl Iterator<Item = Option<IpAddr>> {
    headers
        .get_all("x-forwarded-for")
        .into_iter()
        .rev()
        .flat_map(|line| line.to_str().unwrap_or("?").rsplit(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .map(address)
}

/// Reads an address as proxies write it: alone, with a port, in brackets, or both.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match bare {
        Some(inside) => inside.parse().map(IpAddr::V6).ok(),
        None => entry.parse().or_else(|_| entry.parse().map(|with_port: SocketAddr| with_port.ip())).ok(),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(lines: &[&str]) -> String {
        let proxies = TrustedProxies::new(vec!["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client("192.0.2.1".parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn an_address_is_read_with_and_without_port_and_brackets() {
        for (entry, address) in [
            ("203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            (" 203.0.113.7 ", "203.0.113.7"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        ] {
            assert_eq!(client(&[entry]), address, "{entry}");
        }
    }

    #[test]
    fn an_entry_that_is_no_address_counts_as_the_proxy_and_hides_the_entries_before_it() {
        for entry in [
            "unknown",
            "_hidden",
            "203.0.113.7:",
            "203.0.113.7:99999",
            "203.0.113.7:x",
            "[203.0.113.7]",
            "[::7",
            "a.b",
            "\u{e9}",
        ] {
            assert_eq!(client(&[entry]), "192.0.2.1", "{entry}");
            assert_eq!(client(&[&format!("203.0.113.9, {entry}")]), "192.0.2.1", "{entry}");
        }
    }

    #[test]
    fn the_nearest_address_counts_that_no_trusted_proxy_has() {
        assert_eq!(client(&[]), "192.0.2.1");
        assert_eq!(client(&["203.0.113.9, 203.0.113.7:1, 192.0.2.2:2"]), "203.0.113.7");
        assert_eq!(client(&["203.0.113.9", "203.0.113.7,, [::ffff:192.0.2.2]:5,"]), "203.0.113.7");
        let elsewhere = "198.51.100.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
        assert_eq!(TrustedProxies::new(Vec::new()).client(elsewhere, &headers), elsewhere, "this peer is not trusted");
    }
}
