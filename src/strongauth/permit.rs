//! Permission for an operation, as a value.
//!
//! The [`machine`](super::machine) says which operation may begin in which state. Here its answer
//! becomes a value with the data of the operation, and the operations are functions of that value.
//! So an operation of an enrolled device cannot run on a device that is not enrolled.

use inwebo::client::Device;
use inwebo::values::Serial;

use super::machine::{Operation, Refusal, State, permit};
use super::record::Activation;
use super::{Failure, StrongAuthentication};

/// Component whose device has no enrollment that the service knows: an SMS code may be submitted.
pub(super) struct Unenrolled<'a> {
    pub(super) component: &'a mut StrongAuthentication,
}

/// Enrollment that is started: the service accepted an SMS code, and the PIN is missing.
pub(super) struct Started<'a> {
    pub(super) component: &'a mut StrongAuthentication,
    /// The activation, as it stands in the record.
    pub(super) activation: Activation,
    /// The serial that the device gives itself.
    pub(super) serial: Serial,
}

/// Component with an enrolled device.
pub(super) struct Enrolled<'a> {
    pub(super) component: &'a mut StrongAuthentication,
    /// The device, as it stands in the record.
    pub(super) device: Device,
}

impl StrongAuthentication {
    /// Returns an error if the state forbids an operation.
    pub(super) fn permit(&self, operation: Operation) -> Result<(), Failure> {
        let state = self.state();
        permit(state, operation).map_err(|refusal| Failure::State(refusal, state))
    }

    /// Permits an operation that submits an SMS code for an enrollment. See
    /// [`Record::state_for_enrollment`](super::record::Record::state_for_enrollment).
    pub(super) fn unenrolled(&mut self, operation: Operation) -> Result<Unenrolled<'_>, Failure> {
        self.permit_enrollment(operation)?;
        Ok(Unenrolled { component: self })
    }

    /// Permits an operation that finishes the enrollment whose SMS code was accepted before.
    pub(super) fn started(&mut self) -> Result<Started<'_>, Failure> {
        self.permit_enrollment(Operation::EnrollStarted)?;
        match (self.record.activation.clone(), self.record.serial.clone()) {
            (Some(activation), Some(serial)) => Ok(Started { component: self, activation, serial }),
            _ => Err(Failure::State(Refusal::WrongStep, self.state())),
        }
    }

    fn permit_enrollment(&self, operation: Operation) -> Result<(), Failure> {
        let state = self.record.state_for_enrollment(self.host.now());
        permit(state, operation).map_err(|refusal| Failure::State(refusal, state))
    }

    /// Permits an operation of the enrolled device.
    ///
    /// A block may have ended at the service, by an operator or by a reset on another device. So a
    /// device whose block forbids the operation requests `status` first, which costs no try. If no
    /// answer comes, the block counts as last known.
    pub(super) fn enrolled(&mut self, operation: Operation) -> Result<Enrolled<'_>, Failure> {
        if self.state() == State::Blocked && self.permit(operation).is_err() {
            self.block()?;
            if let (Err(Failure::State(refusal, State::Blocked)), Some(times)) =
                (self.permit(operation), self.block_times())
            {
                return Err(Failure::StillBlocked(refusal, times));
            }
        }
        self.permit(operation)?;
        match self.record.enrolled_device().cloned() {
            Some(device) => Ok(Enrolled { component: self, device }),
            None => Err(Failure::State(Refusal::Forbidden, self.state())),
        }
    }
}
