//! Connections to PostgreSQL. They are encrypted unless they stay on this machine, and each has the
//! limits that a step needs.

use std::time::Duration;

use ::postgres::config::{Host, SslMode};
use ::postgres::{Client, Config, Error, NoTls};
use r2d2::ManageConnection;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::message::message;
use super::statements::Prepared;
use crate::failure::StorageError;
use crate::storage::options::Postgres;
use crate::tls;

/// The time limit for a connection attempt, if the address sets none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The address of the database, and the configuration of its connections.
pub(super) struct Server {
    config: Config,
    tls: Option<MakeRustlsConnect>,
    statement_timeout: Duration,
}

/// A connection with its prepared statements.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) prepared: Prepared,
    /// True if the connection must not be used again.
    pub(super) broken: bool,
}

impl Server {
    pub(super) fn new(options: &Postgres) -> Result<Self, StorageError> {
        let malformed = |error: Error| StorageError::new(format!("the address of the database: {error}"));
        let mut config: Config = options.url.parse().map_err(malformed)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("pims-authority");
        }
        let tls = match mode(&config) {
            SslMode::Disable => None,
            _ => Some(connector()?),
        };
        config.ssl_mode(if tls.is_some() { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls, statement_timeout: options.statement_timeout })
    }

    /// Opens a connection without limits.
    pub(super) fn plain_connection(&self) -> Result<Client, StorageError> {
        self.client().map_err(|error| message(&error))
    }

    fn client(&self) -> Result<Client, Error> {
        match &self.tls {
            Some(tls) => self.config.connect(tls.clone()),
            None => self.config.connect(NoTls),
        }
    }
}

impl ManageConnection for Server {
    type Connection = Session;
    type Error = Error;

    fn connect(&self) -> Result<Session, Error> {
        let mut client = self.client()?;
        let limit = self.statement_timeout.as_millis();
        // An instance that hangs in the middle of a step must not hold its rows for ever.
        client.batch_execute(&format!(
            "SET statement_timeout = {limit}; SET idle_in_transaction_session_timeout = {limit}; SET enable_seqscan = off"
        ))?;
        Ok(Session { client, prepared: Prepared::new(), broken: false })
    }

    fn is_valid(&self, session: &mut Session) -> Result<(), Error> {
        session.client.is_valid(CONNECT_TIMEOUT)
    }

    fn has_broken(&self, session: &mut Session) -> bool {
        session.broken || session.client.is_closed()
    }
}

/// Returns the effective `sslmode`. By default a connection is plain on this machine and encrypted
/// elsewhere. The two are never tried in turn, because a man in the middle could choose then.
fn mode(config: &Config) -> SslMode {
    match config.get_ssl_mode() {
        SslMode::Disable => SslMode::Disable,
        SslMode::Prefer if config.get_hosts().iter().all(is_local) => SslMode::Disable,
        _ => SslMode::Require,
    }
}

fn is_local(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            let address = name.parse::<std::net::IpAddr>();
            name == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    }
}

/// Makes a TLS connector with the root certificates of the system (`SSL_CERT_FILE` names others).
/// The name of the server is always verified.
fn connector() -> Result<MakeRustlsConnect, StorageError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(StorageError::new("TLS to the database needs the system's root certificates, and there are none"));
    }
    let config = ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| StorageError::new(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_plain_on_this_machine_and_encrypted_elsewhere() {
        let mode = |address: &str| mode(&address.parse().unwrap());
        for here in ["host=localhost", "host=127.0.0.1", "postgresql://u@[::1]/d", "host=/run/postgresql"] {
            assert_eq!(mode(here), SslMode::Disable, "{here}");
        }
        for elsewhere in ["host=db.example.org", "host=10.0.0.1", "host=localhost,db.example.org"] {
            assert_eq!(mode(elsewhere), SslMode::Require, "{elsewhere}");
        }
        assert_eq!(mode("host=db.example.org sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("host=localhost sslmode=require"), SslMode::Require);
    }

    #[test]
    fn a_malformed_address_is_told_without_its_password() {
        let error = Server::new(&Postgres::new("host=a password=hunter2 colour=blue")).err().unwrap();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
