//! The service's keys from a setup step.

use super::answer::Answer;
use super::error::EngineError;
use crate::values::{Modulus, hex};

/// Fresh random bytes for one RSA-OAEP encryption.
pub type Seed = [u8; 32];

/// The service's keys from a setup step. The client encrypts PINs and secrets to them.
#[derive(Clone)]
pub struct ServiceKeys {
    /// The factory key, which sealed the others.
    pub factory: Modulus,
    /// The device key: `kma` and PINs are encrypted to it.
    pub device: Modulus,
}

impl ServiceKeys {
    /// Reads `Kfact` and `Kiw`. If `pinned` is given, another factory key is refused: a man in the
    /// middle cannot supply keys of his own.
    pub(super) fn read(answer: &Answer, pinned: Option<&Modulus>) -> Result<Self, EngineError> {
        let factory = Modulus::from_hex(answer.need("Kfact", "it has no Kfact")?)
            .map_err(|_| EngineError::Unusable("its Kfact is not a modulus"))?;
        if pinned.is_some_and(|pinned| *pinned != factory) {
            return Err(EngineError::FactoryKey);
        }
        let device = open_modulus(&factory, answer.need("Kiw", "it has no Kiw")?)
            .ok_or(EngineError::Unusable("its Kiw does not open under Kfact"))?;
        Ok(Self { factory, device })
    }

    /// Returns `message`, encrypted to the device key, in hex.
    pub(super) fn encrypt(&self, message: &[u8], seed: &Seed) -> Result<String, EngineError> {
        let encrypted =
            self.device.encrypt(message, seed).map_err(|_| EngineError::Unusable("its Kiw is too small"))?;
        Ok(hex::encode(&encrypted))
    }
}

/// Opens a modulus that the factory key sealed, in hex.
pub(super) fn open_modulus(factory: &Modulus, sealed: &str) -> Option<Modulus> {
    let opened = factory.open_sealed(&hex::decode(sealed)?).ok()?;
    Modulus::from_bytes(&opened).ok()
}
