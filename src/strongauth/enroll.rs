//! The enrollment: an SMS code, then a PIN.

use inwebo::client::activate::{self, PinMode, Prepared};
use inwebo::client::secret::{self, SecretWanted};
use inwebo::client::{Device, EngineError};
use inwebo::cvs::Purpose;
use inwebo::values::{Pin, Serial, ServiceSecret};
use inwebo::values::{SmsCode, Ticket};
use inwebo::word::Word;

use super::machine::{Event, Operation, Refusal};
use super::record::{Activation, Standing, Tickets};
use super::{Failure, StrongAuthentication};
use crate::log;

/// How long this device keeps an accepted code where the service does not say: the usual lifetime of one. The service has the last word.
const CODE_LIFETIME_SECONDS: u32 = 10 * 60;

impl StrongAuthentication {
    /// Has an SMS code checked by the service. Afterwards the device waits for the PIN that the answer names.
    pub fn accept_code(&mut self, code: &SmsCode) -> Result<PinMode, Failure> {
        self.repair()?;
        self.permit(Operation::AcceptCode)?;
        let outcome = self.prepare(code, None);
        self.settle(outcome)
    }

    /// Finishes the enrollment of this device, with a code or with the one that was accepted before.
    pub fn enroll(&mut self, pin: &Pin, code: Option<&SmsCode>) -> Result<(), Failure> {
        self.repair()?;
        self.permit(match code {
            Some(_) => Operation::EnrollWithCode,
            None => Operation::EnrollStarted,
        })?;
        let outcome = match code {
            Some(code) => self.prepare(code, None).and_then(|_| self.finish_enrollment(pin)),
            None => self.finish_enrollment(pin),
        };
        self.settle(outcome)
    }

    /// Enrolls this device and registers the account's phone number, both or neither, with a code that certifies the number.
    pub fn enroll_with_phone_number(&mut self, pin: &Pin, code: &SmsCode, phone: &str) -> Result<(), Failure> {
        self.repair()?;
        self.permit(Operation::EnrollWithPhoneNumber)?;
        let outcome = self.prepare(code, Some(phone)).and_then(|_| self.finish_enrollment(pin));
        self.settle(outcome)
    }

    /// The setup step. A code whose finalize step may have been sent already is not shown to the service again, which would
    /// call it used: finishing it delivers the lost answer.
    fn prepare(&mut self, code: &SmsCode, phone: Option<&str>) -> Result<PinMode, Failure> {
        let now = self.host.now();
        if let Some(activation) = &self.record.activation
            && activation.finalizing
            && activation.code == *code
            && is_same_number(activation.phone.as_deref(), phone)
            && activation.is_in_time(now)
        {
            // The PIN that was sent then is the account's by now, if the request arrived: it is the one to enter again.
            return Ok(PinMode::Current);
        }
        let mut prepared = self.ask_to_prepare(code, phone)?;
        let pin_mode = prepared.pin_mode;
        if self.record.serial.is_none() {
            self.record.serial = Some(Serial::new(self.random_bytes()?, self.random_bytes()?));
        }
        let lifetime = i64::from(*prepared.lifetime.get_or_insert(CODE_LIFETIME_SECONDS)) * 1000;
        self.record.activation = Some(Activation {
            code: code.clone(),
            phone: phone.map(str::to_owned),
            prepared,
            expires_at: now.saturating_add(lifetime),
            finalizing: false,
        });
        self.save()?;
        Ok(pin_mode)
    }

    /// The ticket that an activation shows.
    fn ticket(&self, phone: Option<&str>) -> Option<&Ticket> {
        self.record.tickets.get(match phone {
            Some(_) => Purpose::PhoneNumberCertification,
            None => Purpose::Enrollment,
        })
    }

    fn ask_to_prepare(&self, code: &SmsCode, phone: Option<&str>) -> Result<Prepared, Failure> {
        let request = activate::setup(&self.client, code, phone).with_ticket(self.ticket(phone));
        let xml = self.mac(&request)?;
        let prepared = Prepared::read(&xml, self.pinned()).map_err(Failure::of_code)?;
        match prepared.pin_mode {
            PinMode::Biometric => {
                Err(EngineError::Unusable("it asks for a biometric key, which there is none of").into())
            }
            _ => Ok(prepared),
        }
    }

