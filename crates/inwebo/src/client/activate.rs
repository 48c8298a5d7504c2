//! `activate`: an SMS code and a PIN make a device.

use super::answer::Answer;
use super::client::Client;
use super::device::Device;
use super::error::EngineError;
use super::request::Request;
use super::secret::SecretWanted;
use super::service_keys::{Seed, ServiceKeys};
use crate::device_list::KEYSTORE;
use crate::mode::{Action, Mode};
use crate::values::{Kma, Modulus, Pin, Proofs, Serial, SmsCode, Ticket};

/// The PIN of the account, as the service describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinMode {
    /// 0: no PIN is used.
    None,
    /// 1: the user must enter the account's present PIN.
    Current,
    /// 2: the user must choose a new PIN.
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

/// Returns the request of the setup step, which submits the code. `phone` registers that number
/// with the device (ours).
pub fn setup(client: &Client, code: &SmsCode, phone: Option<&str>) -> Request {
    with_phone(client.first_setup(Mode::Activate).with("code", code.as_str()), phone)
}

impl Request {
    /// Appends the ticket from the answer to the request for the code, if there was one (ours).
    /// Both steps send it.
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

/// An SMS code that the service accepted.
#[derive(Clone)]
pub struct Prepared {
    /// The service's keys.
    pub keys: ServiceKeys,
    /// The kind of PIN that the user must enter.
    pub pin_mode: PinMode,
    /// Seconds for which the code is still valid, if the service says so (ours).
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

    /// Returns the request of the finalize step. The two encryptions need fresh seeds.
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
        let request = match client.keystore {
            Some(keystore) => request.with(KEYSTORE, keystore.as_str()),
            None => request,
        };
        let request = with_phone(request, phone).proved(&Proofs::before_activation(serial));
        Ok((request, Finalizing { kma, serial: serial.clone(), factory: self.keys.factory.clone() }))
    }
}

/// The act of another device of the account for which a new device waits (ours).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The device that made its code confirms it, by a fingerprint.
    Confirmation,
    /// Another device of the account approves it, by a number.
    Approval {
        /// Seconds until the new device ends if nobody decides, if the service says so.
        lifetime: Option<u64>,
    },
}

impl Awaited {
    /// Reads the answer of the finalize step. Returns `None` if the new device works at once.
    pub fn read(xml: &str) -> Option<Self> {
        let answer = Answer::read(xml, Action::Finalize).ok()?;
        match (answer.text("confirmed"), answer.text("approval")) {
            (Some("0"), Some("1")) => {
                let lifetime = answer.text("lifetime").and_then(|seconds| seconds.parse().ok());
                // Each language has such a number.
                let lifetime = lifetime.filter(|seconds| i64::try_from(*seconds).is_ok());
                Some(Self::Approval { lifetime })
            }
            (Some("0"), _) => Some(Self::Confirmation),
            _ => None,
        }
    }
}

/// An activation that waits for the answer of the finalize step.
pub struct Finalizing {
    kma: Kma,
    serial: Serial,
    factory: Modulus,
}

impl Finalizing {
    /// Returns the new device. If the service wants a service secret, the device must make it next.
    pub fn read(self, xml: &str) -> Result<(Device, Option<SecretWanted>), EngineError> {
        let answer = Answer::read(xml, Action::Finalize)?;
        let id = answer.token("id")?.ok_or(EngineError::Unusable("it has no id"))?;
        let device = Device::keys_from(&answer, id, &self.serial, &self.factory, &self.kma)?;
        let wanted = SecretWanted::read(&answer, &self.factory)?;
        Ok((device, wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_device_waits_for_a_confirmation_an_approval_or_nothing() {
        let read = |children: &str| Awaited::read(&format!("<ActionFinalize><err>OK</err>{children}</ActionFinalize>"));
        let approval = "<confirmed>0</confirmed><approval>1</approval>";
        assert_eq!(
            read(&format!("{approval}<lifetime>300</lifetime>")),
            Some(Awaited::Approval { lifetime: Some(300) })
        );
        for bad in ["soon", "-1", "9223372036854775808"] {
            let answer = format!("{approval}<lifetime>{bad}</lifetime>");
            assert_eq!(read(&answer), Some(Awaited::Approval { lifetime: None }), "{bad}");
        }
        assert_eq!(read("<confirmed>0</confirmed>"), Some(Awaited::Confirmation));
        assert_eq!(read("<confirmed>0</confirmed><approval>0</approval>"), Some(Awaited::Confirmation));
        for other in ["", "<confirmed>1</confirmed>", "<approval>1</approval><lifetime>300</lifetime>"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(Awaited::read("<ActionFinalize><err>NOK:SN</err><confirmed>0</confirmed></ActionFinalize>"), None);
    }
}
