//! Enrollment codes: this device lets another one enroll, or waits for its own confirmation.
//!
//! Nothing of it is stored on this device. The service keeps the code and the device that entered
//! it, and a repeated request finds them there.

use inwebo::client::Device;
use inwebo::client::getsn::{self, CodeState};
use inwebo::client::newsn::{self, Made};
use inwebo::values::{Decision, Fingerprint, Pin};

use super::machine::Operation;
use super::permit::Enrolled;
use super::{Failure, StrongAuthentication};

/// State of an enrollment code.
pub struct CodeStatus {
    /// The state, as the service gives it.
    pub state: CodeState,
    /// The fingerprint of this device, if it is the one that must be confirmed.
    pub own: Option<Fingerprint>,
}

impl StrongAuthentication {
    /// Makes a code with which another device of the account enrolls. The code before it ends.
    pub fn make_enrollment_code(&mut self, pin: &Pin) -> Result<Made, Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::EnrollAnother)?.make_code(pin);
        self.record_device_outcome(outcome)
    }

    /// Asks the service for the state of the code that this device made or entered.
    pub fn enrollment_code_state(&mut self) -> Result<CodeStatus, Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::EnrollAnother)?.code_state();
        self.record_device_outcome(outcome)
    }

    /// Confirms or rejects the device with this fingerprint, which entered the code of this device.
    pub fn decide_enrollment(
        &mut self,
        pin: &Pin,
        decision: Decision,
        fingerprint: &Fingerprint,
    ) -> Result<(), Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::EnrollAnother)?.decide(pin, decision, fingerprint);
        self.record_device_outcome(outcome)
    }
}

impl Enrolled<'_> {
    fn make_code(&mut self, pin: &Pin) -> Result<Made, Failure> {
        self.with_proved_keys(pin, |enrolled| {
            let Self { component, device } = enrolled;
            let xml = component.mac(&newsn::setup(&component.client, device))?;
            let request = newsn::Challenge::read(&xml)?.finalize(&component.client, &device.unlock(pin));
            Ok(newsn::read(&component.mac(&request)?)?)
        })
    }

    fn code_state(&mut self) -> Result<CodeStatus, Failure> {
        let Self { component, device } = self;
        let xml = component.mac(&getsn::setup(&component.client, device))?;
        let request = getsn::Challenge::read(&xml)?.ask(&component.client, device);
        let state = getsn::read(&component.mac(&request)?)?;
        let own = (state == CodeState::EnteredBySelf).then(|| fingerprint_of(device));
        Ok(CodeStatus { state, own })
    }

    fn decide(&mut self, pin: &Pin, decision: Decision, fingerprint: &Fingerprint) -> Result<(), Failure> {
        self.with_proved_keys(pin, |enrolled| {
            let Self { component, device } = enrolled;
            let xml = component.mac(&getsn::setup(&component.client, device))?;
            let challenge = getsn::Challenge::read(&xml)?;
            let request = challenge.decide(&component.client, &device.unlock(pin), decision, fingerprint);
            getsn::read(&component.mac(&request)?)?;
            Ok(())
        })
    }
}

/// Returns the fingerprint of a device that waits for its confirmation.
pub(super) fn fingerprint_of(device: &Device) -> Fingerprint {
    Fingerprint::of(&device.id, &device.serial, &device.k0)
}
