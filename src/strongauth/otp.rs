//! One-time passwords.

use inwebo::client::otp::{self, Challenge, Granted};
use inwebo::client::{Device, EngineError};
use inwebo::values::Pin;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::machine::{Event, Operation, State, Sync};
use super::permit::Enrolled;
use super::{Failure, StrongAuthentication};

pub(super) const NO_SECRET: EngineError =
    EngineError::Unusable("the service never asked for a service secret, without which there is no password");

impl StrongAuthentication {
    /// Makes a one-time password with a PIN.
    pub fn otp_with_pin(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.begin_password()?;
        let outcome = self.enrolled(Operation::MakeOtp)?.make_password(pin);
        self.record_device_outcome(outcome)
    }

    /// Makes a one-time password without a PIN, if the service's policy allows that.
    pub fn otp_without_pin(&mut self) -> Result<Zeroizing<String>, Failure> {
        self.begin_password()?;
        let outcome = self.enrolled(Operation::MakeOtp)?.make_password_without_pin();
        self.record_device_outcome(outcome)
    }

    /// Begins a password. A device that is not enrolled is told so, and not to wait.
    pub(super) fn begin_password(&mut self) -> Result<(), Failure> {
        if self.record.enrolled_device().is_some() {
            self.check_password_limit()?;
        }
        self.repair()
    }
}

impl Enrolled<'_> {
    fn make_password_without_pin(&mut self) -> Result<Zeroizing<String>, Failure> {
        // The service secret is hidden under the PIN's key. While that key is stale, every password
        // would be wrong.
        if self.component.state() == State::Activated(Sync::Due) {
            return Err(Failure::MustSynchronize);
        }
        match self.ask_without_pin() {
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => {
                self.component.apply_and_save(Event::SynchronizationDue)?;
                Err(Failure::MustSynchronize)
            }
            outcome => outcome,
        }
    }

    fn ask_without_pin(&mut self) -> Result<Zeroizing<String>, Failure> {
        let Self { component, device } = self;
        let xml = component.mac(&otp::setup(&component.client, device))?;
        let request = Challenge::read(&xml)?.without_pin(&component.client, device);
        let granted = component.make_counted(&request)?;
        granted.password_without_pin(device).ok_or(NO_SECRET.into())
    }

    pub(super) fn make_password(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.with_proved_keys(pin, |enrolled| enrolled.ask_twice(pin))
    }

    /// Requests a password once, and once more if the first answer says so.
    fn ask_twice(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        match self.ask_for_password(pin)? {
            (granted, _) if granted.again => self.ask_for_password(pin).map(|(_, password)| password),
            (_, password) => Ok(password),
        }?
        .ok_or(NO_SECRET.into())
    }

    /// Runs both steps. An evolved K1 is durable before the password is made.
    fn ask_for_password(&mut self, pin: &Pin) -> Result<(Granted, Option<Zeroizing<String>>), Failure> {
        let device = self.device.clone();
        let unlocked = device.unlock(pin);
        let xml = self.component.mac(&otp::setup(&self.component.client, &device))?;
        let request = Challenge::read(&xml)?.with_pin(&self.component.client, &unlocked);
        let granted = self.component.make_counted(&request)?;
        if let Some(hidden_k1) = granted.evolved(&unlocked) {
            let evolved = Device { hidden_k1, ..device.clone() };
            self.component.record.replace_device(evolved.clone());
            self.component.save()?;
            self.device = evolved;
        }
        let password = granted.password(&unlocked);
        Ok((granted, password))
    }
}
