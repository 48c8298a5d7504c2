//! `activate`: an SMS code and a PIN make a device.

use inwebo_values::{Kma, Modulus, Pin, Proofs, Serial, hex};

use super::device::token;
use super::secret::SecretWanted;
use super::{Answer, Client, Device, EngineError, Request, Seed, SmsCode, Ticket};

/// What the service says of the account's PIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinMode {
    /// 0: no PIN is used.
    None,
    /// 1: the account's present PIN is asked for.
    Current,
    /// 2: a new PIN is to be chosen.
    New,
    /// 8: a biometric key.
    Biometric,
}

impl PinMode {
    pub(super) fn read(answer: &Answer) -> Result<Self, EngineError> {
        match answer.need("pinmode", "it has no pinmode")? {
            "0" => Ok(Self::None),
            "1" => Ok(Self::Current),
            "2" => Ok(Self::New),
            "8" => Ok(Self::Biometric),
            _ => Err(EngineError::Unusable("its pinmode is unknown")),
        }
    }
}

/// The keys that a setup step hands over: what PINs and secrets are encrypted to.
#[derive(Clone)]
pub struct ServiceKeys {
    /// The factory key, which sealed the others.
    pub factory: Modulus,
    /// The device key: `kma` and PINs are encrypted to it.
    pub device: Modulus,
}

impl ServiceKeys {
    /// Reads `Kfact` and `Kiw`. With `pinned`, another factory key is refused: then a man in the middle cannot hand over keys of
    /// his own.
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

    /// `message` encrypted to the device key, in hex.
    pub(super) fn encrypt(&self, message: &[u8], seed: &Seed) -> Result<String, EngineError> {
        let encrypted =
            self.device.encrypt(message, seed).map_err(|_| EngineError::Unusable("its Kiw is too small"))?;
        Ok(hex::encode(&encrypted))
    }
}

/// A modulus that the factory key sealed, in hex.
pub(super) fn open_modulus(factory: &Modulus, sealed: &str) -> Option<Modulus> {
    let opened = factory.open_sealed(&hex::decode(sealed)?).ok()?;
    Modulus::from_bytes(&opened).ok()
}

/// The setup step: has the code checked. `phone` registers that number with the device (ours).
pub fn setup(client: &Client, code: &SmsCode, phone: Option<&str>) -> Request {
    with_phone(client.first_setup("activate").with("code", code.as_str()), phone)
}

impl Request {
    /// Appends the ticket that the request for the code was answered with, where there was one (ours). Both steps show it.
    pub fn with_ticket(self, ticket: Option<&Ticket>) -> Self {
        match ticket {
            Some(ticket) => self.with("ticket", ticket.as_str()),
            None => self,
        }
    }
}

fn with_phone(request: Request, phone: Option<&str>) -> Request {
    match phone {
        Some(phone) => request.with("phone", phone),
        None => request,
    }
}

/// A code that the service took.
#[derive(Clone)]
pub struct Prepared {
    /// The service's keys.
    pub keys: ServiceKeys,
    /// What PIN is asked for.
    pub pin_mode: PinMode,
    /// For how many seconds the code is still good, where the service says so (ours).
    pub lifetime: Option<u32>,
}

impl Prepared {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str, pinned: Option<&Modulus>) -> Result<Self, EngineError> {
        let answer = Answer::read(xml, "ActionSetup")?;
        Ok(Self {
            keys: ServiceKeys::read(&answer, pinned)?,
            pin_mode: PinMode::read(&answer)?,
            lifetime: answer.text("lifetime").and_then(|seconds| seconds.parse().ok()),
        })
    }

    /// The finalize step, with fresh seeds for the two encryptions.
    pub fn finalize(
        &self,
        client: &Client,
        serial: &Serial,
        code: &SmsCode,
        phone: Option<&str>,
        pin: &Pin,
        seeds: [Seed; 2],
    ) -> Result<(Request, Finalizing), EngineError> {
        let kma = Kma::derive(pin, serial);
        let request = client
            .first_finalize("activate")
            .with("serial", serial.as_str())
            .with("code", code.as_str())
            .with("Kma", &self.keys.encrypt(kma.as_bytes(), &seeds[0])?)
            .with("pin", &self.keys.encrypt(pin.digits().as_bytes(), &seeds[1])?)
            .with("name", &client.name);
        let request = with_phone(request, phone).proved(&Proofs::before_activation(serial));
        Ok((request, Finalizing { kma, serial: serial.clone(), factory: self.keys.factory.clone() }))
    }
}

/// Waits for the answer of the finalize step.
pub struct Finalizing {
    kma: Kma,
    serial: Serial,
    factory: Modulus,
}

impl Finalizing {
    /// The new device, and the service secret that it must still make where the service wants one.
    pub fn read(self, xml: &str) -> Result<(Device, Option<SecretWanted>), EngineError> {
        let answer = Answer::read(xml, "ActionFinalize")?;
        let id = token(&answer, "id")?.ok_or(EngineError::Unusable("it has no id"))?;
        let device = Device::keys_from(&answer, id, &self.serial, &self.factory, &self.kma)?;
        let wanted = SecretWanted::read(&answer, &self.factory)?;
        Ok((device, wanted))
    }
}
