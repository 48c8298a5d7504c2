//! The one that acts: it stands in every row of the audit trail.

use std::fmt;
use std::net::IpAddr;

/// The one that acts by a call of [`Authority`](crate::Authority).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Actor {
    /// The program that the authority is a library of.
    #[default]
    Host,
    /// An operator of this name.
    Operator(String),
    /// A relying party of this id that showed its token.
    Party(String),
    /// Anybody, in the name of a relying party of this id that has no token.
    Anybody(String),
    /// An app that showed its account's token.
    App,
    /// A device, or a program that speaks like one. It showed no token.
    Device,
    /// The service itself.
    Service,
    /// A command on the machine of the service.
    Command,
}

/// The form in the audit trail: `host`, `operator:NAME`, `party:ID`, `anybody:ID`, `app`, `device`, `service`, `command`.
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

/// An actor and its network address, in the form of the audit trail.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) actor: String,
    pub(crate) address: Option<String>,
}

impl Context {
    pub(crate) fn new(actor: &Actor, address: Option<IpAddr>) -> Self {
        Self { actor: actor.to_string(), address: address.map(|address| address.to_canonical().to_string()) }
    }
}
