//! A listening socket: TLS if there is a certificate, connection limits before the first request,
//! and an orderly shutdown.

use std::fs::File;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use super::connection_limiter::{ConnectionLimiter, ConnectionPermit};
use super::forwarded::TrustedProxies;
use crate::config::{Limits, TlsFiles, refuse_unprotected};
use crate::service::Service;
use authority::tls;

/// The address that a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The SHA-256 fingerprint of the client's certificate, which the listener trusts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerCertificate(pub(crate) [u8; 32]);

/// The permits of a connection, which its requests share. They are released when the last of these
/// requests is finished.
#[derive(Clone)]
pub(crate) struct ConnectionGuard {
    _permits: Arc<(OwnedSemaphorePermit, ConnectionPermit)>,
}

/// Interval between two warnings that the connection limit is reached.
const WARNING_INTERVAL: Duration = Duration::from_secs(60);

/// A socket that listens.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
    /// Proxies that may have any number of connections.
    proxies: Arc<TrustedProxies>,
}

/// The TLS configuration of a listener, and the files for its renewal.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: Arc<watch::Sender<Arc<ServerConfig>>>,
    /// The listener's own certificate, as it was loaded.
    leaf: Arc<Mutex<Option<CertificateDer<'static>>>>,
}

impl Listener {
    pub(crate) async fn bind(
        address: SocketAddr,
        tls: Option<&TlsFiles>,
        proxies: Arc<TrustedProxies>,
    ) -> Result<Self, String> {
        let tls = tls.map(Tls::load).transpose()?;
        let socket = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { socket, tls, proxies })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, String> {
        self.socket.local_addr().map_err(|error| error.to_string())
    }

    /// Returns the handle that reloads the certificate.
    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// Serves connections until `stop`. Then accepts no new connection and lets running requests
    /// finish. Returns when they have, or at the drain limit.
    pub(crate) async fn serve(self, router: Router, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
        let limits = service.limits.clone();
        let mut slots = ConnectionSlots::new(limits.connections);
        let limiter = ConnectionLimiter::new(limits.connections_per_address, self.proxies);
        let mut connections = JoinSet::new();
        loop {
            let slot = tokio::select! {
                slot = slots.acquire() => slot,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Some(slot) = slot else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // The usual cause is that no file descriptor is free: other connections must
                    // end first.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            // On a dual-stack socket, IPv4 peers appear as IPv4-mapped IPv6 addresses.
            let peer = peer.ip().to_canonical();
            let Some(permit) = limiter.try_acquire(peer) else {
                service.metrics.limited("connections");
                continue;
            };
            let router = router.clone().layer(axum::Extension(ConnectionGuard { _permits: Arc::new((slot, permit)) }));
            let (tls, stop) = (self.tls.clone(), stop.clone());
            let service = service.clone();
            connections.spawn(async move {
                let _open = OpenConnection::new(&service);
                connection(stream, peer, tls, router, &service, stop).await;
            });
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        let _ = tokio::time::timeout(limits.drain, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }
}

/// The limit of open connections.
struct ConnectionSlots {
    free: Arc<Semaphore>,
    warned_at: Option<Instant>,
}

impl ConnectionSlots {
    fn new(limit: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(limit)), warned_at: None }
    }

    /// Returns a permit. Waits for the end of a connection if the limit is reached.
    async fn acquire(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.free.available_permits() == 0 && self.warned_at.is_none_or(|at| at.elapsed() > WARNING_INTERVAL) {
            self.warned_at = Some(Instant::now());
            tracing::warn!("connection limit reached, new connections wait");
        }
        self.free.clone().acquire_owned().await.ok()
    }
}

/// Counts a connection while it is open.
struct OpenConnection<'a>(&'a Service);

