//! `password`: a new PIN for an old one.

use inwebo_values::{Kma, Modulus, Pin};

use super::activate::ServiceKeys;
use super::{Answer, Client, Device, EngineError, Request, Seed, Unlocked};

/// The setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup("password", device)
}

/// A challenge and the keys that the new PIN is encrypted to.
pub struct Prepared {
    pub(super) challenge: String,
    pub(super) keys: ServiceKeys,
}

impl Prepared {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str, pinned: Option<&Modulus>) -> Result<Self, EngineError> {
        let answer = Answer::read(xml, "ActionSetup")?;
        let challenge = answer.need("challenge", "it has no challenge")?.to_owned();
        Ok(Self { challenge, keys: ServiceKeys::read(&answer, pinned)? })
    }

    /// The finalize step: proofs with the old PIN, the new one encrypted.
    pub fn finalize(
        self,
        client: &Client,
        unlocked: &Unlocked<'_>,
        new: &Pin,
        seeds: [Seed; 2],
    ) -> Result<Request, EngineError> {
        let request = client.finalize("password", unlocked.device);
        let request = self.with_new_pin(request, unlocked.device, new, seeds)?;
        Ok(request.proved(&unlocked.proofs(&self.challenge)))
    }

    /// Appends `nKma` and `newpin`.
    pub(super) fn with_new_pin(
        &self,
        request: Request,
        device: &Device,
        new: &Pin,
        seeds: [Seed; 2],
    ) -> Result<Request, EngineError> {
        let kma = Kma::derive(new, &device.serial);
        Ok(request
            .with("nKma", &self.keys.encrypt(kma.as_bytes(), &seeds[0])?)
            .with("newpin", &self.keys.encrypt(new.digits().as_bytes(), &seeds[1])?))
    }
}

/// Reads the answer of the finalize step: the PIN is changed, and the device must synchronize.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, "ActionFinalize").map(drop)
}
