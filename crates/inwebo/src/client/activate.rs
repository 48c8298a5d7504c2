//! `activate`: an SMS code and a PIN make a device.

use super::answer::Answer;
use super::client::Client;
use super::device::Device;
use super::error::EngineError;
use super::request::Request;
use super::secret::SecretWanted;
use super::service_keys::{Seed, ServiceKeys};
use crate::mode::{Action, Mode};
use crate::values::{Kma, Modulus, Pin, Proofs, Serial, SmsCode, Ticket};

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

/// The setup step: has the code checked. `phone` registers that number with the device (ours).
pub fn setup(client: &Client, code: &SmsCode, phone: Option<&str>) -> Request {
    with_phone(client.first_setup(Mode::Activate).with("code", code.as_str()), phone)
}

impl Request {
    /// Appends the ticket that the request for the code was answered with, where there was one (ours). Both steps show it.
    pub fn with_ticket(self, ticket: Option<&Ticket>) -> Self {
        match ticket {
            Some(ticket) => self.with("ticket", ticket.reveal()),
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
        let answer = Answer::read(xml, Action::Setup)?;
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
            .first_finalize(Mode::Activate)
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
        let answer = Answer::read(xml, Action::Finalize)?;
        let id = answer.token("id")?.ok_or(EngineError::Unusable("it has no id"))?;
        let device = Device::keys_from(&answer, id, &self.serial, &self.factory, &self.kma)?;
        let wanted = SecretWanted::read(&answer, &self.factory)?;
        Ok((device, wanted))
    }
}
