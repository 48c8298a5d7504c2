//! An activated device: its data from the service, and the operations that a PIN permits.

use super::answer::Answer;
use super::error::EngineError;
use crate::values::{K0, K1, Kma, Modulus, Pin, Proofs, SecVal, Serial, ServiceSecret, hex};

/// The record of an activated device. It holds K1 and the service secret only under `kma`: without
/// the PIN, nothing in it tells a right PIN from a wrong one. It has no `Debug`.
#[derive(Clone)]
pub struct Device {
    /// The id that the service gave it.
    pub id: String,
    /// The name that the device gave itself.
    pub serial: Serial,
    /// The last `Tsync`. It is `0` at first.
    pub last_sync: String,
    /// The service that the passwords are for.
    pub service: String,
    /// The factory key from the activation. Later answers must name the same key.
    pub factory: Modulus,
    /// The key that proves the device.
    pub k0: K0,
    /// K1 under `kma`.
    pub hidden_k1: [u8; 16],
    /// The service secret under `kma`, or `None` until the device has made one.
    pub secval: Option<SecVal>,
}

impl Device {
    /// Combines the device with a PIN. The PIN may be wrong: only the service can tell.
    pub fn unlock<'a>(&'a self, pin: &'a Pin) -> Unlocked<'a> {
        let kma = Kma::derive(pin, &self.serial);
        let k1 = K1::new(kma.decrypt(&self.hidden_k1));
        Unlocked { device: self, pin, kma, k1 }
    }

    /// Reads K0, K1, `Tsync` and the service from the answer of `activate` or `synchro`.
    pub(super) fn keys_from(
        answer: &Answer,
        id: &str,
        serial: &Serial,
        factory: &Modulus,
        kma: &Kma,
    ) -> Result<Self, EngineError> {
        let key = |name, missing, bad| -> Result<[u8; 16], EngineError> {
            hex::decode_array(answer.need(name, missing)?).ok_or(EngineError::Unusable(bad))
        };
        let hidden_k0 = key("K0", "it has no K0", "its K0 is not 16 bytes of hex")?;
        let hidden_k1 = key("K1", "it has no K1", "its K1 is not 16 bytes of hex")?;
        Ok(Self {
            id: id.to_owned(),
            serial: serial.clone(),
            last_sync: number(answer, "Tsync")?.unwrap_or("0").to_owned(),
            service: answer.token("s_id")?.unwrap_or_default().to_owned(),
            factory: factory.clone(),
            k0: K0::new(kma.decrypt(&hidden_k0)),
            hidden_k1,
            secval: None,
        })
    }
}

fn number<'a>(answer: &'a Answer, name: &str) -> Result<Option<&'a str>, EngineError> {
    match answer.token(name)? {
        Some(text) if !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(EngineError::Unusable("its Tsync is not a number"))
        }
        text => Ok(text),
    }
}

/// A device together with a PIN. It lives for one operation.
pub struct Unlocked<'a> {
    /// The device.
    pub device: &'a Device,
    /// The PIN that the user entered.
    pub pin: &'a Pin,
    pub(super) kma: Kma,
    pub(super) k1: K1,
}

impl Unlocked<'_> {
    /// Returns all three proofs over a challenge.
    pub(super) fn proofs(&self, challenge: &str) -> Proofs {
        Proofs::with_pin(challenge, &self.device.serial, &self.device.k0, &self.k1, self.pin)
    }

    /// Returns the service secret under another PIN's key, if the device has a secret.
    pub fn secval_under(&self, pin: &Pin) -> Option<SecVal> {
        let secval = self.device.secval.as_ref()?;
        let secret = ServiceSecret::new(self.kma.decrypt(secval.as_bytes()));
        Some(secret.under(&Kma::derive(pin, &self.device.serial)))
    }
}
