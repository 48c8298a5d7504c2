//! `ms`: registers the service secret that the device makes.

use super::answer::Answer;
use super::client::Client;
use super::device::Unlocked;
use super::error::EngineError;
use super::request::Request;
use super::service_keys::{Seed, open_modulus};
use crate::mode::{Action, Mode};
use crate::values::{Modulus, SecVal, ServiceSecret, hex};

/// A request of the service for a secret, from the answer of `activate` or `synchro`.
pub struct SecretWanted {
    id: String,
    key: Modulus,
    challenge: String,
}

impl SecretWanted {
    pub(super) fn read(answer: &Answer, factory: &Modulus) -> Result<Option<Self>, EngineError> {
        if answer.text("ms_n").is_none_or(|n| n == "0") {
            return Ok(None);
        }
        let id = answer.token("ms_id")?.ok_or(EngineError::Unusable("it wants a secret but has no ms_id"))?;
        let key = answer.need("ms_key", "it wants a secret but has no ms_key")?;
        let key = open_modulus(factory, key).ok_or(EngineError::Unusable("its ms_key does not open under Kfact"))?;
        let challenge = answer.own_challenge("it wants a secret but has no challenge")?;
        Ok(Some(Self { id: id.to_owned(), key, challenge: challenge.to_owned() }))
    }

    /// Returns the request that registers `secret`, made of 16 fresh random bytes.
    pub fn register(
        &self,
        client: &Client,
        unlocked: &Unlocked<'_>,
        secret: &ServiceSecret,
        seed: &Seed,
    ) -> Result<Request, EngineError> {
        let encrypted =
            self.key.encrypt(secret.as_bytes(), seed).map_err(|_| EngineError::Unusable("its ms_key is too small"))?;
        Ok(Request::new(Action::Finalize, Mode::Secret)
            .with("ms_id0", &self.id)
            .with("ms_val0", &hex::encode(&encrypted))
            .with("macid", &client.mac_id)
            .with("id", &unlocked.device.id)
            .with("lastsync", &unlocked.device.last_sync)
            .with("ms_n", "1")
            .proved(&unlocked.proofs(&self.challenge)))
    }
}

impl Unlocked<'_> {
    /// Returns a service secret in the form in which the device stores it.
    pub fn hide(&self, secret: &ServiceSecret) -> SecVal {
        secret.under(&self.kma)
    }
}

/// Reads the answer to a registration.
pub fn read(xml: &str) -> Result<(), EngineError> {
    Answer::read(xml, Action::Finalize).map(drop)
}
