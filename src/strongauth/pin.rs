//! The PIN: its change, its reset, and the synchronization that must follow both.

use inwebo::client::secret::{self, SecretWanted};
use inwebo::client::{Device, password, reset, synchro};
use inwebo::values::{Pin, SecVal, ServiceSecret, SmsCode};
use inwebo::word::Word;

use super::machine::{Event, Operation, State, Sync};
use super::permit::Enrolled;
use super::record::{Enrollment, Intent, Standing};
use super::{Failure, StrongAuthentication};

impl StrongAuthentication {
    /// Changes the account's PIN. The caller has checked that the two PINs differ.
    pub fn update_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::UpdatePin)?.change_pin(old, new);
        self.record_device_outcome(outcome)
    }

    /// Sets a new PIN with an SMS code. This lifts a PIN block.
    pub fn reset_pin(&mut self, new: &Pin, code: &SmsCode) -> Result<(), Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::ResetPin)?.reset_pin(new, code);
        self.record_device_outcome(outcome)
    }
}

impl Enrolled<'_> {
    fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        self.with_proved_keys(old, |enrolled| enrolled.send_new_pin(old, new))?;
        let rehidden = self.device.unlock(old).secval_under(new);
        self.synchronize(new, rehidden).map_err(|failure| Failure::PostSynchronization(Box::new(failure)))
    }

    /// Runs an operation that proves PIN and K1. Another device may have changed the PIN: if the
    /// keys are stale for that reason, this device synchronizes and runs the operation again. The
    /// refusal changed nothing and cost no try.
    pub(super) fn with_proved_keys<T>(
        &mut self,
        pin: &Pin,
        mut run: impl FnMut(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.synchronize_if_due(pin)?;
        match run(self) {
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => {
                self.synchronize(pin, None)?;
                run(self)
            }
            outcome => outcome,
        }
    }

    /// Runs both steps of `password`. Before the second step is sent, the record says that the
    /// device must synchronize. If the service refuses, the record is restored.
    fn send_new_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        let Self { component, device } = self;
        let xml = component.mac(&password::setup(&component.client, device))?;
        let prepared = password::Prepared::read(&xml, component.pinned())?;
        let request = prepared.finalize(&component.client, &device.unlock(old), new, component.seeds()?)?;

        let before = self.intend_new_pin()?;
        let answer = self.component.mac(&request).and_then(|xml| Ok(password::read(&xml)?));
        self.settle_new_pin(answer, before)
    }

    fn reset_pin(&mut self, new: &Pin, code: &SmsCode) -> Result<(), Failure> {
        let Self { component, device } = self;
        let xml = component.mac(&reset::setup(&component.client, device, code))?;
        let prepared = reset::Prepared::read(&xml, component.pinned()).map_err(Failure::of_code)?;
        let request = prepared.finalize(&component.client, device, code, new, component.seeds()?)?;

        let before = self.intend_new_pin()?;
        let answer = self.component.mac(&request).and_then(|xml| Ok(reset::read(&xml)?));
        self.settle_new_pin(answer, before)?;
        let StrongAuthentication { record, host, .. } = &mut *self.component;
        record.block = None;
        record.apply(Event::PinReset, host.now());
        record.apply(Event::SynchronizationDue, host.now());
        self.component.save()?;
        self.synchronize(new, None).map_err(|failure| Failure::PostSynchronization(Box::new(failure)))
    }

    /// Stores the intent to send a new PIN: from now on the keys may not fit the PIN. Returns the
    /// former intent and enrollment, which are restored if the service did nothing.
    fn intend_new_pin(&mut self) -> Result<(Option<Intent>, Option<Enrollment>), Failure> {
        let StrongAuthentication { record, host, .. } = &mut *self.component;
        let before = (record.intent, record.enrollment.clone());
        record.intent = Some(Intent::ChangePin);
        record.apply(Event::SynchronizationDue, host.now());
        self.component.save()?;
        Ok(before)
    }

    /// Records the outcome of a new PIN that was sent.
    fn settle_new_pin(
        &mut self,
        answer: Result<(), Failure>,
        before: (Option<Intent>, Option<Enrollment>),
    ) -> Result<(), Failure> {
        match answer {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_refusal_with(&[Word::SynchroFailed]) => {
                Err(Failure::PostSynchronization(Box::new(failure)))
            }
            Err(lost) if lost.may_be_done() => Err(Failure::PinUncertain(Box::new(lost))),
            Err(failure) => {
                // The service did nothing, so everything is as before.
                let StrongAuthentication { record, .. } = &mut *self.component;
                (record.intent, record.enrollment) = before;
                self.component.save()?;
                Err(failure)
            }
        }
    }

    /// Runs `synchro` first if it is due.
    pub(super) fn synchronize_if_due(&mut self, pin: &Pin) -> Result<(), Failure> {
        if self.component.state() != State::Activated(Sync::Due) {
            return Ok(());
        }
        let change_was_cut_off = self.component.record.intent == Some(Intent::ChangePin);
        self.synchronize(pin, None).map_err(|failure| match failure {
            // The user typed one of two PINs, each of which may be right. The message says so.
            refused if change_was_cut_off && refused.is_refusal_with(&[Word::Access]) => {
                Failure::PinUncertain(Box::new(refused))
            }
            failure => failure,
        })
    }

    /// Runs `synchro`, and registers a new service secret if the service wants one. `rehidden` is
    /// the old secret under the new PIN, for a service that keeps it.
    ///
    /// A service secret that stays the same is under the old PIN's key in the record's previous
    /// generation, and under the new PIN's key in the present one. Together they would reveal the
    /// right pair of PINs. So the record is then written twice.
    pub(super) fn synchronize(&mut self, pin: &Pin, rehidden: Option<SecVal>) -> Result<(), Failure> {
        let Self { component, device } = self;
        let unlocked = device.unlock(pin);
        let xml = component.mac(&synchro::setup(&component.client, device))?;
        let request = synchro::Challenge::read(&xml)?.finalize(&component.client, &unlocked);
        let xml = component.mac(&request)?;
        let (mut device, wanted) = synchro::read(&xml, &unlocked)?;
        match wanted {
            Some(wanted) => {
                let secret = self.component.new_secret()?;
                device.secval = Some(device.unlock(pin).hide(&secret));
                self.save_unsynchronized(device)?;
                self.register_secret(pin, &wanted, &secret)?;
            }
            None => {
                // Without the old PIN, it is not known which PIN hides the old secret. No secret is
                // better than one that makes wrong passwords.
                device.secval = rehidden;
                self.save_unsynchronized(device)?;
            }
        }
        self.component.record.intent = None;
        self.component.record.apply(Event::Synchronized, self.component.host.now());
        self.component.save()
    }

    /// Makes a device durable whose synchronization is not finished.
    fn save_unsynchronized(&mut self, device: Device) -> Result<(), Failure> {
        self.component.set_enrollment(device.clone(), Standing::MustSynchronize);
        self.component.save()?;
        self.device = device;
        Ok(())
    }

    /// Registers the secret that the device has just made, for the device in the record.
    pub(super) fn register_secret(
        &mut self,
        pin: &Pin,
        wanted: &SecretWanted,
        secret: &ServiceSecret,
    ) -> Result<(), Failure> {
        let Self { component, device } = self;
        let seed = component.random_bytes()?;
        let request = wanted.register(&component.client, &device.unlock(pin), secret, &seed)?;
        let xml = component.mac(&request)?;
        Ok(secret::read(&xml)?)
    }
}
