//! Requests that the service makes itself: to an SMS gateway, to an issuer of tokens.

use std::path::Path;
use std::time::Duration;

use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem};

use crate::tls;

/// An HTTP client that trusts the system's roots, or those in a file, and follows no redirect.
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

fn roots_in(file: &Path) -> Result<RootCerts, String> {
    let told = |what: String| format!("{}: {what}", file.display());
    let text = std::fs::read(file).map_err(|error| told(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| told(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() { Err(told("no certificate".into())) } else { Ok(certificates.into()) }
}

fn system_roots() -> Result<RootCerts, String> {
    let found = rustls_native_certs::load_native_certs().certs;
    let certificates: Vec<ureq::tls::Certificate<'static>> =
        found.iter().map(|der| ureq::tls::Certificate::from_der(der).to_owned()).collect();
    // Without any every certificate is a stranger's, which is told when one is met.
    Ok(certificates.into())
}
