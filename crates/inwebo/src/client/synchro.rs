//! `synchro`: fetches K0 and K1 again, under the PIN that the account has now.

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use super::secret::SecretWanted;
use crate::mode::{Action, Mode};

/// The setup step.
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

    /// The finalize step. The PIN must be the account's present one; a stale K1 is what this operation repairs.
    pub fn finalize(self, client: &Client, unlocked: &Unlocked<'_>) -> Request {
        client.finalize(Mode::Synchro, unlocked.device).proved(&unlocked.proofs(&self.0))
    }
}

/// Reads the answer of the finalize step: the device with its fresh keys and without a service secret, and the wish for a new
/// secret where the service has it.
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
