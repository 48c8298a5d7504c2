//! Actors: every row of the audit trail names one.

use std::fmt;
use std::net::IpAddr;

/// The actor of a call of [`Authority`](crate::Authority).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The program that embeds the authority as a library.
    #[default]
    Host,
    /// An operator with this name.
    Operator(String),
    /// A relying party with this id that showed its token.
    Party(String),
    /// Any caller that names a relying party with this id, which has no token.
    Anybody(String),
    /// An app that showed the token of its account.
    App,
    /// A device, or another client of the exchange. It showed no token.
    Device,
    /// The service itself.
    Service,
    /// A command that runs on the machine of the service.
    Command,
}

/// Writes the actor in the form of the audit trail: `host`, `operator:NAME`, `party:ID`,
/// `anybody:ID`, `app`, `device`, `service`, `command`. If a device proved itself and changed
/// another device, the trail has `device:ID` in its place.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Operator(name) => write!(f, "operator:{name}"),
            Self::Party(id) => write!(f, "party:{id}"),
            Self::Anybody(id) => write!(f, "anybody:{id}"),
            Self::App => f.write_str("app"),
            Self::Device => f.write_str("device"),
            Self::Service => f.write_str("service"),
            Self::Command => f.write_str("command"),
        }
    }
}

/// An actor with its network address and the reason that it gave, in the form of the audit trail.
#[derive(Clone)]
pub(crate) struct Origin {
    pub(crate) actor: String,
    pub(crate) address: Option<String>,
    pub(crate) reason: Option<String>,
}

impl Origin {
    pub(crate) fn new(actor: &Actor, address: Option<IpAddr>) -> Self {
        let address = address.map(|address| address.to_canonical().to_string());
        Self { actor: actor.to_string(), address, reason: None }
    }

    /// Returns the same origin with another reason, or with none.
    pub(crate) fn with_reason(&self, reason: Option<&str>) -> Self {
        Self { reason: reason.map(str::to_owned), ..self.clone() }
    }

    /// Returns the origin of an event that this device caused.
    pub(crate) fn of_device(&self, id: &str) -> Self {
        Self { actor: format!("{}:{id}", Actor::Device), ..self.clone() }
    }
}
