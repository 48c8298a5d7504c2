//! The parts of `serve --dev` beside those of `serve`: the development console, and the text for
//! the terminal.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use tokio::sync::watch;

use super::{Banner, make};
use crate::config::{Config, Sms};
use crate::console::development::{self, Development, Recorder, Tools};
use crate::http::{Listener, Pipeline, TrustedProxies};
use crate::service::Service;

/// The distance of the console's port from the public one.
const PORT_DISTANCE: u16 = 2000;

/// A service for development that starts.
pub(crate) struct Started {
    folder: PathBuf,
    port: u16,
    /// The public listener uses TLS. A configuration without a certificate gets plain HTTP.
    tls: bool,
    /// The certificate of the operators' listener.
    certificate: Option<PathBuf>,
    pub(crate) tools: Arc<Tools>,
}

impl Started {
    /// Reads the SMS of earlier runs into the inbox.
    pub(crate) fn new(folder: &Path, port: u16, config: &Config) -> Self {
        let tls = config.listen.tls.is_some();
        let certificate = config.admin.as_ref().and_then(|admin| admin.tls.as_ref()).map(|tls| tls.certificate.clone());
        let tools = Arc::new(Tools::default());
        if let Sms::Outbox(file, sharing) = &config.sms
            && let Err(error) = tools.inbox.read_file(file, *sharing)
        {
            super::print_error(&format!("warning: the SMS of earlier runs could not be read: {error}"));
        }
        Self { folder: folder.to_owned(), port, tls, certificate, tools }
    }

    /// Opens the listener of the console. The user did not choose its port, so another program may
    /// use it.
    pub(crate) async fn listen(&self, proxies: Arc<TrustedProxies>) -> Result<Listener, String> {
        let at = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match Listener::bind(at(make::port_at(self.port, PORT_DISTANCE)), None, proxies.clone()).await {
            Ok(listener) => Ok(listener),
            Err(_) => Listener::bind(at(0), None, proxies).await,
        }
    }

    /// Returns the recorder for the public listener.
    pub(crate) fn recorder(&self, stop: watch::Receiver<bool>) -> Recorder {
        Recorder { tools: self.tools.clone(), stop }
    }

    /// Makes the console at this port, and prints the text for the terminal. Returns the routes of
    /// the console.
    pub(crate) fn begin(
        self,
        service: &Arc<Service>,
        pipeline: Pipeline,
        port: u16,
        (public, operators): (SocketAddr, Option<SocketAddr>),
        stop: watch::Receiver<bool>,
    ) -> Result<Router, String> {
        let folder = self.folder.canonicalize().map_err(|error| error.to_string())?;
        let operators = operators.map(|address| (address, self.certificate));
        let banner = Banner { folder: &folder, public, tls: self.tls, operators };
        let next = banner.next();
        let console = Development::new(service.clone(), self.tools, port, next.clone(), stop);
        let console = console.map_err(|failure| failure.to_string())?;
        banner.print(&console.address(), &next)?;
        Ok(development::router(Arc::new(console), pipeline))
    }
}
