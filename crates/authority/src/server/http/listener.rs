//! A socket that answers: TLS where there is a certificate, limits before there is a request, an orderly end.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::server::config::{Limits, TlsFiles};
use crate::server::service::Service;

/// Where a request comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// A socket that listens.
pub(crate) struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
}

/// A certificate, and where to find the next one.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    config: Arc<RwLock<Arc<ServerConfig>>>,
}

impl Listener {
    pub(crate) async fn bind(address: SocketAddr, tls: Option<&TlsFiles>) -> Result<Self, String> {
        let tls = tls.map(Tls::load).transpose()?;
        let socket = TcpListener::bind(address).await.map_err(|error| format!("{address}: {error}"))?;
        Ok(Self { socket, tls })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, String> {
        self.socket.local_addr().map_err(|error| error.to_string())
    }

    /// What reads its certificate again.
    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// Answers until `stop` says otherwise; then takes no new connection, lets requests under way end, and returns when they have, or when
    /// their time is over.
    pub(crate) async fn serve(self, router: Router, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
        let limits = service.limits.clone();
        let places = Arc::new(Semaphore::new(limits.connections));
        let mut connections = JoinSet::new();
        loop {
            let place = tokio::select! {
                place = places.clone().acquire_owned() => place,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let Ok(place) = place else { break };
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: others must end first.
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (tls, router, limits, stop) = (self.tls.clone(), router.clone(), limits.clone(), stop.clone());
            let service = service.clone();
            connections.spawn(async move {
                let _place = place;
                let _open = Open::new(&service);
                connection(stream, peer.ip(), tls, router, &limits, stop).await;
            });
            while connections.try_join_next().is_some() {}
        }
        drop(self.socket);
        let _ = tokio::time::timeout(limits.drain, async { while connections.join_next().await.is_some() {} }).await;
        connections.shutdown().await;
    }
}

/// Counts a connection as long as it is open.
struct Open<'a>(&'a Service);

impl<'a> Open<'a> {
    fn new(service: &'a Service) -> Self {
        service.metrics.connections.inc();
        Self(service)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.connections.dec();
    }
}

async fn connection(
    stream: TcpStream,
    peer: IpAddr,
    tls: Option<Tls>,
    router: Router,
    limits: &Limits,
    stop: watch::Receiver<bool>,
) {
    // Small answers leave at once.
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, peer, router, limits, stop).await,
        Some(tls) => {
            let handshake = TlsAcceptor::from(tls.current()).accept(stream);
            if let Ok(Ok(stream)) = tokio::time::timeout(limits.header_timeout, handshake).await {
                speak(stream, peer, router, limits, stop).await;
            }
        }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    peer: IpAddr,
    router: Router,
    limits: &Limits,
    mut stop: watch::Receiver<bool>,
) {
    let router = router.layer(axum::Extension(Peer(peer)));
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(limits.header_bytes);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What the other side does with its connection is its own affair.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

impl Tls {
    fn load(files: &TlsFiles) -> Result<Self, String> {
        let config = Arc::new(RwLock::new(Arc::new(read(files)?)));
        Ok(Self { files: files.clone(), config })
    }

    fn current(&self) -> Arc<ServerConfig> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the certificate again. Where that fails the old one stays.
    pub(crate) fn reload(&self) -> Result<(), String> {
        let config = Arc::new(read(&self.files)?);
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }
}

/// What a listener's TLS is; also the check of its files.
pub(crate) fn read(files: &TlsFiles) -> Result<ServerConfig, String> {
    let told = |file: &std::path::Path, what: &dyn std::fmt::Display| format!("{}: {what}", file.display());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(file) => {
            let mut roots = rustls::RootCertStore::empty();
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| told(file, &error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|error| told(file, &error))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| told(&files.key, &error))?;
    let mut config = builder
        .with_single_cert(certificates(&files.certificate)?, key)
        .map_err(|error| told(&files.certificate, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(file: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let told = |what: String| format!("{}: {what}", file.display());
    let found: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(file).map_err(|error| told(error.to_string()))?.collect();
    let found = found.map_err(|error| told(error.to_string()))?;
    if found.is_empty() { Err(told("no certificate".into())) } else { Ok(found) }
}
