//! Requests that the service sends: to an SMS gateway, and to an issuer of tokens.

use std::path::Path;
use std::time::Duration;

use tls_faults::{Peer, TlsFault};
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use authority::tls;

/// Returns an HTTP client that trusts the system's roots, or those in a file, and follows no
/// redirect.
pub(crate) fn agent(ca_file: Option<&Path>, timeout: Duration) -> Result<Agent, String> {
    let roots = match ca_file {
        Some(file) => roots_in(file)?,
        None => system_roots()?,
    };
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(tls::provider())
        .root_certs(roots)
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .timeout_global(Some(timeout))
        .max_redirects(0)
        .max_redirects_will_error(true)
        .proxy(None)
        .build();
    Ok(config.into())
}

/// Returns the cause of a failed request. If TLS or the network is the cause, the words are our
/// own. They contain nothing of the request.
pub(crate) fn describe(error: &ureq::Error, peer: Peer<'_>) -> String {
    use ureq::Error;
    let fault = match error {
        Error::Rustls(error) => Some(TlsFault::of(error)),
        Error::Io(error) => TlsFault::find(error),
        _ => None,
    };
    match (fault, error) {
        (Some(fault), _) => fault.sentence(peer),
        (None, Error::Timeout(_)) => format!("{} did not answer in time", peer.name),
        (None, Error::HostNotFound) => format!("there is no such host: check {}", peer.address),
        (None, Error::ConnectionFailed) => format!("no connection to {}: check {}", peer.name, peer.address),
        (None, Error::Io(error)) => format!("no connection to {}: {}", peer.name, error.kind()),
        (None, Error::TooManyRedirects) => {
            format!("{} answered with a redirect, which is not followed: check {}", peer.name, peer.address)
        }
        (None, Error::StatusCode(status)) => format!("{} answered HTTP {status}", peer.name),
        (None, Error::Protocol(_) | Error::Http(_) | Error::LargeResponseHeader(..)) => {
            format!("{} did not answer with HTTP", peer.name)
        }
        (None, error) => error.to_string(),
    }
}

fn roots_in(file: &Path) -> Result<RootCerts, String> {
    let with_path = |message: String| format!("{}: {message}", file.display());
    let text = std::fs::read(file).map_err(|error| with_path(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| with_path(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(with_path("no certificate".into())) } else { Ok(certificates.into()) }
}

fn system_roots() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<ureq::tls::Certificate<'static>> =
        found.iter().map(|der| ureq::tls::Certificate::from_der(der).to_owned()).collect();
    // Without any root, every certificate is untrusted. The first connection reports this.
    Ok(certificates.into())
}
