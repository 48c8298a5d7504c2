//! Statements that have a name on one connection: the server parses and plans them once.
//!
//! A name is safe only if the same process of the server runs every transaction of the connection.
//! Behind a pooler, the next transaction may run on another process, which does not know the name,
//! or knows the statement of another client by it: the names of the driver count from one in each
//! process. So a connection has named statements only if it leads to the server directly
//! ([`announced`](super::announced)). If the server does not know a name in spite of this, the step
//! runs again, and no new connection has names.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio_postgres::Statement;

/// The statements that have a name on a connection.
#[derive(Default)]
pub(super) struct Named(Mutex<HashMap<&'static str, Statement>>);

impl Named {
    /// Returns the statement with this text, if it has a name.
    pub(super) fn find(&self, sql: &str) -> Option<Statement> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned()
    }

    /// Adds a statement.
    pub(super) fn add(&self, sql: &'static str, statement: Statement) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sql, statement);
    }
}
