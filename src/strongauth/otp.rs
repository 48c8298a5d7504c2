//! One-time passwords.

use inwebo::client::EngineError;
use inwebo::client::otp::{self, Challenge, Granted};
use inwebo::values::Pin;
use inwebo::word::Word;
use zeroize::Zeroizing;

use super::machine::{Event, Operation, State, Sync};
use super::{Failure, StrongAuthentication};

const NO_SECRET: EngineError =
    EngineError::Unusable("the service never asked for a service secret, without which there is no password");

impl StrongAuthentication {
    /// A one-time password, with a PIN.
    pub fn otp_with_pin(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        self.repair()?;
        self.permit_unless_blocked(Operation::MakeOtp)?;
        let outcome = self.synchronize_if_due(pin).and_then(|()| self.make_password(pin));
        self.settle(outcome)
    }

    /// A one-time password without a PIN, where the service's policy allows it.
    pub fn otp_without_pin(&mut self) -> Result<Zeroizing<String>, Failure> {
        self.repair()?;
        self.permit_unless_blocked(Operation::MakeOtp)?;
        // The service secret is hidden under the PIN's key: while that is stale, no password would be right.
        if self.state() == State::Activated(Sync::Due) {
            return Err(Failure::MustSynchronize);
        }
        let outcome = match self.ask_without_pin() {
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => {
                self.happen(Event::SynchronizationDue)?;
                Err(Failure::MustSynchronize)
            }
            outcome => outcome,
        };
        self.settle(outcome)
    }

    fn ask_without_pin(&mut self) -> Result<Zeroizing<String>, Failure> {
        let device = self.device()?;
        let xml = self.mac(&otp::setup(&self.client, &device))?;
        let request = Challenge::read(&xml)?.without_pin(&self.client, &device);
        let granted = Granted::read(&self.mac(&request)?)?;
        granted.password_without_pin(&device).ok_or(NO_SECRET.into())
    }

    fn make_password(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        match self.ask_twice(pin) {
            // The PIN was right, the keys are stale: another device changed the PIN. Nothing was counted.
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => {
                self.synchronize(pin, None)?;
                self.ask_twice(pin)
            }
            outcome => outcome,
        }
    }

    /// Asks once, and once more where the first answer says so.
    fn ask_twice(&mut self, pin: &Pin) -> Result<Zeroizing<String>, Failure> {
        match self.ask_for_password(pin)? {
            (granted, _) if granted.again => self.ask_for_password(pin).map(|(_, password)| password),
            (_, password) => Ok(password),
        }?
        .ok_or(NO_SECRET.into())
    }

    /// Both steps. An evolved K1 is durable before the password is made.
    fn ask_for_password(&mut self, pin: &Pin) -> Result<(Granted, Option<Zeroizing<String>>), Failure> {
        let device = self.device()?;
        let unlocked = device.unlock(pin);
        let xml = self.mac(&otp::setup(&self.client, &device))?;
        let request = Challenge::read(&xml)?.with_pin(&self.client, &unlocked);
        let granted = Granted::read(&self.mac(&request)?)?;
        if let Some(k1) = granted.evolved(&unlocked)
            && let Some(enrollment) = &mut self.record.enrollment
        {
            enrollment.device.hidden_k1 = k1;
            self.save()?;
        }
        let password = granted.password(&unlocked);
        Ok((granted, password))
    }
}
