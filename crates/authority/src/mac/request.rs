//! A parsed request, which the host may inspect before it is answered.

use inwebo::mode::{Action, Mode};

use super::query::Query;
use super::refusal::Refusal;

/// A request of a device, parsed but not processed. It may hold a code: it is wiped when dropped
/// and has no `Debug`.
pub struct MacRequest(Result<Query, Refusal>);

impl MacRequest {
    /// Reads a form-urlencoded query without its `?`. A query that cannot be read has no mode, and
    /// its answer is a refusal.
    pub fn read(query: &str) -> Self {
        Self(Query::parse(query))
    }

    /// Returns the mode that the request names.
    pub fn mode(&self) -> Option<Mode> {
        self.find("mode").and_then(Mode::parse)
    }

    /// Returns whether the service may have to open RSA blocks for the answer.
    pub fn may_open_blocks(&self) -> bool {
        let has_blocks = matches!(self.mode(), Some(Mode::Activate | Mode::Secret | Mode::Password | Mode::Reset));
        has_blocks && self.action() == Some(Action::Finalize)
    }

    pub(super) fn action(&self) -> Option<Action> {
        self.find("action").and_then(Action::parse)
    }

    pub(super) fn query(&self) -> Result<&Query, Refusal> {
        self.0.as_ref().map_err(Clone::clone)
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.as_ref().ok()?.find(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_and_the_blocks_are_known_before_the_answer() {
        let read = MacRequest::read;
        assert_eq!(read("action=ActionSetup&mode=otp&id=1").mode(), Some(Mode::Otp));
        assert_eq!(read("mode=%6ftp").mode(), Some(Mode::Otp));
        assert_eq!(read("mode=secret").mode(), None);
        assert_eq!(read("mode=otp&mode=otp").mode(), None, "a query that cannot be read");
        assert!(read("action=ActionFinalize&mode=ms").may_open_blocks());
        assert!(read("mode=reset&action=%41ctionFinalize").may_open_blocks());
        assert!(!read("action=ActionSetup&mode=reset").may_open_blocks());
        assert!(!read("action=ActionFinalize&mode=otp").may_open_blocks());
    }
}
