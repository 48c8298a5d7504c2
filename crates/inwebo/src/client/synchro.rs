//! `synchro`: fetches K0 and K1 again, under the PIN that the account has now.

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use super::secret::SecretWanted;
use crate::mode::{Action, Mode};

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Synchro, device)
}

/// A challenge that waits for proofs.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step. The PIN must be the account's present one. This
    /// operation repairs a stale K1.
    pub fn finalize(self, client: &Client, unlocked: &Unlocked<'_>) -> Request {
        client.finalize(Mode::Synchro, unlocked.device).proved(&unlocked.proofs(&self.0))
    }
}

/// Reads the answer of the finalize step. Returns the device with fresh keys and without a service
/// secret. If the service wants a new secret, its request for one is the second value.
pub fn read(xml: &str, unlocked: &Unlocked<'_>) -> Result<(Device, Option<SecretWanted>), EngineError> {
    let answer = Answer::read(xml, Action::Finalize)?;
    let Unlocked { device: old, kma, .. } = unlocked;
    let mut device = Device::keys_from(&answer, &old.id, &old.serial, &old.factory, kma)?;
    if device.service.is_empty() {
        device.service.clone_from(&old.service);
    }
    let wanted = SecretWanted::read(&answer, &old.factory)?;
    Ok((device, wanted))
}
