//! Connections that an interrupt ends at once, during the lookup of a name, a connection attempt,
//! or a wait for an answer.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, ShutdownHandle, Transport,
};
use ureq::{Agent, Error};

/// Longest delay of an interrupt during the lookup of a name or a connection attempt.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Most addresses of a name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Interrupt that ends requests from another thread. Clones share it.
#[derive(Clone, Default)]
pub struct Interrupt(Arc<InterruptState>);

#[derive(Default)]
struct InterruptState {
    is_triggered: AtomicBool,
    agent: Mutex<Option<Agent>>,
}

impl Interrupt {
    /// Ends the present request and every later one.
    pub fn trigger(&self) {
        self.0.is_triggered.store(true, Ordering::SeqCst);
        if let Some(agent) = self.agent().take() {
            agent.shutdown();
        }
    }

    /// Returns whether the interrupt was triggered.
    pub fn is_triggered(&self) -> bool {
        self.0.is_triggered.load(Ordering::SeqCst)
    }

    /// Sets the agent whose requests the interrupt ends, in place of the agent before.
    pub(super) fn attach(&self, agent: &Agent) {
        *self.agent() = Some(agent.clone());
        if self.is_triggered() {
            self.trigger();
        }
    }

    fn agent(&self) -> std::sync::MutexGuard<'_, Option<Agent>> {
        self.0.agent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt").field("triggered", &self.is_triggered()).finish()
    }
}

const ONE_MILLISECOND: Duration = Duration::from_millis(1);

/// Runs work that cannot be interrupted on a thread of its own. If the caller stops waiting, the
/// thread is left alone: the system ends a lookup and a connection attempt by its own limits.
fn run_on_thread<T: Send + 'static>(
    interrupt: &Interrupt,
    timeout: NextTimeout,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let limit = timeout.not_zero().map(|limit| *limit);
    let (done, result) = channel();
    let begin = Instant::now();
    std::thread::Builder::new().name("pims-connect".into()).spawn(move || {
        // The caller may have stopped waiting.
        let _ = done.send(work());
    })?;
    loop {
        let left = limit.map_or(POLL_INTERVAL, |limit| limit.saturating_sub(begin.elapsed()).min(POLL_INTERVAL));
        match result.recv_timeout(left) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(Error::ConnectionFailed),
            Err(RecvTimeoutError::Timeout) if interrupt.is_triggered() => {
                return Err(io::Error::from(io::ErrorKind::Interrupted).into());
            }
            Err(RecvTimeoutError::Timeout) if limit.is_some_and(|limit| begin.elapsed() >= limit) => {
                return Err(Error::Timeout(timeout.reason));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Error before a connection was there, so nothing was sent.
#[derive(Debug)]
pub(super) struct NotConnected(pub(super) Error);

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotConnected {}

fn not_connected(error: Error) -> Error {
    Error::Other(Box::new(NotConnected(error)))
}

/// Resolver of names.
#[derive(Debug)]
pub(super) struct InterruptibleResolver(pub(super) Interrupt);

impl Resolver for InterruptibleResolver {
    fn resolve(&self, uri: &Uri, _: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or(Error::HostNotFound)?;
        let host_and_port = DefaultResolver::host_and_port(scheme, authority).ok_or(Error::HostNotFound)?;
        let found: Vec<SocketAddr> = match host_and_port.parse() {
            Ok(address) => vec![address],
            Err(_) => run_on_thread(&self.0, timeout, move || {
                let found = host_and_port.to_socket_addrs().map_err(|_| Error::HostNotFound)?;
                Ok(found.take(MAX_ADDRESSES).collect())
            })
            .map_err(not_connected)?,
        };
        if found.is_empty() {
            return Err(Error::HostNotFound);
        }
        let mut addresses = self.empty();
        found.into_iter().for_each(|address| addresses.push(address));
        Ok(addresses)
    }
}

/// Connector for TCP.
#[derive(Debug)]
pub(super) struct TcpConnector(pub(super) Interrupt);

impl<In: Transport> Connector<In> for TcpConnector {
    type Out = Either<In, Tcp>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<In>) -> Result<Option<Self::Out>, Error> {
        if let Some(chained) = chained {
            // A proxy has made the connection.
            return Ok(Some(Either::A(chained)));
        }
        let addresses = details.addrs.to_vec();
        let limit = details.timeout.not_zero().map(|limit| *limit);
        let begin = Instant::now();
        let connected = run_on_thread(&self.0, details.timeout, move || first_of(&addresses, limit));
        let stream = connected.map_err(|error| match error {
            // The last address got the rest of the limit, less the remainder of its division.
            Error::Io(error) if limit.is_some_and(|limit| begin.elapsed() + ONE_MILLISECOND >= limit) => {
                not_connected(timed_out(error, details.timeout))
            }
            error => not_connected(error),
        })?;
        stream.set_nodelay(true)?;
        let stream = Arc::new(Socket(stream));
        let handle: Weak<dyn ShutdownHandle> = Arc::downgrade(&stream) as Weak<Socket>;
        (details.register_shutdown)(handle)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(Tcp { stream, buffers })))
    }
}

/// Connects to the first address that answers.
fn first_of(addresses: &[SocketAddr], limit: Option<Duration>) -> Result<TcpStream, Error> {
    let begin = Instant::now();
    let mut last = Error::ConnectionFailed;
    for (tried, address) in addresses.iter().enumerate() {
        let connected = match limit {
            None => TcpStream::connect(address),
            Some(limit) => {
                // The remaining addresses share the remaining time.
                let share = limit.saturating_sub(begin.elapsed()) / (addresses.len() - tried) as u32;
                TcpStream::connect_timeout(address, share.max(ONE_MILLISECOND))
            }
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error.into(),
        }
    }
    Err(last)
}

/// Socket that another thread can end.
struct Socket(TcpStream);

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // An error means that the connection has ended already.
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

/// TCP connection.
pub(super) struct Tcp {
    stream: Arc<Socket>,
    buffers: LazyBuffers,
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let limit = timeout.for_write().not_zero().map(|limit| *limit);
        self.stream.0.set_write_timeout(limit)?;
        let output = &self.buffers.output()[..amount];
        (&self.stream.0).write_all(output).map_err(|error| timed_out(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let limit = timeout.for_read().not_zero().map(|limit| *limit);
        self.stream.0.set_read_timeout(limit)?;
        let input = self.buffers.input_append_buf();
        let amount = loop {
            match (&self.stream.0).read(input) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read.map_err(|error| timed_out(error, timeout))?,
            }
        };
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        // No request is under way. If there is anything to read, an end or a byte, the server sent
        // it out of turn.
        let stream = &self.stream.0;
        let quiet = stream.set_nonblocking(true).is_ok()
            && matches!(stream.peek(&mut [0]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        quiet && stream.set_nonblocking(false).is_ok()
    }
}

impl fmt::Debug for Tcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tcp").finish_non_exhaustive()
    }
}

/// Converts an error of a socket, which reports a reached time limit in one of two ways.
fn timed_out(error: io::Error, timeout: NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}
