//! Which proxy a connection goes through: the configured one, else the one that the environment names.

use ureq::{Proxy, ProxyProtocol};

/// Where the environment names a proxy for `https`, as it is commonly read. The first that can be used counts: beside it there is often
/// one that speaks SOCKS.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Where it names the hosts that are reached without one.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Whether a URL names a proxy that can be used, `http://[user:password@]host[:port]` or the same with `https`.
pub fn is_proxy(url: &str) -> bool {
    url.contains("://") && read(url).is_some()
}

/// The proxy for `https`. What is configured knows no exceptions.
pub(super) fn choose(configured: Option<&str>) -> Option<Proxy> {
    match configured {
        Some(url) => read(url),
        None => of_environment(|name| std::env::var(name).ok()),
    }
}

/// Whether TLS is spoken with the proxy itself.
pub(super) fn speaks_tls(proxy: &Proxy) -> bool {
    proxy.protocol() == ProxyProtocol::Https
}

/// The status of an answer that made no connection, from what the library below says of it; `None` where there was no answer.
pub(super) fn status(said: &str) -> Option<u16> {
    said.rsplit(['/', ' ']).next()?.parse().ok()
}

fn read(url: &str) -> Option<Proxy> {
    let proxy = Proxy::new(url).ok()?;
    let authority = proxy.uri().authority()?.as_str();
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    // The parser leaves out what it does not understand, such as a port that is none.
    let is_whole = place == proxy.host() || place == format!("{}:{}", proxy.host(), proxy.port());
    let is_http = matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
    (is_http && is_whole && !proxy.host().is_empty()).then_some(proxy)
}

fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let proxy = VARIABLES.into_iter().find_map(|name| read(&variable(name)?))?;
    let mut with = Proxy::builder(proxy.protocol()).host(proxy.host()).port(proxy.port());
    if let Some(user) = proxy.username() {
        with = with.username(user);
    }
    if let Some(password) = proxy.password() {
        with = with.password(password);
    }
    let exceptions = EXCEPTIONS.into_iter().find_map(&variable).unwrap_or_default();
    for host in exceptions.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        // A name stands for what is below it too, with a dot before it or without.
        let name = host.trim_start_matches('.');
        with = with.no_proxy(name).no_proxy(&format!(".{name}")).no_proxy(&format!("[{name}]"));
    }
    with.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proxy of an environment with these variables.
    fn proxy_of(variables: &[(&str, &str)]) -> Option<Proxy> {
        of_environment(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn what_is_no_http_proxy_is_not_taken() {
        for url in ["http://proxy", "https://proxy:3128", "http://user:p%40ss@proxy:3128/", "http://[::1]:3128"] {
            assert!(is_proxy(url), "{url}");
        }
        for url in ["", "?", "proxy:3128", "socks5://proxy", "http://", "http://proxy:x", "http://proxy:99999"] {
            assert!(!is_proxy(url), "{url}");
        }
        // Bytes that are no text: taken for no proxy, the connection would go past it.
        assert!(!is_proxy("http://user:%ff@proxy"));
    }

    #[test]
    fn the_environment_names_a_proxy_for_https_first_and_one_that_cannot_be_used_is_passed_over() {
        let host = |variables: &[(&str, &str)]| proxy_of(variables).map(|proxy| proxy.host().to_owned());
        assert_eq!(host(&[]), None);
        assert_eq!(host(&[("HTTP_PROXY", "http://a"), ("http_proxy", "http://b")]), None);
        assert_eq!(host(&[("all_proxy", "http://a"), ("https_proxy", "http://b")]).unwrap(), "b");
        assert_eq!(host(&[("ALL_PROXY", "socks5://a"), ("https_proxy", "b:3128")]).unwrap(), "b");
        assert_eq!(host(&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://a")]).unwrap(), "a");
    }

    #[test]
    fn what_a_proxy_of_the_environment_wants_to_know_is_kept() {
        let proxy = proxy_of(&[("HTTPS_PROXY", "https://us%40er:p%3Ass@proxy:3128"), ("NO_PROXY", "a")]).unwrap();
        assert_eq!((proxy.host(), proxy.port(), speaks_tls(&proxy)), ("proxy", 3128, true));
        assert_eq!((proxy.username(), proxy.password()), (Some("us@er"), Some("p:ss")));
    }

    #[test]
    fn hosts_without_a_proxy_are_named_with_what_is_below_them() {
        let past = |exceptions: &str, host: &str| {
            let proxy = proxy_of(&[("HTTPS_PROXY", "http://proxy"), ("no_proxy", exceptions)]).unwrap();
            proxy.is_no_proxy(&format!("https://{host}/").parse().unwrap())
        };
        for exceptions in ["example.com", " a , .example.com", "*"] {
            assert!(past(exceptions, "example.com") && past(exceptions, "a.example.com"), "{exceptions}");
        }
        assert!(past("::1", "[::1]") && past("127.0.0.1", "127.0.0.1"));
        for (exceptions, host) in [("", "a"), (" , ", "a"), ("example.com", "example.com.a"), ("b.a", "cb.a")] {
            assert!(!past(exceptions, host), "{exceptions}, {host}");
        }
    }
}
