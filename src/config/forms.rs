//! The forms of texts in a configuration, each read into its type.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use inwebo::values::Modulus;
use zeroize::Zeroizing;

use super::ServiceUrl;
use super::kinds::Refusal;
use crate::params::is_token;
use crate::store::{StorageKey, is_file_of_storage};
use crate::transport::http::is_proxy;

/// SHA-256 of a public key.
pub(super) type Pin = [u8; 32];

/// Form of a service's URL, in words.
pub(super) const URL: &str = "a URL, https://host[:port][/path]";

/// Form of a header `User-Agent`, in words.
pub(super) const USER_AGENT: &str = "1 to 256 printable ASCII characters";

/// Accepts each text.
pub(super) fn any(text: &str) -> Result<String, Refusal> {
    Ok(text.to_owned())
}

/// Accepts a text that fits.
fn if_fits(text: &str, fits: bool) -> Result<String, Refusal> {
    if fits { Ok(text.to_owned()) } else { Err(Refusal::Form) }
}

pub(super) fn mac_id(text: &str) -> Result<String, Refusal> {
    if_fits(text, text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_printable(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Reads the path of the exchange.
pub(super) fn path(text: &str) -> Result<String, Refusal> {
    if_fits(text, text.len() <= 128 && is_path(text))
}

/// Returns whether a text is a path that each server reads in the same way: segments of RFC 3986
/// without an escape and without `;`, none of them empty but the last one, and none of them `.` or
/// `..`.
fn is_path(text: &str) -> bool {
    let Some(segments) = text.strip_prefix('/') else { return false };
    text == "/" || segments.strip_suffix('/').unwrap_or(segments).split('/').all(is_segment)
}

fn is_segment(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,=:@".contains(&byte);
    !matches!(text, "" | "." | "..") && text.bytes().all(is_fine)
}

/// Reads a protocol version. The library encodes it for the query.
pub(super) fn version(text: &str) -> Result<String, Refusal> {
    if_fits(text, is_printable(text, 64))
}

pub(super) fn user_agent(text: &str) -> Result<String, Refusal> {
    if_fits(text, is_printable(text, 256))
}

/// Reads a language tag: subtags of letters and digits, joined by dashes.
pub(super) fn locale(text: &str) -> Result<String, Refusal> {
    let is_subtag = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if_fits(text, text.len() <= 35 && text.split('-').all(is_subtag))
}

pub(super) fn username(text: &str) -> Result<String, Refusal> {
    if_fits(text, (1..=128).contains(&text.chars().count()) && !text.chars().any(char::is_control))
}

/// Reads a detail of the device.
pub(super) fn device_detail(text: &str) -> Result<String, Refusal> {
    if_fits(text, text.chars().count() <= 128 && !text.chars().any(char::is_control))
}

pub(super) fn proxy(text: &str) -> Result<String, Refusal> {
    if_fits(text, is_proxy(text))
}

pub(super) fn access_token(text: &str) -> Result<Zeroizing<String>, Refusal> {
    if is_token(text) { Ok(Zeroizing::new(text.to_owned())) } else { Err(Refusal::Form) }
}

pub(super) fn storage_key(text: &str) -> Result<StorageKey, Refusal> {
    StorageKey::from_base64(text).ok_or(Refusal::Form)
}

pub(super) fn factory_key(text: &str) -> Result<Modulus, Refusal> {
    Modulus::from_hex(text).map_err(|_| Refusal::Form)
}

pub(super) fn pinned_certificate(text: &str) -> Option<Pin> {
    let mut bytes = [0; 32];
    (Base64::decode(text.strip_prefix("sha256/")?, &mut bytes).ok()?.len() == 32).then_some(bytes)
}

pub(super) fn file(text: &str) -> Result<PathBuf, Refusal> {
    Ok(PathBuf::from(text))
}

pub(super) fn folder(text: &str) -> Result<PathBuf, Refusal> {
    match text {
        "" => Err(Refusal::Form),
        text if text.contains('\0') => Err(Refusal::Expected("a folder, without NUL characters")),
        text => Ok(PathBuf::from(text)),
    }
}

/// Reads the path of the database. The master key lies beside it, with the extension `key`: the two
/// must not be one file. Neither may have the name of a file that a storage has: the database may
/// lie in a storage, also in that of another facade.
pub(super) fn database(text: &str) -> Result<PathBuf, Refusal> {
    let path = Path::new(text);
    let is_of_storage = |path: &Path| path.file_name().and_then(OsStr::to_str).is_some_and(is_file_of_storage);
    let is_key = path.extension().is_some_and(|extension| extension == "key");
    if path.file_name().is_none() || is_key || is_of_storage(path) || is_of_storage(&path.with_extension("key")) {
        return Err(Refusal::Form);
    }
    Ok(path.to_owned())
}

/// Reads the location of the service.
pub(super) fn service(text: &str) -> Result<ServiceUrl, Refusal> {
    match text {
        "embedded:" if cfg!(feature = "embedded") => Ok(ServiceUrl::Embedded),
        "embedded:" => Err(Refusal::Expected("a URL: this library was built without the embedded authority")),
        url => remote(url).map(ServiceUrl::Remote),
    }
}

/// Reads the URL of a service: `https`, or `http` to a loopback address.
pub(super) fn remote(url: &str) -> Result<String, Refusal> {
    let uri: http::Uri = url.parse().map_err(|_| Refusal::Form)?;
    let host = uri.host().filter(|host| is_host(host)).ok_or(Refusal::Form)?;
    // The parser drops parts that it does not understand, such as an invalid port.
    let authority = match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    let whole = uri.authority().is_some_and(|found| found.as_str() == authority);
    // Slashes at the end are removed.
    let path = uri.path().trim_end_matches('/');
    if !whole || uri.query().is_some() || url.contains('#') || !(path.is_empty() || is_path(path)) {
        return Err(Refusal::Form);
    }
    match uri.scheme_str() {
        Some("https") => Ok(url.to_owned()),
        Some("http") if is_loopback(host) => Ok(url.to_owned()),
        Some("http") => Err(Refusal::Expected("https://: http:// is accepted for a loopback address only")),
        _ => Err(Refusal::Form),
    }
}

/// Returns whether a host is a name, an IPv4 address, or an IPv6 address in brackets.
fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && !host.contains(['[', ']']),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_has_no_name_of_a_file_of_a_storage() {
        for good in ["other.db", "device.db", "authority.db", "a/b/storages.db"] {
            assert!(database(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/",
            "authority.key",
            "device.pims",
            "a/device.pims.previous",
            "sms-outbox.jsonl",
            "sms-outbox.jsonl-wal",
            "pims.lock",
            "pims.probe",
            "storage.key.db",
            // Its master key would be storage.key.
            "storage.db",
        ] {
            assert!(database(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_path_is_one_that_each_server_reads_in_the_same_way() {
        for good in ["/", "/iwws/MAC", "/a/", "/~b,c=1:@", "/...", "/.a"] {
            assert!(path(good).is_ok(), "{good}");
        }
        let long = format!("/{}", "a".repeat(128));
        for bad in [
            "",
            "a",
            "//",
            "/a//b",
            "/a b",
            "/a?b",
            "/a#b",
            "/a\nb",
            "/a\u{7f}",
            "/\u{e9}",
            "/..",
            "/../a",
            "/a/..",
            "/a/./b",
            "/%2e%2E/a",
            "/.%2e",
            "/%",
            "/%4",
            "/%4g",
            "/%41",
            "/a%2fb",
            "/..;/b",
            "/a\\b",
            "/<a>",
            "/\"",
            "/{a}",
            &long,
        ] {
            assert!(path(bad).is_err(), "{bad}");
        }
        for good in ["https://host", "https://host/", "https://host//", "https://host:1/a/b/"] {
            assert!(remote(good).is_ok(), "{good}");
        }
        for bad in ["https://host/..", "https://host/a/../b", "https://host//a", "https://host/a b", "https://host/%zz"]
        {
            assert!(remote(bad).is_err(), "{bad}");
        }
    }
}