    /// The finalize step and the service secret.
    fn finish_enrollment(&mut self, pin: &Pin) -> Result<(), Failure> {
        let (mut device, wanted) = match self.finalize_activation(pin) {
            // The setup step is forgotten or too old: it is made once more. Neither word costs a try.
            Err(failure) if failure.is_refusal_with(&[Word::Timeout, Word::State]) => {
                if let Some(activation) = &self.record.activation {
                    let prepared = self.ask_to_prepare(&activation.code, activation.phone.as_deref())?;
                    if prepared.keys.factory != activation.prepared.keys.factory {
                        return Err(EngineError::FactoryKey.into());
                    }
                    if let Some(activation) = &mut self.record.activation {
                        let lifetime = activation.prepared.lifetime;
                        activation.prepared = Prepared { lifetime, ..prepared };
                    }
                }
                self.finalize_activation(pin)
            }
            outcome => outcome,
        }
        .inspect_err(|failure| {
            log::warning!("the enrollment was not finished: {failure}");
        })
        .or_else(|failure| self.note_refusal(failure))?;

        let secret = self.new_secret()?;
        device.secval = wanted.is_some().then(|| device.unlock(pin).hide(&secret));
        // The service has the device now. Should the rest be lost, the device synchronizes.
        self.record.activation = None;
        self.record.tickets = Tickets::default();
        self.record.intent = None;
        self.record.block = None;
        let standing = if wanted.is_some() { Standing::MustSynchronize } else { Standing::Active };
        self.stand(device, standing);
        self.save()?;
        match wanted {
            None => Ok(()),
            Some(wanted) => self
                .register_secret(pin, &wanted, &secret)
                .and_then(|()| self.happen(Event::Synchronized))
                .map_err(|failure| Failure::PostSynchronization(Box::new(failure))),
        }
    }

    fn finalize_activation(&mut self, pin: &Pin) -> Result<(Device, Option<SecretWanted>), Failure> {
        let (Some(mut activation), Some(serial)) = (self.record.activation.clone(), self.record.serial.clone()) else {
            return Err(Failure::State(Refusal::WrongStep, self.state()));
        };
        if !activation.finalizing {
            activation.finalizing = true;
            self.record.activation = Some(activation.clone());
            self.save()?;
        }
        let (request, finalizing) = activation.prepared.finalize(
            &self.client,
            &serial,
            &activation.code,
            activation.phone.as_deref(),
            pin,
            self.seeds()?,
        )?;
        let xml = self.mac(&request.with_ticket(self.ticket(activation.phone.as_deref())))?;
        Ok(finalizing.read(&xml)?)
    }

    /// A code that the service calls dead is of no more use here either; a PIN that it does not take was not set.
    fn note_refusal<T>(&mut self, failure: Failure) -> Result<T, Failure> {
        if failure.is_refusal_with(&[Word::PinRefused, Word::PinReused])
            && let Some(activation) = &mut self.record.activation
        {
            activation.finalizing = false;
            self.save()?;
        }
        if failure.is_refusal_with(&[Word::Code]) {
            self.happen(Event::CodeExpired)?;
            self.record.activation = None;
        }
        Err(failure)
    }

    /// 16 fresh bytes.
    pub(super) fn new_secret(&self) -> Result<ServiceSecret, Failure> {
        self.random_bytes().map(ServiceSecret::new)
    }

    /// Registers the secret that the device just made, for the device that stands in the record.
    pub(super) fn register_secret(
        &mut self,
        pin: &Pin,
        wanted: &SecretWanted,
        secret: &ServiceSecret,
    ) -> Result<(), Failure> {
        let device = self.device()?;
        let seed = self.random_bytes()?;
        let request = wanted.register(&self.client, &device.unlock(pin), secret, &seed)?;
        let xml = self.mac(&request)?;
        Ok(secret::read(&xml)?)
    }
}

/// Returns whether two spellings may be those of one number: they end with the same digits. The service
/// compared the first one with the number of the code, so the other is that number or a wrong one.
fn is_same_number(first: Option<&str>, second: Option<&str>) -> bool {
    const DIGITS: usize = 6;
    let last = |text: &str| text.chars().rev().filter(char::is_ascii_digit).take(DIGITS).collect::<String>();
    match (first, second) {
        (Some(first), Some(second)) => first == second || (last(first).len() == DIGITS && last(first) == last(second)),
        (None, None) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_same_number;

    #[test]
    fn another_spelling_is_the_same_number() {
        assert!(is_same_number(None, None) && !is_same_number(None, Some("0612345678")));
        for same in ["+33 6 12 34 56 78", "06\u{a0}12-34.56.78", "0033 (0)612345678\u{202c}"] {
            assert!(is_same_number(Some("+33612345678"), Some(same)), "{same}");
        }
        for other in ["+33612345679", "45678", ""] {
            assert!(!is_same_number(Some("+33612345678"), Some(other)), "{other}");
        }
    }
}
