//! A parsed request, which the host may inspect before it is answered.

use inwebo::mode::{Action, Mode};
use inwebo::values::EnrollmentCode;

use super::query::Query;
use super::refusal::Refusal;

/// A request of a device, parsed but not processed. It may hold a code: it is wiped when dropped
/// and has no `Debug`.
pub struct MacRequest {
    query: Result<Query, Refusal>,
    mode: Option<Mode>,
    action: Option<Action>,
}

impl MacRequest {
    /// Reads a form-urlencoded query without its `?`.
    ///
    /// If the query cannot be read, its answer is a refusal. The mode and the action that it names
    /// first are known even then, so that a host can limit such requests, too.
    pub fn read(query: &str) -> Self {
        let first = |wanted: &str| {
            let mut parameters = form_urlencoded::parse(query.as_bytes());
            parameters.find(|(name, _)| name == wanted).map(|(_, value)| value)
        };
        let mode = first("mode").and_then(|mode| Mode::parse(&mode));
        let action = first("action").and_then(|action| Action::parse(&action));
        Self { query: Query::parse(query), mode, action }
    }

    /// Returns the mode that the request names.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// Returns whether the service may have to open RSA blocks for the answer.
    pub fn may_open_blocks(&self) -> bool {
        let has_blocks = matches!(self.mode, Some(Mode::Activate | Mode::Secret | Mode::Password | Mode::Reset));
        has_blocks && self.action == Some(Action::Finalize)
    }

    /// Returns whether the request is an activation with a code in the form of those that devices
    /// make ([`Policy::activation_by_device`](crate::Policy::activation_by_device)).
    pub fn has_code_of_device(&self) -> bool {
        let code = self.query.as_ref().ok().and_then(|query| query.find("code"));
        self.mode == Some(Mode::Activate) && code.is_some_and(|code| EnrollmentCode::read(code).is_some())
    }

    /// Returns the step, if the query can be read.
    pub(super) fn action(&self) -> Option<Action> {
        self.action.filter(|_| self.query.is_ok())
    }

    pub(super) fn query(&self) -> Result<&Query, Refusal> {
        self.query.as_ref().map_err(Clone::clone)
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
        let repeated = read("mode=reset&action=ActionFinalize&mode=otp");
        assert!(repeated.query().is_err() && repeated.action().is_none());
        assert!(
            repeated.mode() == Some(Mode::Reset) && repeated.may_open_blocks(),
            "a host limits it as what it names"
        );
        assert!(read("action=ActionFinalize&mode=ms").may_open_blocks());
        assert!(read("mode=reset&action=%41ctionFinalize").may_open_blocks());
        assert!(!read("action=ActionSetup&mode=reset").may_open_blocks());
        assert!(!read("action=ActionFinalize&mode=otp").may_open_blocks());
    }
}
