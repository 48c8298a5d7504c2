//! The proxy of a connection: the configured proxy, else the one that the environment names.

use ureq::{Proxy, ProxyProtocol};

/// Environment variables that commonly name a proxy for `https`. The first usable one counts,
/// because another one beside it often names a proxy that speaks SOCKS.
const VARIABLES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

/// Environment variables that name the hosts which are reached without a proxy.
const EXCEPTIONS: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// Returns whether a URL names a usable proxy: `http://[user:password@]host[:port]`, or the same
/// with `https`.
pub fn is_proxy(url: &str) -> bool {
    url.contains("://") && read(url).is_some()
}

/// Returns the proxy for `https`. A configured proxy has no exceptions.
pub(super) fn choose(configured: Option<&str>) -> Option<Proxy> {
    choose_in(configured, of_process)
}

fn choose_in(configured: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    match configured {
        Some(url) => read(url),
        None => of_environment(variable),
    }
}

/// Returns a variable of this process's environment.
fn of_process(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

/// Proxy of the connections to a service, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProxyInUse {
    /// Connections are direct.
    None,
    /// The host and port of the proxy.
    At(String),
    /// Connections are direct, although this environment variable has a value.
    Unusable(&'static str),
}

impl ProxyInUse {
    /// Finds the proxy for a service. The configured proxy comes before the one of the environment.
    pub fn find(configured: Option<&str>, service: &str) -> Self {
        Self::find_in(configured, service, of_process)
    }

    fn find_in(configured: Option<&str>, service: &str, variable: impl Fn(&str) -> Option<String>) -> Self {
        let Ok(service) = service.parse::<ureq::http::Uri>() else { return Self::None };
        if service.scheme_str() != Some("https") {
            return Self::None;
        }
        match choose_in(configured, &variable) {
            Some(proxy) if proxy.is_no_proxy(&service) => Self::None,
            Some(proxy) => Self::At(format!("{}:{}", proxy.host(), proxy.port())),
            None => {
                let named = |name: &&str| variable(name).is_some_and(|value| !value.trim().is_empty());
                VARIABLES.into_iter().find(named).map_or(Self::None, Self::Unusable)
            }
        }
    }
}

impl std::fmt::Display for ProxyInUse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None | Self::Unusable(_) => f.write_str("none"),
            Self::At(host_and_port) => f.write_str(host_and_port),
        }
    }
}

/// Returns whether the connection to the proxy itself uses TLS.
pub(super) fn speaks_tls(proxy: &Proxy) -> bool {
    proxy.protocol() == ProxyProtocol::Https
}

/// Returns the status of the proxy's answer that refused a connection, from the error text of the
/// HTTP library. Returns `None` if there was no answer.
pub(super) fn status(answer: &str) -> Option<u16> {
    answer.rsplit(['/', ' ']).next()?.parse().ok()
}

fn read(url: &str) -> Option<Proxy> {
    let proxy = Proxy::new(url).ok()?;
    let authority = proxy.uri().authority()?.as_str();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host_and_port)| host_and_port);
    // The parser drops parts that it does not understand, such as an invalid port.
    let is_whole = host_and_port == proxy.host() || host_and_port == format!("{}:{}", proxy.host(), proxy.port());
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
        // A name also stands for its subdomains, with a dot before it or without.
        let name = host.trim_start_matches('.');
        with = with.no_proxy(name).no_proxy(&format!(".{name}")).no_proxy(&format!("[{name}]"));
    }
    with.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the proxy of an environment with these variables.
    fn proxy_of(variables: &[(&str, &str)]) -> Option<Proxy> {
        of_environment(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn a_url_that_is_no_http_proxy_is_refused() {
        for url in ["http://proxy", "https://proxy:3128", "http://user:p%40ss@proxy:3128/", "http://[::1]:3128"] {
            assert!(is_proxy(url), "{url}");
        }
        for url in ["", "?", "proxy:3128", "socks5://proxy", "http://", "http://proxy:x", "http://proxy:99999"] {
            assert!(!is_proxy(url), "{url}");
        }
        // The decoded bytes are not text. If the URL were accepted, connections would bypass the
        // proxy.
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
    fn the_credentials_of_a_proxy_of_the_environment_are_kept() {
        let proxy = proxy_of(&[("HTTPS_PROXY", "https://us%40er:p%3Ass@proxy:3128"), ("NO_PROXY", "a")]).unwrap();
        assert_eq!((proxy.host(), proxy.port(), speaks_tls(&proxy)), ("proxy", 3128, true));
        assert_eq!((proxy.username(), proxy.password()), (Some("us@er"), Some("p:ss")));
    }

    #[test]
    fn the_proxy_in_use_is_shown_without_its_user_and_an_unusable_one_by_its_variable() {
        let found = |configured, service, variables: &[(&str, &str)]| {
            ProxyInUse::find_in(configured, service, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let at = |host_and_port: &str| ProxyInUse::At(host_and_port.to_owned());
        let service = "https://example.com/x";
        assert_eq!(found(Some("http://user:secret@proxy:3128"), service, &[]), at("proxy:3128"));
        assert_eq!(found(None, service, &[("https_proxy", "http://u:p@a:1")]), at("a:1"));
        assert_eq!(found(None, service, &[("ALL_PROXY", "socks5://u:p@a")]), ProxyInUse::Unusable("ALL_PROXY"));
        assert_eq!(found(None, service, &[("ALL_PROXY", "socks5://a"), ("HTTPS_PROXY", "http://b:2")]), at("b:2"));
        assert_eq!(found(None, service, &[("HTTPS_PROXY", "http://b:x")]), ProxyInUse::Unusable("HTTPS_PROXY"));
        assert_eq!(found(None, service, &[("HTTPS_PROXY", "http://b"), ("NO_PROXY", "example.com")]), ProxyInUse::None);
        assert_eq!(found(None, "http://127.0.0.1:1", &[("ALL_PROXY", "socks5://a")]), ProxyInUse::None);
        assert_eq!(found(None, service, &[("HTTPS_PROXY", " ")]), ProxyInUse::None);
    }

    #[test]
    fn an_exception_for_a_host_includes_its_subdomains() {
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
