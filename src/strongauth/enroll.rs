//! The enrollment: an SMS code, then a PIN.

use inwebo::client::activate::{self, Awaited, PinMode, Prepared};
use inwebo::client::secret::SecretWanted;
use inwebo::client::{Device, EngineError};
use inwebo::cvs::Purpose;
use inwebo::values::{ApprovalNumber, Fingerprint, Pin, Serial, ServiceSecret, SmsCode, Ticket};
use inwebo::word::Word;

use super::approval::number_of;
use super::enrollment_code::fingerprint_of;
use super::machine::{Event, Operation};
use super::permit::{Enrolled, Started, Unenrolled};
use super::record::{Activation, Standing, Tickets};
use super::{Failure, StrongAuthentication};
use crate::log;

/// Lifetime of an accepted code on this device if the service does not give one: the usual lifetime
/// of a code. The service makes the final decision.
const CODE_LIFETIME_SECONDS: u32 = 10 * 60;

/// New device that works after another device of the account has decided about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PendingDevice {
    /// The device that made its code must confirm it. Both show this fingerprint.
    Confirmation(Fingerprint),
    /// Another device of the account must approve it.
    Approval {
        /// The number that this device shows. The user enters it on the other one.
        number: ApprovalNumber,
        /// Seconds until this device ends if nobody decides, if the service says so.
        lifetime: Option<u64>,
    },
}

impl StrongAuthentication {
    /// Submits an SMS code to the service, which checks it. Afterwards the device waits for the PIN
    /// that the answer names.
    pub fn accept_code(&mut self, code: &SmsCode) -> Result<PinMode, Failure> {
        self.repair()?;
        let outcome = self.unenrolled(Operation::AcceptCode)?.prepare(code, None).map(|started| started.pin_mode());
        self.record_outcome(outcome)
    }

    /// Finishes the enrollment of this device, with this code or with the code that was accepted
    /// before.
    ///
    /// If another device made the code, this device works once that one has confirmed it. If the
    /// service wants an approval, it works once another device of the account has given it.
    pub fn enroll(&mut self, pin: &Pin, code: Option<&SmsCode>) -> Result<Option<PendingDevice>, Failure> {
        self.repair()?;
        let started = match code {
            Some(code) => self.unenrolled(Operation::EnrollWithCode)?.prepare(code, None),
            None => Ok(self.started()?),
        };
        let outcome = started.and_then(|started| started.finish(pin));
        self.record_outcome(outcome)
    }

    /// Enrolls this device and registers the account's phone number, both or neither. The code
    /// certifies the number.
    pub fn enroll_with_phone_number(
        &mut self,
        pin: &Pin,
        code: &SmsCode,
        phone: &str,
    ) -> Result<Option<PendingDevice>, Failure> {
        self.repair()?;
        let started = self.unenrolled(Operation::EnrollWithPhoneNumber)?.prepare(code, Some(phone));
        let outcome = started.and_then(|started| started.finish(pin));
        self.record_outcome(outcome)
    }

    /// Returns the ticket that an activation must show.
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
}

impl<'a> Unenrolled<'a> {
    /// Runs the setup step. If the finalize step for this code may have been sent already, the code
    /// is not submitted again, because the service would call it used. Finishing that activation
    /// delivers the lost answer.
    fn prepare(self, code: &SmsCode, phone: Option<&str>) -> Result<Started<'a>, Failure> {
        let Self { component } = self;
        let now = component.host.now();
        if let (Some(activation), Some(serial)) = (&component.record.activation, &component.record.serial)
            && activation.finalizing
            && activation.code == *code
            && is_same_number(activation.phone.as_deref(), phone)
            && activation.is_in_time(now)
        {
            let (activation, serial) = (activation.clone(), serial.clone());
            return Ok(Started { component, activation, serial });
        }
        component.record.used.check_activation(component.limits)?;
        let mut prepared = component.ask_to_prepare(code, phone)?;
        let serial = match &component.record.serial {
            Some(serial) => serial.clone(),
            None => Serial::new(component.random_bytes()?, component.random_bytes()?),
        };
        let lifetime = i64::from(*prepared.lifetime.get_or_insert(CODE_LIFETIME_SECONDS)) * 1000;
        let activation = Activation {
            code: code.clone(),
            phone: phone.map(str::to_owned),
            prepared,
            expires_at: now.saturating_add(lifetime),
            finalizing: false,
        };
        component.record.serial = Some(serial.clone());
        component.record.activation = Some(activation.clone());
        component.save()?;
        Ok(Started { component, activation, serial })
    }
}

impl<'a> Started<'a> {
    /// Returns the PIN that finishes the enrollment.
    fn pin_mode(&self) -> PinMode {
        if self.activation.finalizing {
            // If the earlier request arrived, the account has the PIN that was sent with it. The
            // user must enter that PIN again.
            PinMode::Current
        } else {
            self.activation.prepared.pin_mode
        }
    }

