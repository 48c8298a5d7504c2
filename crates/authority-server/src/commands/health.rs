//! `health`: asks the service of a configuration on this machine whether it is healthy.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned,
};

use super::print_line;
use crate::config::{Listen, TlsFiles};
use crate::http;

/// Longest time for connecting, and for each read and write.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The paths that the command can request.
const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";

/// Sends one request to the public listener. Fails without a response, or with another status than
/// 200.
pub(crate) fn run(listen: &Listen, ready: bool) -> Result<(), String> {
    let path = if ready { READY } else { ALIVE };
    let address = reachable(listen.address)?;
    let status = ask(address, listen.tls.as_ref(), path).map_err(|error| format!("{address}{path}: {error}"))?;
    if status == 200 { print_line("healthy") } else { Err(format!("{address}{path}: status {status}")) }
}

/// Returns the address by which this machine reaches a listener. For a listener on all addresses it
/// is the loopback address.
fn reachable(address: SocketAddr) -> Result<SocketAddr, String> {
    if address.port() == 0 {
        return Err("listen.address has port 0, which selects another port at each start: give the port in use".into());
    }
    let ip = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        address => address,
    };
    Ok(SocketAddr::new(ip, address.port()))
}

fn ask(address: SocketAddr, tls: Option<&TlsFiles>, path: &str) -> Result<u16, String> {
    let to_text = |error: std::io::Error| error.to_string();
    let stream = TcpStream::connect_timeout(&address, TIMEOUT).map_err(to_text)?;
    stream.set_read_timeout(Some(TIMEOUT)).map_err(to_text)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(to_text)?;
    match tls {
        None => exchange(stream, address, path).map_err(to_text),
        Some(files) => {
            let connection = ClientConnection::new(Arc::new(trusting(files)?), ServerName::from(address.ip()));
            let connection = connection.map_err(|error| error.to_string())?;
            exchange(StreamOwned::new(connection, stream), address, path).map_err(to_text)
        }
    }
}

/// Sends the request and reads the status of the response. The rest of the response is not needed.
fn exchange(mut stream: impl Read + Write, address: SocketAddr, path: &str) -> std::io::Result<u16> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    stream.flush()?;
    let mut line = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut line)?;
    let status = line.strip_prefix(b"HTTP/1.1 ").and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
    status.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

/// Returns a TLS configuration that trusts the listener's own certificate alone, whatever names it
/// has.
fn trusting(files: &TlsFiles) -> Result<ClientConfig, String> {
    let certificate = http::read_certificates(&files.certificate)?.into_iter().next().ok_or("no certificate")?;
    let provider = authority::tls::provider();
    let verifier = Arc::new(OwnCertificate { certificate, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// A verifier that accepts one certificate.
#[derive(Debug)]
struct OwnCertificate {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for OwnCertificate {
    fn verify_server_cert(
        &self,
        presented: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if *presented == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_on_all_addresses_is_asked_by_the_loopback_address() {
        let address_of = |address: &str| reachable(address.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(address_of("0.0.0.0:8443").unwrap(), "127.0.0.1:8443");
        assert_eq!(address_of("[::]:8443").unwrap(), "[::1]:8443");
        assert_eq!(address_of("192.0.2.1:8443").unwrap(), "192.0.2.1:8443");
        assert!(address_of("127.0.0.1:0").is_err());
    }
}
