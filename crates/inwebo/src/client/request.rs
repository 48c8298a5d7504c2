//! Requests, in the form of a URL query.

use form_urlencoded::byte_serialize;
use zeroize::{Zeroize, Zeroizing};

use crate::mode::{Action, Mode};

/// A request: the query without its question mark, form-urlencoded. It may hold a code or an
/// encrypted PIN: it is wiped when dropped and has no `Debug`.
pub struct Request {
    mode: Mode,
    query: Zeroizing<String>,
}

impl Request {
    /// Begins a setup or finalize step of a mode.
    pub(super) fn new(action: Action, mode: Mode) -> Self {
        // With this capacity a query is not moved, so no copy of it stays in memory.
        let mut request = Self { mode, query: Zeroizing::new(String::with_capacity(4096)) };
        request.push("action", action.as_str());
        request.push("mode", mode.as_str());
        request
    }

    /// Returns whether the request submits an SMS code without naming a device or an account.
    pub fn is_anonymous_activation(&self) -> bool {
        self.mode == Mode::Activate
    }

    /// Appends a parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.push(name, value);
        self
    }

    fn push(&mut self, name: &str, value: &str) {
        let needed = self.query.len() + name.len() + 3 * value.len() + 2;
        if needed > self.query.capacity() {
            let mut larger = String::with_capacity(2 * needed);
            larger.push_str(&self.query);
            self.query.zeroize();
            self.query = Zeroizing::new(larger);
        }
        if !self.query.is_empty() {
            self.query.push('&');
        }
        self.query.push_str(name);
        self.query.push('=');
        self.query.extend(byte_serialize(value.as_bytes()));
    }

    /// Returns the query.
    pub fn query(&self) -> &str {
        &self.query
    }
}
