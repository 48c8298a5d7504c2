//! Connections to PostgreSQL. Every wait on one has a limit of the client's own.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::Address;
use super::announced::announced_pid;
use super::message::Fault;
use super::named::Named;
use super::tls;
use crate::failure::StorageError;
use crate::random;
use crate::storage::options::Postgres;

/// The time limit for a connection to one host, with TLS and the login, if the address sets none.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time after which the next host is tried as well, if a host has not answered yet.
const NEXT_HOST_AFTER: Duration = Duration::from_millis(500);

/// The time that the client waits longer than the server's own limit for a statement.
const GRACE: Duration = Duration::from_secs(2);

/// The time limit for the farewell to the server.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A database server, or several of which one accepts writes.
pub(super) struct Server {
    hosts: Vec<Arc<Config>>,
    shuffled: bool,
    tls: Option<MakeRustlsConnect>,
    statement_timeout: Duration,
    /// True if statements have names where a connection leads to the server directly.
    may_name: AtomicBool,
}

/// The reason why there is no connection.
pub(super) struct ConnectError {
    pub(super) error: StorageError,
    /// True if another attempt has the same end: the server refused the user or the database.
    pub(super) is_refusal: bool,
}

/// The client of a connection and the future that drives it.
type Opened = (Client, Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>);

impl Server {
    pub(super) fn new(options: &Postgres) -> Result<Self, StorageError> {
        let address = Address::parse(&options.url)?;
        Ok(Self {
            hosts: address.hosts.into_iter().map(Arc::new).collect(),
            shuffled: address.shuffled,
            tls: address.encryption.as_ref().map(tls::connector).transpose()?,
            statement_timeout: options.statement_timeout,
            may_name: AtomicBool::new(options.named_statements),
        })
    }

    /// Returns the limit that the server gets for each statement.
    pub(super) fn statement_timeout(&self) -> Duration {
        self.statement_timeout
    }

    /// Gives no statement a name from now on. Connections that have named statements keep them.
    pub(super) fn forbid_names(&self) {
        self.may_name.store(false, Ordering::Relaxed);
    }

    /// Returns whether connections are encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Opens a connection to the first host that answers.
    pub(super) fn connect(&self) -> Result<Session, ConnectError> {
        let failed = |error| ConnectError { error, is_refusal: false };
        let reactor = Reactor::new(self.hosts.len()).map_err(failed)?;
        let first_host = reactor.block_on(self.first_host());
        let (client, driver) = first_host.unwrap_or_else(|| Err(failed(StorageError::new("no runtime"))))?;
        let end = Arc::<Mutex<Option<Error>>>::default();
        let end_of_driver = end.clone();
        let driver = reactor.spawn(async move {
            let ended = driver.await.err();
            *end_of_driver.lock().unwrap_or_else(PoisonError::into_inner) = ended;
        });
        let limit = self.statement_timeout + GRACE;
        let now = Instant::now();
        let mut session = Session { client, driver, end, reactor, limit, named: None, opened_at: now, used_at: now };
        if self.may_name.load(Ordering::Relaxed) {
            let is_direct = session.is_direct().map_err(|fault| failed(fault.storage_error()))?;
            session.named = is_direct.then(Named::default);
        }
        Ok(session)
    }

    /// Tries the hosts in their order. A host that fails makes the next one the only hope at once.
    /// A host that does not answer soon is not given up, but the next one is tried beside it.
    async fn first_host(&self) -> Result<Opened, ConnectError> {
        let mut attempts = JoinSet::new();
        let mut faults = Vec::new();
        let mut hosts = self.in_order().into_iter();
        loop {
            let next = hosts.next();
            let is_last = next.is_none() || hosts.len() == 0;
            if let Some(host) = next {
                attempts.spawn(connect_host(host, self.tls.clone()));
            }
            let ended = if is_last {
                attempts.join_next().await
            } else {
                match timeout(NEXT_HOST_AFTER, attempts.join_next()).await {
                    Ok(ended) => ended,
                    Err(_) => continue,
                }
            };
            match ended {
                // The other attempts end with the set.
                Some(Ok(Ok(opened))) => return Ok(opened),
                Some(Ok(Err(fault))) => faults.push(fault),
                Some(Err(_)) => {}
                None => return Err(self.no_host(faults)),
            }
        }
    }

    fn in_order(&self) -> Vec<Arc<Config>> {
        let mut hosts = self.hosts.clone();
        if self.shuffled
            && let Ok([chance]) = random::bytes()
        {
            let first = usize::from(chance) % hosts.len().max(1);
            hosts.rotate_left(first);
        }
        hosts
    }

    /// Returns the error of all hosts together.
    fn no_host(&self, faults: Vec<HostFault>) -> ConnectError {
        let is_refusal = !faults.is_empty() && faults.iter().all(|fault| fault.is_refusal);
        let texts: Vec<String> = faults
            .into_iter()
            .map(|HostFault { host, error, .. }| match self.hosts.len() {
                1 => error.to_string(),
                _ => format!("{host}: {error}"),
            })
            .collect();
        ConnectError { error: StorageError::new(texts.join("; ")), is_refusal }
    }
}

/// The reason why there is no connection to a host.
struct HostFault {
    host: String,
    error: StorageError,
    is_refusal: bool,
}