    /// Finishes the enrollment. The service creates the device, and this device is stored. If the
    /// service wants a service secret, the device registers one. Returns the act of another
    /// device for which the device waits.
    fn finish(mut self, pin: &Pin) -> Result<Option<PendingDevice>, Failure> {
        let NewDevice { mut device, wanted, awaited } = self.finalize(pin)?;
        let pending = awaited.map(|awaited| match awaited {
            Awaited::Confirmation => PendingDevice::Confirmation(fingerprint_of(&device)),
            Awaited::Approval { lifetime } => PendingDevice::Approval { number: number_of(&device), lifetime },
        });
        let Some(wanted) = wanted else {
            return self.store_device(device, Standing::Active).map(|_| pending);
        };
        let secret = self.component.new_secret()?;
        device.secval = Some(device.unlock(pin).hide(&secret));
        let mut enrolled = self.store_device(device, Standing::MustSynchronize)?;
        enrolled.register_first_secret(pin, &wanted, &secret).map(|()| pending)
    }

    /// Lets the service create the device. If the service forgot the setup step, or calls it too
    /// old, both steps are repeated once: neither error word costs a try.
    fn finalize(&mut self, pin: &Pin) -> Result<NewDevice, Failure> {
        let outcome = match self.send_finalize(pin) {
            Err(failure) if failure.is_refusal_with(&[Word::Timeout, Word::State]) => {
                self.prepare_again()?;
                self.send_finalize(pin)
            }
            outcome => outcome,
        };
        outcome.inspect_err(|failure| {
            log::warning!("the enrollment was not finished: {failure}");
            if failure.is_refusal_with(&[Word::Code]) {
                // The service calls the code invalid, so it cannot be used any more here either.
                self.component.record.activation = None;
                self.component.write_or_warn();
            }
        })
    }

    fn prepare_again(&mut self) -> Result<(), Failure> {
        let Activation { code, phone, prepared: before, .. } = &self.activation;
        let prepared = self.component.ask_to_prepare(code, phone.as_deref())?;
        if prepared.keys.factory != before.keys.factory {
            return Err(EngineError::FactoryKey.into());
        }
        self.activation.prepared = Prepared { lifetime: before.lifetime, ..prepared };
        self.component.record.activation = Some(self.activation.clone());
        Ok(())
    }

    /// Sends the finalize step. If the service may have made a device, the activation stays
    /// `finalizing`, and the enrollment counts.
    fn send_finalize(&mut self, pin: &Pin) -> Result<NewDevice, Failure> {
        // An earlier request may have arrived. Then a refusal of this one does not say that nothing
        // was done.
        let is_first = !self.activation.finalizing;
        if is_first {
            self.component.record.used.check_activation(self.component.limits)?;
            self.component.record.used.count_activation();
            self.set_finalizing(true);
            self.component.save()?;
        }
        let outcome = self.request_device(pin);
        if is_first && outcome.as_ref().is_err_and(|failure| !failure.may_be_done()) {
            self.component.record.used.return_activation();
            self.set_finalizing(false);
            self.component.write_or_warn();
        }
        outcome
    }

    fn request_device(&mut self, pin: &Pin) -> Result<NewDevice, Failure> {
        let Self { component, activation, serial } = self;
        let (code, phone) = (&activation.code, activation.phone.as_deref());
        let (request, finalizing) =
            activation.prepared.finalize(&component.client, serial, code, phone, pin, component.seeds()?)?;
        let xml = component.mac(&request.with_ticket(component.ticket(phone)))?;
        let (device, wanted) = finalizing.read(&xml)?;
        Ok(NewDevice { device, wanted, awaited: Awaited::read(&xml) })
    }

    /// Sets whether the finalize step may have been sent. The caller writes the record.
    fn set_finalizing(&mut self, finalizing: bool) {
        self.activation.finalizing = finalizing;
        self.component.record.activation = Some(self.activation.clone());
    }

    /// Makes the new device durable, in place of the activation. The service knows the device from
    /// now on. If a later step is lost, the device synchronizes.
    fn store_device(self, device: Device, standing: Standing) -> Result<Enrolled<'a>, Failure> {
        let Self { component, .. } = self;
        component.record.activation = None;
        component.record.tickets = Tickets::default();
        component.record.intent = None;
        component.record.block = None;
        component.record.is_forbidden = false;
        component.record.last_notice = 0;
        component.set_enrollment(device.clone(), standing);
        component.save()?;
        Ok(Enrolled { component, device })
    }
}

impl Enrolled<'_> {
    /// Registers the service secret of a new device. Afterwards the device is synchronized.
    fn register_first_secret(
        &mut self,
        pin: &Pin,
        wanted: &SecretWanted,
        secret: &ServiceSecret,
    ) -> Result<(), Failure> {
        self.register_secret(pin, wanted, secret)
            .and_then(|()| self.component.apply_and_save(Event::Synchronized))
            .map_err(|failure| Failure::PostSynchronization(Box::new(failure)))
    }
}

/// Device that the service has created.
struct NewDevice {
    device: Device,
    wanted: Option<SecretWanted>,
    /// The act of another device of the account for which it waits.
    awaited: Option<Awaited>,
}

/// Returns whether two spellings may be of one number: they end with the same digits. The service
/// compared the first one with the number of the code, so the second one is that number or a wrong
/// one.
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
