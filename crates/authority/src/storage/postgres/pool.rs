//! The pool of connections, which may be dropped on any thread.

use std::sync::{Arc, Mutex, PoisonError};

use r2d2::{Pool, PooledConnection};

use super::connection::Server;

/// A pool of connections that closes them on a thread of its own.
///
/// `postgres::Client` blocks when it is dropped. On a thread that runs asynchronous tasks it panics
/// instead, and a panic in a destructor can abort the process. The pool can hold the last clients
/// of a service, and a host may drop the service anywhere, also inside a task.
pub(super) struct Connections(Option<Pool<Server>>);

impl Connections {
    pub(super) fn new(pool: Pool<Server>) -> Self {
        Self(Some(pool))
    }

    /// Returns a connection that no other step uses. Returns `None` if none becomes free in time.
    pub(super) fn get(&self) -> Option<PooledConnection<Server>> {
        self.0.as_ref()?.get().ok()
    }

    /// Returns the number of connections, and how many of them no step uses.
    pub(super) fn count(&self) -> Option<(u32, u32)> {
        let r2d2::State { connections, idle_connections, .. } = self.0.as_ref()?.state();
        Some((connections, idle_connections))
    }
}

impl Drop for Connections {
    fn drop(&mut self) {
        let Some(pool) = self.0.take() else { return };
        let pool = Arc::new(Mutex::new(Some(pool)));
        let taken = pool.clone();
        let close = move || drop(taken.lock().unwrap_or_else(PoisonError::into_inner).take());
        match std::thread::Builder::new().name("pims-close".to_owned()).spawn(close) {
            // The connections are closed when this call returns.
            Ok(closing) => drop(closing.join()),
            // The system could not start a thread. The connections stay open until the process
            // ends.
            Err(_) => std::mem::forget(pool),
        }
    }
}