async fn connect_host(config: Arc<Config>, tls: Option<MakeRustlsConnect>) -> Result<Opened, HostFault> {
    let limit = config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
    let opened = async {
        Ok::<Opened, Error>(match tls {
            Some(tls) => {
                let (client, driver) = config.connect(tls).await?;
                (client, Box::pin(driver))
            }
            None => {
                let (client, driver) = config.connect(NoTls).await?;
                (client, Box::pin(driver))
            }
        })
    };
    let fault = match timeout(limit, opened).await {
        Ok(Ok(opened)) => return Ok(opened),
        Ok(Err(error)) => Fault::Driver(error),
        Err(_) => Fault::Silence(limit),
    };
    let is_refusal =
        fault.code().is_some_and(|code| *code == SqlState::INVALID_CATALOG_NAME || code.code().starts_with("28"));
    Err(HostFault { host: name_of(&config), error: fault.storage_error(), is_refusal })
}

fn name_of(config: &Config) -> String {
    use tokio_postgres::config::Host;
    let port = config.get_ports().first().copied().unwrap_or(5432);
    match (config.get_hosts().first(), config.get_hostaddrs().first()) {
        (Some(Host::Tcp(name)), _) => format!("{name}:{port}"),
        #[cfg(unix)]
        (Some(Host::Unix(path)), _) => format!("{}:{port}", path.display()),
        (None, Some(address)) => format!("{address}:{port}"),
        (None, None) => "no host".to_owned(),
    }
}

/// A connection.
pub(super) struct Session {
    client: Client,
    /// The task that reads and writes the socket. It runs while a request waits.
    driver: Option<JoinHandle<()>>,
    /// The error that ended the connection.
    end: Arc<Mutex<Option<Error>>>,
    reactor: Reactor,
    limit: Duration,
    /// The statements with names, if the connection leads to the server directly.
    named: Option<Named>,
    pub(super) opened_at: Instant,
    /// The time at which the server last answered.
    pub(super) used_at: Instant,
}

impl Session {
    /// Runs requests, for no longer than the server's limit for a statement and some seconds.
    pub(super) fn wait<T>(&self, request: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> Result<T, Fault> {
        self.wait_for(self.limit, request)
    }

    /// Runs requests, for no longer than this. After a fault of the connection, the session must
    /// not be used again.
    pub(super) fn wait_for<T>(
        &self,
        limit: Duration,
        request: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, Fault> {
        match self.reactor.block_on(async { timeout(limit, request(&self.client)).await }) {
            Some(Ok(Ok(done))) => Ok(done),
            Some(Ok(Err(error))) if error.is_closed() => Err(Fault::Driver(self.cause_of_end().unwrap_or(error))),
            Some(Ok(Err(error))) => Err(Fault::Driver(error)),
            Some(Err(_)) | None => Err(Fault::Silence(limit)),
        }
    }

    /// Runs a statement without parameters. Returns the first column of the first row as text.
    pub(super) fn first_text(&self, sql: &'static str) -> Result<Option<String>, Fault> {
        let found = self.wait(async |client| client.simple_query(sql).await)?;
        Ok(found.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }

    /// Returns the statements that have names on this connection. Returns `None` if none may have
    /// one.
    pub(super) fn named(&self) -> Option<&Named> {
        self.named.as_ref()
    }

    /// Returns whether the process of the server that was announced runs the statements. A fault
    /// means that the connection cannot be used.
    fn is_direct(&self) -> Result<bool, Fault> {
        let compared = self.wait_for(CONNECT_TIMEOUT, async |client| {
            let announced = announced_pid(client).await;
            let found = client.simple_query("SELECT pg_backend_pid()").await?;
            let pid = found.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
                _ => None,
            });
            Ok(announced.is_ok_and(|announced: i32| pid == Some(announced)))
        });
        match compared {
            // The server may not have this function.
            Err(fault) if !fault.ends_connection() => Ok(false),
            compared => compared,
        }
    }

    /// Returns the error that ended the connection, such as the server's farewell.
    fn cause_of_end(&self) -> Option<Error> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Closes the connection and tells the server. It must not be called on a thread that runs
    /// asynchronous tasks.
    pub(super) fn close(self) {
        let Self { client, driver, reactor, .. } = self;
        drop(client);
        // A server that is gone needs no farewell.
        if let Some(driver) = driver {
            let _ = reactor.block_on(async { timeout(CLOSE_TIMEOUT, driver).await });
        }
    }
}

/// The asynchronous runtime of one connection. It may be dropped on any thread, also on one that
/// runs asynchronous tasks: it waits for nothing.
///
/// The runtime is present until the drop.
struct Reactor(Option<Runtime>);

impl Reactor {
    /// Makes a runtime that can resolve this number of host names at once.
    fn new(hosts: usize) -> Result<Self, StorageError> {
        let runtime = Builder::new_current_thread().enable_all().max_blocking_threads(hosts.max(1)).build();
        runtime.map(|runtime| Self(Some(runtime))).map_err(|error| StorageError::new(error.to_string()))
    }

    /// Runs a future, and the tasks beside it.
    fn block_on<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        self.0.as_ref().map(|runtime| runtime.block_on(future))
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) -> Option<JoinHandle<()>> {
        self.0.as_ref().map(|runtime| runtime.spawn(future))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // A plain drop would wait for the resolver of host names.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
