//! Requests, and their answers.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::config::ConfigBuilder;
use ureq::http::{HeaderMap, Request};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    /// Returns the word of a refusal.
    pub(crate) fn word(&self) -> String {
        self.json()["err"].as_str().unwrap_or_else(|| panic!("no word: {self:?}")).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().unwrap()
    }
}

/// Returns whether an answer has each header that stops browsers and caches from using it.
pub(crate) fn has_security_headers(headers: &HeaderMap) -> bool {
    const SECURITY_HEADERS: [(&str, &str); 6] = [
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("strict-transport-security", "max-age=31536000"),
    ];
    // Each header occurs once: of two different ones it is unknown which one counts.
    let has = |(name, value): (&str, &str)| headers.get_all(name).iter().eq([value]);
    SECURITY_HEADERS.into_iter().all(has) && headers.get("x-request-id").is_some_and(|id| id.len() == 16)
}

/// Sends a request with these headers and no body.
pub(crate) fn send_with(agent: &Agent, method: &str, url: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = agent.run(request.body(()).unwrap()).unwrap();
    let text = response.body_mut().read_to_string().unwrap();
    Reply { status: response.status().as_u16(), headers: response.headers().clone(), text }
}

/// Returns the configuration that every client begins with. A client keeps an idle connection for
/// much less time than the service does: a request on a connection that the service is closing
/// would be reset.
pub(crate) fn config() -> ConfigBuilder<AgentScope> {
    Agent::config_builder().max_idle_age(Duration::from_secs(2))
}

/// Returns the trust in exactly this certificate, PEM.
pub(crate) fn trust(pem: &str) -> TlsConfig {
    let root = Certificate::from_pem(pem.as_bytes()).unwrap();
    TlsConfig::builder().root_certs(RootCerts::from(vec![root])).build()
}

/// Returns a client that keeps its connections and returns every status as an answer.
pub(crate) fn agent() -> Agent {
    let config =
        config().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60))).max_redirects(0).build();
    config.into()
}

/// Sends a request, with a body if there is one. Returns the error if no answer comes.
pub(crate) fn send(
    agent: &Agent,
    method: &str,
    url: &str,
    token: Option<&str>,
    body: Option<&[u8]>,
) -> Result<Reply, ureq::Error> {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut response = match body {
        Some(body) => agent.run(request.header("content-type", "application/json").body(body.to_vec())?)?,
        // The clients of operators send this header also without a body.
        None if !matches!(method, "GET" | "HEAD") => {
            agent.run(request.header("content-type", "application/json").body(())?)?
        }
        None => agent.run(request.body(())?)?,
    };
    let text = response.body_mut().read_to_string()?;
    Ok(Reply { status: response.status().as_u16(), headers: response.headers().clone(), text })
}
