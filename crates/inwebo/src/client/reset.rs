//! `reset`: sets a new PIN with an SMS code. It lifts a PIN block.

use super::client::Client;
use super::device::Device;
use super::error::EngineError;
use super::password;
use super::request::Request;
use super::service_keys::Seed;
use crate::mode::Mode;
use crate::values::{Modulus, Pin, Proofs, SmsCode};

/// Returns the request of the setup step, which submits the code.
pub fn setup(client: &Client, device: &Device, code: &SmsCode) -> Request {
    client.setup(Mode::Reset, device).with("code", code.as_str())
}

/// An SMS code that the service accepted.
pub struct Prepared(password::Prepared);

impl Prepared {
    /// Reads the answer of the setup step.
    pub fn read(xml: &str, pinned: Option<&Modulus>) -> Result<Self, EngineError> {
        password::Prepared::read(xml, pinned).map(Self)
    }

    /// Returns the request of the finalize step. It proves the device; the code replaces the proof
    /// of the PIN.
    pub fn finalize(
        self,
        client: &Client,
        device: &Device,
        code: &SmsCode,
        new: &Pin,
        seeds: [Seed; 2],
    ) -> Result<Request, EngineError> {
        let request = client.finalize(Mode::Reset, device).with("code", code.as_str());
        let request = self.0.with_new_pin(request, device, new, seeds)?;
        let proofs = Proofs::without_pin(&self.0.challenge, &device.serial, &device.k0);
        Ok(request.with("R0", &proofs.r0))
    }
}

/// Reads the answer of the finalize step. If it is `Ok`, the PIN is set, and the device must
/// synchronize.
pub fn read(xml: &str) -> Result<(), EngineError> {
    password::read(xml)
}