impl<'a> OpenConnection<'a> {
    fn new(service: &'a Service) -> Self {
        service.metrics.connections.inc();
        Self(service)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    tls: Option<Tls>,
    router: Router,
    service: &Service,
    mut stop: watch::Receiver<bool>,
) {
    let limits = &service.limits;
    // Small responses are sent at once.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    // A client that does not read its responses is dropped after `write_timeout`.
    stream.set_write_timeout(Some(limits.write_timeout));
    let stream = Box::pin(stream);
    let stopped = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let Some(tls) = tls else { return serve_http(stream, peer, router, limits, stopped).await };
    let mut renewed = tls.config.subscribe();
    let config = renewed.borrow_and_update().clone();
    let handshake = TlsAcceptor::from(config).accept(stream);
    if let Ok(Ok(stream)) = tokio::time::timeout(limits.header_timeout, handshake).await {
        record_handshake(service, stream.get_ref().1);
        let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let router = match certificate {
            Some(certificate) => {
                let fingerprint = PeerCertificate(Sha256::digest(certificate).into());
                router.layer(axum::Extension(fingerprint))
            }
            None => router,
        };
        // A connection must not stay open under old certificates if the new ones would refuse its
        // client.
        let ended = async move {
            tokio::select! {
                () = stopped => {}
                _ = renewed.changed() => {}
            }
        };
        serve_http(stream, peer, router, limits, ended).await;
    }
}

/// Counts and logs the key exchange group and the version of a handshake.
fn record_handshake(service: &Service, connection: &ServerConnection) {
    let group = connection.negotiated_key_exchange_group().and_then(|group| group.name().as_str());
    let version = connection.protocol_version().and_then(|version| version.as_str());
    let (group, version) = (group.unwrap_or("none"), version.unwrap_or("none"));
    service.metrics.handshake(group, version);
    tracing::debug!(group, version, "TLS handshake");
}

/// Serves a connection until the client closes it, or until `ended`. Then finishes the running
/// request and takes no further one.
async fn serve_http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: IpAddr,
    router: Router,
    limits: &Limits,
    ended: impl Future<Output = ()>,
) {
    let router = router.layer(axum::Extension(Peer(peer)));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(limits.header_bytes);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // Errors of the client's connection are ignored.
        _ = connection.as_mut() => return,
        () = ended => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

impl Tls {
    fn load(files: &TlsFiles) -> Result<Self, String> {
        let config = Arc::new(watch::Sender::new(Arc::new(read(files)?)));
        let leaf = Arc::new(Mutex::new(leaf(files)));
        Ok(Self { files: files.clone(), config, leaf })
    }

    /// Returns the listener's own certificate, as it was loaded.
    pub(crate) fn certificate(&self) -> Option<CertificateDer<'static>> {
        self.leaf.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the certificates again, and ends the connections that began with the old ones. If that
    /// fails, the old ones stay.
    pub(crate) fn reload(&self) -> Result<(), String> {
        self.config.send_replace(Arc::new(read(&self.files)?));
        *self.leaf.lock().unwrap_or_else(PoisonError::into_inner) = leaf(&self.files);
        Ok(())
    }
}

/// Returns the first certificate of a listener's file.
fn leaf(files: &TlsFiles) -> Option<CertificateDer<'static>> {
    certificates(&files.certificate).ok().and_then(|found| found.into_iter().next())
}

/// Reads a listener's TLS files. `check` uses it, too.
pub(crate) fn read(files: &TlsFiles) -> Result<ServerConfig, String> {
    let with_path = |file: &std::path::Path, message: &dyn std::fmt::Display| format!("{}: {message}", file.display());
    let provider = tls::provider();
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| with_path(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| with_path(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = File::open(&files.key).map_err(|error| with_path(&files.key, &error))?;
    refuse_unprotected(&key).map_err(|message| with_path(&files.key, &message))?;
    let key = PrivateKeyDer::from_pem_reader(key).map_err(|error| with_path(&files.key, &error))?;
    let mut config = builder
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| with_path(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Reads the certificates in a file. The listener's own is the first.
pub(crate) fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let with_path = |message: String| format!("{}: {message}", file.display());
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| with_path(error.to_string()))?.collect();
    let found = found.map_err(|error| with_path(error.to_string()))?;
    if found.is_empty() { Err(with_path("no certificate".into())) } else { Ok(found) }
}
