//! The SMS gateway of a development service: the configured one, which the console lets fail, and
//! whose messages it keeps for the inbox.

use std::sync::{Arc, Mutex, PoisonError};

use super::Tools;
use authority::{Sms, SmsError, SmsGateway};

/// The messages that the gateway does not accept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Failing {
    #[default]
    Never,
    Next,
    Every,
}

impl Failing {
    pub(super) const ALL: [Self; 3] = [Self::Never, Self::Next, Self::Every];

    /// Returns its value in a form.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Next => "next",
            Self::Every => "every",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failing| failing.as_str() == text)
    }
}

/// The setting of the gateway.
#[derive(Default)]
pub(crate) struct GatewaySwitch(Mutex<Failing>);

impl GatewaySwitch {
    pub(super) fn get(&self) -> Failing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, failing: Failing) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }

    /// Returns whether the next message fails, and uses up [`Failing::Next`].
    fn takes_failure(&self) -> bool {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = *failing != Failing::Never;
        if *failing == Failing::Next {
            *failing = Failing::Never;
        }
        fails
    }
}

/// A gateway whose messages the console shows.
pub(crate) struct WatchedGateway {
    pub(crate) gateway: Box<dyn SmsGateway>,
    pub(crate) tools: Arc<Tools>,
}

impl SmsGateway for WatchedGateway {
    fn send(&self, sms: &Sms) -> Result<(), SmsError> {
        if self.tools.gateway.takes_failure() {
            tracing::warn!(sms = %sms.id, "the development console let the SMS gateway fail");
            return Err(SmsError::new("the development console let the gateway fail"));
        }
        self.gateway.send(sms)?;
        self.tools.inbox.keep(sms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_fails_or_every_one() {
        let switch = GatewaySwitch::default();
        let fails = || [(); 3].map(|()| switch.takes_failure());
        assert_eq!(fails(), [false; 3]);
        switch.set(Failing::Next);
        assert_eq!(fails(), [true, false, false]);
        switch.set(Failing::Every);
        assert_eq!(fails(), [true; 3]);
        assert!(Failing::ALL.iter().all(|failing| Failing::parse(failing.as_str()) == Some(*failing)));
    }
}
