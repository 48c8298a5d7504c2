//! TLS: the trusted roots, and the pinned keys.

use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, NamedGroup, ProtocolVersion,
    RootCertStore, SignatureScheme, StreamOwned,
};
use sha2::{Digest, Sha256};
use tls_faults::{Peer, TlsFault};
use ureq::http::Uri;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport, TransportAdapter,
};
use ureq::{Error, Proxy};

use super::hybrid;
use super::proxy::speaks_tls;
use crate::log;

/// SHA-256 of a public key in the form that it has in a certificate (SPKI).
pub type Pin = [u8; 32];

/// Trust in the service: its roots and its keys. It never concerns a proxy on the way.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// A file of PEM roots. If `None`, the system's roots count.
    pub ca_file: Option<std::path::PathBuf>,
    /// The pinned keys. If there are any, the server's own key must be one of them.
    pub pins: Vec<Pin>,
}

/// Cause of a failed TLS connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untrusted {
    /// The server's key is none of the pinned ones.
    #[error("the server's key is none of the pinned ones")]
    Pin,
    /// A fault between this device and the service.
    #[error("{}", .0.sentence(SERVICE))]
    Service(TlsFault),
    /// A fault between this device and the proxy.
    #[error("{}", .0.sentence(PROXY))]
    Proxy(TlsFault),
}

const SERVICE: Peer<'static> =
    Peer { name: "the server", roots: "credential.caFile", address: "credential.inWeboURL and credential.cvsURL" };

/// Names for errors about a proxy. The system says whether a proxy is trusted.
const PROXY: Peer<'static> = Peer {
    name: "the proxy",
    roots: "the trusted roots of this system",
    address: "network.proxy, HTTPS_PROXY and ALL_PROXY",
};

/// Reason why a TLS configuration is rejected.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file with the roots cannot be used.
    #[error("credential.caFile: expected a file of PEM certificates; it cannot be read, or there is none in it")]
    CaFile,
    /// The TLS library cannot be set up.
    #[error("TLS cannot be set up")]
    Setup,
}

/// Connector that puts TLS on connections to `https:`.
pub(super) struct Tls {
    service: Arc<ClientConfig>,
    /// The proxy with which TLS is used, if there is one, and its configuration. The system says
    /// whether the proxy is trusted.
    proxy: Option<(Uri, Arc<ClientConfig>)>,
}

impl Tls {
    pub(super) fn new(trust: &Trust, proxy: Option<&Proxy>) -> Result<Self, TrustError> {
        let proxy = match proxy.filter(|proxy| speaks_tls(proxy)) {
            Some(proxy) => Some((proxy.uri().clone(), client(&Trust::default())?)),
            None => None,
        };
        Ok(Self { service: client(trust)?, proxy })
    }

    /// Returns the TLS configuration for the proxy if the peer is the proxy and not the service.
    fn with_proxy(&self, details: &ConnectionDetails<'_>) -> Option<&Arc<ClientConfig>> {
        // There is no proxy on the way to the proxy itself.
        let goes_through_proxy = details.config.proxy().is_some();
        self.proxy.as_ref().filter(|(proxy, _)| proxy == details.uri && !goes_through_proxy).map(|(_, config)| config)
    }
}

fn client(trust: &Trust) -> Result<Arc<ClientConfig>, TrustError> {
    let provider = Arc::new(hybrid::provider());
    let roots = match &trust.ca_file {
        Some(path) => roots_in(path)?,
        None => system_roots(),
    };
    let verifier = Verifier::new(roots, trust.pins.clone(), provider.clone())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| TrustError::Setup)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn roots_in(path: &Path) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|_| TrustError::CaFile)? {
        let certificate = certificate.map_err(|_| TrustError::CaFile)?;
        roots.add(certificate).map_err(|_| TrustError::CaFile)?;
    }
    if roots.is_empty() { Err(TrustError::CaFile) } else { Ok(roots) }
}

/// Returns the system's roots. If none can be read, as on a phone, returns those of Mozilla that
/// the library contains.
fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, TlsTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else { return Ok(None) };
        if !details.needs_tls() || transport.is_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|_| untrusted(Untrusted::Service(TlsFault::OtherName)))?;
        let (config, classify) = match self.with_proxy(details) {
            Some(config) => (config, classify_proxy as fn(std::io::Error) -> Error),
            None => (&self.service, classify as fn(std::io::Error) -> Error),
        };
        let mut connection = ClientConnection::new(config.clone(), name)
            .map_err(|_| untrusted(Untrusted::Service(TlsFault::Handshake)))?;
        let mut socket = TransportAdapter::new(transport.boxed(), details.current_time.clone());
        socket.set_timeout(details.timeout);
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(classify)?;
        }
        let group = connection.negotiated_key_exchange_group().map(|group| group.name());
        log::request!("{}", describe_handshake(connection.protocol_version(), group));
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(TlsTransport { buffers, stream: StreamOwned { conn: connection, sock: socket } })))
    }
}

/// Returns the version and the group of a handshake, for the log.
fn describe_handshake(version: Option<ProtocolVersion>, group: Option<NamedGroup>) -> String {
    let version = version.and_then(|version| version.as_str()).unwrap_or("TLS");
    let group = group.and_then(|group| group.as_str()).unwrap_or("no key exchange");
    format!("{version} with {group}")
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

fn untrusted(why: Untrusted) -> Error {
    Error::Other(Box::new(why))
}

/// Returns the cause of a failed handshake with the service: the network, or trust.
fn classify(error: std::io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)) => {
            untrusted(Untrusted::Pin)
        }
        Some(error) => untrusted(Untrusted::Service(TlsFault::of(error))),
        // An error of the transport below is returned as it is.
        None => error.into(),
    }
}

/// Returns the cause of a failed handshake with a proxy.
fn classify_proxy(error: std::io::Error) -> Error {
    match TlsFault::find(&error) {
        Some(fault) => untrusted(Untrusted::Proxy(fault)),
        None => error.into(),
    }
}

/// Connection under TLS.
pub(super) struct TlsTransport {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl Transport for TlsTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.stream.get_mut().set_timeout(timeout);
        let output = &self.buffers.output()[..amount];
        self.stream.write_all(output).and_then(|()| self.stream.flush()).map_err(classify)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.get_mut().set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input).map_err(classify)?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.get_mut().get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

impl fmt::Debug for TlsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsTransport").finish_non_exhaustive()
    }
}

/// Verifier of a certificate: by its chain, its name and its time, and then of its key by the pins.
#[derive(Debug)]
struct Verifier {
    chain: Arc<WebPkiServerVerifier>,
    pins: Vec<Pin>,
}

impl Verifier {
    fn new(roots: RootCertStore, pins: Vec<Pin>, provider: Arc<CryptoProvider>) -> Result<Self, TrustError> {
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        Ok(Self { chain: chain.build().map_err(|_| TrustError::Setup)?, pins })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        if self.pins.is_empty() {
            return Ok(verified);
        }
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        let pin: Pin = Sha256::digest(&key).into();
        if self.pins.contains(&pin) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
