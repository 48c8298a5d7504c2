//! The approval of a new device of the account by another one, and the wait of this device for its
//! own.
//!
//! Nothing of it is stored on this device. The service keeps the device that waits, and a repeated
//! request finds it there.

use inwebo::client::Device;
use inwebo::client::checkpush::{self, ApprovalState, Challenge};
use inwebo::values::{Approval, ApprovalNumber, Pin};
use inwebo::word::Word;

use super::machine::Operation;
use super::permit::Enrolled;
use super::{Failure, StrongAuthentication};

/// State of the approvals of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalStatus {
    /// The state, as the service gives it.
    pub state: ApprovalState,
    /// The number of this device, if it is the one that waits.
    pub own: Option<ApprovalNumber>,
}

impl StrongAuthentication {
    /// Asks the service for the device that waits for an approval. It may be this one.
    pub fn approval_status(&mut self) -> Result<ApprovalStatus, Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::ReadEvents)?.approval_status();
        self.record_outcome(outcome)
    }

    /// Approves the new device with this id, which shows this number.
    pub fn approve_device(&mut self, pin: &Pin, id: &str, number: &ApprovalNumber) -> Result<(), Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::ApproveDevice)?.approve(pin, id, number);
        self.record_outcome(outcome)
    }

    /// Rejects the new device with this id, which its user does not know. The service ends it and
    /// blocks the account.
    pub fn reject_device(&mut self, id: &str) -> Result<(), Failure> {
        self.repair()?;
        let outcome = self.enrolled(Operation::RejectDevice)?.reject(id);
        if outcome.is_ok() {
            // This block does not end by itself, whatever was known of an earlier one.
            self.block_times.set(Some(None));
            if self.record.apply_verdict(Err(&Word::Blocked), self.host.now()) {
                self.write_or_warn();
            }
        }
        self.record_outcome(outcome)
    }
}

impl Enrolled<'_> {
    fn approval_status(&mut self) -> Result<ApprovalStatus, Failure> {
        let Self { component, device } = self;
        let request = Self::challenge(component, device)?.ask(&component.client, device);
        let state = checkpush::read(&component.mac(&request)?)?;
        let own = matches!(state, ApprovalState::Waiting { .. }).then(|| number_of(device));
        Ok(ApprovalStatus { state, own })
    }

    fn approve(&mut self, pin: &Pin, id: &str, number: &ApprovalNumber) -> Result<(), Failure> {
        self.with_proved_keys(pin, |enrolled| {
            let Self { component, device } = enrolled;
            let challenge = Self::challenge(component, device)?;
            let request = challenge.approve(&component.client, &device.unlock(pin), id, number);
            Ok(checkpush::read_decision(&component.mac(&request)?, Approval::Approve(number))?)
        })
    }

    fn reject(&mut self, id: &str) -> Result<(), Failure> {
        let Self { component, device } = self;
        let request = Self::challenge(component, device)?.reject(&component.client, device, id);
        Ok(checkpush::read_decision(&component.mac(&request)?, Approval::Reject)?)
    }

    /// Runs the setup step.
    fn challenge(component: &StrongAuthentication, device: &Device) -> Result<Challenge, Failure> {
        let xml = component.mac(&checkpush::setup(&component.client, device))?;
        Ok(Challenge::read(&xml)?)
    }
}

/// Returns the number of a device that waits for its approval.
pub(super) fn number_of(device: &Device) -> ApprovalNumber {
    ApprovalNumber::of(&device.id, &device.serial, &device.k0)
}
