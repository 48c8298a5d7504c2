//! `remove`: ends this device at the service (ours).

use inwebo_values::Proofs;

use super::{Answer, Client, Device, EngineError, Request};

/// The setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup("remove", device)
}

/// A challenge that waits for the device's proof.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        super::otp::read_challenge(xml).map(Self)
    }

    /// The finalize step: the device alone is proved.
    pub fn finalize(self, client: &Client, device: &Device) -> Request {
        let proofs = Proofs::without_pin(&self.0, &device.serial, &device.k0);
        client.finalize("remove", device).with("R0", &proofs.r0)
    }
}

/// Reads the answer of the finalize step.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, "ActionFinalize").map(drop)
}
