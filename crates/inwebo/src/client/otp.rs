//! `otp`: one-time passwords, with a PIN or without.

use zeroize::Zeroizing;

use super::answer::Answer;
use super::client::Client;
use super::device::{Device, Unlocked};
use super::error::EngineError;
use super::request::Request;
use crate::mode::{Action, Mode};
use crate::values::{Proofs, otp};

/// Returns the request of the setup step.
pub fn setup(client: &Client, device: &Device) -> Request {
    client.setup(Mode::Otp, device).with("sid", &device.service)
}

/// A challenge that waits for proofs.
pub struct Challenge(String);

impl Challenge {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        Answer::challenge(xml).map(Self)
    }

    /// Returns the request of the finalize step with a PIN.
    pub fn with_pin(self, client: &Client, unlocked: &Unlocked<'_>) -> Request {
        finalize(client, unlocked.device, "0").proved(&unlocked.proofs(&self.0))
    }

    /// Returns the request of the finalize step without a PIN (ours).
    pub fn without_pin(self, client: &Client, device: &Device) -> Request {
        finalize(client, device, "2").proved(&Proofs::without_pin(&self.0, &device.serial, &device.k0))
    }
}

fn finalize(client: &Client, device: &Device, key_type: &str) -> Request {
    client.finalize(Mode::Otp, device).with("keytype", key_type).with("sid", &device.service)
}

/// The data from which the device makes a password.
pub struct Granted {
    defi: String,
    dk1: Option<Zeroizing<String>>,
    /// `J`: the client must run the operation once more. Then the second answer counts.
    pub again: bool,
}

impl Granted {
    /// Reads the answer of the finalize step.
    pub fn read(xml: &str) -> Result<Self, EngineError> {
        let answer = Answer::read(xml, Action::Finalize)?;
        Ok(Self {
            defi: answer.need("defi", "it has no defi")?.to_owned(),
            dk1: answer.text("dK1").map(|dk1| Zeroizing::new(dk1.to_owned())),
            again: answer.text("J").is_some_and(|j| j != "0"),
        })
    }

    /// Returns the new K1 under `kma`, if the service evolved it. The device must store it.
    pub fn evolved(&self, unlocked: &Unlocked<'_>) -> Option<[u8; 16]> {
        let dk1 = self.dk1.as_ref()?;
        Some(unlocked.kma.encrypt(unlocked.k1.evolve(dk1).as_bytes()))
    }

    /// Returns the password with a PIN, or `None` if the device has no service secret.
    ///
    /// If this answer evolves K1, the password is made of the new K1, as the next one will be.
    pub fn password(&self, unlocked: &Unlocked<'_>) -> Option<Zeroizing<String>> {
        let secval = unlocked.device.secval.as_ref()?;
        Some(match &self.dk1 {
            Some(dk1) => otp::with_pin(&unlocked.k1.evolve(dk1), &self.defi, secval),
            None => otp::with_pin(&unlocked.k1, &self.defi, secval),
        })
    }

    /// Returns the password without a PIN, or `None` if the device has no service secret.
    pub fn password_without_pin(&self, device: &Device) -> Option<Zeroizing<String>> {
        Some(otp::without_pin(&device.k0, &self.defi, device.secval.as_ref()?))
    }
}
