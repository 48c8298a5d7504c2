//! Addresses of listeners and of other services.

use std::net::SocketAddr;

use super::TlsFiles;
use super::reader::Reader;

/// Reads the TLS files of a listener. A listener without TLS must be on a loopback address.
pub(super) fn tls(reader: &mut Reader, section: &str, address: Option<SocketAddr>) -> Option<TlsFiles> {
    let (certificate_key, key_key) = (format!("{section}.certificate_file"), format!("{section}.key_file"));
    let (certificate, key) = (reader.path(&certificate_key), reader.path(&key_key));
    match (certificate, key) {
        (Some(certificate), Some(key)) => {
            reader.check_readable(&certificate_key, &certificate);
            reader.check_private(&key_key, &key);
            Some(TlsFiles { certificate, key, client_ca: None })
        }
        (None, None) => {
            if address.is_some_and(|address| !address.ip().to_canonical().is_loopback()) {
                reader.problem(
                    &format!("{section}.address"),
                    format!("plain HTTP is for loopback addresses; give {certificate_key} and {key_key}"),
                );
            }
            None
        }
        (Some(_), None) => {
            reader.problem(&key_key, format!("is missing beside {certificate_key}"));
            None
        }
        (None, Some(_)) => {
            reader.problem(&certificate_key, format!("is missing beside {key_key}"));
            None
        }
    }
}

/// Accepts a URL that may receive secrets: https, or http on this machine.
pub(super) fn url_of(reader: &mut Reader, key: &str, url: String) -> Option<String> {
    let parsed = url.parse::<axum::http::Uri>().ok();
    let host = parsed.as_ref().and_then(|url| url.host()).unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match parsed.as_ref().and_then(|url| url.scheme_str()) {
        Some("https") if !host.is_empty() => Some(url),
        Some("http") if loopback => Some(url),
        _ => {
            reader.problem(key, "must be an https URL, or http on a loopback address");
            None
        }
    }
}
