//! Requests, as the query that travels.

use form_urlencoded::byte_serialize;
use zeroize::{Zeroize, Zeroizing};

/// One request: the query without its question mark, form-urlencoded. It may hold a code or an encrypted PIN: it is wiped
/// when dropped and has no `Debug`.
pub struct Request {
    query: Zeroizing<String>,
}

impl Request {
    /// Begins a setup or finalize step of a mode.
    pub(super) fn new(action: &str, mode: &str) -> Self {
        // Room enough that a query never moves and leaves a copy behind.
        let mut request = Self { query: Zeroizing::new(String::with_capacity(4096)) };
        request.push("action", action);
        request.push("mode", mode);
        request
    }

    /// Whether it shows an SMS code without a device or an account that it belongs to: `activate`.
    pub fn tries_a_code_of_nobody(&self) -> bool {
        self.query.split('&').any(|parameter| parameter == "mode=activate")
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

    /// The query.
    pub fn query(&self) -> &str {
        &self.query
    }
}
