//! `remove`: removes this device from the service (ours).

use super::answer::Answer;
use super::client::Client;
use super::device::Device;
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::Proofs;

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Remove, device)
}

/// A challenge that waits for the device's proof.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step. It proves the device alone.
    pub fn finalize(self, client: &Client, device: &Device) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        client.finalize(Mode::Remove, device).with("R0", &proofs.r0)
    }
}

/// Reads the answer of the finalize step.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, Action::Finalize).map(drop)
}
