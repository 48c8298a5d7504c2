//! The pool of connections. A step that finds no idle connection opens one itself, on its own
//! thread, so that its error and the time of its attempt are the step's own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::connection::{ConnectError, Server, Session};
use crate::failure::StorageError;

/// The first and the longest pause after an attempt to connect that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(200);

/// The age at which a connection is replaced, so that a pooler or a name can lead elsewhere.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// The time after which an unused connection is closed, unless it is the only one.
const MAX_IDLE: Duration = Duration::from_secs(10 * 60);

/// A pool of connections.
///
/// It closes them on a thread of its own: the farewell to the server blocks, and a host may drop
/// the service anywhere, also inside an asynchronous task.
pub(super) struct Connections(Arc<Pool>);

struct Pool {
    server: Server,
    /// The maximum number of connections.
    max: u32,
    state: Mutex<State>,
    /// Signals that a connection became idle or was closed.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    idle: Vec<Session>,
    /// The number of connections: idle, in use, or being opened.
    open: u32,
    /// The error of the last attempt to connect, if it failed.
    last_error: Option<StorageError>,
}

impl Connections {
    pub(super) fn new(server: Server, max: u32, first: Session) -> Self {
        let state = State { idle: vec![first], open: 1, last_error: None };
        Self(Arc::new(Pool { server, max: max.max(1), state: Mutex::new(state), changed: Condvar::new() }))
    }

    pub(super) fn server(&self) -> &Server {
        &self.0.server
    }

    /// Returns a connection that no other step uses. Fails if none can be had until the deadline.
    pub(super) fn get(&self, deadline: Instant) -> Result<Lease<'_>, NoConnection> {
        let pool = &*self.0;
        let mut pause = FIRST_PAUSE;
        let mut next_attempt = Instant::now();
        let mut state = pool.lock();
        loop {
            if let Some(session) = state.idle.pop() {
                return Ok(Lease { pool, session: Some(session), is_reusable: false });
            }
            let now = Instant::now();
            let can_open = state.open < pool.max;
            if now >= deadline {
                return Err(no_connection(state.last_error.as_ref(), pool.max));
            }
            if !can_open || now < next_attempt {
                let until = if can_open { next_attempt.min(deadline) } else { deadline };
                let wait = pool.changed.wait_timeout(state, until - now);
                state = wait.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            }
            state.open += 1;
            drop(state);
            match pool.open() {
                Ok(lease) => return Ok(lease),
                Err(ConnectError { error, is_refusal }) => {
                    state = pool.lock();
                    let failure = no_connection(Some(&error), pool.max);
                    state.last_error = Some(error);
                    if is_refusal {
                        return Err(failure);
                    }
                    next_attempt = Instant::now() + pause;
                    pause = (2 * pause).min(MAX_PAUSE);
                }
            }
        }
    }

    /// Closes the idle connections that the server did not answer on since this time: one like
    /// them was lost.
    pub(super) fn close_unproved(&self, since: Instant) {
        let pool = &*self.0;
        let mut state = pool.lock();
        let all = std::mem::take(&mut state.idle);
        let (proved, unproved): (Vec<_>, Vec<_>) = all.into_iter().partition(|session| session.used_at >= since);
        state.idle = proved;
        state.open = state.open.saturating_sub(u32::try_from(unproved.len()).unwrap_or(u32::MAX));
        drop(state);
        pool.changed.notify_all();
    }

    /// Returns the number of connections, and how many of them no step uses.
    pub(super) fn count(&self) -> (u32, u32) {
        let state = self.0.lock();
        (state.open, u32::try_from(state.idle.len()).unwrap_or(u32::MAX))
    }
}

/// The reason why a step got no connection.
pub(super) struct NoConnection {
    pub(super) error: StorageError,
    /// True if the step waited for a connection, and no attempt to open one failed.
    pub(super) is_without_cause: bool,
}

fn no_connection(cause: Option<&StorageError>, max: u32) -> NoConnection {
    let text = match cause {
        Some(cause) => format!("no connection to the database: {cause}"),
        None => format!("no connection to the database: other steps use all {max}"),
    };
    NoConnection { error: StorageError::new(text), is_without_cause: cause.is_none() }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let pool = self.0.clone();
        let close = move || std::mem::take(&mut pool.lock().idle).into_iter().for_each(Session::close);
        // The connections are closed when this call returns. If the system could not start a
        // thread, they end without a farewell.
        if let Ok(closing) = std::thread::Builder::new().name("pims-close".to_owned()).spawn(close) {
            drop(closing.join());
        }
    }
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a connection, which is counted already.
    fn open(&self) -> Result<Lease<'_>, ConnectError> {
        // Without a session it uncounts the connection when it is dropped.
        let mut lease = Lease { pool: self, session: None, is_reusable: false };
        lease.session = Some(self.server.connect()?);
        self.lock().last_error = None;
        Ok(lease)
    }

    /// Takes out idle connections that are too old or were not used for long.
    fn take_old(&self, state: &mut State) -> Vec<Session> {
        let now = Instant::now();
        let mut old = Vec::new();
        let mut place = 0;
        while place < state.idle.len() {
            let session = &state.idle[place];
            let is_unused = state.idle.len() > 1 && now.duration_since(session.used_at) >= MAX_IDLE;
            if is_unused || now.duration_since(session.opened_at) >= MAX_AGE {
                old.push(state.idle.remove(place));
                state.open = state.open.saturating_sub(1);
            } else {
                place += 1;
            }
        }
        old
    }
}

/// A connection that one step uses. It goes back to the pool if it was found good, and is closed
/// otherwise: also if a panic ends the step.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    session: Option<Session>,
    is_reusable: bool,
}

impl Lease<'_> {
    /// Returns the connection.
    pub(super) fn session(&self) -> Option<&Session> {
        self.session.as_ref()
    }

    /// Marks the connection as good: no transaction is open, and the server just answered.
    pub(super) fn keep(&mut self) {
        self.is_reusable = true;
        if let Some(session) = &mut self.session {
            session.used_at = Instant::now();
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let session = self.session.take();
        let mut state = self.pool.lock();
        let mut old = Vec::new();
        match session {
            Some(session) if self.is_reusable => {
                state.idle.push(session);
                old = self.pool.take_old(&mut state);
                // Other steps must not wait until the old ones are closed.
                drop(state);
            }
            broken => {
                state.open = state.open.saturating_sub(1);
                drop(state);
                drop(broken);
            }
        }
        self.pool.changed.notify_one();
        old.into_iter().for_each(Session::close);
    }
}
