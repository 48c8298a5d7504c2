//! `password`: replaces a known PIN by a new one.

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use super::service_keys::{Seed, ServiceKeys};
use crate::mode::{Action, Mode};
use crate::values::{Kma, Modulus, Pin};

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Password, device)
}

/// Returns the request of the setup step for a device of which only the id and the last `Tsync` are
/// known. Its answer names the service's keys.
pub fn setup_of(client: &Client, id: &str, last_sync: &str) -> Request {
    client.setup_of(Mode::Password, id, last_sync)
}

/// A challenge, and the keys to which the new PIN is encrypted.
pub struct Prepared {
    pub(super) challenge: String,
    pub(super) keys: ServiceKeys,
}

impl Prepared {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str, pinned: Option<&Modulus>) -> Result<Self, EngineError> {
        let answer = Answer::read(xml, Action::Setup)?;
        let challenge = answer.own_challenge("it has no challenge")?.to_owned();
        Ok(Self { challenge, keys: ServiceKeys::read(&answer, pinned)? })
    }

    /// Returns the factory key that the answer names.
    pub fn into_factory_key(self) -> Modulus {
        self.keys.factory
    }

    /// Returns the request of the finalize step: proofs with the old PIN, and the encrypted new
    /// PIN.
    pub fn finalize(
        self,
        client: &Client,
        unlocked: &Unlocked<'_>,
        new: &Pin,
        seeds: [Seed; 2],
    ) -> Result<Request, EngineError> {
        let request = client.finalize(Mode::Password, unlocked.device);
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

/// Reads the answer of the finalize step. If it is `Ok`, the PIN is changed, and the device must
/// synchronize.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, Action::Finalize).map(drop)
}
