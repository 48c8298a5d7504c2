//! The PIN: changed, reset, and what must follow both.

use inwebo::client::{EngineError, password, reset, synchro};
use inwebo::values::SmsCode;
use inwebo::values::{Pin, SecVal};
use inwebo::word::Word;

use super::machine::{Event, Operation};
use super::record::{Intent, Standing};
use super::{Failure, StrongAuthentication};

impl StrongAuthentication {
    /// Changes the account's PIN. The two differ: the caller has seen to that.
    pub fn update_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        self.repair()?;
        self.permit_unless_blocked(Operation::UpdatePin)?;
        let outcome = self.synchronize_if_due(old).and_then(|()| self.change_pin(old, new));
        self.settle(outcome)
    }

    fn change_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        match self.send_new_pin(old, new) {
            // The PIN was right, the keys are stale: nothing was changed and nothing was counted.
            Err(failure) if failure.is_refusal_with(&[Word::Desynchronized]) => {
                self.synchronize(old, None)?;
                self.send_new_pin(old, new)?;
            }
            outcome => outcome?,
        }
        let rehidden = self.device()?.unlock(old).secval_under(new);
        self.synchronize(new, rehidden).map_err(|failure| Failure::PostSynchronization(Box::new(failure)))
    }

    /// Both steps of `password`. From before the second one is sent until its answer is there, the record says that the device
    /// must synchronize.
    fn send_new_pin(&mut self, old: &Pin, new: &Pin) -> Result<(), Failure> {
        let device = self.device()?;
        let xml = self.mac(&password::setup(&self.client, &device))?;
        let prepared = password::Prepared::read(&xml, self.pinned())?;
        let request = prepared.finalize(&self.client, &device.unlock(old), new, self.seeds()?)?;

        let before = self.intend_new_pin()?;
        let answer = self.mac(&request).and_then(|xml| Ok(password::read(&xml)?));
        self.judge_new_pin(answer, before)
    }

    /// Sets a new PIN with a code; lifts a PIN block.
    pub fn reset_pin(&mut self, new: &Pin, code: &SmsCode) -> Result<(), Failure> {
        self.repair()?;
        self.permit(Operation::ResetPin)?;
        let outcome = self.set_pin_anew(new, code);
        self.settle(outcome)
    }

    fn set_pin_anew(&mut self, new: &Pin, code: &SmsCode) -> Result<(), Failure> {
        let device = self.device()?;
        let xml = self.mac(&reset::setup(&self.client, &device, code))?;
        let prepared = reset::Prepared::read(&xml, self.pinned()).map_err(Failure::of_code)?;
        let request = prepared.finalize(&self.client, &device, code, new, self.seeds()?)?;
        let before = self.intend_new_pin()?;
        let answer = self.mac(&request).and_then(|xml| Ok(reset::read(&xml)?));
        self.judge_new_pin(answer, before)?;
        self.record.block = None;
        self.record.apply(Event::PinReset, self.host.now());
        self.record.apply(Event::SynchronizationDue, self.host.now());
        self.save()?;
        self.synchronize(new, None).map_err(|failure| Failure::PostSynchronization(Box::new(failure)))
    }

    /// Writes down that a new PIN is about to be sent: from now on the keys may not fit it. Gives the standing that a refusal restores.
    fn intend_new_pin(&mut self) -> Result<Option<Standing>, Failure> {
        let before = self.record.enrollment.as_ref().map(|enrollment| enrollment.standing);
        self.record.intent = Some(Intent::ChangePin);
        self.record.apply(Event::SynchronizationDue, self.host.now());
        self.save()?;
        Ok(before)
    }

    /// What became of a new PIN that was sent.
    fn judge_new_pin(&mut self, answer: Result<(), Failure>, before: Option<Standing>) -> Result<(), Failure> {
        match answer {
            Ok(()) => Ok(()),
            Err(failure) if failure.is_refusal_with(&[Word::SynchroFailed]) => {
                Err(Failure::PostSynchronization(Box::new(failure)))
            }
            Err(Failure::Engine(refused @ EngineError::Refused { .. })) => {
                // The service said no: all is as it was.
                self.record.intent = None;
                if let (Some(enrollment), Some(before)) = (&mut self.record.enrollment, before) {
                    enrollment.standing = before;
                }
                self.save()?;
                Err(refused.into())
            }
            Err(lost) => Err(Failure::PinUncertain(Box::new(lost))),
        }
    }

    /// `synchro`, and a new service secret where the service wants one. `rehidden` is the old secret under the new PIN, for a
    /// service that keeps it.
    ///
    /// A service secret that stays the same stands under the old PIN's key in the record's previous generation and under the new one's
    /// in the present: together they would tell the right pair of PINs. The record is then written twice.
    pub(super) fn synchronize(&mut self, pin: &Pin, rehidden: Option<SecVal>) -> Result<(), Failure> {
        let old = self.device()?;
        let unlocked = old.unlock(pin);
        let xml = self.mac(&synchro::setup(&self.client, &old))?;
        let request = synchro::Challenge::read(&xml)?.finalize(&self.client, &unlocked);
        let xml = self.mac(&request)?;
        let (mut device, wanted) = synchro::read(&xml, &unlocked)?;
        match wanted {
            Some(wanted) => {
                let secret = self.new_secret()?;
                device.secval = Some(device.unlock(pin).hide(&secret));
                self.stand(device, Standing::MustSynchronize);
                self.save()?;
                self.register_secret(pin, &wanted, &secret)?;
                self.synchronized()
            }
            None => {
                // Without the old PIN nobody can say under which one the old secret is hidden: better none than one that makes wrong
                // passwords.
                device.secval = rehidden;
                self.stand(device, Standing::MustSynchronize);
                self.save()?;
                self.synchronized()
            }
        }
    }

    fn synchronized(&mut self) -> Result<(), Failure> {
        self.record.intent = None;
        self.record.apply(Event::Synchronized, self.host.now());
        self.save()
    }
}
