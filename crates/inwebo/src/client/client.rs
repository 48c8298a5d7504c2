//! The client application, and the parameters that all its requests carry.

use std::borrow::Cow;

use super::device::Device;
use super::request::Request;
use crate::cvs::Keystore;
use crate::mode::{Action, Mode};
use crate::values::Proofs;

/// Protocol version that observed clients send.
pub const VERSION: &str = "Generator-1.0/0.2.11";

/// Language that observed clients send.
const LANG: &str = "fr";

/// The application, as the service knows it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The application's id: 32 hex digits.
    pub mac_id: String,
    /// The name under which a device enrolls. The user recognises the device by it.
    pub name: String,
    /// The protocol version that its requests name. [`VERSION`] is the usual one.
    pub version: Cow<'static, str>,
    /// The place of the key that seals the device's record. An activation tells it, if it is known.
    pub keystore: Option<Keystore>,
}

impl Client {
    /// Creates an application that names the usual protocol version and no keystore.
    pub fn new(mac_id: impl Into<String>, name: impl Into<String>) -> Self {
        Self { mac_id: mac_id.into(), name: name.into(), version: Cow::Borrowed(VERSION), keystore: None }
    }

    /// Begins a setup step of an activated device.
    pub(super) fn setup(&self, mode: Mode, device: &Device) -> Request {
        self.setup_of(mode, &device.id, &device.last_sync)
    }

    /// Begins a setup step of a device that has no id yet.
    pub(super) fn first_setup(&self, mode: Mode) -> Request {
        self.setup_of(mode, "", "0")
    }

    /// Begins a setup step of the device with this id.
    pub(super) fn setup_of(&self, mode: Mode, id: &str, last_sync: &str) -> Request {
        Request::new(Action::Setup, mode)
            .with("id", id)
            .with("lastsync", last_sync)
            .with("version", &self.version)
            .with("macid", &self.mac_id)
    }

    /// Begins a finalize step of an activated device.
    pub(super) fn finalize(&self, mode: Mode, device: &Device) -> Request {
        self.finalize_of(mode, &device.id, &device.last_sync)
    }

    /// Begins a finalize step of a device that has no id yet.
    pub(super) fn first_finalize(&self, mode: Mode) -> Request {
        self.finalize_of(mode, "", "0")
    }

    fn finalize_of(&self, mode: Mode, id: &str, last_sync: &str) -> Request {
        Request::new(Action::Finalize, mode)
            .with("id", id)
            .with("lastsync", last_sync)
            .with("version", &self.version)
            .with("lang", LANG)
            .with("ack", "")
            .with("macid", &self.mac_id)
    }
}

impl Request {
    /// Appends the proofs.
    pub(super) fn proved(self, proofs: &Proofs) -> Self {
        self.with("R0", &proofs.r0).with("R1", &proofs.r1).with("R2", &proofs.r2)
    }
}
